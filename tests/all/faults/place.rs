//! The commands of the table of mishaps, each over a wire in the place of the straight one.

use std::net::SocketAddr;
use std::time::Duration;

use azmin::simulator::{Azure, Fault, Service};

use crate::relay::arm_address;
use crate::support::{ARM_AUDIENCE, Azmin, GROUP, GROUP_BODY, Run, Scratch, azmin};

/// What is called, over a wire that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A token, over plain HTTP.
    Imds,
    /// A token, over TLS.
    Entra,
    /// A GET.
    Arm,
    /// A POST, which is not sent again once it is on its way.
    Post,
    /// A DELETE and its operation, which is polled.
    Operation,
    /// A PUT and its operation, the result of which is asked for at last.
    Made,
    /// A GET whose answer ends with the connection, which TLS announces.
    Unframed,
}

impl Place {
    /// A stand-in; with `pieces`, each byte of an answer over TLS is a record of its own.
    pub(crate) fn azure(self, pieces: bool) -> Azure {
        let azure = Azure::builder().workload().start().unwrap();
        let (service, fault) = match self {
            Self::Unframed => (Service::Arm, Fault::raw(format!("HTTP/1.1 200 OK\r\n\r\n{GROUP_BODY}"))),
            Self::Entra => (Service::Entra, Fault::drip(Duration::ZERO)),
            _ => (Service::Arm, Fault::drip(Duration::ZERO)),
        };
        if pieces || self == Self::Unframed {
            azure.on(service, fault.times(100));
        }
        azure
    }

    pub(crate) fn address(self, azure: &Azure) -> SocketAddr {
        match self {
            Self::Imds => azure.imds().trim_start_matches("http://").parse().unwrap(),
            Self::Entra => {
                let authority = azure.env(Service::Entra).into_iter().find(|(name, _)| *name == "AZURE_AUTHORITY_HOST");
                let port = authority.unwrap().1.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
                ([127, 0, 0, 1], port).into()
            }
            _ => arm_address(azure),
        }
    }

    /// The command, with this wire in the place of the straight one.
    pub(crate) fn command(self, azure: &Azure, scratch: &Scratch, wire: SocketAddr, deadline: &str) -> Azmin {
        let ca = scratch.ca(azure);
        let machine = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/other-vm");
        let devtest = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/devtest-vm");
        let restart = format!("{devtest}/restart");
        let localhost = format!("https://localhost:{}", wire.port());
        let call = |arguments: &[&str]| {
            let to = ["--cloud", &localhost, "--resource", ARM_AUDIENCE, "--deadline", deadline, "--ca-file"];
            azmin(arguments.iter().chain(&to).map(|text| (*text).to_owned()).chain([ca.display().to_string()]))
                .on(azure)
        };
        match self {
            Self::Imds => {
                let command = azmin(["token", "--deadline", deadline]);
                command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://{wire}"))
            }
            Self::Entra => {
                let command = azmin(["token", "--deadline", deadline, "--ca-file", ca.to_str().unwrap()]);
                let variables = azure.env(Service::Entra);
                let command = variables.iter().fold(command, |command, (name, value)| command.env(name, value));
                command.env("AZURE_AUTHORITY_HOST", format!("{localhost}/"))
            }
            Self::Arm | Self::Unframed => call(&["get", GROUP, "--api-version", "2021-04-01"]),
            Self::Post => call(&["post", &restart, "--api-version", "2024-07-01"]),
            Self::Operation => call(&["delete", &devtest, "--api-version", "2024-07-01", "--wait"]),
            Self::Made => {
                call(&["put", &machine, "--api-version", "2024-07-01", "-d", r#"{"location":"westus"}"#, "--wait"])
            }
        }
    }

    /// Whether stdout has all that it should, or nothing where it should have nothing.
    pub(crate) fn is_whole(self, run: &Run) -> bool {
        match self {
            _ if run.code != 0 => run.out.is_empty(),
            Self::Imds | Self::Entra => run.out.split('.').count() == 3 && run.out.ends_with('\n'),
            Self::Arm | Self::Unframed => run.out == GROUP_BODY,
            Self::Post | Self::Operation => run.out.is_empty(),
            Self::Made => run.out.contains(r#""provisioningState":"Succeeded""#) && run.out.ends_with('}'),
        }
    }
}
