//! What is asked for while the network fails: one call of each kind, against a stand-in of its own, over wires with plans.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use azmin::arm::{self, Client};
use azmin::simulator::{Azure, Fault, Operation, Received, Service};
use azmin::{Attempt, Cloud, Credential, Error, Identity};

use super::wire::{Plan, Seen};
use crate::relay::{Manner, Relay, arm_address};
use crate::support::{ARM_AUDIENCE, GROUP, closed_port, received};

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    Token,
    Get,
    Pages,
    Put,
    /// A PUT that the service refuses if it has been done.
    Create,
    PutAndWait,
    Patch,
    Post,
    PostAndWait,
    Delete,
    DeleteAndWait,
}

pub(crate) const TASKS: [Task; 11] = [
    Task::Token,
    Task::Get,
    Task::Pages,
    Task::Put,
    Task::Create,
    Task::PutAndWait,
    Task::Patch,
    Task::Post,
    Task::PostAndWait,
    Task::Delete,
    Task::DeleteAndWait,
];

impl Task {
    /// Whether doing it twice is doing it once; only then it may be sent again when it is not known to have arrived.
    pub(crate) fn is_repeatable(self) -> bool {
        !matches!(self, Self::Patch | Self::Post | Self::PostAndWait)
    }

    /// How many deadlines it has in a row.
    fn deadlines(self) -> u32 {
        match self {
            Self::PutAndWait | Self::PostAndWait | Self::DeleteAndWait => 2,
            _ => 1,
        }
    }

    /// The write of it among what the service has received.
    fn is_write(self, request: &Received) -> bool {
        let method = match self {
            Self::Token | Self::Get | Self::Pages => return false,
            Self::Put | Self::Create | Self::PutAndWait => "PUT",
            Self::Patch => "PATCH",
            Self::Post | Self::PostAndWait => "POST",
            Self::Delete | Self::DeleteAndWait => "DELETE",
        };
        request.method() == method
    }

    /// Does it: the bytes of the answer, or the token.
    fn run(self, credential: &Credential, client: &Client, deadline: Duration) -> Result<Vec<u8>, Error> {
        let machine = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/devtest-vm");
        let group = format!("{}/agents", GROUP.trim_end_matches("/DevTest"));
        let location = r#"{"location":"westus"}"#;
        let asked = |request: arm::Request| request.resource(ARM_AUDIENCE);
        let compute = |request: arm::Request| asked(request.api_version("2024-07-01"));
        let resources = |request: arm::Request| asked(request.api_version("2021-04-01"));
        let answer = match self {
            Self::Token => return Ok(credential.token(ARM_AUDIENCE)?.secret().as_bytes().to_vec()),
            Self::Pages => {
                let list = resources(client.get(&format!("{GROUP}/resources"))).deadline(deadline);
                return Ok(list.items().collect::<Result<Vec<_>, _>>()?.join("\n").into_bytes());
            }
            Self::Get => resources(client.get(GROUP)).send()?,
            Self::Put => resources(client.put(&group)).body(location).send()?,
            Self::Create => resources(client.put(&group)).if_none_match("*").body(location).send()?,
            Self::PutAndWait => {
                let request = client.put(&machine.replace("devtest-vm", "other-vm"));
                compute(request).body(location).send()?.wait_for(deadline)?
            }
            Self::Patch => resources(client.patch(GROUP)).body(r#"{"tags":{"a":"b"}}"#).send()?,
            Self::Post => compute(client.post(&format!("{machine}/restart"))).send()?,
            Self::PostAndWait => compute(client.post(&format!("{machine}/runCommand"))).send()?.wait_for(deadline)?,
            Self::Delete => compute(client.delete(&machine)).send()?,
            Self::DeleteAndWait => compute(client.delete(&machine)).send()?.wait_for(deadline)?,
        };
        Ok(answer.bytes().to_vec())
    }
}

/// One wire: the plans of its connections, in the order in which they are made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) plans: Vec<Plan>,
    /// The last plan is that of all later connections too; else nothing happens to those.
    pub(crate) is_lasting: bool,
    /// Nothing listens there at all.
    pub(crate) is_closed: bool,
}

impl Line {
    fn plan(&self, number: usize) -> Plan {
        let last = self.plans.last().filter(|_| self.is_lasting);
        self.plans.get(number).or(last).cloned().unwrap_or_default()
    }

    fn relay(&self, to: SocketAddr) -> Relay {
        let line = self.clone();
        Relay::start(Manner::Planned(to, Arc::new(move |number| line.plan(number))))
    }
}

/// Both wires, and how the service speaks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) imds: Line,
    pub(crate) arm: Line,
    /// Each byte of Resource Manager's answers is a TLS record of its own.
    pub(crate) in_pieces: bool,
    /// Of the ways in which an operation can be followed.
    pub(crate) variant: usize,
}

/// What came of a task.
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<u8>, Error>,
    pub(crate) took: Duration,
    /// The longest that it may take.
    pub(crate) limit: Duration,
    /// Everything that a log could hold of it.
    pub(crate) told: String,
    /// How often the service has been asked for the write with the right token: with another one, which a damaged wire gave,
    /// it refuses.
    pub(crate) writes: usize,
    /// Over how many connections any part of a request to Resource Manager went.
    pub(crate) requests_begun: usize,
    /// How many mishaps were come to.
    pub(crate) mishaps: usize,
    /// Whether a connection outlived the client.
    pub(crate) leaks: bool,
    /// The right token.
    pub(crate) secret: String,
    pub(crate) seen_by_imds: Vec<Seen>,
    pub(crate) seen_by_arm: Vec<Seen>,
}

/// Does a task over these wires.
pub(crate) fn perform(task: Task, script: &Script, deadline: Duration) -> Outcome {
    let azure = Azure::builder().disks(5).page_size(2).start().expect("the stand-in starts");
    let operations = [
        Operation::azure_async_operation,
        Operation::operation_location,
        Operation::location,
        Operation::provisioning_state,
    ];
    if task == Task::PutAndWait {
        azure.operation(operations[script.variant % operations.len()]());
    }
    if script.in_pieces {
        azure.on(Service::Arm, Fault::drip(Duration::ZERO).times(100));
    }
    let imds = script.imds.relay(azure.imds().trim_start_matches("http://").parse().expect("an address"));
    let arm = script.arm.relay(arm_address(&azure));
    let log = Arc::new(Mutex::new(String::new()));
    let credential = credential(&imds, script.imds.is_closed, deadline, &log);
    let client = client(&azure, &credential, &arm, script.arm.is_closed, deadline, &log);

    let begun = Instant::now();
    let result = task.run(&credential, &client, deadline);
    let took = begun.elapsed();
    drop((client, credential));
    let leaks = !(imds.is_left_within(PATIENCE) && arm.is_left_within(PATIENCE));
    let (seen_by_imds, seen_by_arm) = (imds.seen(), arm.seen());
    let direct = Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned);
    let direct = direct.build().expect("a credential").token(ARM_AUDIENCE).expect("a token");
    let bearer = format!("Bearer {}", direct.secret());
    let is_taken = |request: &Received| task.is_write(request) && request.header("authorization") == Some(&bearer);
    let writes = received(&azure, Service::Arm).iter().filter(|request| is_taken(request)).count();
    Outcome {
        result,
        took,
        limit: deadline * task.deadlines(),
        told: Arc::into_inner(log).expect("the client is gone").into_inner().expect("nobody panicked"),
        writes,
        requests_begun: seen_by_arm.iter().filter(|seen| seen.has_request()).count(),
        mishaps: seen_by_imds.iter().chain(&seen_by_arm).map(|seen| seen.mishaps).sum(),
        leaks,
        secret: direct.secret().to_owned(),
        seen_by_imds,
        seen_by_arm,
    }
}

fn credential(imds: &Relay, is_closed: bool, deadline: Duration, log: &Arc<Mutex<String>>) -> Credential {
    let port = if is_closed { closed_port() } else { imds.address().port() };
    let builder = Credential::builder().metadata_endpoint(&format!("http://127.0.0.1:{port}"));
    let builder = builder.identity(Identity::SystemAssigned).deadline(deadline);
    builder.on_attempt(observer(log)).build().expect("a credential")
}

fn client(
    azure: &Azure,
    credential: &Credential,
    arm: &Relay,
    is_closed: bool,
    deadline: Duration,
    log: &Arc<Mutex<String>>,
) -> Client {
    let endpoint = if is_closed { format!("https://localhost:{}", closed_port()) } else { arm.as_arm() };
    let builder = Client::builder(credential.clone()).cloud(Cloud::named(&endpoint).expect("a cloud"));
    builder.ca_pem(azure.ca_pem().as_bytes()).deadline(deadline).on_attempt(observer(log)).build()
}

/// Writes down what a program that logs everything would.
fn observer(log: &Arc<Mutex<String>>) -> impl Fn(&Attempt<'_>) + Send + Sync + use<> {
    let log = Arc::clone(log);
    move |attempt| {
        let mut log = log.lock().expect("nobody panicked");
        let _ = writeln!(log, "{attempt} {attempt:?}");
        for (name, value) in attempt.sent_headers().chain(attempt.received_headers()) {
            let _ = writeln!(log, "  {name}: {value}");
        }
    }
}

/// Longer than a busy machine takes to close a socket.
const PATIENCE: Duration = Duration::from_secs(20);
