//! What the crate is made of: each new dependency, licence, build script or source is a decision that somebody writes down
//! here or in `tests/data/tree`. Nothing is downloaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Of the static command.
const TARGET: &str = "x86_64-unknown-linux-musl";
/// What is linked, and what runs while it is built.
const EDGES: &str = "normal,build";

/// Everything that the crate and its simulator may be under. All of them ask for no more than to be named; CDLA is that of
/// Mozilla's list of roots.
const LICENCES: [&str; 6] = ["Apache-2.0", "BSD-3-Clause", "CDLA-Permissive-2.0", "ISC", "MIT", "Unicode-3.0"];

/// No version from before the fixes that concern a client.
const AT_LEAST: [(&str, [u64; 3]); 6] = [
    ("ring", [0, 17, 14]),
    ("rustls", [0, 23, 46]),
    ("rustls-webpki", [0, 103, 13]),
    ("ureq", [3, 5, 2]),
    ("ureq-proto", [0, 7, 1]),
    ("zeroize", [1, 9, 2]),
];

/// Programs of others that run on the machine that builds the command.
const BUILD_SCRIPTS: [&str; 8] = ["httparse", "libc", "miniserde", "proc-macro2", "quote", "ring", "rustls", "zmij"];
const MACROS: [&str; 1] = ["mini-internal"];

/// The trees that are written down: file, and the features of the build.
const TREES: [(&str, &[&str]); 3] = [
    ("token-only-library", &["--no-default-features"]),
    ("token-only-command", &["--no-default-features", "--features", "cli"]),
    ("command", &[]),
];

fn cargo(arguments: &[&str]) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let output = command.current_dir(root).args(arguments).args(["--offline", "--locked"]).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The crates behind these edges of a build, each as `name vVERSION`, azmin left out.
fn tree(edges: &str, features: &[&str]) -> BTreeSet<String> {
    let output = cargo(&[&["tree", "--prefix", "none", "--target", TARGET, "-e", edges], features].concat());
    let crates = output.lines().map(|line| line.split(" (").next().unwrap().to_owned());
    crates.filter(|line| !line.starts_with("azmin v")).collect()
}

/// What cargo knows about the crates, by the same names.
fn packages() -> BTreeMap<String, Value> {
    let text = cargo(&["metadata", "--format-version", "1", "--filter-platform", TARGET, "--all-features"]);
    let Value::Object(mut metadata) = serde_json::from_str(&text).unwrap() else { panic!("no object") };
    let Some(Value::Array(packages)) = metadata.remove("packages") else { panic!("no packages") };
    let named = |package: Value| {
        let part = |name: &str| package[name].as_str().unwrap().to_owned();
        (format!("{} v{}", part("name"), part("version")), package)
    };
    packages.into_iter().map(named).collect()
}

fn name(package: &str) -> &str {
    package.split_once(" v").unwrap().0
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether a licence expression (SPDX, or with the slash of old manifests) can be met with what is on the list.
fn permitted(expression: &str) -> bool {
    let tokens = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens = tokens.split_whitespace().peekable();
    let permitted = either(&mut tokens);
    permitted && tokens.next().is_none()
}

type Tokens<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(tokens: &mut Tokens<'_>) -> bool {
    let mut permitted = both(tokens);
    while tokens.next_if_eq(&"OR").is_some() {
        permitted |= both(tokens);
    }
    permitted
}

fn both(tokens: &mut Tokens<'_>) -> bool {
    let mut permitted = one(tokens);
    while tokens.next_if_eq(&"AND").is_some() {
        permitted &= one(tokens);
    }
    permitted
}

fn one(tokens: &mut Tokens<'_>) -> bool {
    match tokens.next() {
        Some("(") => {
            let permitted = either(tokens);
            tokens.next() == Some(")") && permitted
        }
        Some(licence) => LICENCES.contains(&licence),
        None => false,
    }
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(MIT OR GPL-3.0-only) AND ISC", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", true),
        ("MIT WITH something", false),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(permitted(expression), expected, "{expression}");
    }
}

#[test]
fn licences_are_on_the_list() {
    let packages = packages();
    let crates = tree(EDGES, &["--all-features"]);
    assert!(crates.len() > 40);
    for package in crates {
        let licence = packages[&package]["license"].as_str().unwrap_or("none");
        assert!(permitted(licence), "{package} is under {licence}");
    }
}

#[test]
fn no_crate_is_linked_twice() {
    let crates = tree("normal", &[]);
    let names: BTreeSet<_> = crates.iter().map(|package| name(package)).collect();
    assert_eq!(names.len(), crates.len(), "{crates:?}");
}

/// In the lock files, which hold the crates of every platform: what has no source is a folder, and what has no checksum can
/// be changed by whoever holds it.
#[test]
fn every_source_is_the_registry() {
    let locks: [(&str, &[&str]); 3] = [
        ("Cargo.lock", &["azmin"]),
        ("fuzz/Cargo.lock", &["azmin", "azmin-fuzz"]),
        ("tests/model/Cargo.lock", &["azmin-model"]),
    ];
    for (lock, folders) in locks {
        let text = fs::read_to_string(root(lock)).unwrap();
        let packages: Vec<_> = text.split("[[package]]\n").skip(1).collect();
        let field = |package: &str, name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        let mut sources = BTreeSet::new();
        for package in &packages {
            let name = field(package, "name").unwrap();
            match field(package, "source") {
                Some(source) => {
                    assert!(field(package, "checksum").is_some_and(|sum| sum.len() == 64), "{lock}: {name}");
                    sources.insert(source);
                }
                None => assert!(folders.contains(&name.as_str()), "{lock}: {name} is a folder"),
            }
        }
        assert!(packages.len() > 20 && sources.len() == 1, "{lock}: {sources:?}");
        assert!(sources.iter().all(|source| source.starts_with("registry+")), "{lock}: {sources:?}");
    }
}

#[test]
fn no_version_is_from_before_the_fixes() {
    let crates = tree("normal", &[]);
    for (wanted, least) in AT_LEAST {
        let package = crates.iter().find(|package| name(package) == wanted).unwrap_or_else(|| panic!("no {wanted}"));
        let version = package.split_once(" v").unwrap().1.split(['-', '+']).next().unwrap();
        let version: Vec<u64> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(version.as_slice() >= least.as_slice(), "{package} is older than {least:?}");
    }
}

#[test]
fn what_runs_while_it_is_built_is_known() {
    let packages = packages();
    let crates = tree(EDGES, &[]);
    let with = |kind: &str| {
        let has = |package: &&String| {
            let targets = packages[*package]["targets"].as_array().unwrap();
            targets.iter().any(|target| target["kind"].as_array().unwrap().iter().any(|found| found == kind))
        };
        crates.iter().filter(has).map(|package| name(package)).collect::<Vec<_>>()
    };
    assert_eq!(with("custom-build"), BUILD_SCRIPTS);
    assert_eq!(with("proc-macro"), MACROS);
}

/// On purpose: `AZMIN_BLESS=1 cargo test --all-features --test all supply`.
#[test]
fn the_trees_are_those_written_down() {
    for (file, features) in TREES {
        let path = root(&format!("tests/data/tree/{file}.txt"));
        let found: String = tree("normal", features).iter().map(|package| format!("{package}\n")).collect();
        if std::env::var_os("AZMIN_BLESS").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        let (found, written): (BTreeSet<_>, BTreeSet<_>) = (found.lines().collect(), written.lines().collect());
        let (new, gone): (Vec<_>, Vec<_>) =
            (found.difference(&written).collect(), written.difference(&found).collect());
        let why = "if that is meant, AZMIN_BLESS=1 cargo test --all-features --test all supply";
        assert!(new.is_empty() && gone.is_empty(), "{file}: new {new:?}, gone {gone:?}; {why}");
    }
}
