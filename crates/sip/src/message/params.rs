use std::fmt;

use super::Malformed;
use super::scan::{is_token, split_outside, trim, unquote};
use crate::limits::PARAMS_MAX;

/// `;name=value` parameters in their order, of a URI or of a header value.
///
/// Values are kept as sent: with their quotes, with their escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, Option<String>)>);

impl Params {
    /// The value of `name` in any case: `Some(None)` when it is there without a value.
    pub fn find(&self, name: &str) -> Option<Option<&str>> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_deref())
    }

    /// The value of `name` in any case, if it is there and has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).flatten()
    }

    /// Whether `name` is there, in any case, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Sets the first `name`, or adds it.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some(found) => found.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Removes every `name`.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// The content of the value of `name`, without quotes.
    pub fn unquoted(&self, name: &str) -> Option<String> {
        self.get(name).map(unquote)
    }

    /// Reads the parameters of a header value: nothing, or text that begins with `;`.
    pub(super) fn parse_header(text: &str, field: &'static str) -> Result<Params, Malformed> {
        let text = trim(text);
        if text.is_empty() {
            return Ok(Params::default());
        }
        let rest = text.strip_prefix(';').ok_or_else(|| Malformed::new(field, "has text after its value"))?;
        let pieces = split_outside(rest, b';', field)?;
        Params::collect(pieces.into_iter(), field, is_token, is_header_value)
    }

    /// Reads the parameters of a URI, without the first `;`.
    pub(super) fn parse_uri(text: &str) -> Result<Params, Malformed> {
        let allowed = |text: &str| is_escaped(text, |byte| b"[]/:&+$".contains(&byte));
        Params::collect(text.split(';'), "URI", allowed, allowed)
    }

    fn collect<'a>(
        pieces: impl Iterator<Item = &'a str>,
        field: &'static str,
        is_name: impl Fn(&str) -> bool,
        is_value: impl Fn(&str) -> bool,
    ) -> Result<Params, Malformed> {
        let mut params = Params::default();
        for piece in pieces {
            if params.0.len() == PARAMS_MAX {
                return Err(Malformed::new(field, format!("has more than {PARAMS_MAX} parameters")));
            }
            let (name, value) = match piece.split_once('=') {
                Some((name, value)) => (trim(name), Some(trim(value))),
                None => (piece, None),
            };
            if !is_name(name) || !value.is_none_or(&is_value) {
                return Err(Malformed::new(field, "has a malformed parameter"));
            }
            // RFC 3261 §7.3.1, §19.1.1: two of a name would leave open which counts.
            if params.has(name) {
                return Err(Malformed::new(field, "has a parameter twice"));
            }
            params.0.push((name.to_owned(), value.map(str::to_owned)));
        }
        Ok(params)
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            write!(f, ";{name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// Whether `text` is one or more `unreserved` characters, `%HH` escapes, or what `also` allows (RFC 3261 §25.1).
pub(super) fn is_escaped(text: &str, also: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' {
            let escape = bytes.get(at + 1..at + 3);
            if !escape.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                return false;
            }
            at += 3;
        } else if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) || also(byte) {
            at += 1;
        } else {
            return false;
        }
    }
    !bytes.is_empty()
}

/// A token, a host or a whole quoted string. Wider than the grammar: an opaque value harms nobody as long as it
/// cannot be taken for the end of the parameter.
fn is_header_value(text: &str) -> bool {
    match text.strip_prefix('"') {
        Some(_) => super::scan::quoted_end(text, 0) == Some(text.len()),
        None => {
            !text.is_empty()
                && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\"<>,;".contains(c))
        }
    }
}
