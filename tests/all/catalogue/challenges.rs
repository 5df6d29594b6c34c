//! Challenges: of an Arc agent, which names a key file, and of Resource Manager, which names what a token must claim.

use std::fs;

use azmin::Error;
use azmin::simulator::{Azure, Fault, Service};

use super::keys::{Agent, KEY};
use super::lists::Evil;
use super::{Row, arm, called, credential, family, names, none, presentable, read};
use crate::support::{ARM_AUDIENCE, GROUP, received};

fn arc_rows(agent: &Agent) -> Vec<Row> {
    let more = vec![
        ("NEW KEY", agent.new_key().to_str().unwrap().into()),
        ("AT HOME", agent.folder().to_str().unwrap().into()),
        ("OUTSIDE", agent.outside().to_str().unwrap().into()),
    ];
    read("challenges.txt", &[more, names()].concat()).unwrap()
}

#[test]
fn challenges_of_an_arc_agent() {
    let agent = Agent::new();
    fs::write(agent.folder().join("inside.key"), KEY).unwrap();
    fs::create_dir(agent.folder().join("sub")).unwrap();
    fs::write(agent.folder().join("sub/inside.key"), KEY).unwrap();
    let count = arc_rows(&agent).len();
    println!("catalogue, challenges.txt: {count} answers");
    let mut wrong = Vec::new();
    for index in 0..count {
        let row = arc_rows(&agent).swap_remove(index);
        let before = agent.azure.requests().len();
        let (outcome, shown) = agent.ask(Fault::raw(row.bytes()));
        let asked = agent.azure.requests().len() - before;
        let found = outcome.as_ref().err().map_or_else(|| "token".to_owned(), |error| format!("{:?}", error.kind()));
        if found != row.outcome || asked != if found == "token" { 2 } else { 1 } {
            wrong.push(format!("{}: {found}, {asked} asked: {shown:.300}", row.name));
        }
        assert!(!shown.contains(KEY), "{}: {shown}", row.name);
    }
    none(&wrong);
}

/// C32: the key is read once, and not again for a second challenge.
#[test]
fn a_second_challenge_is_the_last_word() {
    let agent = Agent::new();
    let challenge = |path: &std::path::Path| {
        Fault::status(401).header("WWW-Authenticate", format!("Basic realm={}", path.display())).body("{}")
    };
    let (first, second) = (agent.new_key(), agent.new_key());
    let before = agent.azure.requests().len();
    agent.azure.on(Service::AzureArc, challenge(&first));
    let (outcome, _) = agent.ask(challenge(&second));
    assert_eq!(outcome.as_ref().unwrap_err().status(), Some(401), "C32: {outcome:?}");
    assert_eq!(agent.azure.requests().len() - before, 2, "C32");
}

#[test]
fn challenges_of_resource_manager() {
    let (azure, evil) = (Azure::start().unwrap(), Evil::new());
    let client = arm(&azure, &credential(&azure), &azure.arm());
    let mut wrong = Vec::new();
    for row in family("claims.txt", vec![evil.name()]) {
        let before = received(&azure, Service::Arm).len();
        row.answers.iter().for_each(|answer| azure.on(Service::Arm, Fault::raw(answer.clone())));
        let outcome = client.get(GROUP).api_version("2016-06-01").resource(ARM_AUDIENCE).send();
        let asked = received(&azure, Service::Arm).len() - before;
        let claims =
            outcome.as_ref().err().and_then(Error::claims).map_or_else(String::new, |it| format!(", claims {it}"));
        let end = match &outcome {
            Ok(answer) => answer.status().to_string(),
            Err(error) => {
                presentable(&row.name, error);
                called(error)
            }
        };
        let found = format!("{end} after {asked}{claims}");
        if found != row.outcome {
            wrong.push(format!("{}: {found} instead of {}", row.name, row.outcome));
        }
    }
    none(&wrong);
    evil.saw_nobody();
}
