//! The store through its public face, on real files.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "modules of one test program; a test that cannot go on fails"
)]

mod backup;
mod crash;
mod durability;
mod explain;
mod fixture;
mod folds;
mod keys;
mod outbox;
mod records;
mod retention;
