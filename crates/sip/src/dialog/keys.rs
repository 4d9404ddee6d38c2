//! Key presses told by INFO (RFC 6086), in the two forms that phones use.

use std::time::Duration;

use crate::message::Request;

/// The key that was pressed, and for how long if that is said. None: it is about something else.
pub(super) fn key_of(request: &Request) -> Option<(char, Option<Duration>)> {
    let text = std::str::from_utf8(&request.body).ok()?;
    match request.headers.content_type()?.as_str() {
        "application/dtmf" => Some((key(text)?, None)),
        "application/dtmf-relay" => {
            let value = |wanted: &str| {
                let mut lines = text.lines().filter_map(|line| line.split_once('='));
                lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
            };
            let ms = value("Duration").and_then(|ms| ms.trim().parse().ok());
            Some((key(value("Signal")?)?, ms.map(Duration::from_millis)))
        }
        _ => None,
    }
}

fn key(text: &str) -> Option<char> {
    let mut letters = text.trim().chars();
    let key = letters.next().filter(|_| letters.next().is_none())?.to_ascii_uppercase();
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(key)
}
