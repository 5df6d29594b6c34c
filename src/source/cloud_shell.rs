//! Azure Cloud Shell: the token is the signed-in person's.

use super::{Endpoint, Site, Source, boxed, local_site};
use crate::env::{Env, MSI_ENDPOINT};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::{Request, push_form};
use crate::identity::Identity;
use crate::token::Ask;

pub(super) struct CloudShell;

pub(super) const SOURCE: CloudShell = CloudShell;

impl Source for CloudShell {
    fn name(&self) -> &'static str {
        "cloud-shell"
    }

    fn evidence(&self) -> &'static str {
        "MSI_ENDPOINT without MSI_SECRET"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        let site = local_site(MSI_ENDPOINT, &env.get(MSI_ENDPOINT)?);
        Some(site.map(|site| boxed(Shell(site))))
    }
}

struct Shell(Site);

impl Endpoint for Shell {
    fn site(&self) -> &Site {
        &self.0
    }

    fn check(&self, identity: &Identity) -> Result<(), &'static str> {
        match identity {
            Identity::SystemAssigned => Ok(()),
            _ => Err("it speaks for the signed-in person, and takes no identity"),
        }
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, _: Option<&'a str>) -> Request<'a> {
        let mut body = String::new();
        push_form(&mut body, "resource", ask.resource);
        Request::post_form(&self.0.authority, self.0.path.clone().into_owned(), body).header("Metadata", "true")
    }

    fn advice(&self, _: u16, failure: &Failure) -> Option<&'static str> {
        failure
            .is("AudienceNotSupported")
            .then_some("Cloud Shell gives tokens for the audiences that it names, and no others")
    }
}
