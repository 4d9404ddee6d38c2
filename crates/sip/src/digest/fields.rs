use super::{Algorithm, Count};
use crate::limits::PARAMS_MAX;
use crate::message::{Malformed, is_token, split_outside, trim, unquote};

/// The parameters of one Digest header value, each at most once.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// None: another scheme than Digest.
    pub(super) fn parse(value: &str) -> Result<Option<Fields>, Malformed> {
        let (scheme, rest) = trim(value).split_once([' ', '\t']).unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Ok(None);
        }
        let mut fields = Vec::new();
        for piece in split_outside(rest, b',', "Digest")? {
            let (name, value) =
                piece.split_once('=').ok_or_else(|| fault("has a parameter without value"))?;
            let name = trim(name).to_ascii_lowercase();
            if !is_token(&name) || fields.iter().any(|(found, _)| *found == name) {
                return Err(fault("has a parameter twice or with a malformed name"));
            }
            if fields.len() == PARAMS_MAX {
                return Err(fault("has too many parameters"));
            }
            fields.push((name, unquote(trim(value))));
        }
        Ok(Some(Fields(fields)))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn required(&mut self, name: &str) -> Result<String, Malformed> {
        self.take(name).ok_or_else(|| fault(&format!("has no {name}")))
    }

    /// None: one that is not known.
    pub(super) fn algorithm(&mut self) -> Option<Algorithm> {
        self.take("algorithm").map_or(Some(Algorithm::Md5), |text| Algorithm::parse(&text))
    }

    /// `nc` is eight hex digits (RFC 7616 §3.4).
    pub(super) fn count(&mut self) -> Result<Count, Malformed> {
        let nc = self.required("nc")?;
        let is_count = nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit());
        let nc = u32::from_str_radix(&nc, 16).ok().filter(|_| is_count);
        Ok(Count { nc: nc.ok_or_else(|| fault("has a malformed nc"))?, cnonce: self.required("cnonce")? })
    }
}

fn fault(why: &str) -> Malformed {
    Malformed::new("Digest", why)
}
