//! Ten thousand calls of every kind in one process: no descriptor, no thread and no memory is left behind.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use azmin::arm::Client;
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Cloud, Credential, ErrorKind, Identity};

use crate::support::{ARM_AUDIENCE, GROUP, Scratch, closed_port, received};
use crate::tools::told;

const PART: &str = "AZMIN_TEST_CALLS";
const NAME: &str = "calls::ten_thousand_calls_leave_nothing_behind";
const ROUNDS: usize = 1_000;

#[test]
fn ten_thousand_calls_leave_nothing_behind() {
    if env::var_os(PART).is_some() {
        return call();
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    // Every other call to Resource Manager is refused, and every third request for a token.
    for _ in 0..=ROUNDS {
        azure.on(Service::Arm, Fault::delay(Duration::ZERO));
        azure.on(Service::Arm, Fault::status(404));
        azure.on(Service::Arm, Fault::delay(Duration::ZERO).header("Connection", "close"));
        azure.on(Service::Arm, Fault::raw("junk"));
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", NAME, "--nocapture"]).env_clear().env(PART, azure.arm()).env("IMDS", azure.imds());
    let output = command.env("SSL_CERT_FILE", scratch.ca(&azure)).output().unwrap();
    let told = told(&output);
    assert!(output.status.success() && told.contains("nothing is left behind"), "{told}");
    assert_eq!(received(&azure, Service::Arm).len(), 4 * (ROUNDS + 1));
    assert_eq!(received(&azure, Service::Imds).len(), 2 * (ROUNDS + 1) + 1);
}

/// What this process has: descriptors, threads, and kilobytes.
fn state() -> (usize, usize, u64) {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")).unwrap();
    (count("/proc/self/fd"), count("/proc/self/task"), resident.parse().unwrap())
}

fn call() {
    let of =
        |url: &str| Credential::builder().metadata_endpoint(url).identity(Identity::SystemAssigned).build().unwrap();
    let (imds, arm) = (env::var("IMDS").unwrap(), env::var(PART).unwrap());
    let (credential, nobody) = (of(&imds), of(&format!("http://127.0.0.1:{}", closed_port())));
    let cloud = Cloud::named(&arm).unwrap();
    let client = Client::builder(credential.clone()).cloud(cloud.clone()).build();
    let get = || client.get(GROUP).api_version("2016-06-01").resource(ARM_AUDIENCE);
    let post = || client.post(GROUP).api_version("2016-06-01").resource(ARM_AUDIENCE);
    let round = || {
        credential.token(ARM_AUDIENCE).unwrap();
        credential.fresh_token(ARM_AUDIENCE).unwrap();
        of(&imds).token(ARM_AUDIENCE).unwrap();
        assert_eq!(nobody.token(ARM_AUDIENCE).unwrap_err().kind(), ErrorKind::NoEndpoint);
        assert_eq!(credential.token("").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(client.get("http://x").send().unwrap_err().kind(), ErrorKind::InvalidInput);
        get().send().unwrap();
        assert_eq!(get().send().unwrap_err().kind(), ErrorKind::NotFound);
        get().send().unwrap();
        assert_eq!(post().send().unwrap_err().kind(), ErrorKind::BadAnswer);
    };
    round();
    let before = state();
    (0..ROUNDS).for_each(|_| round());
    let after = state();
    println!("{before:?} {after:?}");
    assert_eq!((before.0, before.1), (after.0, after.1));
    assert!(after.2 < before.2 + 1_000, "{before:?} {after:?}");
    println!("nothing is left behind");
}
