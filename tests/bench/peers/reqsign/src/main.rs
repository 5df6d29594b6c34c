//! reqsign's provider for the metadata service. The audience is storage's, in the crate itself, so there is no call of
//! Resource Manager; and it keeps no token: that is left to the signer above it.

use std::error::Error;

use bench_task::{Task, task};
use reqsign_azure_storage::{Credential, ImdsCredentialProvider};
use reqsign_core::{Context, OsEnv, ProvideCredential};
use reqsign_http_send_reqwest::ReqwestHttpSend;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match task()? {
        Task::Token => println!("{}", fetch().await?),
        Task::Fresh(times) => {
            for _ in 0..times {
                fetch().await?;
            }
        }
        Task::Arm | Task::Cached(_) => return Err("reqsign does not do that".into()),
    }
    Ok(())
}

async fn fetch() -> Result<String, Box<dyn Error>> {
    let context = Context::new().with_http_send(ReqwestHttpSend::default()).with_env(OsEnv);
    match ImdsCredentialProvider::new().provide_credential(&context).await? {
        Some(Credential::BearerToken { token, .. }) => Ok(token),
        _ => Err("no token".into()),
    }
}
