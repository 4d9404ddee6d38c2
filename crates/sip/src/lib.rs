//! SIP for a call center, sans-IO: messages, transactions, dialogs, registrar, digest (RFC 3261 and its family).
//!
//! [`api`] is all that a user of the endpoint sees.

pub mod api;
mod dialog;
pub mod digest;
mod endpoint;
pub mod limits;
pub mod message;
mod registrar;
mod transaction;

pub use endpoint::{
    Bans, Config, ConnectionTimer, DialogTimer, Domain, Endpoint, Limits, Listener, RegistrarConfig,
    Reliability, SessionTimers, TimerKind, User,
};
pub use transaction::{Timer, Times};
