//! Azure Machine Learning's compute, and App Service's protocol of 2017-09-01, which is the same.

use zeroize::Zeroizing;

use super::{Endpoint, NOT_ASSIGNED, Site, Source, boxed, local_site};
use crate::env::{Env, MSI_ENDPOINT, MSI_SECRET};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_query};
use crate::identity::Identity;
use crate::token::Ask;

pub(super) struct AzureMl;

pub(super) const SOURCE: AzureMl = AzureMl;

impl Source for AzureMl {
    fn name(&self) -> &'static str {
        "azure-ml"
    }

    fn evidence(&self) -> &'static str {
        "MSI_ENDPOINT and MSI_SECRET"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        let (url, secret) = (env.get(MSI_ENDPOINT)?, Zeroizing::new(env.get(MSI_SECRET)?));
        let default_client_id = env.get("DEFAULT_IDENTITY_CLIENT_ID");
        let site = local_site(MSI_ENDPOINT, &url);
        Some(site.map(|site| boxed(MsiEndpoint { site, secret, default_client_id })))
    }
}

struct MsiEndpoint {
    site: Site,
    secret: Zeroizing<String>,
    default_client_id: Option<String>,
}

impl Endpoint for MsiEndpoint {
    fn site(&self) -> &Site {
        &self.site
    }

    fn check(&self, identity: &Identity) -> Result<(), &'static str> {
        match identity {
            Identity::SystemAssigned | Identity::ClientId(_) => Ok(()),
            _ => Err("it chooses a user-assigned identity by its client id only"),
        }
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, _: Option<&'a str>) -> Request<'a> {
        let mut target = self.site.path.clone().into_owned();
        push_query(&mut target, "api-version", "2017-09-01");
        push_query(&mut target, "resource", ask.resource);
        let named = if let Identity::ClientId(id) = ask.identity { Some(id) } else { None };
        if let Some(id) = named.or(self.default_client_id.as_ref()) {
            push_query(&mut target, "clientid", id);
        }
        Request::get(&self.site.authority, target).header("Secret", &**self.secret)
    }

    fn advice(&self, status: u16, failure: &Failure) -> Option<&'static str> {
        (status == 400 && failure.message_starts("No MSI found")).then_some(NOT_ASSIGNED)
    }
}
