//! A process that forks: both sides go on with the credential and the client that they had. Without the harness, whose
//! threads a fork would lose.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[cfg(unix)]
fn main() {
    if std::env::args().nth(1).as_deref() == Some(unix::STAND_IN) { unix::stand_in() } else { unix::both_sides_go_on() }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use azmin::simulator::{Azure, Service};
    use azmin::{Cloud, Credential, Identity, arm};
    use fork::{Fork, fork};

    pub(crate) const STAND_IN: &str = "stand-in";
    const END_OF_CA: &str = "-----";
    const GROUP: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest";
    const CALLS: usize = 3;

    /// Another process: its threads are not to be forked. At the end it says what it was asked for.
    pub(crate) fn stand_in() {
        let azure = Azure::start().unwrap();
        println!("{}\n{}\n{}\n{END_OF_CA}", azure.imds(), azure.arm(), azure.ca_pem().trim());
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        let count = |service| azure.requests().iter().filter(|request| request.service() == service).count();
        println!("{} {}", count(Service::Imds), count(Service::Arm));
    }

    /// The kept token is good on both sides. The connection is not: its keys and counters would be used twice.
    pub(crate) fn both_sides_go_on() {
        let mut other = Command::new(std::env::current_exe().unwrap())
            .arg(STAND_IN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(other.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let (imds, endpoint) = (line(), line());
        let ca: String =
            std::iter::repeat_with(&mut line).take_while(|line| line != END_OF_CA).map(|line| line + "\n").collect();
        let attempts = Arc::new(AtomicUsize::new(0));
        let client = client(&imds, &endpoint, &ca, &attempts);
        get(&client);
        assert_eq!(attempts.load(Ordering::SeqCst), 1);

        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let side = |turns: &mut UnixStream, first: bool| {
            attempts.store(0, Ordering::SeqCst);
            for _ in 0..CALLS {
                if !first {
                    turns.read_exact(&mut [0]).expect("the other side has failed");
                }
                get(&client);
                turns.write_all(&[0]).expect("the other side has failed");
                if first {
                    turns.read_exact(&mut [0]).expect("the other side has failed");
                }
            }
            // A connection that two use breaks, and the call is made again.
            assert_eq!(attempts.load(Ordering::SeqCst), CALLS, "calls that were made again");
        };
        match fork().unwrap() {
            Fork::Child => {
                drop(ours);
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| side(&mut theirs, true)));
                std::process::exit(i32::from(outcome.is_err()));
            }
            Fork::Parent(child) => {
                drop(theirs);
                side(&mut ours, false);
                assert_eq!(fork::waitpid(child).unwrap(), 0, "the child has failed");
            }
        }
        assert_eq!(farewell(&mut other, &mut line), format!("1 {}", 2 * CALLS + 1));
        eprintln!("both sides of a fork went on: {} calls on a connection of each, one token", 2 * CALLS + 1);
    }

    fn client(imds: &str, endpoint: &str, ca: &str, attempts: &Arc<AtomicUsize>) -> arm::Client {
        let credential =
            Credential::builder().metadata_endpoint(imds).identity(Identity::SystemAssigned).build().unwrap();
        let counter = Arc::clone(attempts);
        arm::Client::builder(credential)
            .cloud(Cloud::named(endpoint).unwrap())
            .ca_pem(ca.as_bytes())
            .deadline(Duration::from_secs(60))
            .on_attempt(move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
            })
            .build()
    }

    fn get(client: &arm::Client) {
        let group =
            client.get(GROUP).api_version("2021-04-01").resource("https://management.azure.com/").send().unwrap();
        assert!(group.text().contains("DevTest"));
    }

    fn farewell(other: &mut Child, line: &mut impl FnMut() -> String) -> String {
        drop(other.stdin.take());
        let said = line();
        assert!(other.wait().unwrap().success());
        said
    }
}
