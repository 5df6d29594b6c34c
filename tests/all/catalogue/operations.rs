//! Long-running operations, from the answer that begins one to its end.

use std::time::Duration;

use azmin::simulator::{Azure, Fault, Service};

use super::lists::{Evil, places};
use super::{arm, called, credential, each_in_a_thread, family, presentable};
use crate::support::{ARM_AUDIENCE, GROUP, received};

/// Each in a thread with a stand-in of its own: most of the time is pauses.
#[test]
fn operations_to_their_end() {
    let count = family("operations.txt", places(&Azure::start().unwrap(), &Evil::new())).len();
    let all: Vec<usize> = (0..count).collect();
    each_in_a_thread(all.chunks(count.div_ceil(6)).collect(), |part| {
        let (azure, evil) = (Azure::start().unwrap(), Evil::new());
        for (index, row) in family("operations.txt", places(&azure, &evil)).into_iter().enumerate() {
            if !part.contains(&index) {
                continue;
            }
            let before = received(&azure, Service::Arm).len();
            row.answers.iter().for_each(|answer| azure.on(Service::Arm, Fault::raw(answer.clone())));
            let (method, _) = row.outcome.split_once(": ").unwrap();
            let client = arm(&azure, &credential(&azure), &azure.arm());
            let request = client.request(method, GROUP).api_version("2021-04-01").resource(ARM_AUDIENCE);
            let request = if method == "DELETE" { request } else { request.body("{}") };
            let outcome = request.send().and_then(|answer| answer.wait_for(Duration::from_secs(60)));
            let asked = received(&azure, Service::Arm).len() - before;
            let end = match &outcome {
                Ok(answer) => format!("{} {}", answer.status(), String::from_utf8_lossy(answer.bytes())),
                Err(error) => {
                    presentable(&row.name, error);
                    called(error)
                }
            };
            let found = format!("{method}: {}, {asked} asked", end.trim_end());
            assert_eq!(found, row.outcome, "{}", row.name);
            assert_eq!(asked, row.answers.len(), "{}", row.name);
        }
        evil.saw_nobody();
    });
}
