//! How often the library asks the allocator: in one token fetch, and never again while the token is good.
#![allow(clippy::unwrap_used)]

use std::env;
use std::process::Command;

use azmin::Credential;
use azmin::simulator::Azure;

const RESOURCE: &str = "https://management.azure.com/";
/// Set in the process that counts: it has the endpoint in its environment, and no stand-in beside it.
const COUNTING: &str = "AZMIN_TEST_COUNTING";

#[test]
fn one_fetch_is_cheap_and_a_cached_token_is_free() {
    if env::var_os(COUNTING).is_some() {
        return count();
    }
    let azure = Azure::start().unwrap();
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "one_fetch_is_cheap_and_a_cached_token_is_free", "--nocapture"])
        .env_clear()
        .env(COUNTING, "1")
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    // The second credential does not know the first one's token.
    assert_eq!(azure.requests().len(), 2);
}

fn count() {
    // What the process pays once, the program's first fetch pays.
    Credential::detect().unwrap().token(RESOURCE).unwrap();

    let mut credential = None;
    let detecting = allocation_counter::measure(|| credential = Some(Credential::detect().unwrap()));
    let credential = credential.unwrap();
    let fetching = allocation_counter::measure(|| drop(credential.token(RESOURCE).unwrap()));
    let cached = allocation_counter::measure(|| drop(credential.token(RESOURCE).unwrap()));
    eprintln!(
        "allocations: {} in detect(), {} in a token() that fetches ({} bytes in all, {} at most at a time), {} in a cached token()",
        detecting.count_total, fetching.count_total, fetching.bytes_total, fetching.bytes_max, cached.count_total
    );
    assert!(fetching.count_total <= 25, "{fetching:?}");
    assert_eq!(cached.count_total, 0, "{cached:?}");
}
