//! SIP for a call center, sans-IO: messages, transactions, dialogs, registrar, digest (RFC 3261 and its family).
//!
//! [`api`] is all that a user of the endpoint sees.

pub mod api;
pub mod digest;
pub mod limits;
pub mod message;
