//! Prints how often the library asks the allocator: in a `token()` that fetches, and in 10,000 that find the token kept.

use allocation_counter::measure;
use azmin_library_bench::{Endpoint, RESOURCE, SERVE, serve};

fn main() {
    if std::env::args().nth(1).as_deref() == Some(SERVE) {
        return serve();
    }
    let endpoint = Endpoint::start();
    // What a process pays once, its first fetch pays.
    endpoint.credential().token(RESOURCE).expect("a token");

    let credential = endpoint.credential();
    let fetching = measure(|| drop(credential.token(RESOURCE).expect("a token")));
    let cached = measure(|| (0..10_000).for_each(|_| drop(credential.token(RESOURCE).expect("the same token"))));
    println!("{} {}", fetching.count_total, cached.count_total);
}
