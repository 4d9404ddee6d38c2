//! `extras`: any JSON, carried as text through every event and the record (contract §2).

use super::codes::Code;
use super::limits::EXTRAS_BYTES_MAX;

/// The canonical text of a valid JSON value: compact, non-ASCII unescaped, key order and number text as they came; a
/// string is its content.
///
/// NUL and lone surrogates are 2017, more than 255 bytes 6725.
pub(super) fn canonical(json: &str) -> Result<String, Code> {
    let mut text = String::new();
    let mut rest = json.trim_matches([' ', '\t', '\n', '\r']);
    if let Some(string) = rest.strip_prefix('"') {
        take_string(string, |c| text.push(c))?;
    } else {
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                ' ' | '\t' | '\n' | '\r' => {}
                '"' => {
                    text.push('"');
                    rest = take_string(rest, |c| push_escaped(&mut text, c))?;
                    text.push('"');
                }
                other => text.push(other),
            }
        }
    }
    if text.len() > EXTRAS_BYTES_MAX { Err(Code::ExtrasTooLong) } else { Ok(text) }
}

/// Gives the characters of a string to `each` and returns what follows its closing quote.
fn take_string(text: &str, mut each: impl FnMut(char)) -> Result<&str, Code> {
    let mut rest = text;
    loop {
        let c = rest.chars().next().ok_or(Code::ExtrasInvalid)?;
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return Ok(rest),
            '\\' => each(take_escape(&mut rest)?),
            other => each(other),
        }
    }
}

fn take_escape(rest: &mut &str) -> Result<char, Code> {
    let c = rest.chars().next().ok_or(Code::ExtrasInvalid)?;
    *rest = &rest[c.len_utf8()..];
    match c {
        '"' | '\\' | '/' => Ok(c),
        'b' => Ok('\u{8}'),
        'f' => Ok('\u{c}'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'u' => take_code_point(rest),
        _ => Err(Code::ExtrasInvalid),
    }
}

/// Four hex digits after `\u`, or twice that for a surrogate pair (RFC 8259 §7).
fn take_code_point(rest: &mut &str) -> Result<char, Code> {
    let first = take_unit(rest)?;
    let unit = match first {
        0 => return Err(Code::ExtrasInvalid),
        0xd800..=0xdbff => {
            *rest = rest.strip_prefix("\\u").ok_or(Code::ExtrasInvalid)?;
            let second = take_unit(rest)?;
            if !(0xdc00..=0xdfff).contains(&second) {
                return Err(Code::ExtrasInvalid);
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        }
        other => other,
    };
    char::from_u32(unit).ok_or(Code::ExtrasInvalid)
}

fn take_unit(rest: &mut &str) -> Result<u32, Code> {
    let (digits, after) = rest.split_at_checked(4).ok_or(Code::ExtrasInvalid)?;
    *rest = after;
    u32::from_str_radix(digits, 16).map_err(|_| Code::ExtrasInvalid)
}

/// Only what JSON does not allow unescaped is escaped.
fn push_escaped(text: &mut String, c: char) {
    match c {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
        other => text.push(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_canonical_text_is_compact_and_keeps_order_and_number_text() {
        for (json, wanted) in [
            (
                r#"{ "z" : 1.50, "a" : [ 1e5 , -0 , 12345678901234567890123 ] }"#,
                r#"{"z":1.50,"a":[1e5,-0,12345678901234567890123]}"#,
            ),
            (r#""漳州""#, "漳州"),
            ("{\"a\":\"\\u6f33\\u5dde \\ud83d\\ude00\"}", "{\"a\":\"漳州 😀\"}"),
            (r#"{"a b":"c\/d \" \\ \n \u0001"}"#, r#"{"a b":"c/d \" \\ \n \u0001"}"#),
            (r#""line\nbreak \" {\"a\" : 1}""#, "line\nbreak \" {\"a\" : 1}"),
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
            ("  17 ", "17"),
            ("null", "null"),
            ("\"\"", ""),
        ] {
            assert_eq!(canonical(json).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn two_hundred_and_fifty_five_bytes_pass_and_one_more_does_not() {
        let of = |n: usize| format!("\"{}\"", "x".repeat(n));
        assert!(canonical(&of(255)).is_ok());
        assert_eq!(canonical(&of(256)), Err(Code::ExtrasTooLong));
        assert!(canonical(&format!("\"{}\"", "漳".repeat(85))).is_ok());
        assert_eq!(canonical(&format!("\"{}\"", "漳".repeat(86))), Err(Code::ExtrasTooLong));
        assert!(canonical(&format!("\"{}\"", "\\u6f33".repeat(85))).is_ok(), "escapes are counted unescaped");
    }

    #[test]
    fn what_no_text_can_hold_is_refused() {
        for json in [
            "\"\\u0000\"",
            "{\"a\\u0000\":1}",
            "\"\\ud800\"",
            "[\"\\ud83dx\"]",
            "\"\\ud83d\\u0041\"",
            "\"\\ude00\"",
        ] {
            assert_eq!(canonical(json), Err(Code::ExtrasInvalid), "{json}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_text_of_an_object_means_the_same(
            key in "\\PC{0,8}",
            text in "[^\\x00]{0,20}",
            number in any::<i64>(),
        ) {
            let value = serde_json::json!({ &key: [&text, number] });
            let pretty = serde_json::to_string_pretty(&value).expect("values are written");
            let canonical = canonical(&pretty).expect("short and without NUL");
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical).expect("still JSON"), value);
        }
    }
}
