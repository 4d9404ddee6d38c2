//! A bad path: takes datagrams from both sides, loses some, copies some, holds each up for a time of its own so that
//! later ones overtake it, and passes them on unread. What happens to which follows from the seed.
//!
//! Clients are told apart by their address, as a NAT does, so that the target can answer each. To be on the way of
//! everything that two SIP elements say to each other, each must believe that the other is where a relay listens: see
//! `cordboard lab --help`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random};
use bytes::Bytes;

use crate::limits::{RELAY_CLIENTS_MAX, RELAY_WAITING_MAX};

/// How bad the path is in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roughness {
    /// How many of a hundred datagrams are lost.
    pub loss_percent: u64,
    /// How many of a hundred of the others arrive twice.
    pub copy_percent: u64,
    /// The longest that one is held up; each is for a time of its own, drawn evenly from none to this.
    pub delay_max: Duration,
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From a client to the target.
    Forth,
    /// From the target to a client.
    Back,
}

/// A datagram, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The client that sent it, or that it is for.
    pub client: SocketAddr,
    /// Which way.
    pub direction: Direction,
    /// What.
    pub data: Bytes,
}

/// What comes in.
#[derive(Clone, Debug)]
pub enum RelayInput {
    /// A datagram arrived.
    Datagram(Carried),
    /// The deadline of `next_timeout` has come.
    Timeout,
}

/// What goes out. Drain with `poll_output` after every input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayOutput {
    /// Send it on.
    Datagram(Carried),
    /// A client gave way to a new one; what the target says to it is lost from now on.
    Forgotten(SocketAddr),
}

/// What became of the datagrams so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounts {
    /// Came in.
    pub received: u64,
    /// Were lost: by chance, or because too many waited.
    pub lost: u64,
    /// Were sent on a second time.
    pub copied: u64,
    /// Were sent on, copies included.
    pub sent: u64,
    /// Are held up at the moment.
    pub waiting: usize,
    /// Clients that are known.
    pub clients: usize,
}

/// The path. See the head of this module.
#[derive(Debug)]
pub struct Relay {
    forth: Roughness,
    back: Roughness,
    random: Random,
    /// When each client was last heard.
    clients: BTreeMap<SocketAddr, Mono>,
    /// By the moment they leave; the number keeps those of one moment in order.
    waiting: BTreeMap<(Mono, u64), Carried>,
    last: u64,
    forgotten: Option<SocketAddr>,
    now: Mono,
    counts: RelayCounts,
}

impl Relay {
    /// A path on which nothing is yet.
    pub fn new(forth: Roughness, back: Roughness, random: Random) -> Relay {
        Relay {
            forth,
            back,
            random,
            clients: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last: 0,
            forgotten: None,
            now: Mono::ZERO,
            counts: RelayCounts::default(),
        }
    }

    /// Takes what came in.
    pub fn handle_input(&mut self, now: Now, input: RelayInput) {
        self.now = now.mono;
        match input {
            RelayInput::Datagram(carried) => {
                if carried.direction == Direction::Forth {
                    self.meet(carried.client);
                }
                self.carry(carried);
            }
            RelayInput::Timeout => {}
        }
    }

    /// What goes out next. Empty again after each drain; changes only by `handle_input`.
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        if let Some(client) = self.forgotten.take() {
            return Some(RelayOutput::Forgotten(client));
        }
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= self.now)?;
        self.counts.sent += 1;
        Some(RelayOutput::Datagram(first.remove()))
    }

    /// When `RelayInput::Timeout` is due next: a datagram has been held up for long enough.
    pub fn next_timeout(&self) -> Option<Mono> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    /// What became of the datagrams.
    pub fn counts(&self) -> RelayCounts {
        RelayCounts { waiting: self.waiting.len(), clients: self.clients.len(), ..self.counts }
    }

    fn meet(&mut self, client: SocketAddr) {
        if self.clients.len() >= RELAY_CLIENTS_MAX && !self.clients.contains_key(&client) {
            let oldest = self.clients.iter().min_by_key(|(_, heard)| **heard).map(|(client, _)| *client);
            self.forgotten = oldest;
            self.clients.retain(|client, _| Some(*client) != oldest);
            let before = self.waiting.len();
            self.waiting.retain(|_, carried| Some(carried.client) != oldest);
            self.counts.lost += u64::try_from(before - self.waiting.len()).unwrap_or(u64::MAX);
        }
        self.clients.insert(client, self.now);
    }

    fn carry(&mut self, carried: Carried) {
        self.counts.received += 1;
        let rough = match carried.direction {
            Direction::Forth => self.forth,
            Direction::Back => self.back,
        };
        // Always as many draws as for any other datagram: what is lost does not change what becomes of the next.
        let (lost, copied) = (self.random.chance(rough.loss_percent), self.random.chance(rough.copy_percent));
        let delays = [self.delay(rough), self.delay(rough)];
        let copies = match (lost, copied) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        if copies == 0 || self.waiting.len() + copies > RELAY_WAITING_MAX {
            self.counts.lost += 1;
            return;
        }
        self.counts.copied += u64::from(copied);
        for delay in &delays[..copies] {
            self.last += 1;
            self.waiting.insert((self.now + *delay, self.last), carried.clone());
        }
    }

    fn delay(&mut self, rough: Roughness) -> Duration {
        let max = u64::try_from(rough.delay_max.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(self.random.below(max.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use base::Wall;

    use super::*;

    const ROUGH: Roughness =
        Roughness { loss_percent: 10, copy_percent: 5, delay_max: Duration::from_millis(300) };
    const SMOOTH: Roughness = Roughness { loss_percent: 0, copy_percent: 0, delay_max: Duration::ZERO };

    fn at(ms: u64) -> Now {
        Now { mono: Mono::from_micros(ms * 1000), wall: Wall::from_millis(0) }
    }

    fn client(number: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], u16::try_from(number).unwrap()))
    }

    fn datagram(client: SocketAddr, direction: Direction, number: u64) -> RelayInput {
        let data = Bytes::copy_from_slice(&number.to_be_bytes());
        RelayInput::Datagram(Carried { client, direction, data })
    }

    /// One datagram a millisecond in this direction; the numbers of those that arrive, in order.
    fn arrived(relay: &mut Relay, direction: Direction, count: u64) -> Vec<u64> {
        let mut arrived = Vec::new();
        for ms in 0..count + 1_000 {
            match ms < count {
                true => relay.handle_input(at(ms), datagram(client(1), direction, ms)),
                false => relay.handle_input(at(ms), RelayInput::Timeout),
            }
            while let Some(output) = relay.poll_output() {
                let RelayOutput::Datagram(carried) = output else { panic!("{output:?}") };
                assert_eq!((carried.client, carried.direction), (client(1), direction));
                arrived.push(u64::from_be_bytes(carried.data[..].try_into().unwrap()));
            }
        }
        assert_eq!(relay.next_timeout(), None);
        arrived
    }

    #[test]
    fn as_many_are_lost_copied_and_overtaken_as_was_said() {
        let mut relay = Relay::new(ROUGH, SMOOTH, Random::from_number(1));
        let arrived = arrived(&mut relay, Direction::Forth, 10_000);
        let counts = relay.counts();
        assert!((900..1_100).contains(&counts.lost), "{counts:?}");
        assert!((370..530).contains(&counts.copied), "{counts:?}");
        assert_eq!(counts.received, 10_000);
        assert_eq!(counts.sent, counts.received - counts.lost + counts.copied);
        assert_eq!(counts.sent, arrived.len() as u64);
        assert_eq!((counts.waiting, counts.clients), (0, 1));
        let overtaken = arrived.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(overtaken > 1_000, "{overtaken}");
    }

    #[test]
    fn each_direction_is_as_bad_as_its_own_knobs_say() {
        let mut relay = Relay::new(ROUGH, SMOOTH, Random::from_number(2));
        let back = arrived(&mut relay, Direction::Back, 1_000);
        assert!(back.iter().copied().eq(0..1_000), "nothing happens to what goes back");
    }

    #[test]
    fn the_same_seed_does_the_same_to_the_same_datagrams() {
        let run =
            |seed| arrived(&mut Relay::new(ROUGH, ROUGH, Random::from_number(seed)), Direction::Forth, 1_000);
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn none_is_held_up_for_longer_than_was_said() {
        let mut relay = Relay::new(ROUGH, SMOOTH, Random::from_number(5));
        for number in 0..1_000 {
            relay.handle_input(at(0), datagram(client(1), Direction::Forth, number));
        }
        relay.handle_input(at(300), RelayInput::Timeout);
        while relay.poll_output().is_some() {}
        assert_eq!(relay.counts().waiting, 0);
    }

    #[test]
    fn too_many_at_once_are_lost_and_too_many_clients_give_way() {
        let mut relay = Relay::new(Roughness { loss_percent: 0, ..ROUGH }, SMOOTH, Random::from_number(6));
        for number in 0..2 * RELAY_WAITING_MAX as u64 {
            relay.handle_input(at(0), datagram(client(1), Direction::Forth, number));
        }
        assert!(relay.counts().waiting <= RELAY_WAITING_MAX);
        assert!(relay.counts().lost >= RELAY_WAITING_MAX as u64 / 2);
        for number in 1..=RELAY_CLIENTS_MAX {
            relay.handle_input(at(1 + number as u64), datagram(client(number), Direction::Forth, 0));
        }
        assert_eq!(relay.counts().clients, RELAY_CLIENTS_MAX);
        let ms = 2 + RELAY_CLIENTS_MAX as u64;
        relay.handle_input(at(ms), datagram(client(RELAY_CLIENTS_MAX + 1), Direction::Forth, 0));
        assert_eq!(relay.poll_output(), Some(RelayOutput::Forgotten(client(1))));
        assert_eq!(relay.counts().clients, RELAY_CLIENTS_MAX);
    }
}
