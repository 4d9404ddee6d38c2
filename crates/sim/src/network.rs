//! The way between two addresses: loses, doubles, delays and so reorders datagrams, until it is healed.

use std::time::Duration;

use base::Random;

use crate::knobs::Knobs;

/// A network between everybody.
#[derive(Debug)]
pub(crate) struct Network {
    loss: u64,
    duplication: u64,
    delay_min: Duration,
    delay_spread_us: u64,
    random: Random,
    /// Datagrams that never arrived.
    pub(crate) lost: u64,
}

impl Network {
    pub(crate) fn new(knobs: &Knobs, random: Random) -> Network {
        let spread = knobs.delay_max.saturating_sub(knobs.delay_min);
        Network {
            loss: knobs.loss,
            duplication: knobs.duplication,
            delay_min: knobs.delay_min,
            delay_spread_us: u64::try_from(spread.as_micros()).unwrap_or(u64::MAX),
            random,
            lost: 0,
        }
    }

    /// From now on nothing is lost or doubled.
    pub(crate) fn heal(&mut self) {
        self.loss = 0;
        self.duplication = 0;
    }

    /// The times after which a datagram arrives: none, one, or two.
    pub(crate) fn ways(&mut self) -> Vec<Duration> {
        if self.random.chance(self.loss) {
            self.lost += 1;
            return Vec::new();
        }
        let copies = 1 + usize::from(self.random.chance(self.duplication));
        (0..copies).map(|_| self.delay_min + self.spread()).collect()
    }

    fn spread(&mut self) -> Duration {
        Duration::from_micros(self.random.below(self.delay_spread_us + 1))
    }
}
