//! ureq and serde_json, straight from their documentation.

use std::error::Error;
use std::{env, fs};

use bench_task::{GROUP, RESOURCE, Task, task};
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    match task()? {
        Task::Token => println!("{}", token(&agent()?)?),
        Task::Arm => {
            let agent = agent()?;
            let bearer = format!("Bearer {}", token(&agent)?);
            println!("{}", agent.get(GROUP).header("Authorization", bearer).call()?.body_mut().read_to_string()?);
        }
        Task::Fresh(times) => {
            for _ in 0..times {
                token(&agent()?)?;
            }
        }
        Task::Cached(_) => return Err("nobody keeps a token here".into()),
    }
    Ok(())
}

fn token(agent: &Agent) -> Result<String, Box<dyn Error>> {
    let request = agent
        .get("http://169.254.169.254/metadata/identity/oauth2/token")
        .query("api-version", "2018-02-01")
        .query("resource", RESOURCE)
        .header("Metadata", "true");
    Ok(request.call()?.body_mut().read_json::<Token>()?.access_token)
}

/// The stand-in's CA stands in place of the bundled roots, for ureq cannot have both.
fn agent() -> Result<Agent, Box<dyn Error>> {
    let Some(file) = env::var_os("SSL_CERT_FILE") else {
        return Ok(Agent::new_with_defaults());
    };
    let roots = RootCerts::new_with_certs(&[Certificate::from_pem(&fs::read(file)?)?]);
    Ok(Agent::config_builder().tls_config(TlsConfig::builder().root_certs(roots).build()).build().into())
}
