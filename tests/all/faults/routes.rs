//! Routes that lead nowhere and links that go down, on an island: exit codes, and how long it takes to know.

use std::fs;
use std::io::ErrorKind::WouldBlock;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use azmin::arm::Client;
use azmin::simulator::{Azure, Service};
use azmin::{Cloud, Credential, ErrorKind, Identity};
use socket2::{Domain, Socket, Type};

use super::schedule::{Lessons, Schedule};
use super::task::perform;
use crate::island::on_island;
use crate::support::{ARM_AUDIENCE, GROUP, GROUP_BODY, azmin, closed_port, received};
use crate::tools::{bare, told};

/// Of the network that is about to change.
fn ip(arguments: &str) {
    let output = bare("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", told(&output));
}

/// Kinds of routes, what the kernel says to who takes them, and whether it says so at once.
const ROUTES: [(&str, &str, &str, bool); 5] = [
    ("unreachable 10.1.0.1", "10.1.0.1", "(os error 113)", true),
    ("prohibit 10.2.0.1", "10.2.0.1", "(os error 13)", true),
    ("blackhole 10.3.0.1", "10.3.0.1", "(os error 22)", true),
    ("10.4.0.1 dev lo", "10.4.0.1", "timed out", false),
    ("", "10.5.0.1", "(os error 101)", true),
];

#[test]
fn routes_that_lead_nowhere() {
    on_island("faults::routes::routes_that_lead_nowhere", || {
        let azure = Azure::start().unwrap();
        for (route, address, words, at_once) in ROUTES {
            if !route.is_empty() {
                ip(&format!("route add {route}"));
            }
            let elsewhere = format!("http://{address}");
            let begun = Instant::now();
            azmin(["token"]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", elsewhere).run().fails(4).says(words);
            let took = begun.elapsed();
            assert!(at_once || took > Duration::from_millis(2500), "{route}: {took:?}");
            assert!(took < if at_once { Duration::from_millis(2500) } else { LIMIT }, "{route}: {took:?}");

            // Resource Manager is tried again until the deadline.
            let begun = Instant::now();
            let cloud = format!("https://{address}");
            let call = ["get", GROUP, "--api-version", "2021-04-01", "--deadline", "5s", "--cloud", &cloud];
            let run = azmin(call.iter().chain(&["--resource", ARM_AUDIENCE])).on(&azure).run();
            run.fails(if at_once { 7 } else { 124 }).says(if at_once { words } else { "before the deadline" });
            assert!(begun.elapsed() < LIMIT, "{route}: {:?}", begun.elapsed());
        }
        assert_eq!(received(&azure, Service::Arm).len(), 0);
    });
}

#[test]
fn a_route_that_comes_late_is_waited_for() {
    on_island("faults::routes::a_route_that_comes_late_is_waited_for", || {
        ip("route add unreachable 10.1.0.1");
        let azure = Azure::builder().imds_address("0.0.0.0:80".parse().unwrap()).start().unwrap();
        let command = azmin(["token", "--wait-identity", "60s", "-v"]);
        let mut command = command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://10.1.0.1").into_command();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        assert!(first.contains("no identity endpoint answers"), "{first}");
        ip("route del unreachable 10.1.0.1");
        ip("addr add 10.1.0.1/32 dev lo");
        let rest: Vec<_> = lines.collect();
        assert!(rest.last().is_some_and(|line| line.contains("-> 200 in ")), "{rest:#?}");
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(child.wait().unwrap().success() && out.split('.').count() == 3, "{out}");
        assert_eq!(azure.requests().len(), 1);
    });
}

/// The endpoint has the request, and the link goes down before its answer leaves; and comes up again, or does not.
#[test]
fn a_link_that_goes_down_before_the_answer() {
    on_island("faults::routes::a_link_that_goes_down_before_the_answer", || {
        for comes_back in [true, false] {
            let azure = Azure::start().unwrap();
            let behind: SocketAddr = azure.imds().trim_start_matches("http://").parse().unwrap();
            let listener = TcpListener::bind("169.254.169.254:80").unwrap();
            let deadline = if comes_back { "60s" } else { "2s" };
            let mut command = azmin(["token", "--deadline", deadline]).into_command();
            command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://169.254.169.254");
            let begun = Instant::now();
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let client = accepted(&listener, &mut child);
            let answer = answer_of(behind, &read_head(&client));
            ip("link set lo down");
            (&client).write_all(&answer).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            if comes_back {
                ip("link set lo up");
            }
            let output = child.wait_with_output().unwrap();
            let took = begun.elapsed();
            if !comes_back {
                ip("link set lo up");
            }
            let (wanted, tokens) = if comes_back { (0, 1) } else { (124, 0) };
            assert_eq!(output.status.code(), Some(wanted), "{}", told(&output));
            assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), tokens, "{}", told(&output));
            assert!(comes_back || took < LIMIT, "{took:?}");
        }
    });
}

/// Calls of Resource Manager over a new connection, and over one that stood before the link went down.
#[test]
fn a_link_that_goes_down_before_resource_manager() {
    on_island("faults::routes::a_link_that_goes_down_before_resource_manager", || {
        let azure = Azure::start().unwrap();
        let credential = Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned);
        let credential = credential.build().unwrap();
        credential.token(ARM_AUDIENCE).unwrap();
        let client = |seconds| {
            let builder = Client::builder(credential.clone()).cloud(Cloud::named(&azure.arm()).unwrap());
            builder.ca_pem(azure.ca_pem().as_bytes()).deadline(Duration::from_secs(seconds)).build()
        };
        let get = |client: &Client| client.get(GROUP).api_version("2021-04-01").resource(ARM_AUDIENCE).send();
        let asked = || received(&azure, Service::Arm).len();

        ip("link set lo down");
        let begun = Instant::now();
        let error = get(&client(2)).unwrap_err();
        assert_eq!((error.kind(), asked()), (ErrorKind::DeadlineExceeded, 0), "{error:?}");
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());

        let patient = client(60);
        up_when(|state, _| state == SYN_SENT, || assert_eq!(get(&patient).unwrap().text(), GROUP_BODY));
        assert_eq!(asked(), 1);
        ip("link set lo down");
        let is_held_up = |state: &str, queues: &str| state == ESTABLISHED && !queues.starts_with("00000000:");
        up_when(is_held_up, || assert_eq!(get(&patient).unwrap().text(), GROUP_BODY));
        assert_eq!(asked(), 2);

        // A write that went into a connection, and nobody knows whether it came out, is not sent again.
        let impatient = client(5);
        assert_eq!(get(&impatient).unwrap().text(), GROUP_BODY);
        ip("link set lo down");
        let restart = format!("{GROUP}/providers/Microsoft.Compute/virtualMachines/devtest-vm/restart");
        let begun = Instant::now();
        let post = impatient.post(&restart).api_version("2024-07-01").resource(ARM_AUDIENCE).send();
        let error = post.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:?}");
        assert!(error.advice().is_some_and(|advice| advice.contains("may have done it")), "{error:?}");
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
        drop(impatient);
        ip("link set lo up");
        assert_eq!(get(&patient).unwrap().text(), GROUP_BODY);
        let posts = received(&azure, Service::Arm).iter().filter(|request| request.method() == "POST").count();
        assert!(posts <= 1, "{posts}");
    });
}

/// Does something on a link that is down, which comes up as soon as a connection is in that state, and has such queues.
fn up_when(wanted: impl Fn(&str, &str) -> bool + Sync, call: impl FnOnce()) {
    let is_there = || {
        let connections = fs::read_to_string("/proc/net/tcp").unwrap();
        connections.lines().skip(1).any(|line| {
            let mut fields = line.split_whitespace().skip(3);
            let (state, queues) = (fields.next().unwrap(), fields.next().unwrap());
            wanted(state, queues)
        })
    };
    thread::scope(|scope| {
        let up = scope.spawn(|| {
            let end = Instant::now() + LIMIT;
            while !is_there() && Instant::now() < end {
                thread::yield_now();
            }
            let found = Instant::now() < end;
            ip("link set lo up");
            found
        });
        call();
        assert!(up.join().unwrap(), "no connection waited for the link");
    });
}

/// A listener that takes no more connections, as a host does that drops what it is sent.
#[test]
fn a_backlog_that_is_full() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300));
    let held: Vec<_> = std::iter::from_fn(|| connect().ok()).take(100).collect();
    assert!(held.len() < 100, "this backlog is not full");

    let begun = Instant::now();
    let command = azmin(["token"]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://{address}"));
    command.run().fails(4).says("timed out");
    // As long as it is certain, and no longer.
    assert!((Duration::from_millis(2500)..LIMIT).contains(&begun.elapsed()), "{:?}", begun.elapsed());

    let azure = Azure::start().unwrap();
    let begun = Instant::now();
    let cloud = format!("https://{address}");
    let call = ["post", "/x", "--deadline", "1s", "--cloud", &cloud, "--resource", ARM_AUDIENCE];
    azmin(call).on(&azure).run().fails(124).says("before the deadline");
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

/// Neither a thread nor a descriptor: this process has no others than those of this test.
#[test]
fn nothing_is_left_behind() {
    on_island("faults::routes::nothing_is_left_behind", || {
        let count = |folder: &str| fs::read_dir(folder).unwrap().count();
        // Held for as long as the process lives.
        closed_port();
        let lessons = Lessons::learn();
        let before = (count("/proc/self/task"), count("/proc/self/fd"));
        for seeds in 0..4 {
            thread::scope(|scope| {
                for seed in seeds * 16..(seeds + 1) * 16 {
                    let lessons = &lessons;
                    scope.spawn(move || {
                        let schedule = Schedule::draw(seed, lessons);
                        perform(schedule.task, &schedule.script, schedule.deadline);
                    });
                }
            });
        }
        // A thread that has been joined may still be on its way out of the kernel.
        let end = Instant::now() + LIMIT;
        let after = || (count("/proc/self/task"), count("/proc/self/fd"));
        while after() != before && Instant::now() < end {
            thread::yield_now();
        }
        assert_eq!(after(), before);
    });
}

/// The connection of a command that may end before it makes one.
fn accepted(listener: &TcpListener, child: &mut Child) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let end = Instant::now() + LIMIT;
    loop {
        match listener.accept() {
            Ok((client, _)) => return client,
            Err(error) => assert_eq!(error.kind(), WouldBlock, "{error}"),
        }
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < end, "it made no connection");
        thread::yield_now();
    }
}

/// The head of a request.
fn read_head(mut client: &TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    head
}

/// What the stand-in answers to it.
fn answer_of(server: SocketAddr, head: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(head).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// As `/proc/net/tcp` has them.
const ESTABLISHED: &str = "01";
const SYN_SENT: &str = "02";
/// For what ends by itself, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(15);
