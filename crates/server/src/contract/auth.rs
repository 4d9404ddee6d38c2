//! Who asks: the four `m7-` headers and their signature (contract §1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;


/// `m7-sign`: base64 of HMAC-SHA256 with key `secret` over `appkey ‖ timestamp ‖ nonce`.
pub fn sign(secret: &str, appkey: &str, timestamp: &str, nonce: &str) -> String {
    STANDARD.encode(digest(secret, appkey, timestamp, nonce))
}

fn digest(secret: &str, appkey: &str, timestamp: &str, nonce: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(appkey.as_bytes());
    mac.update(timestamp.as_bytes());
    mac.update(nonce.as_bytes());
    mac.finalize().into_bytes().into()
}
