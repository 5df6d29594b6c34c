//! The true default address: the command as it is, without environment, in a network of its own where that address
//! belongs to the stand-in.

use std::env;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Service};

use crate::support::{program, skip};
use crate::tools::{bare, told};

/// Set in the process that runs inside.
const INSIDE: &str = "AZMIN_TEST_INSIDE";
/// Gives a new network its one address and goes on as the program that follows.
const ENTER: &str = r#"ip link set lo up && ip addr add 169.254.169.254/32 dev lo && exec "$@""#;

#[test]
fn the_true_default_address() {
    if env::var_os(INSIDE).is_some() {
        return inside();
    }
    match enter("true").output() {
        Err(error) => return skip(&format!("unshare: {error}")),
        Ok(output) if !output.status.success() => return skip(&format!("no network of its own: {}", told(&output))),
        Ok(_) => {}
    }
    let this = env::current_exe().unwrap();
    let output = enter(this.to_str().unwrap())
        .args(["--exact", "namespace::the_true_default_address", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("inside: done"), "{}", told(&output));
}

fn enter(inner: &str) -> Command {
    let mut command = bare("unshare");
    command.args(["-Urn", "sh", "-c", ENTER, "sh", inner]);
    if let Some(bin) = env::var_os("AZMIN_BIN") {
        command.env("AZMIN_BIN", bin);
    }
    command
}

fn inside() {
    // Two lines of headings, then a line for each device. Before this, nothing may be sent.
    let devices = fs::read_to_string("/proc/net/dev").unwrap();
    let devices: Vec<&str> = devices.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    assert_eq!(devices, ["lo"], "this network is not isolated");

    let azure = Azure::builder().imds_address("169.254.169.254:80".parse().unwrap()).start().unwrap();
    let output = Command::new(program()).arg("token").env_clear().output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(output.stderr.is_empty(), "{}", told(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    let token = printed.strip_suffix('\n').unwrap();
    let of_base64 = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    assert!(token.starts_with("eyJ") && token.split('.').all(of_base64), "{token:?}");
    assert_eq!(token.split('.').count(), 3, "{token:?}");

    let requests = azure.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let request = &requests[0];
    assert_eq!(request.service(), Service::Imds);
    assert_eq!(
        format!("{} {}", request.method(), request.target()),
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"
    );
    assert_eq!(request.header("metadata"), Some("true"));
    assert_eq!(request.header("host"), Some("169.254.169.254"));
    drop(azure);

    let begun = Instant::now();
    let output = Command::new(program()).arg("token").env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(output.stdout.is_empty(), "{}", told(&output));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    println!("inside: done");
}
