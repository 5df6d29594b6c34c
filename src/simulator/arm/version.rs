//! Which api-versions there are.

use super::super::refusal::error;
use super::super::request::Received;
use super::super::response::Response;
use super::super::world::LOCATION;

/// Those of Azure Resource Manager itself.
pub(super) fn check(request: &Received) -> Result<(), Response> {
    let Some(version) = request.parameter("api-version") else {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(error(400, "MissingApiVersionParameter", message));
    };
    if VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(&version)) {
        return Ok(());
    }
    let message =
        format!("The api-version '{version}' is invalid. The supported versions are '{}'.", VERSIONS.join(","));
    Err(error(400, "InvalidApiVersionParameter", &message))
}

/// Those of a resource provider: it names the ones there are, or else takes any that is a date.
pub(super) fn check_provider(request: &Received, namespace: &str, kind: &str) -> Result<(), Response> {
    let Some(version) = request.parameter("api-version") else { return check(request) };
    let machines = namespace.eq_ignore_ascii_case("Microsoft.Compute") && kind.eq_ignore_ascii_case("virtualMachines");
    let known = if machines { MACHINES.contains(&version.as_str()) } else { is_date(&version) };
    if known {
        return Ok(());
    }
    let message = format!(
        "No registered resource provider found for location '{LOCATION}' and API version '{version}' for type '{kind}'. \
         The supported api-versions are '{}'. The supported locations are 'eastus, eastus2, westus, northeurope, westeurope'.",
        MACHINES.join(", ")
    );
    Err(error(400, "NoRegisteredProviderFound", &message))
}

/// `2024-07-01`, and perhaps `-preview`.
fn is_date(version: &str) -> bool {
    let lengths = version.strip_suffix("-preview").unwrap_or(version).split('-').map(str::len);
    lengths.eq([4, 2, 2]) && version.starts_with("20")
}

/// Those of virtual machines.
const MACHINES: [&str; 26] = [
    "2015-06-15",
    "2016-03-30",
    "2016-04-30-preview",
    "2017-03-30",
    "2017-12-01",
    "2018-04-01",
    "2018-06-01",
    "2018-10-01",
    "2019-03-01",
    "2019-07-01",
    "2019-12-01",
    "2020-06-01",
    "2020-12-01",
    "2021-03-01",
    "2021-04-01",
    "2021-07-01",
    "2021-11-01",
    "2022-03-01",
    "2022-08-01",
    "2022-11-01",
    "2023-03-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
];

/// Those of `Microsoft.Resources`, in the order of the service's own message.
const VERSIONS: [&str; 52] = [
    "2025-04-01",
    "2024-11-01",
    "2024-07-01",
    "2024-03-01",
    "2023-07-01",
    "2023-07-01-preview",
    "2023-03-01-preview",
    "2022-12-01",
    "2022-11-01-preview",
    "2022-09-01",
    "2022-06-01",
    "2022-05-01",
    "2022-03-01-preview",
    "2022-01-01",
    "2021-04-01",
    "2021-01-01",
    "2020-10-01",
    "2020-09-01",
    "2020-08-01",
    "2020-07-01",
    "2020-06-01",
    "2020-05-01",
    "2020-01-01",
    "2019-11-01",
    "2019-10-01",
    "2019-09-01",
    "2019-08-01",
    "2019-07-01",
    "2019-06-01",
    "2019-05-10",
    "2019-05-01",
    "2019-03-01",
    "2018-11-01",
    "2018-09-01",
    "2018-08-01",
    "2018-07-01",
    "2018-06-01",
    "2018-05-01",
    "2018-02-01",
    "2018-01-01",
    "2017-12-01",
    "2017-08-01",
    "2017-06-01",
    "2017-05-10",
    "2017-05-01",
    "2017-03-01",
    "2016-09-01",
    "2016-07-01",
    "2016-06-01",
    "2016-02-01",
    "2015-11-01",
    "2015-01-01",
];
