//! Given agents and numbers, when commands and signals come, then exactly these events follow.

mod agents;
mod capacity;
mod departures;
mod desk;
mod dial_out;
mod endings;
mod inbound;
mod random;
mod records;
mod restart;
mod shown_number;
mod situations;
mod verbs;
