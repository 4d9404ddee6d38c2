use std::collections::VecDeque;
use std::time::Duration;

use base::{Mono, Timers};
use bytes::Bytes;

use super::connections::{self, Connections, Gone};
use super::{Config, ConnectionTimer, Limits, TimerName};
use crate::api::{DialogId, Event, Flow, Gate, Output, Transmit, Transport};
use crate::message::framing::Frame;

/// What leaves the endpoint, the streams that it leaves by, and the deadlines. Every part of it writes here.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    limits: Limits,
    /// How long a stream may take to open: leaves time for UDP within the patience of whoever waits.
    opening_max: Duration,
    out: VecDeque<Output>,
    pub(crate) connections: Connections,
    pub(crate) timers: Timers<TimerName>,
}

impl Wire {
    pub(crate) fn new(config: &Config) -> Wire {
        let opening_max = config.times.patience() / 8;
        Wire { limits: config.limits, opening_max, ..Wire::default() }
    }

    /// Sends bytes that need not wait for anything.
    pub(crate) fn send(&mut self, flow: Flow, data: Bytes) {
        self.send_gated(flow, data, None);
    }

    /// Sends bytes that may have to wait for the log.
    pub(crate) fn send_gated(&mut self, flow: Flow, data: Bytes, gate: Option<Gate>) {
        self.transmit(Transmit { flow, data, gate });
    }

    /// Tells the endpoint's user.
    pub(crate) fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// Takes back an INVITE that nobody has polled yet; false: it is gone.
    pub(crate) fn take_back_invite(&mut self, dialog: DialogId) -> bool {
        self.take_back_where(|transmit| transmit.gate == Some(Gate::Invite(dialog)))
    }

    /// Takes back bytes that nobody has polled yet; false: they are gone.
    pub(crate) fn take_back(&mut self, flow: Flow, data: &Bytes) -> bool {
        self.take_back_where(|transmit| transmit.flow == flow && transmit.data == *data)
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<TimerName> {
        self.timers.pop_due(now)
    }

    /// Gives a stream that is being opened its deadline.
    pub(crate) fn await_opening(&mut self, now: Mono, flow: Flow) {
        let timer = ConnectionTimer::Opening;
        if self.connections.is_opening(flow) && !self.is_set(flow, timer) {
            self.set(flow, timer, now + self.opening_max);
        }
    }

    /// Gives a stream that is being opened not longer than until `at`.
    pub(crate) fn await_opening_until(&mut self, flow: Flow, at: Mono) {
        let timer = ConnectionTimer::Opening;
        let is_set = self.timers.get(&TimerName::Connection(flow, timer));
        if self.connections.is_opening(flow) && is_set.is_none_or(|set| at < set) {
            self.set(flow, timer, at);
        }
    }

    /// A stream is open: what waited for it leaves. False: there is no room for it.
    pub(super) fn opened(&mut self, flow: Flow) -> bool {
        let Some(waiting) = self.connections.opened(&self.limits, flow) else {
            self.out.push_back(Output::Close { flow });
            return false;
        };
        self.out.extend(waiting.into_iter().map(Output::Transmit));
        self.cancel(flow, ConnectionTimer::Opening);
        true
    }

    /// Forgets a stream that is gone.
    pub(super) fn gone(&mut self, flow: Flow) -> Option<Gone> {
        for timer in ConnectionTimer::ALL {
            self.cancel(flow, timer);
        }
        self.connections.remove(flow)
    }

    /// Has a stream closed.
    pub(super) fn close(&mut self, flow: Flow) {
        self.out.push_back(Output::Close { flow });
    }

    /// Takes bytes of a stream; false: they are too many.
    pub(super) fn push(&mut self, flow: Flow, data: &[u8]) -> bool {
        self.connections.push(flow, data)
    }

    /// What a stream says next.
    pub(super) fn next_frame(&mut self, flow: Flow) -> Option<Frame> {
        self.connections.next_frame(flow)
    }

    /// Sets a deadline of a stream.
    pub(super) fn set(&mut self, flow: Flow, timer: ConnectionTimer, at: Mono) {
        self.timers.set(TimerName::Connection(flow, timer), at);
    }

    /// Forgets a deadline of a stream.
    pub(super) fn cancel(&mut self, flow: Flow, timer: ConnectionTimer) {
        self.timers.cancel(&TimerName::Connection(flow, timer));
    }

    /// Whether a deadline of a stream is set.
    pub(super) fn is_set(&self, flow: Flow, timer: ConnectionTimer) -> bool {
        self.timers.get(&TimerName::Connection(flow, timer)).is_some()
    }

    fn transmit(&mut self, transmit: Transmit) {
        let flow = transmit.flow;
        match flow.transport {
            Transport::Udp => self.out.push_back(Output::Transmit(transmit)),
            Transport::Tcp => match self.connections.send(&self.limits, transmit) {
                connections::Bytes::Send(transmit) => self.out.push_back(Output::Transmit(transmit)),
                connections::Bytes::WaitingToOpen => self.out.push_back(Output::Connect { flow }),
                connections::Bytes::Waiting | connections::Bytes::Dropped => {}
            },
        }
    }

    fn take_back_where(&mut self, is_it: impl Fn(&Transmit) -> bool) -> bool {
        let before = self.out.len();
        self.out.retain(|output| match output {
            Output::Transmit(transmit) => !is_it(transmit),
            Output::Event(_) | Output::Connect { .. } | Output::Close { .. } => true,
        });
        let polled = self.out.len() < before;
        self.connections.take_back(is_it) || polled
    }
}
