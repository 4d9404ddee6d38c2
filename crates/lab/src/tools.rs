use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use base::Timers;
use media::api::Command;
use sip::Endpoint;
use sip::api::DialogId;

use crate::api::{LabEvent, Output, PhoneId, TimerKind};
use crate::ports::Ports;

/// What every phone works with: the signalling, the ports, the deadlines, and the way out.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) endpoint: Endpoint,
    pub(crate) ports: Ports,
    pub(crate) media_address: IpAddr,
    /// Deadlines of phones; those of the endpoint are its own.
    pub(crate) timers: Timers<TimerKind>,
    /// Whose dialog it is.
    pub(crate) owners: BTreeMap<DialogId, PhoneId>,
    pub(crate) out: VecDeque<Output>,
}

impl Tools {
    /// Commands the media engine.
    pub(crate) fn media(&mut self, command: Command) {
        self.out.push_back(Output::Media(command));
    }

    /// Tells the lab's user.
    pub(crate) fn tell(&mut self, event: LabEvent) {
        self.out.push_back(Output::Happened(event));
    }
}
