//! What the far ends say: SIP events become the states of legs and the signals of the core.

use std::time::Duration;

use base::{LegId, Now};
use bytes::Bytes;
use callcenter::signal::{Cause, Signal};
use sip::api::{DialogId, Ended, Event, Flow, Gate, Output, Transmit};

use crate::api::{Body, Diagnostic};
use crate::cause::{self, Stopped};
use crate::gate::Effect;
use crate::incoming::Caller;
use crate::leg::{Invite, Leg, PickUp, State};
use crate::restart;
use crate::switch::{Owner, Resumed, Switch, Then};

/// Nobody can be reached there now (RFC 3261 §21.4.18).
const NOT_THERE: u16 = 480;

impl Switch {
    pub(crate) fn sip_said(&mut self, now: Now, output: Output) {
        match output {
            Output::Transmit(Transmit { flow, data, gate }) => match gate {
                None => self.transmit(flow, data),
                Some(Gate::Invite(dialog)) => self.transmit_invite(dialog, flow, data),
                Some(Gate::Answer(dialog)) => self.transmit_answer(dialog, flow, data),
                Some(Gate::Ack(dialog)) => self.transmit_ack(dialog, flow, data),
                Some(Gate::Registered) => self.transmit_registered(flow, data),
            },
            Output::Event(event) => self.sip_event(now, event),
            Output::Connect { flow } => self.connect(flow),
            Output::Close { flow } => self.close(flow),
        }
    }

    fn sip_event(&mut self, now: Now, event: Event) {
        match event {
            Event::Progress { dialog, status, sdp } => self.progress(dialog, status, sdp),
            Event::Answered { dialog, sdp } => self.answered(now, dialog, sdp),
            Event::Incoming {
                dialog,
                flow,
                registered,
                registration,
                to_user,
                from_user,
                identity,
                sdp,
                ..
            } => {
                let caller = Caller { flow, registered, registration, from: from_user, identity: *identity };
                self.incoming(now, dialog, &caller, &to_user, sdp);
            }
            Event::Acknowledged { dialog, sdp } => self.acknowledged(now, dialog, sdp),
            Event::Reoffered { dialog, sdp } => self.reoffered(now, dialog, sdp),
            // The switch offers nothing new by itself; what it said before may be answered anew.
            Event::OfferAnswered { dialog, sdp } => self.acknowledged(now, dialog, sdp),
            Event::OfferRefused { .. } => {}
            Event::Referred { dialog, refer_to, replaces } => {
                self.referred(now, dialog, &refer_to, replaces);
            }
            Event::KeyPressed { dialog, key, .. } => self.key_pressed(dialog, key),
            // We ask no phone to call anybody.
            Event::ReferralTold { .. } => {}
            Event::Ended { dialog, how, retry_after } => self.dialog_ended(now, dialog, how, retry_after),
            Event::Token { dialog, token } => self.token(now, dialog, token),
            Event::Bindings { domain, user, kept } => self.bindings(&domain, user, kept),
            Event::Banned { source, lasts } => {
                self.tell_operator(Diagnostic::SourceBanned { source, lasts });
            }
            Event::Registration { domain, user, registered } => {
                self.registration(&domain, user, registered);
            }
            Event::OwnRegistration { registration, standing } => {
                self.own_registration(now, registration, standing);
            }
            Event::Probed { probe, status, retry_after } => self.pinged(now, probe, status, retry_after),
        }
    }

    /// An INVITE waits for the entry that justifies it. Retransmissions of a waiting one are not sent besides it, those
    /// of a withdrawn one never.
    fn transmit_invite(&mut self, dialog: DialogId, flow: Flow, data: Bytes) {
        let Some(id) = self.legs.of_dialog(dialog) else { return };
        let leg = self.legs.get_mut(id).expect("a leg found by its dialog exists");
        let waits_for = leg.justified_by;
        match leg.invite {
            Invite::Withdrawn | Invite::Waiting | Invite::Came => {}
            // Repeated.
            Invite::Left if self.gate.passed(waits_for) => self.transmit(flow, data),
            Invite::Due | Invite::Left if self.gate.is_full() => {
                self.tell_operator(Diagnostic::Full { queue: "gate" });
            }
            Invite::Due | Invite::Left => {
                leg.invite = Invite::Waiting;
                self.hold(waits_for, Effect::Invite { leg: id, flow, data });
            }
        }
    }

    /// An answer to who calls in waits for the entry that says who called. One that finds no room is left to the far end, which
    /// repeats its INVITE. Refusals of whom nobody knows say nothing that must be known.
    fn transmit_answer(&mut self, dialog: DialogId, flow: Flow, data: Bytes) {
        let leg = self.legs.of_dialog(dialog).and_then(|id| self.legs.get(id));
        match leg.map(|leg| leg.justified_by).filter(|no| !self.gate.passed(*no)) {
            Some(_) if self.gate.is_full() => self.tell_operator(Diagnostic::Full { queue: "gate" }),
            Some(waits_for) => self.hold(waits_for, Effect::Answer { flow, data }),
            None => self.transmit(flow, data),
        }
    }

    /// An ACK waits for the token of its dialog. One that finds no room is asked for again: the far end repeats its 2xx.
    fn transmit_ack(&mut self, dialog: DialogId, flow: Flow, data: Bytes) {
        let leg = self.legs.of_dialog(dialog).and_then(|id| self.legs.get(id));
        match leg.map(|leg| leg.justified_by) {
            Some(_) if self.gate.is_full() => self.tell_operator(Diagnostic::Full { queue: "gate" }),
            Some(waits_for) => self.hold(waits_for, Effect::Ack { flow, data }),
            // Of before a restart: it is being ended already.
            None => self.transmit(flow, data),
        }
    }

    /// A phone that has its 200 does not come again for a long while, so the log must know of it first. Of one that finds no
    /// room the phone asks again.
    fn transmit_registered(&mut self, flow: Flow, data: Bytes) {
        match self.gate.is_full() {
            true => self.tell_operator(Diagnostic::Full { queue: "gate" }),
            false => self.hold(self.gate.appended(), Effect::Registered { flow, data }),
        }
    }

    fn progress(&mut self, dialog: DialogId, status: u16, sdp: Option<Bytes>) {
        let Some(id) = self.living(dialog) else { return };
        self.way_answered(id);
        let leg = self.legs.get_mut(id).expect("living legs exist");
        leg.status = status;
        let heard_early = sdp.is_some_and(|sdp| self.early_media(id, &sdp));
        let leg = self.legs.get_mut(id).expect("living legs exist");
        // 199 tells that one of several phones will not answer: nothing rings because of it.
        let rings = heard_early || (180..=189).contains(&status);
        let (before, account) = (leg.state, leg.account);
        let early_media = match before {
            State::Calling if rings => heard_early,
            State::Ringing { early_media: false } if heard_early => true,
            State::Calling | State::Ringing { .. } | State::Up | State::Ending => return,
        };
        leg.state = State::Ringing { early_media };
        self.tell(account, Signal::LegRinging { leg: id, early_media });
    }

    fn answered(&mut self, now: Now, dialog: DialogId, sdp: Option<Bytes>) {
        let Some(id) = self.living(dialog) else { return };
        self.way_answered(id);
        let leg = self.legs.get_mut(id).expect("living legs exist");
        leg.state = State::Up;
        leg.status = 200;
        let (account, call) = (leg.account, leg.call);
        if self.agree(id, sdp.as_deref().unwrap_or_default()) {
            self.tell(account, Signal::LegAnswered { leg: id });
            self.watch_silence(call);
        } else {
            self.stop(now, id, Stopped::NoAgreement);
        }
    }

    /// The ACK may answer the offer that we made in a 2xx; that of a caller who offered nothing must.
    fn acknowledged(&mut self, now: Now, dialog: DialogId, sdp: Option<Bytes>) {
        let Some(id) = self.living(dialog) else { return };
        let owed = self.legs.get_mut(id).is_some_and(|leg| leg.speech.take_debt());
        let held = self.holds(id);
        let agreed = match sdp {
            Some(answer) => self.agree(id, &answer),
            None => !owed,
        };
        match agreed {
            true => self.tell_hold(id, held),
            false => self.stop(now, id, Stopped::NoAgreement),
        }
    }

    fn dialog_ended(&mut self, now: Now, dialog: DialogId, how: Ended, retry_after: Option<Duration>) {
        if let Some(Resumed { owner, port }) = self.resumed.remove(&dialog) {
            self.ports.give_back_resumed(now.mono, port);
            return self.afterwards(Then::TokenDone(owner));
        }
        // Refused calls from outside end too; nobody waits for them.
        let Some(id) = self.legs.of_dialog(dialog) else { return };
        let leg = self.legs.get_mut(id).expect("a leg found by its dialog exists");
        let owner = Owner { account: leg.account, leg: id, call: leg.call };
        let port = leg.port;
        let mut how = how;
        if leg.is_living() {
            if leg.pick_up == PickUp::PersonUntilCancelled {
                if self.call_to_answer(now, id) {
                    return;
                }
                how = Ended::Refused(NOT_THERE);
            }
            let leg = self.legs.get_mut(id).expect("the leg was found above");
            if leg.wants_answer() {
                leg.status = cause::refusal_of_end(how);
            }
            let heard = leg.heard();
            let verdict = cause::of_dialog(how, heard);
            let was_asked = leg.was_asked(how);
            self.withdraw_invite(id);
            if was_asked {
                self.way_judged(now, id, how, retry_after);
                if verdict.retry && self.try_next_way(now, id, verdict.cause.sip_code) {
                    return;
                }
                if cause::is_absent(how, heard) && self.try_next_contact(now, id) {
                    return;
                }
            }
            self.retire(id, verdict.cause);
        }
        self.legs.remove(id);
        self.ports.give_back(now.mono, port);
        self.afterwards(Then::TokenDone(owner));
    }

    /// `Action::EndLeg`.
    pub(crate) fn end_leg(&mut self, now: Now, id: LegId) {
        self.stop(now, id, Stopped::ByAction);
    }

    /// Ends a leg from our side. Does nothing when it is over already.
    pub(crate) fn stop(&mut self, now: Now, id: LegId, why: Stopped) {
        let Some(leg) = self.legs.get_mut(id).filter(|leg| leg.is_living()) else { return };
        let dialog = leg.dialog;
        if leg.wants_answer() {
            leg.status = cause::refusal_of_stop(why);
            let (status, cause) = (leg.status, cause::of_stop(why, leg.heard()));
            self.endpoint.reject(now, dialog, status);
            return self.retire(id, cause);
        }
        let cause = cause::of_stop(why, leg.heard());
        self.withdraw_invite(id);
        self.endpoint.end(now, dialog);
        self.retire(id, cause);
    }

    /// An INVITE that has not left never will.
    fn withdraw_invite(&mut self, id: LegId) {
        let leg = self.legs.get_mut(id).expect("only the INVITE of a known leg is withdrawn");
        match leg.invite {
            Invite::Left | Invite::Withdrawn | Invite::Came => {}
            Invite::Due => leg.invite = Invite::Withdrawn,
            Invite::Waiting => {
                leg.invite = Invite::Withdrawn;
                self.gate.withdraw_invite(id);
            }
        }
    }

    /// The leg is over for the core, and its stream is closed. The dialog goes its own way; nobody else gets the port before
    /// its far end knows.
    pub(crate) fn retire(&mut self, id: LegId, cause: Cause) {
        let leg = self.legs.get_mut(id).expect("only known legs are retired");
        assert!(leg.is_living(), "leg {id} ended twice");
        let (account, port, gateway) = (leg.account, leg.port, leg.gateway());
        let owner = Owner { account, leg: id, call: leg.call };
        self.legs.end(id);
        self.close_stream(owner);
        self.watch_silence(owner.call);
        self.ports.leave(port);
        self.tell(account, Signal::LegEnded { leg: id, cause, gateway });
    }

    fn token(&mut self, now: Now, dialog: DialogId, token: Bytes) {
        let talking =
            self.living(dialog).and_then(|id| self.legs.get_mut(id)).filter(|leg| leg.state == State::Up);
        if talking.is_some_and(|leg| !leg.moves.take(now.mono)) {
            return;
        }
        let Some((Owner { account, leg: id, call }, port)) = self.owner_of(dialog) else { return };
        let token = restart::join(&token, port);
        self.append(account, Body::Token { leg: id, call, token });
        let no = self.gate.appended();
        if let Some(leg) = self.legs.get_mut(id) {
            leg.justified_by = no;
        }
    }

    /// Where a user's phones are, for a restart.
    pub(crate) fn bindings(&mut self, domain: &str, user: String, kept: Bytes) {
        if let Some(account) = self.phones.account_of(domain) {
            self.append(account, Body::Bindings { user, kept });
        }
    }

    fn registration(&mut self, domain: &str, user: String, registered: bool) {
        let Some(account) = self.phones.account_of(domain) else { return };
        let signal = match registered {
            true => Signal::PhoneRegistered { user },
            false => Signal::PhoneUnregistered { user },
        };
        self.tell(account, signal);
    }

    /// The leg of a dialog, unless it is over for the core.
    pub(crate) fn living(&self, dialog: DialogId) -> Option<LegId> {
        let id = self.legs.of_dialog(dialog)?;
        self.legs.get(id).filter(|leg| leg.is_living()).map(|_| id)
    }

    /// Whose a dialog is, and the port of its sound.
    fn owner_of(&self, dialog: DialogId) -> Option<(Owner, u16)> {
        if let Some(Resumed { owner, port }) = self.resumed.get(&dialog) {
            return Some((*owner, *port));
        }
        let id = self.legs.of_dialog(dialog)?;
        let owner = |leg: &Leg| Owner { account: leg.account, leg: id, call: leg.call };
        self.legs.get(id).map(|leg| (owner(leg), leg.port))
    }
}
