//! The switch makes the phones obey: it joins SIP, media and the decisions of the call center, sans-IO.
//!
//! It is the only place where a leg is one dialog and one media stream, and the place where effects wait for the commit
//! of the events that justify them. [`api`] is all that its user sees.

pub mod api;
mod auto_answer;
#[cfg(test)]
mod border;
mod callers;
mod capacity;
mod cause;
pub mod config;
mod digits;
mod far;
mod gate;
mod hold;
mod incoming;
mod invariants;
mod leg;
pub mod limits;
mod phones;
mod ports;
mod quality;
mod referral;
mod reload;
mod restart;
mod routes;
mod silence;
mod sound;
mod speech;
mod start;
mod switch;
mod trunks;
mod wiring;

pub use switch::{Switch, TimerKind};
