//! Moments in the spellings that the services use.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970; 0 for a clock that is set before.
pub(super) fn epoch(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// `Wed, 27 Sep 2017 04:42:53 GMT`, for the header `Date`.
pub(super) fn http(epoch: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(epoch);
    let weekday = name(&["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"], epoch / DAY % 7);
    let month = name(
        &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        month.saturating_sub(1),
    );
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// `9/27/2017 4:42:53 AM`, for Azure Resource Manager's prose.
pub(super) fn american(epoch: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(epoch);
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = (hour + 11) % 12 + 1;
    format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half}")
}

/// `09/27/2017 04:42:53 +00:00`, for `expires_on` of the api-version 2017-09-01.
pub(super) fn legacy(epoch: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(epoch);
    format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02} +00:00")
}

/// `20170927T044253Z`, for `x-ms-routing-request-id`.
pub(super) fn compact(epoch: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(epoch);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `2017-09-27 04:42:53Z`, for Entra's errors.
pub(super) fn entra(epoch: u64) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(epoch);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// `2017-09-27T04:42:53Z`, for the documents of Azure Resource Manager.
pub(super) fn iso(epoch: u64) -> String {
    entra(epoch).replace(' ', "T")
}

const DAY: u64 = 86_400;

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Howard Hinnant's `civil_from_days`, for days that are not before 1970:
/// <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(epoch: u64) -> Civil {
    let days = epoch / DAY + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Civil {
        year: year_of_era + era * 400 + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        hour: epoch / 3_600 % 24,
        minute: epoch / 60 % 60,
        second: epoch % 60,
    }
}

fn name<'a>(names: &[&'a str], index: u64) -> &'a str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (epoch, expected) in [
            (0, ["Thu, 01 Jan 1970 00:00:00 GMT", "1/1/1970 12:00:00 AM", "19700101T000000Z", "1970-01-01 00:00:00Z"]),
            (
                951_827_696,
                ["Tue, 29 Feb 2000 12:34:56 GMT", "2/29/2000 12:34:56 PM", "20000229T123456Z", "2000-02-29 12:34:56Z"],
            ),
            (
                1_506_487_373,
                ["Wed, 27 Sep 2017 04:42:53 GMT", "9/27/2017 4:42:53 AM", "20170927T044253Z", "2017-09-27 04:42:53Z"],
            ),
            (
                4_133_980_799,
                ["Fri, 31 Dec 2100 23:59:59 GMT", "12/31/2100 11:59:59 PM", "21001231T235959Z", "2100-12-31 23:59:59Z"],
            ),
        ] {
            assert_eq!([http(epoch), american(epoch), compact(epoch), entra(epoch)], expected);
        }
        assert_eq!(iso(1_506_487_373), "2017-09-27T04:42:53Z");
        assert_eq!(legacy(1_506_487_373), "09/27/2017 04:42:53 +00:00");
    }
}
