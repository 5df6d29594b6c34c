//! The house rules of the source: which file may name which, and where the doors are.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by floor: a file names modules of lower floors, its parent and its children.
const FLOORS: [(&str, u8); 25] = [
    ("json", 1),
    ("base64", 0),
    ("date", 0),
    ("clock", 0),
    ("retry", 0),
    ("env", 0),
    ("failure", 2),
    ("http", 2),
    ("error", 3),
    ("url", 3),
    ("identity", 4),
    ("trace", 4),
    ("cloud", 4),
    ("proxy", 4),
    ("query", 4),
    ("instance", 5),
    ("token", 5),
    ("source", 6),
    ("dial", 7),
    ("send", 8),
    ("credential", 9),
    ("arm", 10),
    ("simulator", 11),
    ("fuzz", 12),
    ("cli", 12),
];

struct Source {
    /// Below `src`, with `/`.
    name: String,
    /// Without its tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((path.file_name() != Some("tests".as_ref())).then_some(path));
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("\nmod tests").next().unwrap().to_owned();
                sources.push(Source { name, code });
            }
        }
    }
    assert!(sources.len() > 25);
    sources
}

fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap()
}

fn floor(room: &str) -> u8 {
    FLOORS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("{room} has no floor")).1
}

#[test]
fn data_flows_one_way() {
    for source in sources().iter().filter(|source| !matches!(source.name.as_str(), "lib.rs" | "main.rs")) {
        let own = room(&source.name);
        for mention in source.code.split("crate::").skip(1) {
            let named: String = mention.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let sibling = own == named || FLOORS.iter().all(|(name, _)| *name != named);
            assert!(sibling || floor(&named) < floor(own), "{} names {named}, which is not below it", source.name);
        }
    }
}

#[test]
fn there_are_two_doors() {
    let elsewhere = |doors: &'static [&str], words: &'static [&str]| {
        for source in sources().iter().filter(|source| !doors.contains(&room(&source.name))) {
            for word in words {
                let named = source.code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
                assert!(!named, "{} names {word}", source.name);
            }
        }
    };
    elsewhere(&["dial", "simulator"], &["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "UnixStream"]);
    elsewhere(&["send", "simulator"], &["ureq::", "rustls::", "webpki_roots"]);
    elsewhere(
        &["clock", "dial", "send", "simulator", "fuzz", "cli"],
        &["Instant::now", "SystemTime::now", "thread::sleep"],
    );
    elsewhere(&["env", "cli"], &["std::env::var", "env::vars"]);
    elsewhere(&["send", "simulator", "cli", "dial", "fuzz"], &["std::fs", "fs::"]);
}

#[test]
fn rooms_are_rooms() {
    for source in sources() {
        let lines =
            source.code.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count();
        assert!(lines <= 350, "{} has {lines} lines of code", source.name);
        assert!(source.code.starts_with("//! "), "{} does not say what it is", source.name);
    }
}

#[test]
fn every_source_is_registered() {
    let registry = sources().into_iter().find(|source| source.name == "source/mod.rs").unwrap().code;
    let files = sources().into_iter().filter(|source| room(&source.name) == "source" && source.name != "source/mod.rs");
    for file in files {
        let module = file.name.trim_start_matches("source/").trim_end_matches(".rs").to_owned();
        assert!(registry.contains(&format!("mod {module};")), "{module} is no module");
        assert!(registry.contains(&format!("&{module}::SOURCE")), "{module} is not in SOURCES");
    }
}

/// The rows of a table in the README.
fn table(mark: &str) -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = readme.split_once(&format!("<!-- {mark} -->\n")).unwrap().1.split_once("\n\n").unwrap().0;
    let rows: Vec<_> = table.lines().skip(2).map(str::to_owned).collect();
    assert!(rows.len() > 10);
    rows
}

/// The text of all sources and tests.
fn texts() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = String::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts += &fs::read_to_string(path).unwrap();
            }
        }
    }
    texts
}

/// Each row of the README's comparison names a test that there is.
#[test]
fn features_are_tested() {
    let tests = texts();
    for row in table("features") {
        let test = row.rsplit('|').nth(1).unwrap().trim();
        let named = test == "`size` budget" || tests.contains(&format!("fn {}()", test.trim_matches('`')));
        assert!(named, "no test {test}");
    }
}

/// Each figure of the README's table of reliability has a command whose scripts and tests there are.
#[test]
fn figures_have_commands() {
    let (root, tests) = (Path::new(env!("CARGO_MANIFEST_DIR")), texts());
    for row in table("reliability") {
        let command = row.rsplit('|').nth(1).unwrap();
        let words = command.split(['`', ' ']).filter(|word| !word.is_empty());
        for word in words.clone().filter(|word| word.starts_with("tests/") || word.starts_with("fuzz/")) {
            assert!(root.join(word).exists(), "no {word} for {row}");
        }
        // Behind `T` stand options, and then a part of the names of tests.
        for filter in words.skip_while(|word| *word != "T").skip(1).filter(|word| !word.starts_with('-')) {
            for name in filter.split("::").filter(|name| !["", "all"].contains(name)) {
                let there = ["mod ", "fn "].iter().any(|kind| tests.contains(&format!("{kind}{name}")))
                    || root.join("tests").join(format!("{name}.rs")).exists();
                assert!(there, "no test {name} for {row}");
            }
        }
    }
}

/// `.cargo/config.toml`: whatever machine this is, its identity is nobody's business here.
#[test]
fn nothing_that_cargo_starts_finds_an_identity() {
    let variables = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET"];
    for name in variables.into_iter().chain(["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"]) {
        assert_eq!(std::env::var_os(name).as_deref(), Some("".as_ref()), "{name}");
    }
    let endpoint = std::env::var("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap();
    assert_eq!(endpoint, "http://127.0.0.1:9");
}
