//! The true default address: the command as it is, without environment, in a network of its own where that address
//! belongs to the stand-in.

use std::process::Command;
use std::time::{Duration, Instant};

use azmin::simulator::Service;

use crate::island::{on_island, virtual_machine};
use crate::support::program;
use crate::tools::told;

#[test]
fn the_true_default_address() {
    on_island("namespace::the_true_default_address", || {
        let azure = virtual_machine();
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
    });
}
