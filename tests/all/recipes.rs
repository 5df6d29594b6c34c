//! The recipes of README.md, as they stand there, on an island where Azure's names and addresses lead to the stand-in.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use azmin::simulator::{Azure, Operation, Service};

use crate::island::{VAULT_ADDRESS, on_island};
use crate::support::{GROUP_BODY, Scratch, program, received};

/// The fenced block that follows `<!-- recipe: NAME -->`.
fn recipe(name: &str) -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, after) =
        readme.split_once(&format!("<!-- recipe: {name} -->\n```sh\n")).unwrap_or_else(|| panic!("{name}"));
    after.split_once("```").unwrap().0.to_owned()
}

/// A virtual machine with a key vault in reach.
struct Machine {
    azure: Azure,
    scratch: Scratch,
}

impl Machine {
    fn new() -> Self {
        let builder = Azure::builder().imds_address("169.254.169.254:80".parse().unwrap());
        let builder = builder.arm_address("127.0.0.1:443".parse().unwrap()).key_vault().secret("db", "correct horse");
        let azure = builder.disks(7).page_size(3).start().unwrap();
        let vault = azure.key_vault().rsplit_once(':').unwrap().1.parse().unwrap();
        lead(TcpListener::bind((VAULT_ADDRESS, 443)).unwrap(), vault);
        Self { azure, scratch: Scratch::new() }
    }

    /// What the shell prints that runs these lines in a directory of its own, with azmin in its path and the stand-in's CA.
    #[track_caller]
    fn run(&self, lines: &str) -> String {
        let bin = self.scratch.path("bin");
        fs::create_dir_all(&bin).unwrap();
        let _ = std::os::unix::fs::symlink(program(), bin.join("azmin"));
        let ca = self.scratch.ca(&self.azure);
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", lines])
            .current_dir(self.scratch.path(""))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .envs([("SSL_CERT_FILE", &ca), ("CURL_CA_BUNDLE", &ca)])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{lines}: {out} {err}");
        out.into_owned()
    }
}

/// A vault has the port of https there.
fn lead(from: TcpListener, to: u16) {
    thread::spawn(move || {
        for near in from.incoming().flatten() {
            let far = TcpStream::connect(("127.0.0.1", to)).unwrap();
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
}

#[test]
fn a_token_for_curl() {
    on_island("recipes::a_token_for_curl", || {
        let listed = Machine::new().run(&recipe("curl"));
        assert!(listed.contains("98f51385-2edc-4b79-bed9-7718de4cb861"), "{listed}");
    });
}

#[test]
fn a_secret_at_boot() {
    on_island("recipes::a_secret_at_boot", || {
        let printed = Machine::new().run(&(recipe("secret") + "printf '<%s>' \"$DB\"\n"));
        assert_eq!(printed, "<correct horse>");
    });
}

#[test]
fn a_put_that_is_waited_for() {
    on_island("recipes::a_put_that_is_waited_for", || {
        let machine = Machine::new();
        machine.azure.operation(Operation::azure_async_operation().polls(3));
        fs::write(machine.scratch.path("group.json"), r#"{"location":"westus"}"#).unwrap();
        let printed = machine.run(&recipe("put"));
        assert!(printed.contains(r#""name":"agents""#) && printed.contains("Succeeded"), "{printed}");
        let asked = received(&machine.azure, Service::Arm);
        assert_eq!(asked[0].body(), br#"{"location":"westus"}"#);
        assert!(asked.len() >= 4, "{asked:#?}");
    });
}

#[test]
fn the_ids_of_everything() {
    on_island("recipes::the_ids_of_everything", || {
        let machine = Machine::new();
        let printed = machine.run(&recipe("ids"));
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines.len(), 8, "the machine and its disks, over three pages: {printed}");
        assert!(lines.iter().all(|line| line.starts_with("/subscriptions/98f51385-")), "{printed}");
        assert_eq!(received(&machine.azure, Service::Arm).len(), 3);
    });
}

#[test]
fn a_machine_tags_itself() {
    on_island("recipes::a_machine_tags_itself", || {
        let machine = Machine::new();
        machine.run(&recipe("tag"));
        let printed = machine.run("azmin get '{resourceId}' --api-version 2024-07-01 --query tags.booted -o raw");
        assert_eq!(printed, "yes\n");
        let asked = received(&machine.azure, Service::Arm);
        let patch = asked.iter().find(|asked| asked.method() == "PATCH").unwrap();
        assert!(patch.header("if-match").is_some_and(|etag| !etag.is_empty()));
    });
}

#[test]
fn the_tutorial_has_no_options() {
    on_island("recipes::the_tutorial_has_no_options", || {
        let url = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest?api-version=2016-06-01";
        assert_eq!(Machine::new().run(&format!("azmin get '{url}'")), GROUP_BODY);
    });
}
