//! Dates of every shape, for our reader, a calendar crate and one of HTTP dates.

use super::{Dice, compare};
use crate::fuzz::dates::readings::{expiries_differ, http_dates_differ};
use crate::fuzz::dates::{LAST, assert_round_trip, named};

#[test]
fn expiries_as_a_calendar_reads_them() {
    compare("expiry dates, time", 40_000, named(false), |dice| expiries_differ(&expiry(dice)));
}

#[test]
fn http_dates_as_another_reads_them() {
    compare("HTTP dates, httpdate", 40_000, named(true), |dice| http_dates_differ(&http_date(dice)));
}

/// Each form of the days about the end of February and of the year, of every year that there is.
#[test]
fn every_years_hinges_are_read_back() {
    let (mut days, mut dice) = (0, Dice::new(0));
    for year in 1970..=9999 {
        for (month, day) in [(time::Month::February, 28), (time::Month::December, 31)] {
            let date = time::Date::from_calendar_date(year, month, day).unwrap();
            for after in 0..=2 {
                let start = u64::try_from(date.midnight().assume_utc().unix_timestamp()).unwrap() + after * 86_400;
                let second = [0, 86_399, dice.next() % 86_400][after as usize % 3];
                if start + second <= LAST {
                    assert_round_trip(start + second);
                    days += 1;
                }
            }
        }
    }
    println!("days read back in every form: {days}");
    assert_eq!(days, 8030 * 6 - 2);
}

fn expiry(dice: &mut Dice) -> String {
    if dice.one_in(300) {
        return format!("9999-12-31T{:02}:59:59-{:02}:{:02}", dice.below(24), dice.below(24), dice.below(60));
    }
    let (year, month, day) = date(dice);
    let (pad, two) = (if dice.one_in(4) { 1 } else { 2 }, if dice.one_in(30) { 1 } else { 2 });
    let hour = if dice.one_in(12) { 24 + dice.below(3) } else { dice.below(24) };
    let second = if dice.one_in(8) { 59 + dice.below(3) } else { dice.below(60) };
    let minute = if dice.one_in(30) { 60 } else { dice.below(60) };
    let slashes = dice.one_in(2);
    let date =
        if slashes { format!("{month:0pad$}/{day:0pad$}/{year}") } else { format!("{year}-{month:02}-{day:0two$}") };
    let between =
        if slashes { dice.mostly(20, &[" ", "T", "  "]) } else { dice.mostly(6, &["T", " ", "t", "_", "", "é"]) };
    let fraction = match dice.below(6) {
        0 => format!(".{}", "1234567890123".get(..dice.below(14)).unwrap()),
        _ => String::new(),
    };
    let half = if slashes && dice.one_in(2) {
        dice.mostly(5, &[" AM", " PM", " pm", "AM", " XM"])
    } else {
        dice.mostly(40, &["", " PM"])
    };
    let hour = if half.is_empty() || dice.one_in(8) { hour } else { hour % 13 };
    let offset = match dice.below(4) {
        0 => format!("{}{:02}:{:02}", dice.pick(&["+", "-"]), dice.below(25), dice.below(61)),
        1 => dice.pick(&["Z", "z", "", "+0000", "+00", "UTC", "\u{2212}00:00"]).to_owned(),
        _ => dice.mostly(9, &["+00:00", "-00:00", "Z"]).to_owned(),
    };
    let blank = if slashes { dice.mostly(15, &[" ", "", "  "]) } else { dice.mostly(15, &["", " "]) };
    let around = dice.mostly(30, &["", " ", "\t", "\n"]);
    let text =
        format!("{around}{date}{between}{hour:0pad$}:{minute:02}:{second:02}{fraction}{half}{blank}{offset}{around}");
    if dice.one_in(8) { dice.broken_text(&text, PIECES) } else { text }
}

/// The edges of years, months and of what a calendar can tell more often than the middle.
fn date(dice: &mut Dice) -> (String, usize, usize) {
    let year = match dice.below(6) {
        0 => dice
            .pick(&["1970", "2000", "1900", "2100", "9999", "1969", "0000", "2400", "1972", "10000", "99"])
            .to_owned(),
        1 => (1970 + dice.below(8030)).to_string(),
        _ => (2020 + dice.below(20)).to_string(),
    };
    let month = if dice.one_in(20) { dice.below(14) } else { 1 + dice.below(12) };
    let day = if dice.one_in(3) { 28 + dice.below(5) } else { dice.below(29) };
    let edge = dice.one_in(12);
    if edge { (year, [1, 2, 12][dice.below(3)], [1, 29, 31][dice.below(3)]) } else { (year, month, day) }
}

fn http_date(dice: &mut Dice) -> String {
    let end = [LAST, 2_000_000_000][dice.below(2)];
    let seconds = if dice.one_in(20) { LAST } else { dice.next() % end };
    let right = httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
    let text = match dice.below(8) {
        0 => [dice.pick(&["Mon", "Sun", "mon", "éx", "   "]), &right[3..]].concat(),
        1 => {
            let (year, _, day) = date(dice);
            let month = dice.mostly(6, &["Feb", "Jan", "Dec", "feb", "Sept", "Mai"]);
            format!("{} {day:02} {month} {year}{}", &right[..4], &right[16..])
        }
        2 => format!("{}{}", &right[..17], clock(dice)),
        3 => {
            let weekday = dice.pick(&["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]);
            format!("{weekday}, {}-{}-{}{}", &right[5..7], &right[8..11], &right[14..16], &right[16..])
        }
        4 => format!("{} {} {} {} {}", &right[..3], &right[8..11], &right[5..7], &right[17..25], &right[12..16]),
        _ => right,
    };
    if dice.one_in(6) { dice.broken_text(&text, PIECES) } else { text }
}

fn clock(dice: &mut Dice) -> String {
    let time = (dice.below(25), dice.below(61), dice.below(62));
    let zone = dice.mostly(4, &[" GMT", " UTC", " gmt", "GMT", " +0000", ".5 GMT", " PM GMT", " GMT "]);
    if dice.one_in(5) {
        return format!("{}:{:02}:{:02}{zone}", time.0, time.1, time.2);
    }
    let second = if dice.one_in(3) { 60 } else { time.2 };
    format!("{:02}:{:02}:{second:02}{zone}", time.0, time.1)
}

const PIECES: &[&str] =
    &["0", "9", "1970", "-", "+", ":", "/", " ", "T", "Z", ".", "60", "29", "é", "２", "AM", " PM", "GMT", "31", "02"];
