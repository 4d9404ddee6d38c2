//! Delivery of pushes (contract §7): at least once, in order per agent and per call of each address, signed, to public
//! addresses only unless told otherwise.
//!
//! [`schedule`] decides what is sent when and is pure; [`Delivery`] moves the bytes; the outbox in [`crate::store`]
//! remembers what is unsettled.

mod courier;
mod deliver;
pub mod destination;
mod lane;
pub mod limits;
pub mod schedule;
mod sign;

pub use courier::{Courier, CourierError, Destinations};
pub use deliver::{Addresses, Delivery};
pub use sign::{BadKey, Key};
