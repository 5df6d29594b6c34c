//! What Azure puts into the environment of a program, by where it runs it.

use std::net::SocketAddr;

use super::Service;
use super::world::{ManagedIdentity, TENANT, World};

/// The variables for a service that listens there.
pub(super) fn variables(world: &World, service: Service, address: SocketAddr) -> Vec<(&'static str, String)> {
    let endpoints = &world.endpoints;
    let (plain, port) = (format!("http://{address}"), address.port());
    let client = || world.workload().map(ManagedIdentity::client_id).unwrap_or_default().to_owned();
    match service {
        Service::Imds => vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", plain)],
        Service::Arm | Service::KeyVault | Service::Storage => Vec::new(),
        Service::AppService => {
            let (endpoint, secret) = (format!("{plain}/msi/token/"), endpoints.app_service_header.clone());
            vec![
                ("IDENTITY_ENDPOINT", endpoint.clone()),
                ("IDENTITY_HEADER", secret.clone()),
                ("MSI_ENDPOINT", endpoint),
                ("MSI_SECRET", secret),
            ]
        }
        Service::AzureArc => {
            vec![("IDENTITY_ENDPOINT", format!("{plain}/metadata/identity/oauth2/token")), ("IMDS_ENDPOINT", plain)]
        }
        Service::ServiceFabric => vec![
            ("IDENTITY_ENDPOINT", format!("https://localhost:{port}/metadata/identity/oauth2/token")),
            ("IDENTITY_HEADER", endpoints.service_fabric_secret.clone()),
            ("IDENTITY_SERVER_THUMBPRINT", endpoints.service_fabric_thumbprint.clone()),
        ],
        Service::AzureMl => vec![
            ("MSI_ENDPOINT", format!("{plain}/msi/token")),
            ("MSI_SECRET", endpoints.azure_ml_secret.clone()),
            ("DEFAULT_IDENTITY_CLIENT_ID", client()),
        ],
        Service::CloudShell => vec![("MSI_ENDPOINT", format!("http://localhost:{port}/oauth2/token"))],
        Service::Entra => vec![
            ("AZURE_CLIENT_ID", client()),
            ("AZURE_TENANT_ID", TENANT.to_owned()),
            ("AZURE_FEDERATED_TOKEN_FILE", endpoints.assertions.file.display().to_string()),
            ("AZURE_AUTHORITY_HOST", format!("https://localhost:{port}/")),
        ],
    }
}
