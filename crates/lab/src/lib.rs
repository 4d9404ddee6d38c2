//! A telephone network of pretend phones behind a pretend carrier, sans-IO: real SIP, real RTP, and a mind of their own.
//!
//! What a phone does is told by the number that is called: see [`behaviour`]. The server gives the lab sockets for a
//! demonstration; tests run the same phones in virtual time. [`api`] is all that its user says and hears.
//!
//! A phone can say a tone of its own ([`tone`]) and tell whose it hears ([`ear`]), also in a mix: so tests know who hears whom.
//!
//! [`relay`] is a bad path to put between any two that speak SIP.

pub mod api;
pub mod behaviour;
mod carrier;
pub mod ear;
mod lab;
pub mod limits;
mod line;
mod phone;
mod ports;
pub mod prompt;
pub mod relay;
pub mod tone;
mod tools;

pub use api::{Caller, Config, Counts, Input, LabEvent, Output, PhoneConfig, PhoneId, PhoneWish, TimerKind};
pub use behaviour::{Behaviour, Step};
pub use ear::Heard;
pub use lab::Lab;
pub use prompt::{Prompt, prompt_samples, sounds};
pub use tone::{Tone, Tones};
