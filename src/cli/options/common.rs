//! The options of every command, and those of `token` and `doctor`.

use azmin::Identity;

use super::{CLOUDS, Opt, duration, store};
use crate::cli::{ALL, DOCTOR, REST, TOKEN};

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        short: None,
        long: Some("resource"),
        value: Some("URI"),
        on: TOKEN | REST | DOCTOR,
        about: "audience of the token, as its service documents it (default: Azure Resource Manager's, or the URL's)",
        set: |options, value| store(&mut options.resource, value),
    },
    Opt {
        short: None,
        long: Some("scope"),
        value: Some("URI/.default"),
        on: TOKEN,
        about: "the same in scope form",
        set: |options, value| store(&mut options.scope, value),
    },
    Opt {
        short: None,
        long: Some("for"),
        value: Some("URL"),
        on: TOKEN,
        about: "the audience of the service behind this URL",
        set: |options, value| store(&mut options.url_for, value),
    },
    Opt {
        short: Some('o'),
        long: None,
        value: Some("FORMAT"),
        on: TOKEN | DOCTOR,
        about: "raw (default): the token; json: the token and what is known about it; header: Authorization: Bearer …; \
                curl: a line for `curl -K -`",
        set: |options, value| store(&mut options.format, value),
    },
    Opt {
        short: Some('O'),
        long: None,
        value: Some("FILE"),
        on: ALL,
        about: "write there instead, readable by the owner only",
        set: |options, value| store(&mut options.file, value),
    },
    Opt {
        short: None,
        long: Some("source"),
        value: Some("NAME"),
        on: ALL,
        about: "identity source: auto (default), imds, app-service, azure-arc, service-fabric, azure-ml, cloud-shell, workload",
        set: |options, value| store(&mut options.source, value),
    },
    Opt {
        short: None,
        long: Some("client-id"),
        value: Some("ID"),
        on: ALL,
        about: "user-assigned identity by client id (default: $AZURE_CLIENT_ID)",
        set: |options, value| {
            options.identities.push(Identity::ClientId(value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("object-id"),
        value: Some("ID"),
        on: ALL,
        about: "user-assigned identity by object id",
        set: |options, value| {
            options.identities.push(Identity::ObjectId(value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("resource-id"),
        value: Some("ID"),
        on: ALL,
        about: "user-assigned identity by resource id",
        set: |options, value| {
            options.identities.push(Identity::ResourceId(value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("system-assigned"),
        value: None,
        on: ALL,
        about: "the system-assigned identity, whatever $AZURE_CLIENT_ID says",
        set: |options, _| {
            options.system_assigned = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("cloud"),
        value: Some("NAME"),
        on: ALL,
        about: CLOUDS,
        set: |options, value| store(&mut options.cloud, value),
    },
    Opt {
        short: None,
        long: Some("deadline"),
        value: Some("DUR"),
        on: ALL,
        about: "the command ends by then: 90, 90s, 500ms, 5m, 1h (default: 120s)",
        set: |options, value| store(&mut options.deadline, duration(&value)?),
    },
    Opt {
        short: None,
        long: Some("wait-identity"),
        value: Some("DUR"),
        on: ALL,
        about: "until then wait for an identity endpoint that is not there or not ready, as at boot (default: 0)",
        set: |options, value| store(&mut options.wait_identity, duration(&value)?),
    },
    #[cfg(feature = "https")]
    Opt {
        short: None,
        long: Some("ca-file"),
        value: Some("PEM"),
        on: ALL,
        about: "trust these CAs as well as the bundled ones ($SSL_CERT_FILE does the same)",
        set: |options, value| store(&mut options.ca_file, value),
    },
    Opt {
        short: Some('v'),
        long: None,
        value: None,
        on: ALL,
        about: "trace each attempt on stderr, without secrets; -vv: with headers",
        set: |options, _| {
            options.verbose = options.verbose.saturating_add(1);
            Ok(())
        },
    },
    Opt {
        short: Some('q'),
        long: None,
        value: None,
        on: ALL,
        about: "no warnings and no heart-beat on stderr",
        set: |options, _| {
            options.quiet = true;
            Ok(())
        },
    },
    Opt {
        short: Some('h'),
        long: Some("help"),
        value: None,
        on: ALL,
        about: "print this",
        set: |options, _| {
            options.help = true;
            Ok(())
        },
    },
    Opt {
        short: Some('V'),
        long: Some("version"),
        value: None,
        on: ALL,
        about: "print the version",
        set: |options, _| {
            options.version = true;
            Ok(())
        },
    },
];
