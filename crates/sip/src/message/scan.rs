//! The lexical rules that several headers share (RFC 3261 §25.1). All of them run once over their text.

use super::Malformed;

/// Whether `text` is a `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether `byte` may stand in a `token`.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Takes the space and tab off both ends (LWS once lines are unfolded).
pub(crate) fn trim(text: &str) -> &str {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    match is_space(text.as_bytes().first()) || is_space(text.as_bytes().last()) {
        true => text.trim_matches([' ', '\t']),
        false => text,
    }
}

/// Splits at `separator` where it stands outside quoted strings and `<…>`; the pieces are trimmed.
pub(crate) fn split_outside<'a>(
    text: &'a str,
    separator: u8,
    field: &'static str,
) -> Result<Vec<&'a str>, Malformed> {
    let bytes = text.as_bytes();
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = quoted_end(text, at).ok_or_else(|| unbalanced(field))? - 1,
            b'<' => at += text[at..].find('>').ok_or_else(|| Malformed::new(field, "has a < without >"))?,
            byte if byte == separator => {
                pieces.push(trim(&text[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(trim(&text[start..]));
    Ok(pieces)
}

/// `text[at]` is a quote: the position after the one that closes it.
pub(crate) fn quoted_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// A quote was opened and not closed.
pub(crate) fn unbalanced(field: &'static str) -> Malformed {
    Malformed::new(field, "has a quote that is not closed")
}

/// The content of a quoted string (with its quotes), escapes resolved. Other text is returned as it is.
pub(crate) fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// `text` as a quoted string; line breaks, which none may hold, become spaces.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\r' | '\n' => out.push(' '),
            c if c == '"' || c == '\\' || c.is_ascii_control() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether each character may stand in a line: no line break, and other control characters only as a `quoted-pair`.
pub(crate) fn is_line(text: &str) -> bool {
    // Nearly every text holds nothing that asks for a closer look; this loop is one that a processor is quick at.
    let is_plain = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return true;
    }
    let mut escaped = false;
    text.bytes().all(|byte| {
        let is_good = match byte {
            b'\r' | b'\n' => false,
            b'\t' => true,
            byte => escaped || !byte.is_ascii_control(),
        };
        escaped = byte == b'\\' && !escaped;
        is_good
    })
}

/// Makes a text fit for a line: what [`is_line`] does not allow becomes a space, the ends are trimmed.
pub(crate) fn clean(text: String) -> String {
    if is_line(&text) {
        return match trim(&text).len() == text.len() {
            true => text,
            false => trim(&text).to_owned(),
        };
    }
    let no_controls = text.replace(|c: char| c.is_ascii_control(), " ");
    trim(&no_controls).to_owned()
}

/// A number of decimal digits only, leading zeros allowed.
pub(crate) fn decimal<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<T, Malformed> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::new(field, "is not a decimal number"));
    }
    text.parse().map_err(|_| Malformed::new(field, "is too large a number"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_separator_counts_only_outside_quotes_and_angle_brackets() {
        let pieces = split_outside(r#""a,\",b" <sip:x,y@z> , c"#, b',', "test").unwrap();
        assert_eq!(pieces, [r#""a,\",b" <sip:x,y@z>"#, "c"]);
        assert!(split_outside("\"open, b", b',', "test").is_err());
        assert!(split_outside("\"ends in an escape\\", b',', "test").is_err());
        assert!(split_outside("<open, b", b',', "test").is_err());
    }

    #[test]
    fn quoting_is_undone_by_unquoting() {
        for text in ["", "plain", r#"a "b" \c"#, "话务台"] {
            assert_eq!(unquote(&quote(text)), text);
        }
    }

    #[test]
    fn a_number_is_digits_that_fit() {
        assert_eq!(decimal::<u8>("0068", "test"), Ok(68));
        assert!(decimal::<u8>("300", "test").is_err());
        assert!(decimal::<u8>("+3", "test").is_err());
        assert!(decimal::<u8>("", "test").is_err());
    }
}
