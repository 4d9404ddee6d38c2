//! Which way a leg takes: by priority, at random by weight among equals, past what is full or known to be out of order.

use std::net::SocketAddr;

use base::{AccountId, Mono, Random};

use super::{Health, TrunkNo, TrunkWay, Trunks};
use crate::config::TrunkAddress;

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWay {
    /// The account has none, or all that are worth it were tried.
    NoneLeft,
    /// Those that are left have all their channels in use.
    Full,
}

/// Which ways a leg may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// Those in order.
    Working,
    /// Also those that are out of order, but said so themselves.
    Answering,
    /// Any: better to try than not to call at all.
    All,
}

impl Trunks {
    /// The best way for a leg of `account` that `tried` some already: among those in order, else among `last_resort`.
    /// `channels` says how many of a trunk are in use.
    pub(crate) fn choose(
        &mut self,
        now: Mono,
        account: AccountId,
        tried: &[TrunkWay],
        last_resort: Among,
        channels: impl Fn(TrunkNo) -> usize,
    ) -> Result<TrunkWay, NoWay> {
        let mut random = self.random.fork();
        for among in [Among::Working, last_resort] {
            let trunks = self.trunks_with_ways(now, account, tried, among, &channels);
            if let Some(trunk) = pick(&trunks, &mut random)
                && let Some(remote) = pick(&self.ways(trunk, now, tried, among), &mut random)
            {
                return Ok(TrunkWay { trunk, remote });
            }
        }
        let any = self.trunks_with_ways(now, account, tried, last_resort, |_| 0);
        Err(if any.is_empty() { NoWay::NoneLeft } else { NoWay::Full })
    }

    /// Whether there is another way for a leg that tried these.
    pub(crate) fn has_another(
        &self,
        now: Mono,
        account: AccountId,
        tried: &[TrunkWay],
        last_resort: Among,
        channels: impl Fn(TrunkNo) -> usize,
    ) -> bool {
        !self.trunks_with_ways(now, account, tried, last_resort, channels).is_empty()
    }

    /// The trunks of an account that can be had, each with its priority and weight.
    fn trunks_with_ways(
        &self,
        now: Mono,
        account: AccountId,
        tried: &[TrunkWay],
        among: Among,
        channels: impl Fn(TrunkNo) -> usize,
    ) -> Vec<(u32, u16, TrunkNo)> {
        let can_be_had =
            |trunk| self.has_room(trunk, &channels) && !self.ways(trunk, now, tried, among).is_empty();
        let choices = self.choices.get(&account).into_iter().flatten();
        let had = choices.filter(|choice| can_be_had(choice.trunk));
        had.map(|choice| (u32::from(choice.priority), choice.weight, choice.trunk)).collect()
    }

    fn has_room(&self, trunk: TrunkNo, channels: impl Fn(TrunkNo) -> usize) -> bool {
        self.config(trunk).channels_max.is_none_or(|channels_max| channels(trunk) < channels_max)
    }

    /// The ways of a trunk that may be taken, each with its priority and weight.
    fn ways(
        &self,
        trunk: TrunkNo,
        now: Mono,
        tried: &[TrunkWay],
        among: Among,
    ) -> Vec<(u32, u16, SocketAddr)> {
        let line = self.line(trunk);
        let fits = |health: &Health| match among {
            Among::Working => line.works(health, now),
            Among::Answering => line.works(health, now) || !health.is_silent(),
            Among::All => true,
        };
        let may_be_taken = |(address, health): &&(TrunkAddress, Health)| {
            fits(health) && !tried.contains(&TrunkWay { trunk, remote: address.remote })
        };
        let ways = line.ways.iter().filter(may_be_taken);
        ways.map(|(address, _)| (address.priority, address.weight, address.remote)).collect()
    }
}

/// One of the best (the lowest priority), each as often as its weight says; those of weight 0 hardly ever where others
/// weigh something (RFC 2782).
fn pick<T: Copy>(candidates: &[(u32, u16, T)], random: &mut Random) -> Option<T> {
    let best = candidates.iter().map(|(priority, _, _)| *priority).min()?;
    let equals = || candidates.iter().filter(|(priority, _, _)| *priority == best);
    let total: u64 = equals().map(|(_, weight, _)| u64::from(*weight)).sum();
    if total == 0 {
        let at = random.below(u64::try_from(equals().count()).ok()?);
        return equals().nth(usize::try_from(at).ok()?).map(|(_, _, one)| *one);
    }
    let weightless = || equals().filter(|(_, weight, _)| *weight == 0);
    // With the weightless first, a draw of 0 is theirs.
    let drawn = match weightless().next() {
        Some(_) => random.below(total + 1),
        None => 1 + random.below(total),
    };
    let mut sum = 0;
    weightless().chain(equals().filter(|(_, weight, _)| *weight > 0)).find_map(|(_, weight, one)| {
        sum += u64::from(*weight);
        (drawn <= sum).then_some(*one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(candidates: &[(u32, u16, char)]) -> [usize; 3] {
        let mut random = Random::from_number(7);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            match pick(candidates, &mut random) {
                Some('a') => counts[0] += 1,
                Some('b') => counts[1] += 1,
                Some('c') => counts[2] += 1,
                other => panic!("{other:?} is none of them"),
            }
        }
        counts
    }

    #[test]
    fn the_lowest_priority_wins() {
        assert_eq!(drawn(&[(2, 100, 'a'), (1, 0, 'b'), (3, 9, 'c')]), [0, 10_000, 0]);
        assert_eq!(pick::<char>(&[], &mut Random::from_number(1)), None);
    }

    #[test]
    fn equals_are_taken_as_often_as_they_weigh() {
        let [a, b, c] = drawn(&[(1, 30, 'a'), (1, 10, 'b'), (1, 60, 'c')]);
        assert!(a.abs_diff(3_000) < 200 && b.abs_diff(1_000) < 200 && c.abs_diff(6_000) < 200, "{a} {b} {c}");
        let [a, b, c] = drawn(&[(1, 0, 'a'), (1, 0, 'b'), (1, 0, 'c')]);
        assert!([a, b, c].iter().all(|n| n.abs_diff(3_333) < 200), "{a} {b} {c}");
        let [a, b, c] = drawn(&[(1, 50, 'b'), (1, 0, 'a'), (1, 50, 'c')]);
        assert!((1..300).contains(&a) && b > 4_000 && c > 4_000, "{a} {b} {c}");
    }
}
