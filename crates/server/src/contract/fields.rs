//! Reading a request body field by field: scalars come as JSON string or number, unknown fields are ignored (contract §2).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::codes::{Fault, Wrong};
use super::limits::{BODY_DEPTH_MAX, FIELD_CHARS_MAX, NUMBER_CHARS_MAX};

/// The fields of a body; of a repeated one the last.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

/// A string's content or a number's text.
pub(super) type Text = String;

impl<'a> Fields<'a> {
    /// A body that is one JSON object, not too deep. An empty body has no fields.
    pub(super) fn read(body: &'a [u8]) -> Result<Fields<'a>, Fault> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Fields(BTreeMap::new()));
        }
        if depth(body) > BODY_DEPTH_MAX {
            return Err(Fault::field("body", Wrong::DeeperThan(BODY_DEPTH_MAX)));
        }
        serde_json::from_slice(body).map(Fields).map_err(|_| Fault::field("body", Wrong::NotAnObject))
    }

    /// The JSON text of a field, `null` included.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|raw| raw.get())
    }

    /// A scalar; `None` when absent, `null` or empty.
    pub(super) fn scalar(&self, name: &'static str) -> Result<Option<Text>, Fault> {
        let text = match self.raw(name) {
            None | Some("null") => return Ok(None),
            Some(raw) if raw.starts_with('"') => {
                serde_json::from_str(raw).map_err(|_| Fault::field(name, Wrong::NotAScalar))?
            }
            Some(raw) if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => raw.to_owned(),
            Some(_) => return Err(Fault::field(name, Wrong::NotAScalar)),
        };
        if text.chars().count() > FIELD_CHARS_MAX {
            return Err(Fault::field(name, Wrong::LongerThan(FIELD_CHARS_MAX)));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A telephone number: digits, perhaps after a `+`.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<Text>, Fault> {
        let Some(text) = self.scalar(name)? else { return Ok(None) };
        let digits = text.strip_prefix('+').unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Fault::field(name, Wrong::NotANumber));
        }
        if text.len() > NUMBER_CHARS_MAX {
            return Err(Fault::field(name, Wrong::LongerThan(NUMBER_CHARS_MAX)));
        }
        Ok(Some(text))
    }

    /// A whole number not below `min`; one above `u32` counts as the largest.
    pub(super) fn whole(&self, name: &'static str, min: u32, max: u32) -> Result<Option<u32>, Fault> {
        let Some(text) = self.scalar(name)? else { return Ok(None) };
        let wrong = || Fault::field(name, Wrong::OutOf(min, max));
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let value = text.parse().unwrap_or(u32::MAX);
        if value < min { Err(wrong()) } else { Ok(Some(value)) }
    }

    /// A list of strings, empty ones left out; absent, `null` and `""` are the empty list.
    pub(super) fn list(&self, name: &'static str, items_max: usize) -> Result<Vec<Text>, Fault> {
        let items: Vec<String> = match self.raw(name) {
            None | Some("null" | "\"\"") => Vec::new(),
            Some(raw) => serde_json::from_str(raw).map_err(|_| Fault::field(name, Wrong::NotAList))?,
        };
        if items.len() > items_max {
            return Err(Fault::field(name, Wrong::MoreItemsThan(items_max)));
        }
        Ok(items.into_iter().filter(|item| !item.is_empty()).collect())
    }
}

/// How deep brackets are nested outside of strings. The text need not be JSON.
pub(super) fn depth(text: &[u8]) -> usize {
    let (mut now, mut deepest): (usize, usize) = (0, 0);
    let mut bytes = text.iter();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                now += 1;
                deepest = deepest.max(now);
            }
            (false, b'}' | b']') => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Fields<'_> {
        Fields::read(body.as_bytes()).unwrap_or_else(|fault| panic!("{fault}"))
    }

    #[test]
    fn scalars_are_strings_or_numbers_with_their_text() {
        let body = read(r#"{"a":"8000","b":8000,"c":"","d":null,"e":[8000],"f":true,"g":1e3,"a":"0081"}"#);
        assert_eq!(body.scalar("a"), Ok(Some("0081".to_owned())), "the last of a repeated field");
        assert_eq!(body.scalar("b"), Ok(Some("8000".to_owned())));
        assert_eq!(body.scalar("c"), Ok(None));
        assert_eq!(body.scalar("d"), Ok(None));
        assert_eq!(body.scalar("e"), Err(Fault::field("e", Wrong::NotAScalar)));
        assert_eq!(body.scalar("f"), Err(Fault::field("f", Wrong::NotAScalar)));
        assert_eq!(body.scalar("g"), Ok(Some("1e3".to_owned())));
        assert_eq!(body.scalar("absent"), Ok(None));
    }

    #[test]
    fn a_body_is_one_object_not_too_deep() {
        for wrong in ["[]", "8000", "{", r#"{"a":1}x"#, "{\"a\":\"\u{7f}\n\"}", "\u{feff}{}"] {
            let fault = Fields::read(wrong.as_bytes()).err();
            assert_eq!(fault, Some(Fault::field("body", Wrong::NotAnObject)), "{wrong:?}");
        }
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
        assert!(Fields::read(nested(BODY_DEPTH_MAX).as_bytes()).is_ok());
        let fault = Fields::read(nested(BODY_DEPTH_MAX + 1).as_bytes()).err();
        assert_eq!(fault, Some(Fault::field("body", Wrong::DeeperThan(BODY_DEPTH_MAX))));
        assert!(Fields::read(br#"{"a":"\\\"[[[[["}"#).is_ok());
        assert!(Fields::read(b"").is_ok(), "missing fields are found one by one");
    }
}
