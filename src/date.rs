//! The date forms that Azure's services send, and the HTTP date. No calendar library: the proleptic Gregorian calendar is a
//! dozen lines, and the forms are few.

/// Seconds since 1970 of a token's end as the endpoints spell it: epoch seconds are not among these forms.
///
/// - `2024-10-18T19:51:37.0000000+00:00`, `2025-05-15T12:34:56Z`, and the same with a blank for the `T` (RFC 3339)
/// - `06/20/2019 02:57:58 +00:00`, `1/16/2020 5:24:12 AM +00:00`, `09/14/2017 00:00:00 PM +00:00` (App Service 2017-09-01 on
///   Linux, on Windows, and in its documentation)
///
/// A form without an offset is taken for UTC.
pub(crate) fn expiry(text: &str) -> Option<u64> {
    let mut rest = Reader(text.trim_matches(&[' '][..]));
    let length = rest.0.len();
    let first = rest.number(1, 4)?;
    let digits = length - rest.0.len();
    let (year, month, day) = if rest.skip(b'-') {
        let month = rest.number(1, 2)?;
        rest.skip(b'-').then_some(())?;
        (first, month, rest.number(1, 2)?)
    } else {
        (digits <= 2 && rest.skip(b'/')).then_some(())?;
        let day = rest.number(1, 2)?;
        rest.skip(b'/').then_some(())?;
        (rest.number(4, 4)?, first, day)
    };
    (rest.skip(b'T') || rest.skip(b't') || rest.skip(b' ')).then_some(())?;
    let time = rest.time()?;
    let day = days(year, month, day)?;
    let offset = rest.offset()?;
    rest.0.is_empty().then_some(())?;
    u64::try_from(i64::try_from(day * 86_400 + time).ok()? - offset).ok().filter(|seconds| *seconds <= LAST)
}

/// Seconds since 1970 of an HTTP date, the preferred form of RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http(text: &str) -> Option<u64> {
    // Of this form there is one spelling: an hour of one digit, a fraction or a half of the day is none of it.
    let mut rest = Reader(text.get(3..).filter(|_| text.len() == 29)?);
    (rest.skip(b',') && rest.skip(b' ')).then_some(())?;
    let day = rest.number(2, 2)?;
    rest.skip(b' ').then_some(())?;
    let name = rest.0.get(..3)?;
    let month = MONTHS.chunks(3).position(|month| month == name.as_bytes())?;
    rest.0 = rest.0.get(3..)?;
    rest.skip(b' ').then_some(())?;
    let year = rest.number(4, 4)?;
    rest.skip(b' ').then_some(())?;
    let time = rest.time()?;
    (rest.0 == " GMT").then_some(())?;
    Some(days(year, u64::try_from(month).ok()? + 1, day)? * 86_400 + time)
}

/// The day of so many seconds since 1970: `2020-01-31`.
#[cfg(feature = "https")]
pub(crate) fn day(seconds: u64) -> String {
    let day = seconds.min(LAST) / 86_400;
    let first = |year, month| days(year, month, 1).filter(|first| *first <= day);
    // No year has fewer days, so the first that begins too early is near.
    let year = (1970..=1970 + day / 365).rev().find(|year| first(*year, 1).is_some()).unwrap_or(1970);
    let (month, first) = (1..=12).rev().find_map(|month| Some((month, first(year, month)?))).unwrap_or((1, day));
    let day = day - first + 1;
    format!("{year:04}-{month:02}-{day:02}")
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn skip(&mut self, byte: u8) -> bool {
        match self.0.strip_prefix(char::from(byte)) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u64> {
        let end = self.0.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at_checked(end).filter(|_| (least..=most).contains(&end))?;
        self.0 = rest;
        digits.parse().ok()
    }

    /// `5:24:12`, a fraction, and a half of the day. The documentation's `00:00:00 PM` is read as midnight: noon would keep a
    /// token for twelve hours too long.
    fn time(&mut self) -> Option<u64> {
        let hour = self.number(1, 2)?;
        self.skip(b':').then_some(())?;
        let minute = self.number(2, 2)?;
        self.skip(b':').then_some(())?;
        let second = self.number(2, 2)?;
        if self.skip(b'.') {
            self.number(1, 9)?;
        }
        let (half, rest) = self.0.split_at_checked(3).unwrap_or(("", ""));
        let hour = match half.to_ascii_uppercase().as_str() {
            " AM" | " PM" => {
                self.0 = rest;
                match (hour, half.as_bytes().get(1)?) {
                    (12, b'A' | b'a') => 0,
                    (1..=11, b'P' | b'p') => hour + 12,
                    (0..=12, _) => hour,
                    _ => return None,
                }
            }
            _ => hour,
        };
        // A leap second counts as the one before it.
        (hour < 24 && minute < 60 && second <= 60).then(|| hour * 3600 + minute * 60 + second.min(59))
    }

    /// `Z`, `+00:00`, or nothing.
    fn offset(&mut self) -> Option<i64> {
        self.skip(b' ');
        if self.0.is_empty() || self.skip(b'Z') || self.skip(b'z') {
            return Some(0);
        }
        let sign = if self.skip(b'+') { 1 } else { self.skip(b'-').then_some(-1)? };
        let hours = self.number(2, 2)?;
        self.skip(b':').then_some(())?;
        let minutes = self.number(2, 2)?;
        (hours < 24 && minutes < 60)
            .then(|| i64::try_from(hours * 3600 + minutes * 60).map(|offset| sign * offset).ok())?
    }
}

/// Days from 1970-01-01, counting years from March, where leap days come last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year == 0 {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days.checked_sub(DAYS_TO_1970)
}

/// From 0000-03-01.
const DAYS_TO_1970: u64 = 719_468;
/// The last second of 9999, the last year that RFC 3339 can spell: an offset may lead past it.
const LAST: u64 = 253_402_300_799;
const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_expiry() {
        for (text, seconds) in [
            ("2024-10-18T19:51:37.0000000+00:00", 1_729_281_097),
            ("2025-05-15T12:34:56Z", 1_747_312_496),
            ("2025-05-15T12:34:56.1234Z", 1_747_312_496),
            ("2025-05-15t12:34:56.123456789z", 1_747_312_496),
            ("2025-05-15 12:34:56", 1_747_312_496),
            ("2025-05-15T14:34:56+02:00", 1_747_312_496),
            ("2025-05-15T07:04:56-05:30", 1_747_312_496),
            ("06/20/2019 02:57:58 +00:00", 1_560_999_478),
            ("05/22/2021 17:18:21 +00:00", 1_621_703_901),
            ("1/16/2020 5:24:12 AM +00:00", 1_579_152_252),
            ("1/16/2020 5:24:12 PM +00:00", 1_579_195_452),
            ("1/16/2020 12:00:00 AM +00:00", 1_579_132_800),
            ("1/16/2020 12:00:00 PM +00:00", 1_579_176_000),
            ("09/14/2017 00:00:00 PM +00:00", 1_505_347_200),
            ("06/20/2019 02:57:58", 1_560_999_478),
            ("01/01/1970 00:00:42 +00:00", 42),
            ("2016-02-29T23:59:60Z", 1_456_790_399),
        ] {
            assert_eq!(expiry(text), Some(seconds), "{text}");
        }
    }

    #[cfg(feature = "https")]
    #[test]
    fn days_as_text() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_577_836_799, "2019-12-31"),
            (1_577_836_800, "2020-01-01"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (LAST, "9999-12-31"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(day(seconds), text);
            assert_eq!(expiry(&format!("{text} 23:59:59")), Some(seconds.min(LAST) / 86_400 * 86_400 + 86_399));
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "soon",
            "2025",
            "2025-05",
            "2025-05-15",
            "2025-05-15T",
            "2025-05-15T12:34",
            "2025-05-15T12:34:56+",
            "2025-05-15T12:34:56+2",
            "2025-13-01T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2025-04-31T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2025-05-15T24:00:00Z",
            "2025-05-15T12:60:00Z",
            "2025-05-15T12:34:61Z",
            "2025-05-15T12:34:56.Z",
            "2025-05-15T12:34:56Zx",
            "2025-05-15T12:34:56 PST",
            "2025-05-15T12:34:56+24:00",
            "2025-05-15T12:34:56-00:60",
            "13/20/2019 02:57:58",
            "1/16/20 5:24:12 AM",
            "1/16/2020 13:24:12 PM",
            "001/16/2020 02:12:04",
            "+2025-05-15T12:34:56Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "99999-01-01T00:00:00Z",
            "9999-12-31T23:59:59-00:01",
            "２025-05-15T12:34:56Z",
        ] {
            assert_eq!(expiry(text), None, "{text}");
        }
    }

    #[test]
    fn http_dates() {
        assert_eq!(http("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
        for text in [
            "",
            "Sun",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37.5 GMT",
            "Sun, 06 Nov 1994 08:49:37 PM GMT",
            "éé, 06",
        ] {
            assert_eq!(http(text), None, "{text}");
        }
    }
}
