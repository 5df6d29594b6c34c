//! What must hold of dates.

use std::time::{Duration, UNIX_EPOCH};

use crate::date;
use crate::http::retry_after;

/// Dates of tokens and of HTTP: bounded, and whatever moment they name, spelled by another calendar in every form, is read
/// as that moment.
pub fn dates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
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

fn assert_round_trip(seconds: u64) {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
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
    let name = &"JanFebMarAprMayJunJulAugSepOctNovDec"[usize::try_from(month - 1).unwrap() * 3..][..3];
    let weekday = &"ThuFriSatSunMonTueWed"[usize::try_from(seconds / 86_400 % 7).unwrap() * 3..][..3];
    let text = format!("{weekday}, {day:02} {name} {year:04} {time} GMT");
    assert_eq!(date::http(&text), Some(seconds), "{text}");
}

/// Year, month and day, counted off year by year and month by month.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// 9999-12-31T23:59:59Z.
const LAST: u64 = 253_402_300_799;
