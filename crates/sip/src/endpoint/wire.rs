use std::collections::VecDeque;

use base::{Mono, Timers};
use bytes::Bytes;

use super::TimerName;
use crate::api::{DialogId, Event, Flow, Output, Transmit};

/// What leaves the endpoint, and the deadlines. Every part of it writes here.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    out: VecDeque<Output>,
    pub(crate) timers: Timers<TimerName>,
}

impl Wire {
    /// Sends bytes that need not wait for anything.
    pub(crate) fn send(&mut self, flow: Flow, data: Bytes) {
        self.send_gated(flow, data, None);
    }

    /// Sends bytes; with a dialog they are an INVITE and must not leave before the log says why.
    pub(crate) fn send_gated(&mut self, flow: Flow, data: Bytes, invite: Option<DialogId>) {
        self.out.push_back(Output::Transmit(Transmit { flow, data, invite, ack: None }));
    }

    /// Sends the ACK that establishes a dialog: it must not leave before the log has the dialog's token.
    pub(crate) fn send_ack(&mut self, flow: Flow, data: Bytes, dialog: DialogId) {
        self.out.push_back(Output::Transmit(Transmit { flow, data, invite: None, ack: Some(dialog) }));
    }

    /// Tells the endpoint's user.
    pub(crate) fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// Takes back an INVITE that nobody has polled yet; false: it is gone.
    pub(crate) fn take_back_invite(&mut self, dialog: DialogId) -> bool {
        let is_it = |output: &Output| match output {
            Output::Transmit(transmit) => transmit.invite == Some(dialog),
            Output::Event(_) => false,
        };
        let before = self.out.len();
        self.out.retain(|output| !is_it(output));
        self.out.len() < before
    }

    /// Takes back bytes that nobody has polled yet; false: they are gone.
    pub(crate) fn take_back(&mut self, flow: Flow, data: &Bytes) -> bool {
        let before = self.out.len();
        self.out.retain(|output| match output {
            Output::Transmit(transmit) => transmit.flow != flow || transmit.data != *data,
            Output::Event(_) => true,
        });
        self.out.len() < before
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<TimerName> {
        self.timers.pop_due(now)
    }
}
