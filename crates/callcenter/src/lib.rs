//! Accounts, agents, calls, events and records: the decisions of the call center, pure.
//!
//! Plans *decide*, state *applies*: [`Center`] turns commands and signals into numbered events and actions; the only
//! thing that changes its state is applying an event, so the state is the fold of the log and a restart is a replay.

pub mod action;
pub mod command;
pub mod config;
pub mod event;
pub mod numbers;
pub mod record;
pub mod signal;
