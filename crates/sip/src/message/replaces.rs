use super::scan::trim;
use super::{Malformed, Params};

/// Which dialog is to be replaced, in the eyes of who is to replace it (RFC 3891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag of who is asked.
    pub to_tag: String,
    /// The tag of the other end.
    pub from_tag: String,
    /// Whether only a dialog that is not established yet is meant.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value.
    ///
    /// # Errors
    /// Without a Call-ID or one of the tags.
    pub fn parse(text: &str) -> Result<Replaces, Malformed> {
        const FIELD: &str = "Replaces";
        let (call_id, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        let params = Params::parse_header(params, FIELD)?;
        let tag = |name| {
            let tag = params.get(name).map(str::to_owned);
            tag.ok_or_else(|| Malformed::new(FIELD, "lacks a tag"))
        };
        let call_id = trim(call_id).to_owned();
        match call_id.is_empty() {
            true => Err(Malformed::new(FIELD, "has no Call-ID")),
            false => Ok(Replaces {
                call_id,
                to_tag: tag("to-tag")?,
                from_tag: tag("from-tag")?,
                early_only: params.has("early-only"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_and_both_tags() {
        let wanted = Replaces {
            call_id: "98732@sip.example.com".to_owned(),
            to_tag: "ff87ff".to_owned(),
            from_tag: "r33th4x0r".to_owned(),
            early_only: true,
        };
        let text = "98732@sip.example.com ;from-tag=r33th4x0r;early-only;to-tag=ff87ff";
        assert_eq!(Replaces::parse(text), Ok(wanted));
        for bad in ["", "x", "x;to-tag=1", "x;from-tag=1", ";to-tag=1;from-tag=2", "x;to-tag;from-tag=1"] {
            assert!(Replaces::parse(bad).is_err(), "{bad}");
        }
    }
}
