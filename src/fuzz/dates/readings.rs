//! Dates beside a calendar of another hand, and in what ours may differ.

use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use time::format_description::OwnedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset, format_description};

use crate::date;
use crate::fuzz::strictness::{Named, Verdict};

/// What one reader takes and the other does not.
pub(super) struct Difference {
    pub(super) named: Named,
    /// It is we who take it.
    ours: bool,
    evidence: fn(&Seen<'_>) -> bool,
}

/// A text, and the seconds that the other reader takes it for.
struct Seen<'a> {
    text: &'a str,
    theirs: Option<i64>,
}

const fn only(ours: bool, name: &'static str, why: &'static str, evidence: fn(&Seen<'_>) -> bool) -> Difference {
    Difference { named: Named { name, why }, ours, evidence }
}

pub(super) const OF_EXPIRIES: &[Difference] = &[
    only(false, "before 1970", "no token ended then; counts of seconds have no sign", |it| {
        it.theirs.is_some_and(|seconds| seconds < 86_400)
    }),
    only(false, "after 9999", "RFC 3339, section 1: no such year; only an offset leads there", |it| {
        it.theirs.is_some_and(|seconds| seconds > 253_402_300_799)
    }),
    only(false, "a fraction of more than nine digits", "finer than any clock, and without a bound", |it| {
        it.text
            .split('.')
            .nth(1)
            .is_some_and(|after| after.len() > 9 && after.as_bytes()[..10].iter().all(u8::is_ascii_digit))
    }),
    only(false, "another sign than T between date and time", "RFC 3339, section 5.6: a T or a blank", |it| {
        it.text.chars().nth(10).is_some_and(|c| !matches!(c, 'T' | 't' | ' '))
    }),
    only(true, "a leap second that was none", "counted as the second before, whenever", |it| {
        parts(it.text).get(5).is_some_and(|second| *second == "60")
    }),
    only(true, "no offset", "App Service leaves it out, and means UTC", |it| {
        tail(it.text).trim_matches(BLANKS).is_empty()
    }),
    only(true, "the documentation's zeroth hour", "App Service's `00:00:00 PM`, read as midnight, the earlier", |it| {
        halved(it.text) && parts(it.text).get(3).is_some_and(|hour| hour.parse() == Ok(0))
    }),
    only(true, "blanks about it", "harmless, and seen in headers that are passed on", |it| {
        it.text.starts_with(' ') || it.text.ends_with(' ')
    }),
    only(true, "numbers without their zero", "App Service on Windows writes them, in one form or the other", |it| {
        it.text.contains('-') && parts(it.text).iter().take(4).skip(1).any(|part| part.len() == 1)
    }),
    only(true, "parts of one form in another", "one moment all the same, and the forms are Azure's to mix", |it| {
        let slashes = it.text.contains('/');
        let blank = tail(it.text).starts_with(' ');
        if slashes {
            it.text.contains(['T', 't', 'Z', 'z', '.']) || !blank || halved(it.text)
        } else {
            blank || halved(it.text)
        }
    }),
];

pub(super) const OF_HTTP_DATES: &[Difference] = &[
    only(
        false,
        "the obsolete forms",
        "RFC 9110, section 5.6.7, wants them read; none of Azure's services writes them, and unread our own pause counts",
        |it| it.text.len() != 29,
    ),
    only(true, "a leap second", "RFC 9110, section 5.6.7: fits the grammar; counted as the one before", |it| {
        it.text.get(23..25) == Some("60")
    }),
    only(true, "another name of the day", "the date counts; a name that contradicts it changes no moment", |it| {
        it.text.len() == 29
    }),
];

/// A token's end, beside RFC 3339 and App Service's two forms.
pub(crate) fn expiries_differ(text: &str) -> Verdict {
    let theirs = OffsetDateTime::parse(text, &Rfc3339).ok();
    let theirs = theirs.or_else(|| FORMS.iter().find_map(|form| OffsetDateTime::parse(text, form).ok()));
    judge(text, date::expiry(text), theirs.map(OffsetDateTime::unix_timestamp), OF_EXPIRIES, meant)
}

static FORMS: LazyLock<[OwnedFormatItem; 2]> = LazyLock::new(|| {
    let times =
        ["[hour padding:none]", "[hour repr:12 padding:none]"].into_iter().zip(["", " [period case_sensitive:false]"]);
    let forms = times.map(|(hour, half)| {
        let date = "[month padding:none]/[day padding:none]/[year]";
        let text = format!("{date} {hour}:[minute]:[second]{half} [offset_hour sign:mandatory]:[offset_minute]");
        format_description::parse_owned::<2>(&text).unwrap()
    });
    forms.collect::<Vec<_>>().try_into().unwrap()
});

/// A date in an HTTP header.
pub(crate) fn http_dates_differ(text: &str) -> Verdict {
    let theirs = httpdate::parse_http_date(text).ok().map(|date| date.duration_since(UNIX_EPOCH).unwrap().as_secs());
    judge(text, date::http(text), theirs.and_then(|seconds| seconds.try_into().ok()), OF_HTTP_DATES, |text| {
        let parts = parts(text.get(4..)?);
        let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = 1 + month.iter().position(|name| Some(*name) == text.get(8..11))?;
        moment([parts.get(1)?, &month.to_string(), parts.first()?], parts.get(2..5)?, UtcOffset::UTC)
    })
}

fn judge(
    text: &str,
    ours: Option<u64>,
    theirs: Option<i64>,
    differences: &[Difference],
    meant: fn(&str) -> Option<i64>,
) -> Verdict {
    let ours = ours.map(|seconds| i64::try_from(seconds).unwrap());
    if ours == theirs {
        return if ours.is_some() { Verdict::Same } else { Verdict::Refused };
    }
    assert!(ours.is_none() || theirs.is_none(), "{text:?} is {ours:?} to us, {theirs:?} to them");
    // Whoever takes more has to be right about it.
    assert!(ours.is_none() || meant(text) == ours, "{text:?} is {ours:?} to us, and means {:?}", meant(text));
    let seen = Seen { text, theirs };
    let row = differences.iter().find(|row| row.ours == ours.is_some() && (row.evidence)(&seen));
    let row = row.unwrap_or_else(|| panic!("{text:?} is {ours:?} to us, {theirs:?} to them"));
    Verdict::Named(row.named.name)
}

/// The moment that the numbers of a date name, whatever stands between them, as the calendar counts it.
fn meant(text: &str) -> Option<i64> {
    let parts = parts(text);
    let [first, second, third] = *parts.first_chunk()?;
    let date = if text.contains('/') { [third, first, second] } else { [first, second, third] };
    let end = tail(text);
    let offset: Vec<i8> = parts[parts.len() - 2..].iter().map(|part| part.parse().unwrap_or(0)).collect();
    let sign = if end.contains('-') { -1 } else { 1 };
    let offset = if end.contains(['+', '-']) { (sign * offset[0], sign * offset[1]) } else { (0, 0) };
    let offset = UtcOffset::from_hms(offset.0, offset.1, 0).ok()?;
    let hour: i64 = parts.get(3)?.parse().ok()?;
    let hour = match (halved(text), text.to_ascii_uppercase().contains("PM")) {
        (true, true) if (1..12).contains(&hour) => hour + 12,
        (true, false) if hour == 12 => 0,
        _ => hour,
    };
    let hour = hour.to_string();
    moment(date, &[&hour, parts.get(4)?, parts.get(5)?], offset)
}

/// Year, month and day; hour, minute and second, of which there may be sixty.
fn moment(date: [&str; 3], time: &[&str], offset: UtcOffset) -> Option<i64> {
    let [year, month, day] = date;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let [hour, minute, second] = time else { return None };
    let second = second.parse::<u8>().ok()?.min(59);
    let time = Time::from_hms(hour.parse().ok()?, minute.parse().ok()?, second).ok()?;
    Some(date.with_time(time).assume_offset(offset).unix_timestamp())
}

/// The numbers in a text.
fn parts(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect()
}

/// What follows seconds and fraction.
fn tail(text: &str) -> &str {
    let text = text.trim_matches(BLANKS);
    let after = text.splitn(3, ':').nth(2).unwrap_or("");
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    after.strip_prefix('.').map_or(after, |after| after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Whether there is an AM or a PM.
fn halved(text: &str) -> bool {
    [" AM", " PM"].iter().any(|half| text.to_ascii_uppercase().contains(half))
}

const BLANKS: &[char] = &[' '];
