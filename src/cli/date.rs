//! The one date form that is printed. No calendar library: the proleptic Gregorian calendar is twelve lines.

/// RFC 3339 in UTC with whole seconds: `2017-09-27T04:29:33Z`. Dates past the year 9999 are shown as its last second.
pub(crate) fn rfc_3339(unix_seconds: u64) -> String {
    let seconds = unix_seconds.min(LAST_SECOND_OF_9999);
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01, by counting from 1 March, where leap days come last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_FROM_0000_03_01;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

const DAYS_FROM_0000_03_01: u64 = 719_468;
const LAST_SECOND_OF_9999: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_506_484_173, "2017-09-27T03:49:33Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc_3339(seconds), text);
        }
    }

    #[test]
    fn days_follow_one_another() {
        let mut before = civil(0);
        for day in 1..200_000 {
            let now = civil(day);
            let next_day = now == (before.0, before.1, before.2 + 1);
            let next_month = now == (before.0, before.1 + 1, 1) || now == (before.0 + 1, 1, 1) && before.1 == 12;
            assert!(next_day && now.2 <= 31 || next_month && before.2 >= 28, "{before:?} {now:?}");
            before = now;
        }
    }
}
