//! What must hold of dates.

pub(crate) mod readings;

use std::time::{Duration, UNIX_EPOCH};

use time::OffsetDateTime;

#[cfg(test)]
use super::strictness::Named;
use crate::date;
use crate::http::retry_after;

/// Dates of tokens and of HTTP: bounded, read by other hands alike or differently in a way that has a name, and whatever
/// moment they name, spelled by another calendar in every form, is read as that moment.
pub fn dates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    readings::expiries_differ(&text);
    readings::http_dates_differ(&text);
    for seconds in [date::expiry(&text), date::http(&text)].into_iter().flatten() {
        assert!(seconds <= LAST, "{text:?}: {seconds}");
        assert_round_trip(seconds);
    }
    if let Some(bytes) = data.first_chunk() {
        assert_round_trip(u64::from_le_bytes(*bytes) % (LAST + 1));
    }
    for name in ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"] {
        let wait = |wall| retry_after(|known| (known == name).then_some(&text), UNIX_EPOCH + Duration::from_secs(wall));
        let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse().unwrap());
        let wanted = |wall: u64| match (name, number) {
            ("retry-after", Some(seconds)) => Some(Duration::from_secs(seconds)),
            (_, Some(milliseconds)) => Some(Duration::from_millis(milliseconds)),
            ("retry-after", None) => date::http(&text).map(|date| Duration::from_secs(date.saturating_sub(wall))),
            (_, None) => None,
        };
        for wall in [0, 1_700_000_000, LAST] {
            assert_eq!(wait(wall), wanted(wall), "{name}: {text:?}");
        }
    }
}

pub(crate) fn assert_round_trip(seconds: u64) {
    let moment = OffsetDateTime::from_unix_timestamp(seconds.try_into().unwrap()).unwrap();
    let (year, month, day) = moment.to_calendar_date();
    let month = u8::from(month);
    let (hour, minute, second) = moment.to_hms();
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    let (twelve, half) = ((hour + 11) % 12 + 1, if hour < 12 { "AM" } else { "PM" });
    for text in [
        format!("{year:04}-{month:02}-{day:02}T{time}Z"),
        format!("{year:04}-{month:02}-{day:02}t{time}.1234567+00:00"),
        format!("{year:04}-{month:02}-{day:02} {time}"),
        format!("{month:02}/{day:02}/{year:04} {time} +00:00"),
        format!("{month}/{day}/{year:04} {twelve}:{minute:02}:{second:02} {half} +00:00"),
    ] {
        assert_eq!(date::expiry(&text), Some(seconds), "{text}");
    }
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(date::http(&text), Some(seconds), "{text}");
}

/// The differences that are meant, of HTTP dates or of a token's end.
#[cfg(test)]
pub(crate) fn named(http: bool) -> impl Iterator<Item = &'static Named> {
    let rows = if http { readings::OF_HTTP_DATES } else { readings::OF_EXPIRIES };
    rows.iter().map(|row| &row.named)
}

/// 9999-12-31T23:59:59Z.
pub(crate) const LAST: u64 = 253_402_300_799;
