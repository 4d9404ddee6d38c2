//! What an engine does with packets, seen from its sockets.

mod bench;
mod codecs;
mod conference;
mod digits;
mod mixing;
mod packets;
mod ptime;
mod reports;
mod switching;
