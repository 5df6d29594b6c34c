//! Which audience a host wants, cloud by cloud: exact hosts, and suffixes of whole labels.

/// The audience of `host`, which is in lower case. A table is lines of an audience and the hosts that want it: whole, or with
/// a dot in front the ends of hosts with one or more labels before them. A string each: rows of pointers would weigh three
/// times as much.
pub(super) fn audience(table: &'static str, host: &str) -> Option<&'static str> {
    table.lines().find_map(|line| {
        let (audience, patterns) = line.split_once(' ')?;
        patterns.split(' ').any(|pattern| matches(pattern, host)).then_some(audience)
    })
}

/// The host is known, its audience is not: Service Bus, Event Hubs and Relay share the suffix, and each refuses a token for
/// another (their SDKs ask for `https://servicebus.azure.net/`, `https://eventhubs.azure.net/` and `https://relay.azure.net/`,
/// over HTTP too).
pub(super) const SHARED: &str = "shared";

fn matches(pattern: &str, host: &str) -> bool {
    if pattern.starts_with('.') {
        host.strip_suffix(pattern).is_some_and(|label| !label.is_empty())
    } else {
        host == pattern
    }
}

// ARM, Key Vault, Managed HSM, Storage, Log Analytics, Application Insights: az's cloud definitions (azure-cli-core, cloud.py).
// ARM's regional hosts: "Control plane and data plane" and the polling URLs of ARM itself, which lead there.
// Microsoft Graph: "National cloud deployments". Storage's DNS zones: "Storage account overview".
// App Configuration: "Access Azure App Configuration using Microsoft Entra ID", audiences; old and new host suffix.
// SQL: "Azure services that can use managed identities", resource ids by cloud.
//
// Left out, since anybody's code answers there, and would get a token of this machine: App Service (.azurewebsites.net, its
// .scm. included). Left out, since a token of Entra is no bearer token there: Container Registry, Cosmos DB.
pub(super) const PUBLIC: &str = "\
https://management.azure.com/ management.azure.com .management.azure.com
https://graph.microsoft.com/ graph.microsoft.com
https://vault.azure.net .vault.azure.net
https://managedhsm.azure.net .managedhsm.azure.net
https://storage.azure.com/ .blob.core.windows.net .queue.core.windows.net .table.core.windows.net .file.core.windows.net \
.dfs.core.windows.net .blob.storage.azure.net .queue.storage.azure.net .table.storage.azure.net .file.storage.azure.net \
.dfs.storage.azure.net
https://api.loganalytics.io api.loganalytics.io api.loganalytics.azure.com
https://api.applicationinsights.io api.applicationinsights.io
https://appconfig.azure.com .azconfig.io .appconfig.azure.com
https://database.windows.net/ .database.windows.net
shared .servicebus.windows.net";

pub(super) const US_GOVERNMENT: &str = "\
https://management.core.usgovcloudapi.net/ management.usgovcloudapi.net .management.usgovcloudapi.net
https://graph.microsoft.us/ graph.microsoft.us
https://dod-graph.microsoft.us/ dod-graph.microsoft.us
https://vault.usgovcloudapi.net .vault.usgovcloudapi.net
https://managedhsm.usgovcloudapi.net .managedhsm.usgovcloudapi.net
https://storage.azure.com/ .blob.core.usgovcloudapi.net .queue.core.usgovcloudapi.net .table.core.usgovcloudapi.net \
.file.core.usgovcloudapi.net .dfs.core.usgovcloudapi.net
https://api.loganalytics.us api.loganalytics.us
https://api.applicationinsights.us api.applicationinsights.us
https://appconfig.azure.us .azconfig.azure.us .appconfig.azure.us
https://database.usgovcloudapi.net/ .database.usgovcloudapi.net
shared .servicebus.usgovcloudapi.net";

pub(super) const CHINA: &str = "\
https://management.core.chinacloudapi.cn/ management.chinacloudapi.cn .management.chinacloudapi.cn
https://microsoftgraph.chinacloudapi.cn microsoftgraph.chinacloudapi.cn
https://vault.azure.cn .vault.azure.cn
https://managedhsm.azure.cn .managedhsm.azure.cn
https://storage.azure.com/ .blob.core.chinacloudapi.cn .queue.core.chinacloudapi.cn .table.core.chinacloudapi.cn \
.file.core.chinacloudapi.cn .dfs.core.chinacloudapi.cn
https://api.loganalytics.azure.cn api.loganalytics.azure.cn
https://api.applicationinsights.azure.cn api.applicationinsights.azure.cn
https://appconfig.azure.cn .azconfig.azure.cn .appconfig.azure.cn
https://database.chinacloudapi.cn/ .database.chinacloudapi.cn
shared .servicebus.chinacloudapi.cn";
