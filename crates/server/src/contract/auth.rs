//! Who asks: the four `m7-` headers and their signature (contract §1).

use base::{AccountId, Wall};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::codes::Code;

/// How far `m7-timestamp` may be from the server's time, both ends inclusive and both in whole seconds: the client cut its
/// fraction off, too.
pub const FRESH_S: i64 = 300;
const TIMESTAMP_DIGITS: usize = 10;
const NONCE_DIGITS: usize = 6;

/// `m7-sign`: base64 of HMAC-SHA256 with key `secret` over `appkey ‖ timestamp ‖ nonce`.
pub fn sign(secret: &str, appkey: &str, timestamp: &str, nonce: &str) -> String {
    STANDARD.encode(digest(secret, appkey, timestamp, nonce))
}

/// The account of an appkey. One with leading zeros or too many digits is nobody's: each account has one spelling.
pub fn account_of(appkey: &str) -> Option<AccountId> {
    let id: AccountId = appkey.parse().ok()?;
    (id.to_string() == appkey).then_some(id)
}

/// The headers as they came; `None` when missing or not text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `m7-appkey`.
    pub appkey: Option<&'a str>,
    /// `m7-timestamp`.
    pub timestamp: Option<&'a str>,
    /// `m7-nonce`.
    pub nonce: Option<&'a str>,
    /// `m7-sign`.
    pub sign: Option<&'a str>,
}

/// Well-formed and fresh headers: somebody claims to be this account.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Who it claims to be.
    pub account: AccountId,
    /// `m7-timestamp`, epoch seconds.
    pub timestamp: i64,
    /// `m7-nonce`: six digits.
    pub nonce: &'a str,
    appkey_text: &'a str,
    timestamp_text: &'a str,
    sign: [u8; 32],
}

impl<'a> Claim<'a> {
    /// Checks the form of the headers, in the order of contract §1: 50012 … 50015.
    pub fn read(headers: Headers<'a>, now: Wall) -> Result<Claim<'a>, Code> {
        let appkey = headers.appkey.filter(|text| is_digits(text)).ok_or(Code::AppkeyInvalid)?;
        let timestamp_text =
            headers.timestamp.filter(|text| !text.is_empty()).ok_or(Code::TimestampMissing)?;
        if timestamp_text.len() != TIMESTAMP_DIGITS || !is_digits(timestamp_text) {
            return Err(Code::TimestampInvalid);
        }
        let timestamp: i64 = timestamp_text.parse().expect("ten digits fit i64");
        if (timestamp - now.as_secs()).abs() > FRESH_S {
            return Err(Code::TimestampStale);
        }
        let nonce = headers.nonce.filter(|text| text.len() == NONCE_DIGITS && is_digits(text));
        let nonce = nonce.ok_or(Code::NonceInvalid)?;
        let sign =
            headers.sign.and_then(|text| STANDARD.decode(text).ok()).and_then(|sign| sign.try_into().ok());
        let sign = sign.ok_or(Code::SignInvalid)?;
        let account = account_of(appkey).ok_or(Code::NoSecret)?;
        Ok(Claim { account, timestamp, nonce, appkey_text: appkey, timestamp_text, sign })
    }

    /// Whether one of the account's secrets made the signature: 50018 when there is none, 50002 when none did.
    ///
    /// Constant in time: every secret is tried, and digests are compared without an early end.
    pub fn verify<'s>(&self, secrets: impl IntoIterator<Item = &'s str>) -> Result<(), Code> {
        let mut tried = 0;
        let mut matched = Choice::from(0);
        for secret in secrets {
            tried += 1;
            matched |= digest(secret, self.appkey_text, self.timestamp_text, self.nonce).ct_eq(&self.sign);
        }
        match (tried, bool::from(matched)) {
            (0, _) => Err(Code::NoSecret),
            (_, true) => Ok(()),
            (_, false) => Err(Code::SignatureWrong),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn digest(secret: &str, appkey: &str, timestamp: &str, nonce: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(appkey.as_bytes());
    mac.update(timestamp.as_bytes());
    mac.update(nonce.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";
    const VECTORS: [(&str, &str, &str, &str); 3] = [
        ("2000103", "1608119594", "123221", "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo="),
        ("2000100", "1609226863", "111922", "MUsuvEvHzsYcHhckm/GkzDks/ZfJaeXo4k2+hlR9r2I="),
        ("2100147", "1924260441", "025513", "/MXI6P/qErc2CNLx4CLtWT941BpytrfyhWizvUu5n2k="),
    ];

    fn good() -> Headers<'static> {
        let (appkey, timestamp, nonce, sign) = VECTORS[0];
        Headers { appkey: Some(appkey), timestamp: Some(timestamp), nonce: Some(nonce), sign: Some(sign) }
    }

    fn at(seconds: i64) -> Wall {
        Wall::from_millis(seconds * 1000)
    }

    fn read(headers: Headers<'_>) -> Result<(), Code> {
        Claim::read(headers, at(1_608_119_594)).map(|_| ())
    }

    #[test]
    fn the_published_vectors_sign_and_verify() {
        for (appkey, timestamp, nonce, wanted) in VECTORS {
            assert_eq!(sign(SECRET, appkey, timestamp, nonce), wanted);
            let headers = Headers {
                appkey: Some(appkey),
                timestamp: Some(timestamp),
                nonce: Some(nonce),
                sign: Some(wanted),
            };
            let now = at(timestamp.parse().expect("digits"));
            let claim = Claim::read(headers, now).expect("well-formed and fresh");
            assert_eq!(claim.verify([SECRET]), Ok(()));
            assert_eq!(claim.verify(["another", SECRET]), Ok(()), "either of two secrets signs");
            assert_eq!(claim.verify(["another"]), Err(Code::SignatureWrong));
            assert_eq!(claim.verify([]), Err(Code::NoSecret));
        }
    }

    #[test]
    fn each_header_has_its_code() {
        let h = good();
        for (headers, code) in [
            (Headers { appkey: None, ..h }, Code::AppkeyInvalid),
            (Headers { appkey: Some("20001o3"), ..h }, Code::AppkeyInvalid),
            (Headers { appkey: Some(""), ..h }, Code::AppkeyInvalid),
            (Headers { timestamp: None, ..h }, Code::TimestampMissing),
            (Headers { timestamp: Some("1608119594021"), ..h }, Code::TimestampInvalid),
            (Headers { timestamp: Some("160811959"), ..h }, Code::TimestampInvalid),
            (Headers { timestamp: Some("+160811959"), ..h }, Code::TimestampInvalid),
            (Headers { timestamp: Some("1608119293"), ..h }, Code::TimestampStale),
            (Headers { timestamp: Some("1608119895"), ..h }, Code::TimestampStale),
            (Headers { nonce: None, ..h }, Code::NonceInvalid),
            (Headers { nonce: Some("12322"), ..h }, Code::NonceInvalid),
            (Headers { nonce: Some("12322a"), ..h }, Code::NonceInvalid),
            (Headers { sign: None, ..h }, Code::SignInvalid),
            (Headers { sign: Some("not base64"), ..h }, Code::SignInvalid),
            (Headers { sign: Some("c2hvcnQ="), ..h }, Code::SignInvalid),
            (Headers { appkey: Some("02000103"), ..h }, Code::NoSecret),
            (Headers { appkey: Some("99999999999999999999999"), ..h }, Code::NoSecret),
        ] {
            assert_eq!(read(headers), Err(code), "{headers:?}");
        }
    }

    #[test]
    fn the_first_failing_check_answers() {
        let mut headers = Headers::default();
        let now = good();
        assert_eq!(read(headers), Err(Code::AppkeyInvalid));
        headers.appkey = now.appkey;
        assert_eq!(read(headers), Err(Code::TimestampMissing));
        headers.timestamp = now.timestamp;
        assert_eq!(read(headers), Err(Code::NonceInvalid));
        headers.nonce = now.nonce;
        assert_eq!(read(headers), Err(Code::SignInvalid));
        headers.sign = now.sign;
        assert_eq!(read(headers), Ok(()));
    }

    #[test]
    fn three_hundred_seconds_are_fresh_on_both_sides_and_one_more_is_not() {
        let read_at = |ms: i64| Claim::read(good(), Wall::from_millis(1_608_119_594_000 + ms)).map(|_| ());
        assert_eq!(read_at(300_999), Ok(()), "no request arrives in the very millisecond it was stamped");
        assert_eq!(read_at(-300_000), Ok(()));
        assert_eq!(read_at(301_000), Err(Code::TimestampStale));
        assert_eq!(read_at(-300_001), Err(Code::TimestampStale));
    }
}
