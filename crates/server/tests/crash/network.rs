//! The telephone network: the lab on real sockets, in this process.

use std::sync::Arc;

use base::Random;
use server::lab_host::LabHost;

use crate::ledger::Ledger;
use crate::place::Place;

/// A network in which `mobiles` are agents'; what happens in it is written down.
pub fn start(place: &Place, mobiles: Vec<String>, random: Random, ledger: Arc<Ledger>) -> LabHost {
    let mut config = lab::Config::new(place.carrier(), place.phones_rtp());
    config.agents_mobiles = mobiles;
    LabHost::start(config, random, move |event| ledger.phone(event)).expect("the ports are claimed")
}
