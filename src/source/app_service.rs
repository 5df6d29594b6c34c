//! App Service, Functions, Container Apps and Automation.
//!
//! "How to use managed identities for App Service and Azure Functions", REST endpoint reference, Microsoft Learn.

use zeroize::Zeroizing;

use super::{Endpoint, Site, Source, boxed, local_site, push_identity};
use crate::env::{ENDPOINT, Env, HEADER};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_query};
use crate::token::Ask;

pub(super) struct AppService;

pub(super) const SOURCE: AppService = AppService;

impl Source for AppService {
    fn name(&self) -> &'static str {
        "app-service"
    }

    fn evidence(&self) -> &'static str {
        "IDENTITY_ENDPOINT and IDENTITY_HEADER"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        let (url, header) = (env.get(ENDPOINT)?, env.get(HEADER)?);
        let site = local_site(ENDPOINT, &url);
        Some(site.map(|site| boxed(TokenService { site, header: Zeroizing::new(header) })))
    }
}

struct TokenService {
    site: Site,
    header: Zeroizing<String>,
}

impl Endpoint for TokenService {
    fn site(&self) -> &Site {
        &self.site
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, _: Option<&'a str>) -> Request<'a> {
        let mut target = self.site.path.clone().into_owned();
        push_query(&mut target, "api-version", "2019-08-01");
        push_query(&mut target, "resource", ask.resource);
        // `msi_res_id` is ignored in silence here, and the system-assigned identity answers.
        push_identity(&mut target, ask.identity, "mi_res_id");
        // Automation's sandboxes, which use the same variables, want `Metadata` as well.
        Request::get(&self.site.authority, target)
            .header("X-IDENTITY-HEADER", &**self.header)
            .header("Metadata", "true")
    }

    fn advice(&self, status: u16, _: &Failure) -> Option<&'static str> {
        match status {
            400 | 404 | 500 => {
                Some("check that the identity is assigned to the app, and that the resource is a known audience")
            }
            401 => Some("the platform has changed IDENTITY_HEADER: start the process again"),
            _ => None,
        }
    }
}
