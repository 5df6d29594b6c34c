//! Tests on an island: in a network of their own with `lo` as its only device, on which the metadata service has its true
//! address and Resource Manager its true name, and of which every process ends with the test. Nothing there can reach, ask or
//! resolve anything outside, whatever goes wrong.

use std::env;
use std::fs;
use std::process::Command;

use azmin::simulator::Azure;

use crate::support::{Scratch, skip};
use crate::tools::{bare, told};

/// Names the test in the process that runs inside.
const INSIDE: &str = "AZMIN_TEST_INSIDE";
const DONE: &str = "inside: done";
/// The one storage account that Azurite has of itself, and where it may listen.
pub(crate) const STORAGE: &str = "devstoreaccount1.blob.core.windows.net";
pub(crate) const STORAGE_ADDRESS: &str = "127.0.0.2";
/// A key vault's, of the recipes.
pub(crate) const VAULT: &str = "agents.vault.azure.net";
pub(crate) const VAULT_ADDRESS: &str = "127.0.0.3";
/// Gives a new network its addresses and names, and goes on as the program that follows. In `/run` lie the sockets of name
/// services, which would lead out.
const ENTER: &str = r#"
    ip link set lo up && ip addr add 169.254.169.254/32 dev lo &&
    mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf &&
    mount -t tmpfs tmpfs /run && shift && exec "$@"
"#;

/// Runs this test, which `name` names in full, again on an island, and `inside` there.
pub(crate) fn on_island(name: &str, inside: impl FnOnce()) {
    if env::var_os(INSIDE).is_some_and(|test| test == name) {
        // Before this, nothing may be sent.
        assert_eq!(devices(), ["lo"], "this network is not isolated");
        inside();
        return println!("{DONE}");
    }
    let scratch = Scratch::new();
    let hosts =
        format!("127.0.0.1 localhost management.azure.com\n{STORAGE_ADDRESS} {STORAGE}\n{VAULT_ADDRESS} {VAULT}\n");
    fs::write(scratch.path("hosts"), hosts).unwrap();
    fs::write(scratch.path("nsswitch.conf"), "hosts: files\n").unwrap();
    match enter(&scratch, "true").output() {
        Err(error) => return skip(&format!("unshare: {error}")),
        Ok(output) if !output.status.success() => return skip(&format!("no network of its own: {}", told(&output))),
        Ok(_) => {}
    }
    let this = env::current_exe().unwrap();
    let output = enter(&scratch, this.to_str().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, name)
        .output()
        .unwrap();
    let told = told(&output);
    assert!(output.status.success() && told.contains(DONE), "{told}");
}

fn enter(scratch: &Scratch, program: &str) -> Command {
    let mut command = bare("unshare");
    command.args(["-Urnmpf", "--kill-child", "sh", "-c", ENTER, "sh"]).arg(scratch.path("")).arg(program);
    if let Some(bin) = env::var_os("AZMIN_BIN") {
        command.env("AZMIN_BIN", bin);
    }
    command
}

fn devices() -> Vec<String> {
    // Two lines of headings, then a line for each device.
    let devices = fs::read_to_string("/proc/net/dev").unwrap();
    devices.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// The stand-in with its metadata service and Resource Manager where the real ones are.
pub(crate) fn virtual_machine() -> Azure {
    let builder = Azure::builder().imds_address("169.254.169.254:80".parse().unwrap());
    builder.arm_address("127.0.0.1:443".parse().unwrap()).start().unwrap()
}
