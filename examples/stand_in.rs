//! Runs the stand-in Azure for shell scripts, curl and other languages, until its standard input ends.
//!
//! ```sh
//! mkfifo hold; cargo run --example stand_in --features simulator -- --ca ca.pem < hold > env &
//! exec 3> hold; until [ -s env ]; do sleep 0.1; done; . ./env
//! curl -H Metadata:true "$AZURE_POD_IDENTITY_AUTHORITY_HOST/metadata/identity/info?api-version=2018-02-01"
//! exec 3>&-
//! ```
//!
//! `--key-vault` and `--storage` start these as well, at `$KEY_VAULT` and `$STORAGE`.
//!
//! `--app-service` and its like start that endpoint too, and print its variables. Where there are several, a comment line
//! names each, and a client gets the lines below one of them: `eval "$(sed -n '/^# azure-arc$/,/^#/p' env)"`.

use std::error::Error;
use std::io::{self, Write};
use std::path::{self, Path};
use std::{env, fs};

use azmin::simulator::{Azure, Builder, Service};

const USAGE: &str = "usage: stand_in --ca FILE [--imds ADDR] [--arm ADDR] [--user NAME]... [--no-system] [--app-service] \
                     [--azure-arc] [--service-fabric] [--azure-ml] [--cloud-shell] [--workload] \
                     [--key-vault] [--secret NAME=VALUE]... [--storage] [--blob CONTAINER/NAME=TEXT]...";

type Start = fn(Builder) -> Builder;

/// Each has environment variables of its own, which exclude the others'.
const ENDPOINTS: [(&str, Service, Start); 6] = [
    ("app-service", Service::AppService, Builder::app_service),
    ("azure-arc", Service::AzureArc, Builder::azure_arc),
    ("service-fabric", Service::ServiceFabric, Builder::service_fabric),
    ("azure-ml", Service::AzureMl, Builder::azure_ml),
    ("cloud-shell", Service::CloudShell, Builder::cloud_shell),
    ("workload", Service::Entra, Builder::workload),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut ca = None;
    let mut asked_for = Vec::new();
    let mut builder = Azure::builder();
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(USAGE);
        builder = match arg.as_str() {
            "--ca" => {
                ca = Some(value()?);
                builder
            }
            "--imds" => builder.imds_address(value()?.parse()?),
            "--arm" => builder.arm_address(value()?.parse()?),
            "--user" => builder.user_assigned(value()?),
            "--no-system" => builder.system_assigned(false),
            "--key-vault" => builder.key_vault(),
            "--storage" => builder.storage(),
            "--secret" => {
                let secret = value()?;
                let (name, value) = secret.split_once('=').ok_or(USAGE)?;
                builder.secret(name, value)
            }
            "--blob" => {
                let blob = value()?;
                let (path, text) = blob.split_once('=').ok_or(USAGE)?;
                builder.blob(path, text)
            }
            option => {
                let known = ENDPOINTS.iter().find(|(name, ..)| option.strip_prefix("--") == Some(name));
                let (name, service, start) = known.ok_or(USAGE)?;
                asked_for.push((name, *service));
                start(builder)
            }
        };
    }
    let ca = ca.ok_or(USAGE)?;
    let azure = builder.start()?;
    write_readable(Path::new(&ca), azure.ca_pem())?;
    // The client may run in another directory.
    let ca = path::absolute(&ca)?.display().to_string();

    let mut out = io::stdout().lock();
    writeln!(out, "export AZURE_POD_IDENTITY_AUTHORITY_HOST={}", azure.imds())?;
    writeln!(out, "export ARM={}", azure.arm())?;
    for (name, url) in [("KEY_VAULT", azure.key_vault()), ("STORAGE", azure.storage())] {
        if !url.is_empty() {
            writeln!(out, "export {name}={url}")?;
        }
    }
    writeln!(out, "export SSL_CERT_FILE={}", quoted(&ca))?;
    for (name, service) in &asked_for {
        if asked_for.len() > 1 {
            writeln!(out, "# {name}")?;
        }
        for (name, value) in azure.env(*service) {
            writeln!(out, "export {name}={}", quoted(&value))?;
        }
    }
    out.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

/// As the shell reads it back.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Mode 0644 whatever the umask: the client may be another user.
fn write_readable(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    Ok(())
}
