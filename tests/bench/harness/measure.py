"""Measures programs from exec to exit, on the island."""

import os
import pathlib
import re
import subprocess
import sys

from . import island

PAGE = 4096


class Program:
    """A command with all of its environment, run in a directory of its own."""

    def __init__(self, command, directory, **environment):
        self.command = [str(word) for word in command]
        self.directory = pathlib.Path(directory)
        self.environment = {name: str(value) for name, value in environment.items()}

    def run(self, *before):
        """Runs it behind the words of a tool, and gives its standard output."""
        island.check()
        # The tools get the environment of the program, and /usr/bin first: what reads it is counted, so it is short.
        done = subprocess.run(
            [*before, *self.command],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        if done.returncode:
            sys.exit(f"exit {done.returncode}: {' '.join(self.command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def must_print(self, wanted):
        """Fails if it does not do its work."""
        printed = self.run()
        if not re.search(wanted, printed):
            sys.exit(f"{' '.join(self.command)} did not print {wanted}: {printed!r}")
        return self

    def instructions(self):
        """In user space, of all its processes."""
        return self._valgrind(r"Collected : (\d+)", "--tool=callgrind", "--callgrind-out-file=/dev/null")

    def allocations(self):
        """From the heap, of all its processes. Only where the allocator is libc's, linked dynamically."""
        return self._valgrind(r"total heap usage: ([\d,]+) allocs", "--tool=memcheck", "--leak-check=no")

    def _valgrind(self, figure, *options):
        logs = self.directory / "valgrind"
        logs.mkdir(exist_ok=True)
        for log in logs.iterdir():
            log.unlink()
        self.run("/usr/bin/valgrind", *options, "--trace-children=yes", f"--log-file={logs}/%p")
        found = [re.findall(figure, log.read_text(errors="replace")) for log in logs.iterdir()]
        total = sum(int(number.replace(",", "")) for numbers in found for number in numbers)
        if not total:
            sys.exit(f"valgrind has no figure for {self.command}")
        return total

    def system_calls(self):
        """Of all its processes, `execve` and `exit_group` included."""
        log = self.directory / "calls"
        self.run("/usr/bin/strace", "-f", "-o", str(log))
        calls = re.findall(r"^(?:\d+ +)?[a-z_0-9]+\(", log.read_text(errors="replace"), re.MULTILINE)
        return len(calls)

    def resident(self, runs=9):
        """The largest of its processes, in bytes; the most of several runs, for the kernel counts some pages late.

        Of a program that is a file, a copy is run that was written page by page: from version 6.18 on, Linux maps as much of a
        file at once as the page cache holds in one piece, so that a file written in large pieces is resident unused.
        """
        log = self.directory / "resident"
        program = Program([paged(self.command[0], self.directory), *self.command[1:]], self.directory, **self.environment)
        most = 0
        for _ in range(runs):
            program.run("/usr/bin/time", "-f", "%M", "-o", str(log))
            most = max(most, int(log.read_text()))
        return most * 1024


def paged(program, directory):
    """A copy of the program in the page cache's smallest pieces; itself, if it is a script or a link to an interpreter."""
    program = pathlib.Path(program)
    content = b"" if program.is_symlink() else program.read_bytes()
    if not content.startswith(b"\x7fELF"):
        return program
    copy = directory / f"{program.name}-paged"
    with open(copy, "wb", buffering=0) as file:
        for start in range(0, len(content), PAGE):
            file.write(content[start : start + PAGE])
    copy.chmod(0o755)
    return copy


def pace(alternator, first, second, rounds):
    """How often as long as the first the second takes, from alternating runs."""
    environment = first.environment | second.environment
    both = Program([alternator, rounds, *first.command, "--", *second.command], first.directory, **environment)
    return float(both.run())


def scratch_directory(root, name):
    """A short and new directory for one program."""
    directory = pathlib.Path(root) / name
    os.makedirs(directory)
    return directory
