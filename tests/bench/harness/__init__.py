"""What `tests/bench/run` and `tests/bench/budget` share."""
