//! How tests run the command. Nothing here can reach a real metadata endpoint: the command starts with an empty environment
//! in which `AZURE_POD_IDENTITY_AUTHORITY_HOST` always names loopback.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use azmin::simulator::{Azure, Received, Service};

/// The tutorial's resource group.
pub(crate) const GROUP: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest";
pub(crate) const GROUP_BODY: &str = "{\"id\":\"/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest\",\
    \"name\":\"DevTest\",\"location\":\"westus\",\"properties\":{\"provisioningState\":\"Succeeded\"}}";
pub(crate) const ARM_AUDIENCE: &str = "https://management.azure.com/";

/// The command under test: `AZMIN_BIN`, such as a static build, or the one that cargo built.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("AZMIN_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_azmin")), PathBuf::from)
}

/// A run of the command in the making.
pub(crate) struct Azmin {
    command: Command,
    input: Vec<u8>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command without any identity endpoint: loopback, and a port on which nothing listens.
pub(crate) fn azmin<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Azmin {
    ready(Command::new(program()), arguments)
}

/// The same for hosts that are not loopback: always the command that was built with the simulator, which dials nothing else,
/// and behind a proxy on loopback, so that no name is looked up either, whatever goes wrong.
pub(crate) fn guarded<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Azmin {
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    ready(Command::new(env!("CARGO_BIN_EXE_azmin")), arguments).env("HTTPS_PROXY", proxy)
}

fn ready<I: AsRef<OsStr>>(mut command: Command, arguments: impl IntoIterator<Item = I>) -> Azmin {
    command
        .args(arguments)
        .env_clear()
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://127.0.0.1:{}", closed_port()));
    Azmin { command, input: Vec::new() }
}

impl Azmin {
    /// With the stand-in's metadata endpoint.
    pub(crate) fn on(self, azure: &Azure) -> Self {
        self.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds())
    }

    /// With the stand-in's metadata endpoint and Resource Manager.
    pub(crate) fn with_arm(mut self, azure: &Azure, ca: &Path) -> Self {
        self.command.args(["--cloud", &azure.arm(), "--resource", ARM_AUDIENCE]).arg("--ca-file").arg(ca);
        self.on(azure)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// On standard input.
    pub(crate) fn input(mut self, bytes: &[u8]) -> Self {
        self.input = bytes.to_vec();
        self
    }

    pub(crate) fn run(mut self) -> Run {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the command starts");
        // A command that does not read its input may be gone before it is written.
        let _ = child.stdin.take().expect("a pipe").write_all(&self.input);
        let output = child.wait_with_output().expect("the command ends");
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            err: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }

    /// The bare command, for tests that need its pipes.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }
}

impl Run {
    /// Nothing on stdout, one line `azmin: …` on stderr and then only indented ones, and this code.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32) -> &Self {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        let mut lines = self.err.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("azmin: ")), "{}", self.err);
        assert!(lines.all(|line| line.starts_with("  ")), "{}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn succeeds(&self) -> &Self {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.err.contains(words), "{words:?} in {}", self.err);
        self
    }
}

/// The requests that one of the services has received.
pub(crate) fn received(azure: &Azure, service: Service) -> Vec<Received> {
    azure.requests().into_iter().filter(|request| request.service() == service).collect()
}

/// A port on which nothing listens, and which no other test can be given: it is held by the near end of a connection.
pub(crate) fn closed_port() -> u16 {
    static HELD: OnceLock<(TcpListener, TcpStream)> = OnceLock::new();
    let (_, near) = HELD.get_or_init(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let near = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        (listener, near)
    });
    near.local_addr().expect("an address").port()
}

/// A directory of a test's own, gone with it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let name = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Process ids repeat: every island has its own.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("no directory {}: {error}", path.display()),
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The stand-in's CA as a file.
    pub(crate) fn ca(&self, azure: &Azure) -> PathBuf {
        let path = self.path("ca.pem");
        fs::write(&path, azure.ca_pem()).expect("a file");
        path
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Says that a test was skipped, and why. In CI nothing is skipped.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "CI skips nothing: {why}");
    eprintln!("skipped: {why}");
}
