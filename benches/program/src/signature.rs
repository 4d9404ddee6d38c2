//! The four headers of a signed request.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// An appkey and its secret.
#[derive(Clone)]
pub(crate) struct Key {
    appkey: String,
    secret: Hmac<Sha256>,
}

impl Key {
    pub(crate) fn new(appkey: &str, secret: &str) -> Key {
        let secret = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
        Key { appkey: appkey.to_owned(), secret }
    }

    /// Header lines that are good once, and for five minutes.
    pub(crate) fn headers(&self) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
        self.headers_of(&since.as_secs().to_string(), &nonce(since.subsec_nanos()))
    }

    fn headers_of(&self, timestamp: &str, nonce: &str) -> String {
        let mut mac = self.secret.clone();
        for part in [&self.appkey, timestamp, nonce] {
            mac.update(part.as_bytes());
        }
        let sign = STANDARD.encode(mac.finalize().into_bytes());
        let appkey = &self.appkey;
        format!(
            "m7-appkey: {appkey}\r\nm7-timestamp: {timestamp}\r\nm7-nonce: {nonce}\r\nm7-sign: {sign}\r\n"
        )
    }
}

/// Six digits that this program does not use again in the same second; `anywhere` is where it begins, so that the one
/// before it used others.
fn nonce(anywhere: u32) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let _begun = NEXT.compare_exchange(0, 1 + anywhere % 1_000_000, Ordering::Relaxed, Ordering::Relaxed);
    format!("{:06}", NEXT.fetch_add(1, Ordering::Relaxed) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_is_met() {
        let key = Key::new("2000103", "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3");
        let headers = key.headers_of("1608119594", "123221");
        assert!(headers.ends_with("m7-sign: ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo=\r\n"), "{headers}");
    }
}
