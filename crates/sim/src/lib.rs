//! The whole switch in a fake world: virtual time, phones and carriers with minds of their own, a network that loses,
//! doubles and reorders, a log that is slow or stuck, a program that dies and comes back. Everything is drawn from one
//! seed; then all faults are healed and everything must come to rest.
//!
//! There are three kinds of worlds. In one the far ends are adversaries that say what no phone should, and sound is a
//! model. In the others they are the phones of `lab`, and both sides run real media engines: every packet is held against
//! the plan of who hears whom, be it of two phones (`hearing`) or of any number of them, by their voices (`listening`).
//!
//! A broken invariant panics with a sentence. The same seed and commit give the same run.

use std::collections::BTreeMap;

mod calls;
mod contract;
mod far;
mod hearing;
mod knobs;
mod lab_host;
mod ledger;
mod listening;
mod log;
mod mark;
mod media_thread;
mod network;
mod people;
mod plan;
mod rules;
mod setup;
mod sound;
mod voice;
mod wire;
mod world;

/// Who the far ends are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Far ends with minds of their own, which also say what no phone should. Sound is a model.
    Adversaries,
    /// The phones of the lab, with real sound; they are called, and hung up on.
    Lab,
    /// The same, with every verb of call control drawn at random, and phones that hold and hand on by themselves.
    Verbs,
}

impl Kind {
    /// The kind of the world of a seed: odd ones have the lab, every eighth one the verbs.
    pub fn of(seed: u64) -> Kind {
        match seed % 8 {
            0 | 2 | 4 | 6 => Kind::Adversaries,
            1 | 3 | 5 => Kind::Lab,
            _ => Kind::Verbs,
        }
    }
}

/// What may be chosen about a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No faults at all: for finding out whether a failure needs one.
    pub calm: bool,
    /// No faults but a path on which one datagram in ten is lost, one in twenty comes twice, and many overtake others.
    pub rough: bool,
    /// A world of this kind, whatever the seed says.
    pub kind: Option<Kind>,
    /// Is told what is asked, what happens, and what is to be heard.
    pub tell: Option<fn(&str)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of which world.
    pub seed: u64,
    /// Of which kind.
    pub kind: Kind,
    /// Commands asked.
    pub commands: u64,
    /// Commands accepted.
    pub accepted: u64,
    /// Commands refused.
    pub refused: u64,
    /// Calls started.
    pub calls: usize,
    /// Calls in which both sides heard each other.
    pub bridged: usize,
    /// Calls that came by a trunk and were put through, and of them those in which both sides heard each other.
    pub came: (usize, usize),
    /// Legs whose sound was measured.
    pub measured: usize,
    /// INVITEs that left, without retransmissions.
    pub invites: usize,
    /// Entries in the log.
    pub entries: usize,
    /// Datagrams that arrived.
    pub datagrams: u64,
    /// Datagrams that did not.
    pub lost: u64,
    /// How often the program died.
    pub crashes: u64,
    /// How often the configuration changed.
    pub reloads: u64,
    /// RTP packets that arrived at a phone of the lab.
    pub packets: u64,
    /// How often, in worlds of [`Kind::Verbs`], somebody was found to hear whom it must.
    pub heard: u64,
    /// Verbs that were accepted, by their names.
    pub verbs: BTreeMap<&'static str, u64>,
    /// Records held against the contract, because nothing came in between, by the ending of the number called; `other`
    /// for numbers without one of their own.
    pub judged: BTreeMap<&'static str, u64>,
    /// Records of calls on a lossy path that only the loss could have spoiled.
    pub exposed: u64,
    /// Those of them that say what the contract says, loss or not.
    pub unharmed: u64,
}

impl Report {
    fn new(seed: u64, kind: Kind) -> Report {
        Report {
            seed,
            kind,
            commands: 0,
            accepted: 0,
            refused: 0,
            calls: 0,
            bridged: 0,
            came: (0, 0),
            measured: 0,
            invites: 0,
            entries: 0,
            datagrams: 0,
            lost: 0,
            crashes: 0,
            reloads: 0,
            packets: 0,
            heard: 0,
            verbs: BTreeMap::new(),
            judged: BTreeMap::new(),
            exposed: 0,
            unharmed: 0,
        }
    }
}

/// Runs the world of `seed` until it is at rest.
///
/// # Panics
/// When an invariant is broken, with a sentence that says which.
pub fn run(seed: u64, options: &Options) -> Report {
    world::run(seed, options)
}
