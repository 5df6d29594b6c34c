//! The instance metadata service of virtual machines and scale sets, and of Container Instances.
//!
//! "How to use managed identities for Azure resources on an Azure VM to acquire an access token", Microsoft Learn.

use std::borrow::Cow;

use super::{Endpoint, Site, Source, boxed, local_site, push_identity};
use crate::env::{AUTHORITY_HOST_OF_IMDS, Env};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_query};
use crate::token::Ask;

pub(super) struct Imds;

pub(super) const SOURCE: Imds = Imds;

impl Source for Imds {
    fn name(&self) -> &'static str {
        "imds"
    }

    fn evidence(&self) -> &'static str {
        "the absence of all others"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        let host = env.get(AUTHORITY_HOST_OF_IMDS);
        let host = host.as_deref().map_or(DEFAULT_HOST, |host| host.trim_end_matches('/'));
        let site = local_site(AUTHORITY_HOST_OF_IMDS, host).and_then(|site| match &*site.path {
            "/" => Ok(Site { path: Cow::Borrowed(PATH), ..site }),
            _ => Err(Error::invalid(format!("{AUTHORITY_HOST_OF_IMDS} must be http://HOST[:PORT] and nothing else"))),
        });
        Some(site.map(|site| boxed(MetadataService(site))))
    }
}

struct MetadataService(Site);

impl Endpoint for MetadataService {
    fn site(&self) -> &Site {
        &self.0
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, _: Option<&'a str>) -> Request<'a> {
        let mut target = String::with_capacity(256);
        target.push_str(&self.0.path);
        push_query(&mut target, "api-version", API_VERSION);
        push_query(&mut target, "resource", ask.resource);
        // `mi_res_id` would do on a VM, but Container Instances know only `msi_res_id`.
        push_identity(&mut target, ask.identity, "msi_res_id");
        Request::get(&self.0.authority, target).header("Metadata", "true")
    }

    #[cfg(feature = "https")]
    fn instance_request(&self) -> Option<Request<'_>> {
        Some(Request::get(&self.0.authority, INSTANCE.to_owned()).header("Metadata", "true"))
    }

    /// The documentation's table; 410 lasts up to 70 seconds.
    fn is_passing(&self, status: u16) -> bool {
        matches!(status, 404 | 408 | 410 | 429 | 500..=599)
    }

    fn advice(&self, status: u16, _: &Failure) -> Option<&'static str> {
        (status == 403)
            .then_some("a guest proxy agent or a container's network denies this process the metadata endpoint")
    }
}

const DEFAULT_HOST: &str = "http://169.254.169.254";
const PATH: &str = "/metadata/identity/oauth2/token";
/// The version of the documentation, which every cloud and Container Instances serve.
const API_VERSION: &str = "2018-02-01";
/// The newest version that sovereign clouds and Azure Stack were seen to serve too.
#[cfg(feature = "https")]
const INSTANCE: &str = "/metadata/instance?api-version=2021-02-01";
