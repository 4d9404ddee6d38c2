//! The whole server on real sockets, against phones: the lab's, and two that others wrote (SIPp and baresip, scenarios in
//! `interop/`).
//!
//! Nothing waits for time to pass: every step waits for something to be pushed, printed or heard, with a deadline. Ports
//! are claimed per test, so tests run beside each other and beside a demo.

mod bad_path;
mod baresip;
mod claim;
mod codecs;
mod customers;
mod desk;
mod floor;
mod full_disk;
mod hearing;
mod inbound;
mod log;
mod measured;
mod names;
mod parts;
mod program;
mod recordings;
mod reload;
mod sip_phone;
mod sipp;
mod softphone;
mod sound;
mod stock;
mod strangers;
mod trunks;
mod verb_refusals;
mod verbs;
