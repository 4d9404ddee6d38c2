//! What an engine does with packets, seen from its sockets.

mod bench;
mod codecs;
mod digits;
mod packets;
mod ptime;
mod reports;
