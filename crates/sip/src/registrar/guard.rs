//! Slows down whoever guesses passwords, without harm to those who know theirs.
//!
//! Only a wrong proof made with a nonce that was sent to its sender's address counts: nobody gets another one banned by
//! forging an address. It counts twice.
//!
//! - *Against its source.* Too many within a while, and nothing from there is heard for a time that doubles with each ban.
//!   An address with registered phones behind it is not banned: one of them may have an old password.
//! - *Against the user it names*, whether there is such a user or not. After a few, proofs of that user are refused for a
//!   growing time, right or wrong, unless they come by the path of a living binding: guessing is slow then, from however
//!   many addresses, and the phone goes on. What is refused so counts against nobody. Where the user proved to be itself
//!   lately has a count of its own: nobody elsewhere can lock a phone out that comes back with another port.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base::{Mono, Random, Timers};
use sha2::{Digest, Sha256};

use crate::api::Aor;
use crate::endpoint::Bans;
use crate::limits::{GUARDED_HOMES_MAX, GUARDED_SOURCES_MAX, GUARDED_USERS_MAX};

/// How long it is remembered where a user proved to be itself.
const HOME_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Whom proofs were wrong of.
#[derive(Debug)]
pub(super) struct Guard {
    bans: Bans,
    /// Keeps others from choosing names that share a place.
    salt: u64,
    sources: Table<IpAddr, Source>,
    users: Table<UserKey, User>,
    /// Users at home: where they proved to be themselves.
    homes: Table<UserKey, ()>,
}

/// A user's place among those that are guarded: names may be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UserKey(u64);

/// Tells a proof from another one. The same one comes again when the answer to it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

#[derive(Debug, Default)]
struct Source {
    wrong: u32,
    last: Option<Fingerprint>,
    /// How often it was banned.
    bans: u32,
    banned_until: Mono,
}

#[derive(Debug, Default)]
struct User {
    wrong: u32,
    refused_until: Mono,
}

impl Guard {
    pub(super) fn new(bans: Bans, random: &mut Random) -> Guard {
        Guard {
            bans,
            salt: random.number(),
            sources: Table::new(GUARDED_SOURCES_MAX),
            users: Table::new(GUARDED_USERS_MAX),
            homes: Table::new(GUARDED_HOMES_MAX),
        }
    }

    /// Whether nothing from `source` is to be heard now.
    pub(super) fn is_banned(&self, now: Mono, source: IpAddr) -> bool {
        self.sources.get(network_of(source)).is_some_and(|source| now < source.banned_until)
    }

    /// Whether proofs of a user are refused now, unless they come by the path of a binding.
    pub(super) fn is_refused(&self, now: Mono, user: UserKey) -> bool {
        self.users.get(user).is_some_and(|user| now < user.refused_until)
    }

    /// A proof that came from `source` was wrong. Some: the source is banned now, for so long.
    pub(super) fn wrong_from(&mut self, now: Mono, source: IpAddr, proof: Fingerprint) -> Option<Duration> {
        let Bans { wrong_max, within, first, longest, .. } = self.bans;
        if wrong_max == 0 {
            return None;
        }
        let of = network_of(source);
        let known = self.sources.at(now, of, now + within);
        if known.last == Some(proof) {
            return None;
        }
        known.last = Some(proof);
        known.wrong += 1;
        if known.wrong < wrong_max {
            return None;
        }
        let lasts = doubled(first, known.bans, longest);
        (known.wrong, known.bans) = (0, known.bans.saturating_add(1));
        known.banned_until = now + lasts;
        self.sources.keep_until(of, now + lasts + longest);
        Some(lasts)
    }

    /// A proof that named `user` was wrong.
    pub(super) fn wrong_of(&mut self, now: Mono, user: UserKey) {
        let Bans { user_wrong_max, within, user_first, user_longest, .. } = self.bans;
        if user_wrong_max == 0 {
            return;
        }
        let known = self.users.at(now, user, now + within);
        if now < known.refused_until {
            return;
        }
        known.wrong = known.wrong.saturating_add(1);
        if let Some(more) = known.wrong.checked_sub(user_wrong_max) {
            let lasts = doubled(user_first, more, user_longest);
            known.refused_until = now + lasts;
            self.users.keep_until(user, now + lasts + within);
        }
    }

    /// The place of a user, real or not, whose proof comes from `source`.
    pub(super) fn key_of(&self, aor: &Aor, source: IpAddr) -> UserKey {
        let at_home = self.at(aor, source);
        match self.homes.get(at_home) {
            Some(()) => at_home,
            None => UserKey(self.hash(&[&aor.domain, &aor.user])),
        }
    }

    /// A user proved to be itself.
    pub(super) fn proven(&mut self, now: Mono, aor: &Aor, source: IpAddr) {
        let (at_home, until) = (self.at(aor, source), now + HOME_FOR);
        self.homes.at(now, at_home, until);
        self.homes.keep_until(at_home, until);
    }

    fn at(&self, aor: &Aor, source: IpAddr) -> UserKey {
        UserKey(self.hash(&[&aor.domain, &aor.user, &network_of(source).to_string()]))
    }

    /// The fingerprint of a proof.
    pub(super) fn fingerprint(&self, nonce: &str, response: &str) -> Fingerprint {
        Fingerprint(self.hash(&[nonce, response]))
    }

    fn hash(&self, texts: &[&str]) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.salt.to_be_bytes());
        for text in texts {
            hash.update(text.as_bytes());
            hash.update([0xff]);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        u64::from_be_bytes(first)
    }
}

/// Entries that are forgotten at some time, at the latest when there are too many.
#[derive(Debug)]
struct Table<K, V> {
    entries: BTreeMap<K, V>,
    forget: Timers<K>,
    max: usize,
}

impl<K: Ord + Copy, V: Default> Table<K, V> {
    fn new(max: usize) -> Table<K, V> {
        Table { entries: BTreeMap::new(), forget: Timers::default(), max }
    }

    fn get(&self, key: K) -> Option<&V> {
        self.entries.get(&key)
    }

    /// The entry of `key`; a new one is kept until `until`.
    fn at(&mut self, now: Mono, key: K, until: Mono) -> &mut V {
        while let Some(old) = self.forget.pop_due(now) {
            self.entries.remove(&old);
        }
        if !self.entries.contains_key(&key) {
            if self.entries.len() >= self.max
                && let Some((_, &next)) = self.forget.next()
            {
                self.forget.cancel(&next);
                self.entries.remove(&next);
            }
            self.forget.set(key, until);
        }
        self.entries.entry(key).or_default()
    }

    fn keep_until(&mut self, key: K, until: Mono) {
        self.forget.set(key, until);
    }
}

/// Who shares the fate of an address: of IPv6 the whole /64, since whoever has one address there has all of them.
pub(super) fn network_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

/// `first`, doubled `times`, at most `longest`.
fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(Bans::default(), &mut Random::from_number(1))
    }

    fn s(s: u64) -> Mono {
        Mono::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn a_ban_doubles_up_to_the_longest_and_is_forgotten_in_the_end() {
        let (mut guard, source) = (guard(), IpAddr::from([192, 0, 2, 7]));
        let (mut now, mut bans, mut proofs) = (Mono::ZERO, Vec::new(), 0);
        while bans.len() < 8 {
            proofs += 1;
            if let Some(lasts) = guard.wrong_from(now, source, Fingerprint(proofs)) {
                assert!(guard.is_banned(now, source) && !guard.is_banned(now + lasts, source));
                bans.push(lasts.as_secs());
                now = now + lasts;
            }
        }
        assert_eq!(bans, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(proofs, 8 * u64::from(Bans::default().wrong_max));
        now = now + Duration::from_secs(3601);
        assert_eq!(guard.wrong_from(now, source, Fingerprint(0)), None);
        assert_eq!(guard.sources.get(source).map(|source| source.bans), Some(0));
    }

    #[test]
    fn a_proof_that_is_only_repeated_counts_once_and_old_ones_not_at_all() {
        let (mut guard, source) = (guard(), IpAddr::from([192, 0, 2, 7]));
        for _ in 0..1000 {
            assert_eq!(guard.wrong_from(Mono::ZERO, source, Fingerprint(1)), None);
        }
        for n in 0..1000 {
            assert_eq!(guard.wrong_from(s(n * 60), source, Fingerprint(n)), None, "one a minute");
        }
    }

    #[test]
    fn proofs_of_a_user_are_refused_for_a_growing_time_after_a_few() {
        let mut guard = guard();
        let source = IpAddr::from([192, 0, 2, 7]);
        let user = guard.key_of(&Aor { domain: "a".to_owned(), user: "b".to_owned() }, source);
        let (mut now, mut refused) = (Mono::ZERO, Vec::new());
        for _ in 0..18 {
            guard.wrong_of(now, user);
            let until = (0..1000).find(|s| !guard.is_refused(now + Duration::from_secs(*s), user));
            refused.push(until.unwrap_or(1000));
            now = now + Duration::from_secs(refused[refused.len() - 1]);
        }
        assert_eq!(refused, [0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        guard.wrong_of(now, user);
        guard.wrong_of(now, user);
        assert!(!guard.is_refused(now + Duration::from_secs(300), user), "refused ones do not count");
        let other = guard.key_of(&Aor { domain: "ab".to_owned(), user: String::new() }, source);
        assert!(user != other && !guard.is_refused(now, other));
    }

    #[test]
    fn tables_are_bounded_and_bans_are_the_last_to_be_forgotten() {
        let mut guard = guard();
        let address = |n: u32| IpAddr::from((0x0a00_0000 | n).to_be_bytes());
        let banned = address(0xffff);
        for n in 0..u64::from(Bans::default().wrong_max) {
            guard.wrong_from(Mono::ZERO, banned, Fingerprint(n));
        }
        for n in 0..u32::try_from(GUARDED_SOURCES_MAX).expect("some thousands") + 100 {
            guard.wrong_from(Mono::ZERO, address(n + 0x10_0000), Fingerprint(0));
            guard.wrong_of(Mono::ZERO, UserKey(u64::from(n)));
        }
        assert_eq!(guard.sources.entries.len(), GUARDED_SOURCES_MAX);
        assert_eq!(guard.users.entries.len(), GUARDED_USERS_MAX);
        assert!(guard.is_banned(Mono::ZERO, banned));
    }

    #[test]
    fn neighbours_in_ipv6_share_a_fate_and_mapped_addresses_are_what_they_map() {
        let mut guard = guard();
        let [one, other, far] = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]
            .map(|text| text.parse::<IpAddr>().expect("an address"));
        for n in 0..u64::from(Bans::default().wrong_max) {
            guard.wrong_from(Mono::ZERO, one, Fingerprint(n));
        }
        assert!(guard.is_banned(Mono::ZERO, other) && !guard.is_banned(Mono::ZERO, far));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
        assert_eq!(network_of(mapped), IpAddr::from([192, 0, 2, 1]));
    }
}
