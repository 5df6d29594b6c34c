//! What a process still has in its memory: a secret that a program no longer holds is nowhere in it, whole or in pieces.
//! The process is another one, so that the test's own copies do not count.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use azmin::arm::Client;
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Attempt, Cloud, Credential};

use crate::relay::{Manner, Relay, arm_address};
use crate::search::{PIECE, Secret, copies};
use crate::support::{ARM_AUDIENCE, Azmin, GROUP, Scratch, azmin, closed_port, program, received, skip};
use crate::tools::exists;

/// Names the part of a test that is played by another process.
const PART: &str = "AZMIN_TEST_PART";

/// A process that runs the test of that name in its part of the program.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(name: &str, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env_clear().env(PART, name).envs(variables);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Waits until it has come that far, and stands still.
    fn comes_to(&mut self, step: &str) {
        let mut line = String::new();
        while !line.contains(step) {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended before {step}");
        }
    }

    fn goes_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says how far it is, and stands still until it is told to go on.
fn stand(step: &str) {
    println!("{step}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn variable(name: &str) -> String {
    env::var(name).unwrap()
}

const ARM: &str = "AZMIN_TEST_ARM";
const KEYS: &str = "AZMIN_TEST_KEYS";
const HELD: &str = "now it holds a token";
const GONE: &str = "now it holds nothing";

/// A program that gets a token where its environment says, makes two calls, and lets go of everything.
fn hold_and_let_go() {
    let told = Arc::<Mutex<usize>>::default();
    let observer = |told: &Arc<Mutex<usize>>| {
        let told = Arc::clone(told);
        move |attempt: &Attempt<'_>| *told.lock().unwrap() += attempt.sent_headers().count()
    };
    let builder = Credential::builder().arc_key_directory(variable(KEYS).as_ref()).on_attempt(observer(&told));
    let credential = builder.build().unwrap();
    let token = credential.token(ARM_AUDIENCE).unwrap();
    let cloud = Cloud::named(&variable(ARM)).unwrap();
    let client = Client::builder(credential.clone()).cloud(cloud).on_attempt(observer(&told)).build();
    let call = || client.get(GROUP).api_version("2016-06-01").resource(ARM_AUDIENCE).send().unwrap();
    let (one, other) = (call(), call());
    assert_eq!(one.bytes(), other.bytes());
    assert!(*told.lock().unwrap() >= 2, "the observers have seen what was sent");
    stand(HELD);
    drop((credential, token, client, one, other));
    stand(GONE);
}

fn variables(azure: &Azure, scratch: &Scratch, service: Service) -> Vec<(&'static str, String)> {
    let nowhere = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://127.0.0.1:{}", closed_port()));
    let mut variables = vec![nowhere, (ARM, azure.arm())];
    variables.push((KEYS, azure.arc_key_directory().to_str().unwrap().to_owned()));
    variables.push(("SSL_CERT_FILE", scratch.ca(azure).to_str().unwrap().to_owned()));
    // Later values win.
    variables.extend(azure.env(service));
    variables
}

/// Everything secret that was in the requests.
fn secrets(azure: &Azure) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for request in azure.requests() {
        let header = |name: &str| request.header(name);
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        secrets.extend(bearer.map(|token| Secret::token(TOKEN, token)));
        let key = header("authorization").and_then(|value| value.strip_prefix("Basic "));
        secrets.extend(key.map(|key| Secret::new(KEY, key)));
        let named = ["x-identity-header", "secret"].into_iter().find_map(header);
        secrets.extend(named.map(|value| Secret::new(HEADER, value)));
        let body = String::from_utf8_lossy(request.body());
        let assertion = body.split('&').find_map(|pair| pair.strip_prefix("client_assertion="));
        secrets.extend(assertion.map(|assertion| Secret::token(ASSERTION, assertion)));
    }
    secrets.dedup_by(|one, other| one.pieces == other.pieces);
    // An assertion and a token have claims in common, which say nothing about whose they are.
    let tokens: Vec<_> =
        azure.requests().iter().filter_map(|request| request.header("authorization").map(str::to_owned)).collect();
    let elsewhere =
        |piece: &Vec<u8>| tokens.iter().any(|token| token.as_bytes().windows(PIECE).any(|part| part == piece));
    for assertion in secrets.iter_mut().filter(|secret| secret.name == ASSERTION) {
        assertion.pieces.retain(|piece| !elsewhere(piece));
    }
    secrets
}

const TOKEN: &str = "the token";
const HEADER: &str = "the identity header";
const KEY: &str = "Arc's key";
const ASSERTION: &str = "the assertion";

#[test]
fn a_program_that_lets_go_of_a_token_has_it_no_more() {
    const NAME: &str = "memory::a_program_that_lets_go_of_a_token_has_it_no_more";
    if env::var_os(PART).is_some_and(|part| part == NAME) {
        return hold_and_let_go();
    }
    let mut wrong = Vec::new();
    for (service, wanted) in [
        (Service::Imds, TOKEN),
        (Service::AppService, HEADER),
        (Service::AzureMl, HEADER),
        (Service::CloudShell, TOKEN),
        (Service::AzureArc, KEY),
        (Service::Entra, ASSERTION),
        (Service::ServiceFabric, HEADER),
    ] {
        let builder = Azure::builder().app_service().azure_arc().service_fabric().azure_ml().cloud_shell().workload();
        let (azure, scratch) = (builder.start().unwrap(), Scratch::new());
        let mut program = Program::start(NAME, variables(&azure, &scratch, service));
        program.comes_to(HELD);
        let secrets = secrets(&azure);
        let held = copies(program.child.id(), &secrets);
        assert!(held.iter().any(|copy| copy.starts_with(TOKEN)), "{service:?}: the search is blind: {held:?}");
        assert!(secrets.iter().any(|secret| secret.name == wanted), "{service:?}: no {wanted} was sent");
        program.goes_on();
        program.comes_to(GONE);
        let mut left = copies(program.child.id(), &secrets);
        if matches!(service, Service::Entra | Service::ServiceFabric) {
            left.retain(|copy| !is_of_rustls(copy));
        }
        wrong.extend(left.into_iter().map(|copy| format!("{service:?}: {copy}")));
        program.goes_on();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What rustls has decrypted it keeps in its own two buffers, that of the records and a copy of each one's content, and frees
/// them as they are: of the two endpoints that answer over TLS, the token may be in free memory still. Nothing that was sent.
fn is_of_rustls(copy: &str) -> bool {
    let known = copy.starts_with(TOKEN);
    if known {
        eprintln!("left behind by rustls: {copy}");
    }
    known
}

#[test]
fn a_proxys_password_is_gone_with_the_client() {
    const NAME: &str = "memory::a_proxys_password_is_gone_with_the_client";
    if env::var_os(PART).is_some_and(|part| part == NAME) {
        return hold_and_let_go();
    }
    const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let proxy = Relay::start(Manner::Tunnel(ESTABLISHED, arm_address(&azure)));
    let url = format!("http://somebody:c4n4ry-c4n4ry-p4ssw0rd-p4ssw0rd%21@{}", proxy.address());
    let mut variables = variables(&azure, &scratch, Service::Imds);
    // A name, which is never looked up here: loopback would not be behind a proxy.
    variables.extend([(ARM, "https://management.azure.com".to_owned()), ("HTTPS_PROXY", url)]);
    let mut program = Program::start(NAME, variables);
    program.comes_to(HELD);
    let sent = proxy.first_pieces().concat();
    let basic = sent.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Basic ")).unwrap();
    let secrets = [Secret::new("in base64", basic), Secret::new("the password", "c4n4ry-c4n4ry-p4ssw0rd-p4ssw0rd")];
    let held = copies(program.child.id(), &secrets);
    assert!(held.iter().any(|copy| copy.starts_with("in base64")), "the search is blind: {held:?}");
    program.goes_on();
    program.comes_to(GONE);
    let left = copies(program.child.id(), &secrets);
    assert!(left.is_empty(), "{}", left.join("\n"));
    program.goes_on();
}

/// The command at its last system call, where everything that it does is done.
struct Ending(Child);

impl Ending {
    fn of(run: Azmin) -> Self {
        let inner = run.into_command();
        let mut command = Command::new("strace");
        // The tracer is the grandchild: the process that this test starts is the command itself.
        command.args(["-D", "-qq", "-o", "/dev/null", "-e", "trace=exit_group"]);
        command.args(["-e", "inject=exit_group:delay_enter=600000000"]).arg(program()).args(inner.get_args());
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        let mut ending = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        comes_to_call(&mut ending.0, EXIT_GROUP);
        ending
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Without its tracer it would go on.
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:\t")).filter(|tracer| *tracer != "0");
        if let Some(tracer) = tracer {
            let _ = Command::new("sh").args(["-c", "kill -9 \"$1\"", "sh", tracer]).status();
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until it stands in a system call: its number, and what it begins with.
#[track_caller]
fn comes_to_call(child: &mut Child, wanted: &str) {
    let begun = Instant::now();
    let call = format!("/proc/{}/syscall", child.id());
    while !fs::read_to_string(&call).is_ok_and(|call| call.starts_with(wanted)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", fs::read_to_string(&call));
        thread::sleep(Duration::from_millis(5));
    }
}

const EXIT_GROUP: &str = if cfg!(target_arch = "x86_64") { "231 " } else { "94 " };
/// To standard output.
const WRITE: &str = if cfg!(target_arch = "x86_64") { "1 0x1 " } else { "64 0x1 " };

#[test]
fn the_command_ends_without_a_token() {
    if !exists("strace") {
        return skip("there is no strace");
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let (file, url) = (scratch.path("file"), format!("{GROUP}?api-version=2016-06-01"));
    let (file, url, ca) = (file.to_str().unwrap(), url.as_str(), scratch.ca(&azure));
    let token = azmin(["token"]).on(&azure).run().out;
    let secret = [Secret::token(TOKEN, token.trim_end())];
    let mut wrong = Vec::new();
    for arguments in [
        &["token", "-O", file][..],
        &["token", "-o", "json", "-O", file],
        &["token"],
        &["token", "-vv", "-o", "curl"],
        &["get", url],
        &["get", url, "-vv", "-O", file],
        &["get", "/nothing?api-version=1", "-vv"],
    ] {
        let run = azmin(arguments);
        let ending = Ending::of(if arguments[0] == "get" { run.with_arm(&azure, &ca) } else { run.on(&azure) });
        wrong.extend(copies(ending.0.id(), &secret).into_iter().map(|copy| format!("{arguments:?}: {copy}")));
    }
    let sent =
        received(&azure, Service::Arm).into_iter().map(|request| request.header("authorization").map(str::to_owned));
    assert_eq!(sent.collect::<Vec<_>>(), vec![Some(format!("Bearer {}", token.trim_end())); 3]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same search in a command that still has it: one whose output nobody takes.
#[test]
fn the_search_finds_what_the_command_holds() {
    let azure = Azure::start().unwrap();
    let token = azmin(["token"]).on(&azure).run().out;
    let long = format!("{}{}", "x".repeat(30_000), token.trim_end());
    azure.on(Service::Imds, Fault::status(200).body(format!(r#"{{"access_token":"{long}","expires_in":"3600"}}"#)));
    let (mut unread, mut output) = UnixStream::pair().unwrap();
    // As full as it gets, whatever its size is here.
    output.set_nonblocking(true).unwrap();
    while output.write(&[b'x'; 4096]).is_ok() {}
    output.set_nonblocking(false).unwrap();
    let mut command = azmin(["token"]).on(&azure).into_command();
    let mut child = command.stdout(OwnedFd::from(output)).spawn().unwrap();
    // It keeps its end of the stream as well.
    drop(command);
    comes_to_call(&mut child, WRITE);
    assert!(!copies(child.id(), &[Secret::token(TOKEN, &long)]).is_empty());
    let mut text = String::new();
    unread.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success() && text.ends_with(&format!("{long}\n")));
}
