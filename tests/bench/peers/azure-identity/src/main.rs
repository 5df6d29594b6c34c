//! azure_identity, and reqwest for the call that it has no client for.

use std::error::Error;
use std::time::Instant;

use azure_core::credentials::TokenCredential;
use azure_identity::ManagedIdentityCredential;
use bench_task::{GROUP, RESOURCE, Task, print_each, task};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let scope = format!("{RESOURCE}.default");
    let scopes = &[scope.as_str()];
    match task()? {
        Task::Token => {
            let token = ManagedIdentityCredential::new(None)?.get_token(scopes, None).await?;
            println!("{}", token.token.secret());
        }
        Task::Arm => {
            let token = ManagedIdentityCredential::new(None)?.get_token(scopes, None).await?;
            let request = reqwest::Client::new().get(GROUP).bearer_auth(token.token.secret());
            println!("{}", request.send().await?.error_for_status()?.text().await?);
        }
        Task::Fresh(times) => {
            for _ in 0..times {
                ManagedIdentityCredential::new(None)?.get_token(scopes, None).await?;
            }
        }
        Task::Cached(times) => {
            let credential = ManagedIdentityCredential::new(None)?;
            credential.get_token(scopes, None).await?;
            let begun = Instant::now();
            for _ in 0..times {
                credential.get_token(scopes, None).await?;
            }
            print_each(begun, times);
        }
    }
    Ok(())
}
