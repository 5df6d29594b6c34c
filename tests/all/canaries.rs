//! A canary in everything that is secret, and a look at what every public type prints for a programmer and what a panic says.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Debug;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use azmin::arm::Client;
use azmin::simulator::fleet::{Fleet, Policy};
use azmin::simulator::{Azure, Fault, Operation, Service};
use azmin::{Cloud, Credential, Identity, Query};

use crate::support::{ARM_AUDIENCE, GROUP, Scratch, received};
use crate::tools::told;

/// Stands for every secret that a test can choose.
pub(crate) const CANARY: &str = "c4n4ry";

/// Neither a canary nor a piece of one of these tokens.
#[track_caller]
pub(crate) fn clean(name: &str, text: &str, tokens: &[String]) {
    assert!(!text.contains(CANARY), "{name}: {text}");
    for token in tokens {
        let secret = token.split_once('.').unwrap().1;
        let piece = secret.as_bytes().windows(12).find(|piece| text.contains(std::str::from_utf8(piece).unwrap()));
        assert!(piece.is_none(), "{name}: {text}");
    }
}

/// The tokens that Resource Manager was shown.
pub(crate) fn tokens(azure: &Azure) -> Vec<String> {
    let sent = received(azure, Service::Arm).into_iter();
    sent.filter_map(|request| Some(request.header("authorization")?.strip_prefix("Bearer ")?.to_owned())).collect()
}

/// The names of all types that a program can name, as the source has them.
fn public_types() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names = BTreeSet::new();
    for (file, prefix) in [
        ("lib.rs", ""),
        ("arm/mod.rs", "arm::"),
        ("simulator/mod.rs", "simulator::"),
        ("simulator/fleet.rs", "fleet::"),
    ] {
        for line in fs::read_to_string(source.join(file)).unwrap().lines() {
            let used = line.strip_prefix("pub use ").and_then(|rest| rest.trim_end_matches(';').rsplit_once("::"));
            let defined = ["pub struct ", "pub enum "].iter().find_map(|start| line.strip_prefix(start));
            let list = used.map(|(_, list)| list.trim_matches(['{', '}'])).or(defined).unwrap_or_default();
            let of_a_line = list.split(',').map(|name| name.trim().split([' ', '<', '(', ';']).next().unwrap());
            names.extend(of_a_line.filter(|name| !name.is_empty()).map(|name| format!("{prefix}{name}")));
        }
    }
    assert!(names.len() > 20, "{names:?}");
    names
}

/// Both forms.
fn debug(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn observed(shown: &Arc<Mutex<String>>) -> impl Fn(&azmin::Attempt<'_>) + Clone + Send + Sync + 'static {
    let shown = Arc::clone(shown);
    move |attempt| {
        let mut text = shown.lock().unwrap();
        text.push_str(&format!("{attempt} {} {} {:?}\n", debug(attempt), attempt.url(), attempt.error()));
        for (name, value) in attempt.sent_headers().chain(attempt.received_headers()) {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
}

/// A list's page with a link that holds a secret, and items that are one.
fn page(azure: &Azure, number: u32) -> Fault {
    let link = format!("{}/subscriptions?$skiptoken={CANARY}{number}", azure.arm());
    Fault::status(200).body(format!(r#"{{"value":[{{"key":"{CANARY}"}},{{"key":"{CANARY}"}}],"nextLink":"{link}"}}"#))
}

#[test]
fn no_public_type_shows_a_secret() {
    let builder = Azure::builder().key_vault().secret("db", CANARY).storage().blob("a/b", CANARY).app_service();
    let built = debug(&builder);
    let azure = builder.start().unwrap();
    let attempts = Arc::<Mutex<String>>::default();
    let settings = Credential::builder()
        .variable("IDENTITY_HEADER", CANARY)
        .variable("MSI_SECRET", CANARY)
        .variable("AZURE_POD_IDENTITY_AUTHORITY_HOST", "")
        .metadata_endpoint(&azure.imds())
        .source("imds")
        .identity(Identity::SystemAssigned)
        .on_attempt(observed(&attempts));
    let credential = settings.clone().build().unwrap();
    let token = credential.token(ARM_AUDIENCE).unwrap();
    let instance = credential.instance().unwrap();
    let cloud = Cloud::named(&azure.arm()).unwrap();
    let clients = Client::builder(credential.clone())
        .cloud(cloud.clone())
        .ca_pem(azure.ca_pem().as_bytes())
        .on_attempt(observed(&attempts));
    let client = clients.clone().build();
    let call = || client.get(GROUP).api_version("2016-06-01").resource(ARM_AUDIENCE).query("sig", CANARY);
    let request = client.post(GROUP).header("x-key", CANARY).query("t", CANARY).body(CANARY).resource(ARM_AUDIENCE);
    azure.on(
        Service::Arm,
        Fault::status(200).body(CANARY).header("Location", format!("https://localhost:1/?c={CANARY}")),
    );
    let answer = call().send().unwrap();
    let refusal = r#"{"error":{"code":"X","details":[{"code":"Y"}],"additionalInfo":[{"type":"PolicyViolation","info":{"policyDefinitionDisplayName":"p"}}]}}"#;
    azure.on(Service::Arm, Fault::status(403).body(refusal).header("x-trace", CANARY));
    let error = call().send().unwrap_err();
    let list =
        || client.get("/subscriptions").query("$skiptoken", CANARY).api_version("2022-12-01").resource(ARM_AUDIENCE);
    let (mut pages, mut items) = (list().pages(), list().items());
    for number in 0..3 {
        azure.on(Service::Arm, page(&azure, number));
        pages.next().unwrap().unwrap();
    }
    azure.on(Service::Arm, page(&azure, 0));
    items.next().unwrap().unwrap();
    let fault = Fault::raw(CANARY).header("x", CANARY).body(CANARY);
    let received = azure.requests();
    let fleet = Fleet::own_identities(2);
    let mut rows = vec![
        ("AccessToken", debug(&token)),
        ("Builder", debug(&settings)),
        ("Cloud", debug(&cloud)),
        ("Credential", debug(&credential)),
        ("Detail", debug(&error.details().next().unwrap())),
        ("Error", debug(&error)),
        ("ErrorKind", debug(&error.kind())),
        ("Identity", debug(&Identity::SystemAssigned)),
        ("Instance", debug(&instance)),
        ("PolicyViolation", debug(&error.policy_violations().next().unwrap())),
        ("Query", debug(&Query::parse("value[*].id").unwrap())),
        ("arm::Answer", debug(&answer)),
        ("arm::Builder", debug(&clients)),
        ("arm::Client", debug(&client)),
        ("arm::Items", debug(&items)),
        ("arm::Pages", debug(&pages)),
        ("arm::Request", debug(&request)),
        ("simulator::Azure", debug(&azure)),
        ("simulator::Builder", built),
        ("simulator::Fault", debug(&fault)),
        ("simulator::ManagedIdentity", debug(&azure.system_identity())),
        ("simulator::Operation", debug(&Operation::azure_async_operation())),
        ("simulator::Received", debug(&received)),
        ("simulator::Service", debug(&Service::Arm)),
        ("fleet::Drain", debug(&fleet.run(Policy::Azmin, 1))),
        ("fleet::Fleet", debug(&fleet)),
        ("fleet::Policy", debug(&Policy::Azmin)),
    ];
    rows.push(("Attempt", attempts.lock().unwrap().clone()));
    let tested: BTreeSet<_> = rows.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(tested, public_types(), "each public type has a row");
    for (name, text) in rows {
        clean(name, &text, &[token.secret().to_owned()]);
    }
}

const PART: &str = "AZMIN_TEST_PANICS";

/// An observer that panics, in the fetch and in the call: the text is the observer's own, and so is what a backtrace says.
#[test]
fn a_panic_says_no_secret() {
    if let Some(imds) = env::var_os(PART) {
        let observer = |_: &azmin::Attempt<'_>| panic!("the observer has had enough");
        let builder =
            Credential::builder().metadata_endpoint(imds.to_str().unwrap()).identity(Identity::SystemAssigned);
        let broken = builder.clone().on_attempt(observer).build().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| broken.token(ARM_AUDIENCE))).is_err());
        let cloud = Cloud::named(&env::var("ARM").unwrap()).unwrap();
        let client = Client::builder(builder.build().unwrap()).cloud(cloud).on_attempt(observer).build();
        let request = client.get(GROUP).query("sig", CANARY).api_version("2016-06-01").resource(ARM_AUDIENCE);
        assert!(catch_unwind(AssertUnwindSafe(|| request.send().map(|_| ()))).is_err());
        return;
    }
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "canaries::a_panic_says_no_secret", "--nocapture"]).env_clear();
    command.env(PART, azure.imds()).env("ARM", azure.arm()).env("SSL_CERT_FILE", scratch.ca(&azure));
    let output = command.env("RUST_BACKTRACE", "full").output().unwrap();
    let told = told(&output);
    assert!(output.status.success() && told.matches("the observer has had enough").count() == 2, "{told}");
    let tokens = tokens(&azure);
    assert_eq!(tokens.len(), 1);
    clean("panics", &told, &tokens);
}
