//! What every pure crate shares: time as an argument, seeded randomness, identifiers and named timers.
//!
//! Nothing here reads a clock, a file or the environment; the `server` crate does and passes the results in.

mod id;
mod random;
mod time;
mod timers;
mod wheel;

pub use id::{AccountId, CallId, CommandId, LegId, LogNo, Snowflake, StreamId};
pub use random::Random;
pub use time::{Mono, Now, Wall};
pub use timers::Timers;
pub use wheel::Wheel;
