//! Workload identity of AKS and others: a service account's token is exchanged for one of Entra's.
//!
//! "Microsoft Entra Workload ID with Azure Kubernetes Service", Microsoft Learn; RFC 7523, section 2.2.

use std::path::PathBuf;

use super::{Endpoint, Site, Source, Transport, boxed, tls_site};
use crate::env::{AUTHORITY_HOST, CLIENT_ID, Env, FEDERATED_TOKEN_FILE, TENANT_ID};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_form};
use crate::identity::Identity;
use crate::token::Ask;

pub(super) struct Workload;

pub(super) const SOURCE: Workload = Workload;

impl Source for Workload {
    fn name(&self) -> &'static str {
        "workload"
    }

    fn evidence(&self) -> &'static str {
        "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        let (client_id, tenant, file) = (env.get(CLIENT_ID)?, env.get(TENANT_ID)?, env.get(FEDERATED_TOKEN_FILE)?);
        let authority = env.get(AUTHORITY_HOST);
        let authority =
            authority.as_deref().map_or("https://login.microsoftonline.com", |host| host.trim_end_matches('/'));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if !tenant.bytes().all(allowed) {
            return Some(Err(Error::invalid(format!("{TENANT_ID} has characters that no tenant has"))));
        }
        let site = tls_site(AUTHORITY_HOST, &format!("{authority}/{tenant}/oauth2/v2.0/token"), Transport::Tls);
        Some(site.map(|site| boxed(Exchange { site, client_id, file: file.into() })))
    }
}

struct Exchange {
    site: Site,
    client_id: String,
    file: PathBuf,
}

impl Endpoint for Exchange {
    fn site(&self) -> &Site {
        &self.site
    }

    fn check(&self, identity: &Identity) -> Result<(), &'static str> {
        match identity {
            Identity::SystemAssigned | Identity::ClientId(_) => Ok(()),
            _ => Err("it knows identities by their client id only"),
        }
    }

    /// Read for every exchange: the kubelet replaces it within the hour.
    fn assertion_file(&self) -> Option<PathBuf> {
        Some(self.file.clone())
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, key: Option<&'a str>) -> Request<'a> {
        let client_id = if let Identity::ClientId(id) = ask.identity { id } else { &self.client_id };
        let key = key.unwrap_or_default();
        // Room for all of it, each byte encoded: growing would leave pieces of the assertion behind.
        let mut body = String::with_capacity(3 * (key.len() + client_id.len() + ask.resource.len()) + ROOM);
        push_form(&mut body, "grant_type", "client_credentials");
        push_form(&mut body, "client_id", client_id);
        push_form(&mut body, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        push_form(&mut body, "client_assertion", key);
        // A resource's own trailing slash stays: `https://management.core.windows.net//.default`.
        push_form(&mut body, "scope", &[ask.resource, "/.default"].concat());
        Request::post_form(&self.site.authority, self.site.path.clone().into_owned(), body)
    }

    fn advice(&self, _: u16, failure: &Failure) -> Option<&'static str> {
        if failure.message_starts("AADSTS700016") {
            return Some("no such client id in that tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID");
        }
        if failure.message_starts("AADSTS70021") || failure.message_starts("AADSTS700213") {
            return Some(
                "no federated credential matches: check issuer, subject and audience of the identity's federation",
            );
        }
        None
    }
}

/// For the names and the fixed values.
const ROOM: usize = 256;
