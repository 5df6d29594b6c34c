//! An agent that holds a client for hours: tokens are kept and refreshed, connections reused, every wait bounded, and errors
//! told apart by what can be done about them.
//!
//!     cargo run --example agent --features simulator -- 5

use std::time::Duration;

use azmin::arm::Client;
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Cloud, Credential, Error, ErrorKind};

const GROUP: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(3), |rounds| rounds.parse())?;
    let azure = Azure::start()?;
    azure.on(Service::Arm, Fault::status(503).header("Retry-After", "1"));

    let credential =
        Credential::builder().metadata_endpoint(&azure.imds()).deadline(Duration::from_secs(30)).build()?;
    let client = Client::builder(credential)
        .cloud(Cloud::named(&azure.arm())?)
        .ca_pem(azure.ca_pem().as_bytes())
        .deadline(Duration::from_secs(30))
        .on_attempt(|attempt| eprintln!("{attempt}"))
        .build();
    for round in 1..=rounds {
        match look(&client) {
            Ok(group) => println!("round {round}: {group}"),
            Err(error) if error.is_transient() => println!("round {round}: later: {error}"),
            Err(error) if error.kind() == ErrorKind::AccessDenied => {
                println!("round {round}: a role is missing: {error}")
            }
            Err(error) => return Err(error.into()),
        }
        // A real agent would sleep until its next round here.
    }
    println!("{} requests for {rounds} rounds: one token, then one call each", azure.requests().len());
    Ok(())
}

fn look(client: &Client) -> Result<String, Error> {
    let request = client.get(GROUP).api_version("2016-06-01").resource("https://management.azure.com/");
    Ok(request.send()?.text())
}
