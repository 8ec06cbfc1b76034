//! Dates and times, in UTC. A year is 365 days and a month 30 in durations, as ARM counts.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::super::EvalError;
use super::Args;
use crate::Value;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Reads a time: ISO 8601 in its basic (`20200407T145314Z`) or extended form, with `T` or a blank; UTC without offset.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if let Ok(time) = bare.parse::<DateTime>() {
        return time.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    }
    american(text)?.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

/// `4/7/2020 2:53:14 PM`, which `dateTimeAdd` itself gives.
fn american(text: &str) -> Option<DateTime> {
    let mut parts = text.split_whitespace();
    let mut date = parts.next()?.split('/').map(str::parse::<i16>);
    let (month, day, year) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let Some(clock) = parts.next() else { return Some(date.to_datetime(Time::midnight())) };
    let mut clock = clock.split(':').map(str::parse::<i8>);
    let (hour, minute, second) =
        (clock.next()?.ok()?, clock.next()?.ok()?, clock.next().and_then(Result::ok).unwrap_or(0));
    let hour = match parts.next() {
        Some(half) if half.eq_ignore_ascii_case("pm") => hour % 12 + 12,
        Some(half) if half.eq_ignore_ascii_case("am") => hour % 12,
        Some(_) => return None,
        None => hour,
    };
    Some(date.to_datetime(Time::new(hour, minute, second, 0).ok()?))
}

/// Writes a time with a .NET standard or custom format. `None`: the format is not understood.
pub fn format_time(time: Timestamp, format: &str) -> Option<String> {
    let time = time.to_zoned(TimeZone::UTC);
    let custom = match format {
        "" | "G" => "M/d/yyyy h:mm:ss tt",
        "g" => "M/d/yyyy h:mm tt",
        "d" => "M/d/yyyy",
        "D" => "dddd, MMMM d, yyyy",
        "f" => "dddd, MMMM d, yyyy h:mm tt",
        "F" | "U" => "dddd, MMMM d, yyyy h:mm:ss tt",
        "t" => "h:mm tt",
        "T" => "h:mm:ss tt",
        "u" => "yyyy-MM-dd HH:mm:ss'Z'",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffff'Z'",
        "r" | "R" => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "m" | "M" => "MMMM d",
        "y" | "Y" => "MMMM yyyy",
        one if one.chars().count() == 1 => return None,
        other => other,
    };
    let mut out = String::new();
    let mut chars = custom.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => out.extend(chars.by_ref().take_while(|next| *next != c)),
            '\\' => out.extend(chars.next()),
            '%' => {}
            c => {
                let mut run = 1;
                while "yMdHhmsfFtzK".contains(c) && chars.peek() == Some(&c) {
                    chars.next();
                    run += 1;
                }
                token(&mut out, &time, c, run);
            }
        }
    }
    Some(out)
}

fn token(out: &mut String, time: &Zoned, token: char, run: usize) {
    let month = MONTHS.get(usize::from(time.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or_default();
    let day = DAYS.get(time.weekday().to_monday_zero_offset().unsigned_abs() as usize).copied().unwrap_or_default();
    let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
    let number = |value: i64| format!("{value:0width$}", width = run.min(2));
    let text = match (token, run) {
        ('y', 1 | 2) => format!("{:02}", time.year() % 100),
        ('y', _) => format!("{:0run$}", time.year()),
        ('M', 1 | 2) => number(time.month().into()),
        ('M', 3) => short(month),
        ('M', _) => month.to_owned(),
        ('d', 1 | 2) => number(time.day().into()),
        ('d', 3) => short(day),
        ('d', _) => day.to_owned(),
        ('H', _) => number(time.hour().into()),
        ('h', _) => number(((time.hour() + 11) % 12 + 1).into()),
        ('m', _) => number(time.minute().into()),
        ('s', _) => number(time.second().into()),
        ('f' | 'F', _) => format!("{:09}", time.subsec_nanosecond()).chars().take(run).collect(),
        ('t', 1) => if time.hour() < 12 { "A" } else { "P" }.to_owned(),
        ('t', _) => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        ('K', _) => "Z".to_owned(),
        ('z', 1) => "+0".to_owned(),
        ('z', 2) => "+00".to_owned(),
        ('z', _) => "+00:00".to_owned(),
        (other, _) => other.to_string(),
    };
    out.push_str(&text);
}

/// An ISO 8601 duration in seconds.
fn duration(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let rest = rest.strip_prefix('P')?;
    let (days, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let part = |text: &str, units: &[(char, i64)]| -> Option<i64> {
        let mut sum = 0_i64;
        let mut digits = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() {
                digits.push(c);
            } else {
                let unit = units.iter().find(|(name, _)| *name == c)?.1;
                sum = sum.checked_add(digits.parse::<i64>().ok()?.checked_mul(unit)?)?;
                digits.clear();
            }
        }
        digits.is_empty().then_some(sum)
    };
    const DAY: i64 = 86_400;
    let days = part(days, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
    let clock = part(clock, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    if rest.is_empty() || rest.ends_with('T') {
        return None;
    }
    days.checked_add(clock)?.checked_mul(sign)
}

fn time(args: &Args<'_>, at: usize) -> Result<Timestamp, EvalError> {
    let text = args.str(at)?;
    parse_time(text).ok_or_else(|| args.bad(format_args!("`{text}` is not a time such as `2026-04-07T14:53:14Z`")))
}

pub(super) fn add(args: &Args<'_>) -> Result<Value, EvalError> {
    let (base, text) = (time(args, 0)?, args.str(1)?);
    let seconds = duration(text)
        .ok_or_else(|| args.bad(format_args!("`{text}` is not an ISO 8601 duration such as `P3D` or `PT1H`")))?;
    let sum = base
        .as_second()
        .checked_add(seconds)
        .and_then(|s| Timestamp::new(s, base.subsec_nanosecond()).ok())
        .ok_or_else(|| args.bad("the result is no date"))?;
    let format = if args.len() > 2 { args.str(2)?.as_ref() } else { "" };
    format_time(sum, format).map(Value::from).ok_or_else(|| args.bad(format_args!("`{format}` is not a date format")))
}

pub(super) fn from_epoch(args: &Args<'_>) -> Result<Value, EvalError> {
    let time = Timestamp::from_second(args.int(0)?).map_err(|_| args.bad("there is no such date"))?;
    Ok(format_time(time, "yyyy-MM-ddTHH:mm:ss'Z'").unwrap_or_default().into())
}

pub(super) fn to_epoch(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Int(time(args, 0)?.as_second()))
}
