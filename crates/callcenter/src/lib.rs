//! Accounts, agents, calls, events and records: the decisions of the call center, pure.
//!
//! Plans *decide*, state *applies*: [`Center`] turns commands and signals into numbered events and actions; the only
//! thing that changes its state is applying an event, so the state is the fold of the log and a restart is a replay.
//!
//! Where to look: [`center`] is the shell that takes inputs and gives outputs; `decide` sends each input to the
//! decision it asks for; `agent/` decides about people, `call/` about calls, one file per plan; [`state`] folds events.

pub mod action;
mod agent;
mod call;
pub mod center;
pub mod command;
pub mod config;
mod decide;
pub mod event;
pub mod limits;
pub mod numbers;
pub mod record;
pub mod signal;
pub mod state;
mod surroundings;
mod timer;

pub use center::{Center, Input, Output, Use};
pub use surroundings::{Left, Room};
pub use timer::TimerKind;
