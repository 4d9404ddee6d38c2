//! What is drawn per seed: how bad the network is, how slow the log, how often things break, how people behave.

use std::time::Duration;

use base::{Mono, Random};
use callcenter::config::{HoldRecording, TransferSound, WithoutCustomer};
use switch::limits;

use crate::Kind;

/// One world's settings.
#[derive(Clone, Debug)]
pub(crate) struct Knobs {
    /// Who the far ends are.
    pub(crate) kind: Kind,
    /// Percent of datagrams lost.
    pub(crate) loss: u64,
    /// Percent delivered twice.
    pub(crate) duplication: u64,
    /// Shortest way of a datagram.
    pub(crate) delay_min: Duration,
    /// Longest; more than the distance between two datagrams means reordering.
    pub(crate) delay_max: Duration,
    /// Longest time from an append to its commit.
    pub(crate) commit_delay_max: Duration,
    /// How many times the log stalls.
    pub(crate) stalls: u64,
    /// How many times the program dies.
    pub(crate) crashes: u64,
    /// How many times it ends in good order, as far as time allows.
    pub(crate) shut_downs: u64,
    /// How many times the wall clock jumps.
    pub(crate) clock_jumps: u64,
    /// How many times a far end breaks down for a while or calls us.
    pub(crate) misbehaviours: u64,
    /// How many calls come by a trunk for which there is a route.
    pub(crate) arrivals: u64,
    /// How many strangers send sound to ports in use.
    pub(crate) intrusions: u64,
    /// How many phones go mute in the middle of a call, percent of answered legs.
    pub(crate) mute: u64,
    /// Percent of streams whose sockets cannot be opened.
    pub(crate) ports_unusable: u64,
    /// How many times the configuration changes.
    pub(crate) reloads: u64,
    /// Longest pause between two commands.
    pub(crate) command_pause_max: Duration,
    /// RTP port pairs of the switch.
    pub(crate) port_pairs: u16,
    /// What customers hear while a transfer rings.
    pub(crate) transfer_sound: TransferSound,
    /// What becomes of a consultation without its customer.
    pub(crate) consult_without_customer: WithoutCustomer,
    /// And of those who are left of three.
    pub(crate) conference_without_customer: WithoutCustomer,
    /// What is stored of a hold.
    pub(crate) hold_recording: HoldRecording,
    /// How many agents there are.
    pub(crate) agents: u64,
    /// How many trunks there are.
    pub(crate) trunks: u64,
    /// Whether calls are spread over them, or take them in their order.
    pub(crate) spread: bool,
    /// Whether they are asked whether they are there.
    pub(crate) pinged: bool,
    /// Calls that the first one carries at once.
    pub(crate) channels_max: Option<usize>,
    /// How long a customer's phone may ring.
    pub(crate) customer_ring: Duration,
    /// How long a call may last.
    pub(crate) call_age_max: Duration,
    /// How long a phone may say nothing.
    pub(crate) silence_max: Duration,
    /// How long a signal takes from the media thread to the switch.
    pub(crate) media_lag: Duration,
    /// When faults stop and nobody asks for anything any more.
    pub(crate) heal_at: Mono,
    /// When all must have come to rest: the longest talk, ring, refresh and retransmission after healing fit in between.
    pub(crate) rest_at: Mono,
}

impl Knobs {
    pub(crate) fn draw(kind: Kind, random: &mut Random) -> Knobs {
        let knobs = Knobs::adversaries(random);
        match kind {
            Kind::Adversaries => knobs,
            Kind::Lab => knobs.lab(random),
            Kind::Verbs => knobs.lab(random).verbs(random),
        }
    }

    /// Whether every datagram arrives.
    pub(crate) fn lossless(&self) -> bool {
        self.loss == 0
    }

    fn adversaries(random: &mut Random) -> Knobs {
        // Half of the worlds have a good network: faults of other kinds show better there.
        let bad_network = random.chance(50);
        let loss = if bad_network { random.below(25) } else { 0 };
        let duplication = if bad_network { random.below(20) } else { 0 };
        let spread_ms = if bad_network { random.below(400) } else { random.below(10) };
        let delay_min = Duration::from_millis(1 + random.below(40));
        Knobs {
            kind: Kind::Adversaries,
            loss,
            duplication,
            delay_min,
            delay_max: delay_min + Duration::from_millis(spread_ms),
            commit_delay_max: Duration::from_micros(300 + random.below(200_000)),
            stalls: random.below(3),
            crashes: random.below(3),
            shut_downs: random.below(2),
            clock_jumps: random.below(3),
            misbehaviours: random.below(8),
            arrivals: random.below(25),
            intrusions: 0,
            mute: random.below(10),
            ports_unusable: random.below(4),
            reloads: if random.chance(40) { 1 + random.below(5) } else { 0 },
            command_pause_max: Duration::from_millis(200 + random.below(8_000)),
            port_pairs: if random.chance(20) { 3 } else { 64 },
            transfer_sound: TransferSound::default(),
            consult_without_customer: WithoutCustomer::default(),
            conference_without_customer: WithoutCustomer::default(),
            hold_recording: HoldRecording::default(),
            agents: 1 + random.below(5),
            trunks: 1 + random.below(3),
            spread: random.chance(30),
            pinged: random.chance(50),
            channels_max: random.chance(30).then_some(2),
            customer_ring: Duration::from_secs(30),
            call_age_max: Duration::from_secs(600),
            silence_max: limits::SILENCE_MAX,
            media_lag: Duration::ZERO,
            heal_at: Mono::from_micros(180_000_000),
            rest_at: Mono::from_micros(600_000_000),
        }
    }

    /// Real sound costs fifty packets a second and phone, so these worlds are smaller and shorter.
    fn lab(self, random: &mut Random) -> Knobs {
        let patient = random.chance(25);
        let media_lag_us = if random.chance(10) { 1_500_000 } else { 5_000 };
        Knobs {
            kind: Kind::Lab,
            crashes: random.below(2),
            shut_downs: u64::from(random.chance(20)),
            stalls: random.below(2),
            misbehaviours: random.below(6),
            arrivals: random.below(8),
            intrusions: random.below(12),
            reloads: if random.chance(30) { 1 + random.below(3) } else { 0 },
            port_pairs: if random.chance(35) { 4 } else { 64 },
            command_pause_max: Duration::from_millis(200 + random.below(4_000)),
            agents: 1 + random.below(4),
            // Of two, nobody is at the first.
            trunks: 1 + random.below(2),
            spread: false,
            channels_max: None,
            customer_ring: Duration::from_secs(if patient { 30 } else { 15 }),
            call_age_max: Duration::from_secs(if patient { 45 } else { 24 }),
            silence_max: Duration::from_millis(3_000 + random.below(3_000)),
            media_lag: Duration::from_micros(random.below(media_lag_us)),
            heal_at: Mono::from_micros(100_000_000),
            rest_at: Mono::from_micros(300_000_000),
            ..self
        }
    }

    /// Programs of agents that do everything they can, on paths on which little is lost.
    fn verbs(self, random: &mut Random) -> Knobs {
        let bad_path = random.chance(40);
        let (loss, spread_ms) =
            if bad_path { (random.below(4), random.below(60)) } else { (0, random.below(5)) };
        let without = |random: &mut Random| match random.chance(50) {
            true => WithoutCustomer::End,
            false => WithoutCustomer::GoOn,
        };
        Knobs {
            kind: Kind::Verbs,
            loss,
            duplication: loss,
            delay_max: self.delay_min + Duration::from_millis(spread_ms),
            crashes: u64::from(random.chance(25)),
            shut_downs: u64::from(random.chance(10)),
            stalls: u64::from(random.chance(25)),
            misbehaviours: random.below(16),
            arrivals: random.below(3),
            intrusions: random.below(6),
            reloads: u64::from(random.chance(20)),
            ports_unusable: if random.chance(20) { 2 } else { 0 },
            port_pairs: if random.chance(10) { 8 } else { 64 },
            command_pause_max: Duration::from_millis(300 + random.below(1_500)),
            agents: 3 + random.below(4),
            transfer_sound: if random.chance(50) { TransferSound::RingBack } else { TransferSound::Music },
            consult_without_customer: without(random),
            conference_without_customer: without(random),
            hold_recording: if random.chance(50) { HoldRecording::Silence } else { HoldRecording::Music },
            customer_ring: Duration::from_secs(12),
            call_age_max: Duration::from_secs(40),
            silence_max: Duration::from_secs(20),
            heal_at: Mono::from_micros(60_000_000),
            rest_at: Mono::from_micros(240_000_000),
            ..self
        }
    }

    /// The same world on a bad path to everybody, and no other faults.
    pub(crate) fn rough(self) -> Knobs {
        Knobs {
            loss: 10,
            duplication: 5,
            delay_min: Duration::from_millis(10),
            delay_max: Duration::from_millis(300),
            ..self.calm()
        }
    }

    /// The same world without faults.
    pub(crate) fn calm(self) -> Knobs {
        Knobs {
            loss: 0,
            duplication: 0,
            delay_max: self.delay_min,
            stalls: 0,
            crashes: 0,
            shut_downs: 0,
            clock_jumps: 0,
            misbehaviours: 0,
            intrusions: 0,
            mute: 0,
            ports_unusable: 0,
            reloads: 0,
            ..self
        }
    }
}
