use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base::{Mono, Random};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::hex;
use crate::limits::NONCES_SPENT_MAX;

/// Hex digits of the time and the serial number of a nonce, and of its seal.
const STAMP_DIGITS: usize = 16 + 8;
const SEAL_DIGITS: usize = 32;

/// Makes nonces that need no memory until they are used: time and serial number, sealed with a secret of this process for
/// one realm and one address. Whoever proves something with a nonce has received what was sent to that address.
///
/// Only the counts of nonces in use are kept. When they become too many the oldest nonce is given up, and with it all
/// that are older: their users are asked again (`stale=true`) and never notice.
#[derive(Clone, Debug)]
pub struct Nonces {
    secret: [u8; 32],
    serial: u32,
    fresh_for: Duration,
    /// Stamp → the highest count seen. Stamps are in the order of their time.
    spent: BTreeMap<Stamp, u32>,
    /// Stamps up to this one were given up.
    floor: Stamp,
}

/// When a nonce was issued, and its serial number.
type Stamp = (Mono, u32);

/// What a nonce is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Ours and of age to be used.
    Fresh,
    /// Ours, but too old: challenge again with `stale=true`.
    Stale,
    /// Not ours, not for this realm and address, or of an earlier run.
    Forged,
}

impl Nonces {
    /// With a secret drawn from `random`; each nonce can be used for `fresh_for`.
    pub fn new(random: &mut Random, fresh_for: Duration) -> Nonces {
        let mut secret = [0; 32];
        for chunk in secret.chunks_exact_mut(8) {
            chunk.copy_from_slice(&random.number().to_be_bytes());
        }
        Nonces { secret, serial: 0, fresh_for, spent: BTreeMap::new(), floor: (Mono::ZERO, 0) }
    }

    /// A nonce that was never given out before, for whoever is at `source`.
    pub fn issue(&mut self, now: Mono, realm: &str, source: IpAddr) -> String {
        self.serial = self.serial.wrapping_add(1);
        let stamp = format!("{:016x}{:08x}", now.as_micros(), self.serial);
        let seal = self.seal(&stamp, realm, source);
        stamp + &seal
    }

    /// Whether `nonce` was issued here for `realm` and `source` and may still be used.
    pub fn judge(&self, now: Mono, realm: &str, source: IpAddr, nonce: &str) -> Standing {
        let Some((stamp, seal)) = nonce.split_at_checked(STAMP_DIGITS) else { return Standing::Forged };
        if !bool::from(self.seal(stamp, realm, source).as_bytes().ct_eq(seal.as_bytes())) {
            return Standing::Forged;
        }
        let Some(stamp) = read_stamp(stamp) else { return Standing::Forged };
        match now.since(stamp.0) <= self.fresh_for && stamp > self.floor {
            true => Standing::Fresh,
            false => Standing::Stale,
        }
    }

    /// Uses up a fresh nonce for one answer that was proven right. False: the count did not increase, so the answer may
    /// be a replay; treat the nonce as stale. An answer without a count (no `qop`) can use a nonce once.
    pub fn spend(&mut self, now: Mono, nonce: &str, nc: Option<u32>) -> bool {
        let Some(stamp) = nonce.get(..STAMP_DIGITS).and_then(read_stamp) else { return false };
        let nc = nc.unwrap_or(u32::MAX);
        if stamp <= self.floor || self.spent.get(&stamp).is_some_and(|highest| nc <= *highest) {
            return false;
        }
        self.spent.insert(stamp, nc);
        self.forget(now);
        true
    }

    /// Nonces of which a count is kept.
    pub fn len(&self) -> usize {
        self.spent.len()
    }

    /// Whether no count is kept.
    pub fn is_empty(&self) -> bool {
        self.spent.is_empty()
    }

    /// Drops the counts of nonces that are too old, and the oldest beyond the limit.
    fn forget(&mut self, now: Mono) {
        while let Some((stamp, _)) = self.spent.first_key_value() {
            let is_old = now.since(stamp.0) > self.fresh_for;
            if !is_old && self.spent.len() <= NONCES_SPENT_MAX {
                return;
            }
            if let Some((stamp, _)) = self.spent.pop_first() {
                self.floor = stamp;
            }
        }
    }

    fn seal(&self, stamp: &str, realm: &str, source: IpAddr) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(stamp.as_bytes());
        match source {
            IpAddr::V4(v4) => mac.update(&v4.octets()),
            IpAddr::V6(v6) => mac.update(&v6.octets()),
        }
        mac.update(realm.as_bytes());
        let mut seal = hex(&mac.finalize().into_bytes());
        seal.truncate(SEAL_DIGITS);
        seal
    }
}

fn read_stamp(text: &str) -> Option<Stamp> {
    let (at, serial) = text.split_at_checked(16)?;
    let at = u64::from_str_radix(at, 16).ok().map(Mono::from_micros)?;
    Some((at, u32::from_str_radix(serial, 16).ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn nonces() -> Nonces {
        Nonces::new(&mut Random::from_number(1), MINUTE)
    }

    #[test]
    fn a_nonce_is_fresh_then_stale_and_never_for_another_realm_or_address() {
        let (mut ours, at) = (nonces(), Mono::from_micros(5_000_000));
        let nonce = ours.issue(at, "a", HERE);
        assert_eq!(ours.judge(at + MINUTE, "a", HERE, &nonce), Standing::Fresh);
        assert_eq!(ours.judge(at + MINUTE + Duration::from_micros(1), "a", HERE, &nonce), Standing::Stale);
        assert_eq!(ours.judge(at, "b", HERE, &nonce), Standing::Forged);
        assert_eq!(ours.judge(at, "a", [127, 0, 0, 2].into(), &nonce), Standing::Forged);
        let others = Nonces::new(&mut Random::from_number(2), MINUTE);
        assert_eq!(others.judge(at, "a", HERE, &nonce), Standing::Forged);
    }

    #[test]
    fn a_changed_nonce_is_forged() {
        let mut ours = nonces();
        let nonce = ours.issue(Mono::ZERO, "a", HERE);
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ours.judge(Mono::ZERO, "a", HERE, &changed), Standing::Forged, "{at}");
        }
        for garbage in ["", "é", &nonce[1..], "张张张张张张张张张张张张张张"] {
            assert_eq!(ours.judge(Mono::ZERO, "a", HERE, garbage), Standing::Forged, "{garbage}");
        }
    }

    #[test]
    fn two_nonces_of_one_moment_differ() {
        let mut ours = nonces();
        assert_ne!(ours.issue(Mono::ZERO, "a", HERE), ours.issue(Mono::ZERO, "a", HERE));
    }

    #[test]
    fn a_count_must_increase_and_without_one_a_nonce_serves_once() {
        let mut ours = nonces();
        let (counted, plain) = (ours.issue(Mono::ZERO, "a", HERE), ours.issue(Mono::ZERO, "a", HERE));
        let mut spend = |nonce: &str, nc| ours.spend(Mono::ZERO, nonce, nc);
        assert!(spend(&counted, Some(1)) && spend(&counted, Some(3)));
        assert!(!spend(&counted, Some(3)) && !spend(&counted, Some(2)));
        assert!(spend(&plain, None) && !spend(&plain, None) && !spend(&plain, Some(9)));
    }

    #[test]
    fn counts_are_bounded_and_what_was_given_up_is_stale() {
        let mut ours = nonces();
        let first = ours.issue(Mono::ZERO, "a", HERE);
        assert!(ours.spend(Mono::ZERO, &first, Some(1)));
        for _ in 0..NONCES_SPENT_MAX {
            let nonce = ours.issue(Mono::ZERO, "a", HERE);
            assert!(ours.spend(Mono::ZERO, &nonce, Some(1)));
        }
        assert_eq!(ours.len(), NONCES_SPENT_MAX);
        assert_eq!(ours.judge(Mono::ZERO, "a", HERE, &first), Standing::Stale);
        assert!(!ours.spend(Mono::ZERO, &first, Some(2)));
        let later = Mono::ZERO + MINUTE * 2;
        let nonce = ours.issue(later, "a", HERE);
        assert!(ours.spend(later, &nonce, Some(1)));
        assert_eq!(ours.len(), 1);
    }
}
