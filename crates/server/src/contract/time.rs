//! Times as an account sees them (contract §3).

use std::fmt;
use std::str::FromStr;

use base::Wall;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

const SECONDS: &str = "%Y-%m-%d %H:%M:%S";

/// The zone an account's times are shown in: a fixed offset, UTC+8 by default (contract §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Offset);

impl Default for Zone {
    fn default() -> Self {
        Zone(Offset::constant(8))
    }
}

impl Zone {
    /// `yyyy-MM-dd HH:mm:ss`, the fraction cut off.
    pub fn show(self, at: Wall) -> String {
        self.format(at, SECONDS)
    }

    /// `yyyy-MM-dd HH:mm:ss`, or `""` for a time that never came.
    pub fn show_or_empty(self, at: Option<Wall>) -> String {
        at.map(|at| self.show(at)).unwrap_or_default()
    }

    /// `yyyy-MM-dd HH:mm:ss.SSS`, as the media verbs answer.
    pub fn show_ms(self, at: Wall) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S%.3f")
    }

    /// Reads exactly `yyyy-MM-dd HH:mm:ss`; anything else, or a day that does not exist, is `None`.
    pub fn parse(self, text: &str) -> Option<Wall> {
        let digits_where_expected = text.len() == 19
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                10 => b == b' ',
                13 | 16 => b == b':',
                _ => b.is_ascii_digit(),
            });
        if !digits_where_expected || text.ends_with("60") {
            return None;
        }
        let civil = DateTime::strptime(SECONDS, text).ok()?;
        let at = self.0.to_timestamp(civil).ok()?;
        Some(Wall::from_millis(at.as_millisecond()))
    }

    /// Seconds east of UTC.
    pub fn utc_offset_s(self) -> i32 {
        self.0.seconds()
    }

    fn format(self, at: Wall, form: &str) -> String {
        let at = Timestamp::from_millisecond(at.as_millis()).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(TimeZone::fixed(self.0)).strftime(form).to_string()
    }
}

impl fmt::Display for Zone {
    /// `UTC+8`, `UTC-3:30`, `UTC+0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        write!(f, "UTC{sign}{}", minutes.abs() / 60)?;
        match minutes.abs() % 60 {
            0 => Ok(()),
            rest => write!(f, ":{rest:02}"),
        }
    }
}

/// The text names no fixed offset; write it as `UTC+8` or `UTC-3:30`, at most 14 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAZone;

impl fmt::Display for NotAZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a zone is written UTC+8 or UTC-3:30, at most 14 hours from UTC")
    }
}

impl std::error::Error for NotAZone {}

impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(text: &str) -> Result<Self, NotAZone> {
        let signed = text.strip_prefix("UTC").ok_or(NotAZone)?;
        let (sign, digits) = match signed.split_at_checked(1) {
            Some(("+", digits)) => (1, digits),
            Some(("-", digits)) => (-1, digits),
            _ => return Err(NotAZone),
        };
        let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
        let hours: u8 = hours.parse().map_err(|_| NotAZone)?;
        let minutes: u8 = minutes.parse().map_err(|_| NotAZone)?;
        if minutes > 59 || u32::from(hours) * 60 + u32::from(minutes) > 14 * 60 {
            return Err(NotAZone);
        }
        let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60 * sign;
        Offset::from_seconds(seconds).map(Zone).map_err(|_| NotAZone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_and_read_in_the_account_s_zone() {
        let at = Wall::from_millis(1_620_455_987_999);
        assert_eq!(Zone::default().show(at), "2021-05-08 14:39:47");
        assert_eq!(Zone::default().show_ms(at), "2021-05-08 14:39:47.999");
        assert_eq!(Zone::default().parse("2021-05-08 14:39:47"), Some(Wall::from_millis(1_620_455_987_000)));
        assert_eq!("UTC-3:30".parse::<Zone>().expect("a zone").show(at), "2021-05-08 03:09:47");
    }

    #[test]
    fn only_the_documented_format_is_read() {
        for wrong in [
            "",
            "2021-05-08",
            "2021-05-08T14:39:47",
            "2021-5-8 14:39:47",
            "2021-02-30 00:00:00",
            "2021-05-08 24:00:00",
            "2021-05-08 14:39:60",
            "2021-05-08 14:39:47 ",
            "+021-05-08 14:39:47",
        ] {
            assert_eq!(Zone::default().parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_zone_reads_what_it_shows() {
        for name in ["UTC+8", "UTC+0", "UTC-3:30", "UTC+14"] {
            assert_eq!(name.parse::<Zone>().expect("a zone").to_string(), name);
        }
        for wrong in ["", "UTC", "UTC8", "UTC+15", "UTC+5:60", "CST", "UTC+é"] {
            assert_eq!(wrong.parse::<Zone>(), Err(NotAZone), "{wrong:?}");
        }
    }
}
