//! The whole switch in a fake world: virtual time, phones and carriers with minds of their own, a network that loses,
//! doubles and reorders, a log that is slow or stuck, a program that dies and comes back. Everything is drawn from one
//! seed; then all faults are healed and everything must come to rest.
//!
//! A broken invariant panics with a sentence. The same seed and commit give the same run.

mod far;
mod knobs;
mod ledger;
mod log;
mod network;
mod setup;
mod sound;
mod wire;
mod world;

/// What may be chosen about a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// No faults at all: for finding out whether a failure needs one.
    pub calm: bool,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Of which world.
    pub seed: u64,
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
}

/// Runs the world of `seed` until it is at rest.
///
/// # Panics
/// When an invariant is broken, with a sentence that says which.
pub fn run(seed: u64, options: &Options) -> Report {
    world::run(seed, options)
}
