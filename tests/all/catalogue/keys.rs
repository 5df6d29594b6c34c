//! What an Arc agent's key file may be: each row makes one, and the agent names it.

use std::fs;
use std::path::{Path, PathBuf};

use azmin::simulator::{Azure, Fault, Service};
use azmin::{AccessToken, Error};

use crate::sources;
use crate::support::{ARM_AUDIENCE, Scratch};

/// No key of the stand-in's.
pub(super) const KEY: &str = "s3cr3t-k3y-of-nobody";

/// The stand-in's Arc agent, and a folder beside that of its keys.
pub(super) struct Agent {
    pub(super) azure: Azure,
    scratch: Scratch,
}

impl Agent {
    pub(super) fn new() -> Self {
        let agent = Self { azure: Azure::builder().azure_arc().start().unwrap(), scratch: Scratch::new() };
        fs::write(agent.outside(), KEY).unwrap();
        agent
    }

    pub(super) fn folder(&self) -> &Path {
        self.azure.arc_key_directory()
    }

    pub(super) fn outside(&self) -> PathBuf {
        self.scratch.path("outside.key")
    }

    /// A key that is good for one token.
    pub(super) fn new_key(&self) -> PathBuf {
        sources::new_key(&self.azure)
    }

    /// What comes of it when the agent answers the first question so, and all that an observer can learn.
    pub(super) fn ask(&self, first: Fault) -> (Result<AccessToken, Error>, String) {
        sources::arc_that_answers(&self.azure, first)
    }
}

/// Id, what the file is, origin, and the outcome: the token, or the kind of error.
const ROWS: [[&str; 4]; 23] = [
    ["C01k", "a key", "Arc, documented", "token"],
    ["C01l", "a key and a line feed", "Arc, documented", "token"],
    ["C01m", "blanks around a key", "CWE-113: they would stand in a header", "token"],
    ["C11", "a link to a file elsewhere", "CWE-59; Azure-osconfig#1300", "BadAnswer"],
    ["C11b", "a link to a key beside it, which is the agent's own", "CWE-59", "token"],
    ["C11c", "a link to nothing", "CWE-59", "Local"],
    ["C11d", "a link to itself", "CWE-835", "Local"],
    ["C11e", "a link to /dev/zero", "CWE-59: it has no end", "BadAnswer"],
    ["C13", "a pipe that nobody writes", "CWE-367: opening it would wait", "BadAnswer"],
    ["C13b", "a folder", "a pipe would wait", "BadAnswer"],
    ["C13c", "a socket", "a pipe would wait", "BadAnswer"],
    ["C14", "4096 bytes, which the agent does not know", "MSAL's limit", "IdentityRefused"],
    ["C15", "4097 bytes", "MSAL's limit", "BadAnswer"],
    ["C15b", "5000 bytes", "MSAL for Go, its tests", "BadAnswer"],
    ["C15c", "a file of 8 GiB without content", "CWE-400", "BadAnswer"],
    ["C16", "nothing in it", "RFC 9110, 11.4: token68", "BadAnswer"],
    ["C16b", "blanks alone", "RFC 9110, 11.4: token68", "BadAnswer"],
    ["C17", "CR LF in it", "header injection, CWE-113", "BadAnswer"],
    ["C17b", "NUL in it", "CWE-158", "BadAnswer"],
    ["C17c", "a letter beyond ASCII", "RFC 9110, 11.4: token68", "BadAnswer"],
    ["C17d", "bytes that are not UTF-8", "RFC 9110, 11.4: token68", "BadAnswer"],
    ["C17e", "a blank in it", "RFC 9110, 11.4: token68", "BadAnswer"],
    ["C19", "no file", "MSAL for Go, its tests", "Local"],
];

pub(super) fn ids() -> Vec<String> {
    ROWS.iter().map(|[id, ..]| (*id).to_owned()).collect()
}

/// Makes the file of a row in the folder of keys, and says how the agent names it.
fn file(id: &str, agent: &Agent) -> PathBuf {
    let new = agent.new_key();
    let key = fs::read_to_string(&new).unwrap();
    let path = agent.folder().join(format!("{id}.key"));
    let link = |target: &Path| std::os::unix::fs::symlink(target, &path).unwrap();
    match id {
        "C01k" => return new,
        "C01l" => fs::write(&path, format!("{key}\n")).unwrap(),
        "C01m" => fs::write(&path, format!(" {key}\t\r\n")).unwrap(),
        "C11" => link(&agent.outside()),
        "C11b" => link(&new),
        "C11c" => link(&agent.folder().join("gone.key")),
        "C11d" => link(&path),
        "C11e" => link(Path::new("/dev/zero")),
        "C13" => assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
        "C13b" => fs::create_dir(&path).unwrap(),
        "C13c" => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        "C14" => fs::write(&path, "k".repeat(4096)).unwrap(),
        "C15" => fs::write(&path, "k".repeat(4097)).unwrap(),
        "C15b" => fs::write(&path, "k".repeat(5000)).unwrap(),
        "C15c" => fs::File::create(&path).unwrap().set_len(8 << 30).unwrap(),
        "C16" => fs::write(&path, "").unwrap(),
        "C16b" => fs::write(&path, " \r\n\t\n").unwrap(),
        "C17" => fs::write(&path, format!("{key}\r\nX: y")).unwrap(),
        "C17b" => fs::write(&path, format!("{key}\0")).unwrap(),
        "C17c" => fs::write(&path, format!("{key}é")).unwrap(),
        "C17d" => fs::write(&path, [key.as_bytes(), b"\xff"].concat()).unwrap(),
        "C17e" => fs::write(&path, format!("{key} {key}")).unwrap(),
        "C19" => {}
        _ => panic!("no file for {id}"),
    }
    path
}

#[test]
fn key_files_of_an_arc_agent() {
    println!("catalogue, keys.rs: {} answers", ROWS.len());
    let agent = Agent::new();
    for [id, what, origin, wanted] in ROWS {
        let path = file(id, &agent);
        let before = agent.azure.requests().len();
        let challenge = format!("Basic realm={}", path.display());
        let (outcome, shown) = agent.ask(Fault::status(401).header("WWW-Authenticate", challenge).body("{}"));
        let asked = agent.azure.requests().len() - before;
        let found = outcome.as_ref().err().map_or_else(|| "token".to_owned(), |error| format!("{:?}", error.kind()));
        assert_eq!(found, wanted, "{id} {what} ({origin}): {shown}");
        // A key is sent, or nothing is.
        assert_eq!(asked, if matches!(wanted, "token" | "IdentityRefused") { 2 } else { 1 }, "{id} {what}");
        assert!(!shown.contains(KEY) && !shown.contains("kkkk"), "{id} {what}: {shown}");
    }
    folder_behind_a_link(&agent);
    // C18 is the platform's: root may read what nobody may.
    let path = agent.new_key();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let wanted = fs::read(&path).err().map(|_| azmin::ErrorKind::Local);
    let challenge = format!("Basic realm={}", path.display());
    let (outcome, _) = agent.ask(Fault::status(401).header("WWW-Authenticate", challenge).body("{}"));
    assert_eq!(outcome.as_ref().err().map(Error::kind), wanted, "C18: {outcome:?}");
}

/// C12: the folder of keys may be a link. It is the administrator's to say where it leads.
fn folder_behind_a_link(agent: &Agent) {
    let (new, link) = (agent.new_key(), agent.scratch.path("keys"));
    std::os::unix::fs::symlink(agent.folder(), &link).unwrap();
    let named = link.join(new.file_name().unwrap());
    let challenge = format!("Basic realm={}", named.display());
    agent.azure.on(Service::AzureArc, Fault::status(401).header("WWW-Authenticate", challenge).body("{}"));
    let builder = sources::library(&agent.azure, Service::AzureArc).arc_key_directory(&link);
    let outcome = builder.build().unwrap().token(ARM_AUDIENCE);
    assert!(outcome.is_ok(), "C12: {outcome:?}");
}
