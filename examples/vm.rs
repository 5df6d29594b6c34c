//! The tutorial on a real virtual machine: a token for this machine's identity, and a resource group read with it.
//!
//! Copied into a program of your own it runs as it stands. Built here it carries the stand-in's guard, which dials nothing
//! but loopback.

fn main() -> Result<(), azmin::Error> {
    let path = std::env::args().nth(1).unwrap_or_default(); // /subscriptions/…/resourceGroups/…
    let arm = azmin::arm::Client::new(azmin::Credential::detect()?);
    println!("{}", arm.get(&path).api_version("2021-04-01").send()?.text());
    Ok(())
}
