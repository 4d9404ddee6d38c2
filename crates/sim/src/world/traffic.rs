//! What travels: datagrams between the switch and the others, and what each of them makes of one.

use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, StreamId};
use bytes::Bytes;
use callcenter::event::{CallKind, Event, Numbered, Role};
use callcenter::record::CallRecord;
use switch::api::{Body, Diagnostic, Entry, Flow, Input, Output};

use super::{Happening, World};
use crate::Kind;
use crate::contract;
use crate::media_thread::Made;
use crate::people::Told;
use crate::setup::{self, ACCOUNT};

/// How long the digits of a few commands pause what is heard.
const DIGITS_MAX: Duration = Duration::from_secs(4);

impl World {
    pub(super) fn arrive(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        self.report.datagrams += 1;
        let switch = setup::switch_address();
        if to == switch {
            if !self.down {
                self.wire.heard(self.now.mono, data);
            }
            let flow = Flow { transport: sip::api::Transport::Udp, local: switch, remote: from };
            self.input(Input::Datagram { flow, data });
        } else if to.ip() == switch.ip() {
            if !self.down {
                self.hear_phone(to.port(), from, data);
                self.sound.handle_packet(self.now, to.port(), from, data);
                self.drain_sound();
            }
        } else {
            let heard = self.people.handle_datagram(self.now, from, to, data);
            let calls = if heard { self.wire.reached(data) } else { None };
            self.drain_people(calls);
        }
    }

    pub(super) fn drain_switch(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Append(entry) => self.append(entry),
                Output::Transmit { flow, data } => {
                    let sound = &self.sound;
                    self.wire.watch(flow.remote, &data, &self.ledger, |port| sound.leg_at(port));
                    self.send(flow.local, flow.remote, &data);
                }
                Output::Connect { .. } | Output::Close { .. } => {
                    panic!("the simulation has no streams, and nobody in it wants one")
                }
                Output::Reply { command, result } => self.replied(command, result),
                Output::Media(command) => {
                    self.tell("sound", &command);
                    if let media::api::Command::SendDigits { stream, .. } = &command {
                        self.listening.dialled(leg_of(*stream), self.now.mono + DIGITS_MAX);
                    }
                    self.sound.handle_command(self.now, command);
                    self.drain_sound();
                }
                Output::Finish { account, call, pieces } => {
                    assert_eq!(account, ACCOUNT, "a recording of nobody");
                    let recorded = self.ledger.calls.get(&call).is_some_and(|call| call.recorded);
                    assert!(recorded, "files of call {call} are made before its record is durable");
                    assert!(self.finished.insert(call), "the files of call {call} are made twice");
                    for piece in pieces {
                        let after = Duration::from_millis(self.random.below(5_000));
                        self.plan(after, Happening::FilesMade { life: self.life, call, piece });
                    }
                }
                Output::Diagnostic(diagnostic) => self.diagnosed(diagnostic),
            }
        }
    }

    pub(super) fn drain_sound(&mut self) {
        while let Some((lag, made)) = self.sound.poll_made() {
            match made {
                Made::Signal(signal) => self.plan(lag, Happening::Media { life: self.life, signal }),
                Made::Packet { stream, from, to, data } => {
                    match self.knobs.kind {
                        Kind::Verbs => {
                            let phone = self.people.phone_at(to);
                            self.listening.left(self.now.mono, leg_of(stream), phone, &data);
                        }
                        Kind::Adversaries | Kind::Lab => {
                            self.hearing.left(&self.calls, leg_of(stream), &data);
                        }
                    }
                    self.send(from, to, &data);
                }
                Made::Stored { call, at, packet } => match self.knobs.kind {
                    Kind::Verbs => self.listening.stored(call, &packet),
                    Kind::Adversaries | Kind::Lab => {
                        self.hearing.stored(&mut self.calls, call, at, &packet);
                    }
                },
            }
        }
    }

    /// `calls` is the leg whose INVITE just arrived, if one did.
    pub(super) fn drain_people(&mut self, calls: Option<LegId>) {
        while let Some(told) = self.people.poll_told() {
            match self.knobs.kind {
                Kind::Verbs => self.told_of_voices(calls, told),
                Kind::Adversaries | Kind::Lab => self.told_of_marks(calls, told),
            }
        }
        self.people.check();
    }

    fn told_of_voices(&mut self, calls: Option<LegId>, told: Told) {
        match told {
            Told::Sends { from, to, data } => self.send(from, to, &data),
            Told::Called { phone, number: _ } => {
                let leg = calls.expect("only an INVITE of the switch calls a phone");
                self.listening.called(phone, leg);
            }
            Told::Hears { .. } => self.hearing.packets += 1,
            Told::Speaks { phone, tone } => self.listening.voice(phone, tone),
            Told::Turns { phone, until } => {
                self.listening.turned(phone, until);
            }
            Told::Calls { .. } | Told::HearsDigit { .. } | Told::Falters { .. } => {}
        }
    }

    fn told_of_marks(&mut self, calls: Option<LegId>, told: Told) {
        match told {
            Told::Sends { from, to, data } => self.send(from, to, &data),
            Told::Called { phone, number } => {
                let leg = calls.expect("only an INVITE of the switch calls a phone");
                let seat = self.calls.seat(leg);
                self.hearing.called(phone, seat);
                let presses = seat.role == Role::Customer || setup::is_routed(&number);
                if presses && contract::ending(&number) == "0011" {
                    self.calls.side(seat).keys.extend(contract::KEYS.chars());
                }
            }
            Told::Calls { phone, shown } => self.hearing.calls(phone, shown),
            Told::Hears { phone, packet } => self.hearing.arrived(&mut self.calls, phone, &packet),
            Told::HearsDigit { phone, digit } => self.hearing.digit(&mut self.calls, phone, digit),
            Told::Falters { phone } => {
                if let Some(seat) = self.hearing.seat(phone) {
                    self.calls.disturb(seat.call);
                }
            }
            Told::Speaks { .. } | Told::Turns { .. } => {}
        }
    }

    /// A packet reaches a port of the switch: that of the phone's leg, or somebody else's by mistake or by design.
    fn hear_phone(&mut self, port: u16, from: SocketAddr, data: &[u8]) {
        if self.knobs.kind == Kind::Verbs
            && let (Some(phone), Some(leg)) = (self.people.phone_at(from), self.sound.leg_at(port))
        {
            self.listening.came(self.now.mono, phone, leg, data);
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, data: &Bytes) {
        for way in self.network.ways() {
            self.plan(way, Happening::Arrive { from, to, data: data.clone() });
        }
    }

    fn append(&mut self, entry: Entry) {
        self.wire.appended(self.now.mono, &entry.body);
        self.calls.read(self.now.mono, &entry.body);
        if let Body::Event(Numbered { event, .. }) = &entry.body {
            self.tell("event", event);
            self.listening.read(self.now.mono, event);
        }
        if let Body::Event(Numbered { event: Event::CallRecorded { record }, .. }) = &entry.body {
            self.judge(record);
        }
        if let Body::Event(Numbered {
            event: Event::LegStarted { leg, role: Role::Customer, shown, .. },
            ..
        }) = &entry.body
        {
            self.hearing.taken(shown, self.calls.seat(*leg));
        }
        self.log.append(entry);
        self.plan_commit();
    }

    /// Where nothing gets lost, a call that nothing came in between ends as the contract says; else it should.
    fn judge(&mut self, record: &CallRecord) {
        if self.knobs.kind == Kind::Lab
            && !self.log.stalled
            && record.call.kind == CallKind::DialOut
            && let Some(call) = self.calls.undisturbed(record.id)
        {
            if self.knobs.lossless() {
                contract::judge(call, record, &self.knobs, setup::carrier_address());
                *self.report.judged.entry(contract::ending(&call.customer)).or_default() += 1;
            } else {
                self.report.exposed += 1;
                self.report.unharmed += u64::from(contract::is_unharmed(call, record, &self.knobs));
            }
        }
    }

    fn diagnosed(&mut self, diagnostic: Diagnostic) {
        match diagnostic {
            Diagnostic::DecisionFailed { .. } | Diagnostic::Full { .. } => panic!("{diagnostic:?}"),
            Diagnostic::NoPort { leg } | Diagnostic::PortUnusable { leg, .. } => {
                self.calls.disturb(self.calls.seat(leg).call);
            }
            Diagnostic::SourceBanned { .. } => panic!("every phone knows its password: {diagnostic:?}"),
            Diagnostic::IncomingRefused { .. }
            | Diagnostic::TrunkFailedOver { .. }
            | Diagnostic::TrunkOutOfOrder { .. }
            | Diagnostic::TrunkInOrder { .. }
            | Diagnostic::TrunksFull { .. }
            | Diagnostic::NoTrunk { .. }
            | Diagnostic::TrunkRegistered { .. }
            | Diagnostic::TrunkNotRegistered { .. }
            | Diagnostic::NoAgreement { .. }
            | Diagnostic::Silent { .. }
            | Diagnostic::TokenUnreadable { .. }
            | Diagnostic::StreamClosed { .. } => {}
        }
    }
}

/// The leg of a stream has the stream's number.
fn leg_of(stream: StreamId) -> LegId {
    LegId(stream.0)
}
