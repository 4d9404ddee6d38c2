//! Given agents and numbers, when commands and signals come, then exactly these events follow.

mod agents;
mod capacity;
mod conference;
mod consult;
mod departures;
mod desk;
mod dial_out;
mod digits;
mod ears;
mod endings;
mod from_phone;
mod hearing;
mod hold;
mod inbound;
mod monitor;
mod parties;
mod random;
mod records;
mod restart;
mod shown_number;
mod situations;
mod transfer;
mod verbs;
mod web_call;
