//! Signatures as [Standard Webhooks](https://www.standardwebhooks.com) describes them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// The secret that an address shares with us.
pub struct Key(SecretSlice<u8>);

/// A secret that is not `whsec_` and base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a push secret is \"whsec_\" and the base64 of 24 to 64 random bytes")]
pub struct BadKey;

impl Key {
    /// Reads a secret as it is configured: `whsec_` (may be missing) and base64.
    ///
    /// # Errors
    /// Anything else, and fewer than 24 or more than 64 bytes.
    pub fn parse(secret: &str) -> Result<Key, BadKey> {
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map_err(|_| BadKey)?;
        match bytes.len() {
            24..=64 => Ok(Key(bytes.into())),
            _ => Err(BadKey),
        }
    }

    /// The value of `webhook-signature` for a message sent at `timestamp_s`.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes keys of any length");
        for part in [id, ".", &timestamp_s.to_string(), ".", body] {
            mac.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_reference_library_makes_the_same_signature() {
        let reference = standardwebhooks::Webhook::new(SECRET).unwrap();
        let (id, body) =
            ("0123456789abcdef0123456789abcdef", r#"{"pushType":"callStatus","statusName":"空闲"}"#);
        let expected = reference.sign(id, 1_790_000_000, body.as_bytes()).unwrap();
        assert_eq!(Key::parse(SECRET).unwrap().sign(id, 1_790_000_000, body), expected);
    }

    #[test]
    fn short_long_and_unreadable_secrets_are_refused() {
        assert_eq!(Key::parse("whsec_AAAA").unwrap_err(), BadKey);
        assert_eq!(Key::parse(&STANDARD.encode([1; 65])).unwrap_err(), BadKey);
        assert_eq!(Key::parse("not base64!").unwrap_err(), BadKey);
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", Key::parse(SECRET).unwrap()), "Key(…)");
    }
}
