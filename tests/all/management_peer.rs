//! Microsoft's own client for Azure Resource Manager drives the stand-in's: writes, long-running operations, pages.

use std::path::PathBuf;
use std::process::Command;
use std::str;
use std::sync::OnceLock;

use azmin::simulator::{Azure, Service};

use crate::support::{Scratch, received, skip};
use crate::tools::{bare, python_with, told};

fn script() -> Result<Command, String> {
    static HOME: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let packages = ["azure-identity==1.27.0", "azure-mgmt-resource==26.0.0"];
    let home = HOME.get_or_init(|| python_with(&packages)).clone()?;
    let mut command = bare(home.join("bin/python"));
    command.args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/management_peer.py")]);
    Ok(command)
}

#[test]
fn azure_mgmt_resource_for_python_manages_the_subscription() {
    let azure = Azure::builder().resource_group("Other", "northeurope").disks(4).page_size(2).start().unwrap();
    let scratch = Scratch::new();
    let mut python = match script() {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    python.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds()).env("ARM", azure.arm());
    let output = python.env("REQUESTS_CA_BUNDLE", scratch.ca(&azure)).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let lines: Vec<&str> = str::from_utf8(&output.stdout).unwrap().lines().collect();
    let expected = [
        r#"["groups", ["DevTest", "Other"]]"#,
        r#"["made", ["/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/Made", "westus", {"by": "python"}, "Succeeded"]]"#,
        r#"["tagged", {"by": "hand"}]"#,
        r#"["refused", [409, "InvalidResourceGroupLocation", "Invalid resource group location 'eastus'. The Resource group already exists in location 'westus'."]]"#,
        r#"["disk", ["Succeeded", "Microsoft.Compute/disks", "Succeeded"]]"#,
        r#"["pages", [2, 2, 2]]"#,
        r#"["machines", ["devtest-vm"]]"#,
        r#"["machine", ["devtest-vm", "westus", {"Department": "IT", "Environment": "Test"}]]"#,
        r#"["deleted", ["Succeeded", false, true]]"#,
        r#"["unregistered", [409, "MissingSubscriptionRegistration", "Microsoft.ContainerInstance"]]"#,
        r#"["registered", ["Registering", "Registering", "Registered", "devtest-vm"]]"#,
    ];
    assert_eq!(lines, expected, "{}", told(&output));

    let polls = received(&azure, Service::Arm);
    let polls = polls.iter().filter(|request| request.target().contains("/operationresults/")).count();
    assert_eq!(polls, 2, "of the deletion: one that waits, one that finds it done");
}

/// Without its variables the script ends before any client is there to ask anybody.
#[test]
fn azure_mgmt_resource_for_python_does_not_start_without_the_stand_in() {
    for (imds, arm, why) in [
        ("", "https://localhost:1", "AZURE_POD_IDENTITY_AUTHORITY_HOST is missing"),
        ("http://127.0.0.1:1", "https://192.0.2.1", "ARM is not loopback"),
        ("http://127.0.0.1:1", "https://localhost:1", "REQUESTS_CA_BUNDLE is missing"),
    ] {
        let mut python = match script() {
            Ok(python) => python,
            Err(why) => return skip(&why),
        };
        let output = python.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", imds).env("ARM", arm).output().unwrap();
        let told = told(&output);
        assert!(output.status.code() == Some(1) && output.stdout.is_empty() && told.contains(why), "{told}");
    }
}
