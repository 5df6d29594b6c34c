//! How often the library asks the allocator: in one token fetch, and never again while the token is good. Counted in the
//! thread that asks; the stand-in has its own.
#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use azmin::simulator::Azure;
use azmin::{Credential, Identity};

const RESOURCE: &str = "https://management.azure.com/";

#[test]
fn one_fetch_is_cheap_and_a_cached_token_is_free() {
    let azure = Azure::start().unwrap();
    let build =
        || Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned).build().unwrap();
    // What a process pays once, its first fetch pays.
    build().token(RESOURCE).unwrap();

    let credential = build();
    let fetching = measure(|| drop(credential.token(RESOURCE).unwrap()));
    let cached = measure(|| (0..10_000).for_each(|_| drop(credential.token(RESOURCE).unwrap())));
    assert_eq!(azure.requests().len(), 2);
    eprintln!(
        "allocations: {} in a token() that fetches ({} bytes in all, at most {} at a time), {} in 10,000 that find it kept",
        fetching.count_total, fetching.bytes_total, fetching.bytes_max, cached.count_total
    );
    assert!(fetching.count_total <= 12, "{fetching:?}");
    assert_eq!(cached.count_total, 0, "{cached:?}");
}
