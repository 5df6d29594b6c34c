//! Azure Arc-enabled servers: the agent names a file that only privileged users can read, and wants its content back.
//!
//! "Authenticate against Azure resources with Azure Arc-enabled servers", Microsoft Learn.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::{Endpoint, KeyFile, Site, Source, Transport, local_site, push_identity};
use crate::env::{ENDPOINT, Env, IMDS_ENDPOINT};
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::http::{Request, Response, push_query};
use crate::token::Ask;

/// The agent as its shells' variables speak of it.
pub(super) struct AzureArc;

pub(super) const SOURCE: AzureArc = AzureArc;

/// The agent as it is found on the disk: services and containers do not get its variables.
pub(super) struct Installed;

pub(super) const INSTALLED: Installed = Installed;

impl Source for AzureArc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn evidence(&self) -> &'static str {
        "IDENTITY_ENDPOINT and IMDS_ENDPOINT, or the installed agent"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        env.get(IMDS_ENDPOINT)?;
        Some(agent(env, &env.get(ENDPOINT)?))
    }

    fn assume(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        Some(agent(env, DEFAULT))
    }
}

impl Source for Installed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn evidence(&self) -> &'static str {
        "the installed agent"
    }

    fn detect(&self, env: &Env) -> Option<Result<Box<dyn Endpoint>, Error>> {
        env.has_file(&program(env)?).then(|| agent(env, DEFAULT))
    }
}

fn agent(env: &Env, url: &str) -> Result<Box<dyn Endpoint>, Error> {
    let site = local_site(ENDPOINT, url)?;
    // The key would be sent in the clear: never off this machine.
    if !matches!(&site.transport, Transport::Plain(addresses) if addresses.iter().all(|address| address.ip().is_loopback()))
    {
        return Err(Error::invalid(format!(
            "{ENDPOINT} is no usable identity endpoint: Arc's must be a loopback address"
        )));
    }
    let directory = env
        .key_directory()
        .or_else(|| key_directory(env))
        .ok_or_else(|| Error::invalid("Arc's agent is for Linux and Windows"))?;
    Ok(Box::new(Agent { site, directory }))
}

fn program(env: &Env) -> Option<Cow<'static, Path>> {
    if cfg!(windows) {
        let programs = PathBuf::from(env.get("ProgramFiles")?);
        return Some(programs.join("AzureConnectedMachineAgent").join("himds.exe").into());
    }
    cfg!(target_os = "linux").then(|| Path::new("/opt/azcmagent/bin/himds").into())
}

fn key_directory(env: &Env) -> Option<PathBuf> {
    if cfg!(windows) {
        return Some(PathBuf::from(env.get("ProgramData")?).join("AzureConnectedMachineAgent").join("Tokens"));
    }
    cfg!(target_os = "linux").then(|| PathBuf::from("/var/opt/azcmagent/tokens"))
}

struct Agent {
    site: Site,
    directory: PathBuf,
}

impl Endpoint for Agent {
    fn site(&self) -> &Site {
        &self.site
    }

    fn request<'a>(&'a self, ask: &Ask<'a>, key: Option<&'a str>) -> Request<'a> {
        let mut target = self.site.path.clone().into_owned();
        push_query(&mut target, "api-version", "2020-06-01");
        push_query(&mut target, "resource", ask.resource);
        push_identity(&mut target, ask.identity, "msi_res_id");
        let request = Request::get(&self.site.authority, target).header("Metadata", "true");
        match key {
            Some(key) => request.header("Authorization", ["Basic ", key].concat()),
            None => request,
        }
    }

    fn challenge(&self, response: &Response) -> Result<Option<KeyFile>, Error> {
        let refused = |why: &str| {
            let step = format!("the answer of {NAME} does not come from its agent: {why}");
            Err(Error::new(ErrorKind::BadAnswer, step).answered(response.status, Failure::default()))
        };
        match response.status {
            401 => {}
            // A token without a challenge is somebody else's idea of this endpoint.
            200..=399 => return refused("it asked for no proof"),
            _ => return Ok(None),
        }
        let mut realms = Vec::new();
        for (name, value) in response.headers() {
            if name.eq_ignore_ascii_case("www-authenticate") {
                realms.append(&mut crate::http::basic_realms(value));
            }
        }
        let [realm] = realms.as_slice() else { return refused("it names no key file, or several") };
        match key_file(&self.directory, realm) {
            Some(path) => Ok(Some(KeyFile { path, directory: self.directory.clone() })),
            None => refused("it names a file that is not one of the agent's keys"),
        }
    }

    /// Old agents ignore which identity was asked for, and answer for the machine's own.
    fn is_strict(&self) -> bool {
        true
    }

    fn is_passing(&self, status: u16) -> bool {
        matches!(status, 408 | 410 | 429 | 500..=599)
    }
}

/// The path, if it names a key directly in the agent's directory. Compared as text, before the disk is touched.
pub(crate) fn key_file(agents: &Path, realm: &str) -> Option<PathBuf> {
    let (directory, name) = realm.rsplit_once(['/', if cfg!(windows) { '\\' } else { '/' }])?;
    let same = if cfg!(windows) {
        directory.replace('\\', "/").eq_ignore_ascii_case(&agents.to_string_lossy().replace('\\', "/"))
    } else {
        Path::new(directory).as_os_str() == agents.as_os_str()
    };
    let stem = name.strip_suffix(".key")?;
    let plain = stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (same && plain && !stem.is_empty() && !stem.starts_with('.')).then(|| agents.join(name))
}

const NAME: &str = "azure-arc";
const DEFAULT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn where_the_agent_is_installed() {
        assert_eq!(program(&Env::fixed(&[])).as_deref(), Some(Path::new("/opt/azcmagent/bin/himds")));
    }

    #[test]
    fn only_the_agents_keys_are_read() {
        let found = |realm| key_file(Path::new("/var/opt/azcmagent/tokens"), realm);
        assert_eq!(
            found("/var/opt/azcmagent/tokens/a-1.key"),
            Some(PathBuf::from("/var/opt/azcmagent/tokens/a-1.key"))
        );
        for realm in [
            "",
            "x.key",
            "/etc/shadow",
            "/etc/passwd.key",
            "/path/to/secret.txt",
            "/var/opt/azcmagent/tokens/../../../etc/x.key",
            "/var/opt/azcmagent/tokens//x.key",
            "/var/opt/azcmagent/tokens/./x.key",
            "/var/opt/azcmagent/tokens/sub/x.key",
            "/var/opt/azcmagent/tokens/.key",
            "/var/opt/azcmagent/tokens/..key",
            "/var/opt/azcmagent/tokens/x.KEY",
            "/var/opt/azcmagent/tokens/x.key ",
            "/var/opt/azcmagent/tokens/x.key\0",
            "/var/opt/azcmagent/tokens/%78.key",
            "/var/opt/azcmagent/tokens/x",
            "/VAR/opt/azcmagent/tokens/x.key",
            "C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens\\x.key",
            "/var/opt/azcmagent/tokens\\x.key",
            "/var/opt/azcmagent/tokens/é.key",
        ] {
            assert_eq!(found(realm), None, "{realm:?}");
        }
    }
}
