//! kill -9 at any moment: one record per accepted call, no event lost, their order kept, the same `eventUniqueId` on
//! repeats, and nobody is left on the line.
//!
//! The real binary runs on ports of its own and is killed again and again, at points named by an event and a short
//! random time after it. The telephone network, the customers' web server and the clients live in this process, so
//! they survive. `CORDBOARD_CRASH_SEED` repeats the choices of a run (not its timing); a longer run:
//! `CORDBOARD_CRASH_KILLS=200 cargo test -p server --test crash -- --ignored long`.
#![allow(unreachable_pub, reason = "a test program has no users")]
#![allow(clippy::print_stdout, reason = "a run says what it did")]

mod answered;
mod backup;
mod bare_phone;
mod bye;
mod called;
mod client;
mod judge;
mod keys;
mod killer;
mod ledger;
mod network;
mod nonces;
mod place;
mod process;
mod receiver;
mod reload;
mod run;
mod sounds;
mod store;
mod traffic;
