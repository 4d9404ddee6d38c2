//! The store through its public face, on real files.
#![allow(unreachable_pub, reason = "modules of one test program")]

mod crash;
mod durability;
mod fixture;
mod folds;
mod keys;
mod outbox;
mod records;
mod retention;
