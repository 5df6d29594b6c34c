//! The tutorial without Azure: a stand-in on loopback, the real flow over real HTTP and real TLS, step by step.
//!
//!     cargo run --example quickstart --features simulator

use azmin::arm::Client;
use azmin::simulator::Azure;
use azmin::{Cloud, Credential, Identity};

const GROUP: &str = "/subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let azure = Azure::start()?;
    println!("A stand-in for Azure listens on loopback.");
    println!("  metadata endpoint  {}", azure.imds());
    println!("  resource manager   {}\n", azure.arm());

    println!("1. The machine asks its metadata endpoint for a token for Azure Resource Manager.");
    let credential =
        Credential::builder().metadata_endpoint(&azure.imds()).identity(Identity::SystemAssigned).build()?;
    let token = credential.token("https://management.azure.com/")?;
    for request in azure.requests() {
        println!(
            "   {} {}\n   Metadata: {}",
            request.method(),
            request.target(),
            request.header("Metadata").unwrap_or("-")
        );
    }
    let shown: String = token.secret().chars().take(24).collect();
    println!("   -> token {shown}… ({} characters; the stand-in's, good for nothing else)", token.secret().len());
    println!("      client id {}", token.client_id().unwrap_or("-"));
    println!("      tenant    {}", token.claim("tid").unwrap_or_default());
    println!("      identity  {}\n", token.claim("xms_mirid").unwrap_or_default());

    println!("2. With the token it reads a resource group, over TLS.");
    let arm = Client::builder(credential).cloud(Cloud::named(&azure.arm())?).ca_pem(azure.ca_pem().as_bytes()).build();
    let answer = arm.get(GROUP).api_version("2016-06-01").resource("https://management.azure.com/").send()?;
    println!("   GET {GROUP}?api-version=2016-06-01");
    println!("   -> {} {}", answer.status(), answer.text());
    Ok(())
}
