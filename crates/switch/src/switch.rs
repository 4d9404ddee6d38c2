//! The shell: one input, then everything that follows from it, until nothing is left but what waits for the log, for the
//! far ends, or for a named deadline.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use base::{AccountId, CallId, CommandId, LegId, LogNo, Mono, Now, Random, Snowflake, Timers, Wall};
use bytes::Bytes;
use callcenter::action::Action;
use callcenter::command::{Command, Refusal};
use callcenter::numbers::NumberPlan;
use callcenter::signal::Signal;
use callcenter::{Center, Output as Decided, Room};
use sip::Endpoint;
use sip::api::DialogId;

use crate::api::{Body, Counts, Diagnostic, Entry, Input, Output, Piece, TrunkStanding};
use crate::config::Config;
use crate::gate::{Effect, Gate};
use crate::incoming::Arrival;
use crate::leg::{Invite, Legs};
use crate::phones::Phones;
use crate::ports::Ports;
use crate::routes::Routes;
use crate::trunks::Trunks;

/// Joins SIP, media and the decisions of all accounts.
pub struct Switch {
    pub(crate) config: Config,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) phones: Phones,
    pub(crate) endpoint: Endpoint,
    pub(crate) ids: Snowflake,
    /// Which number belongs where.
    pub(crate) numbers: Arc<NumberPlan>,
    pub(crate) random: Random,
    pub(crate) legs: Legs,
    /// How many legs there were when a lower `legs_max` was told.
    pub(crate) legs_before: usize,
    pub(crate) trunks: Trunks,
    pub(crate) ports: Ports,
    pub(crate) gate: Gate,
    /// Calls whose sound is or was stored and whose files are not ordered yet.
    pub(crate) recordings: BTreeMap<CallId, Recording>,
    /// Ended legs whose streams are being closed: whose the counts are that come.
    pub(crate) closing: BTreeMap<LegId, Owner>,
    /// Dialogs of before the restart.
    pub(crate) resumed: BTreeMap<DialogId, Resumed>,
    /// Who may call in.
    pub(crate) routes: Routes,
    /// Calls that came with the input at hand, until the core says what becomes of them.
    pub(crate) arrivals: BTreeMap<LegId, Arrival>,
    /// Tokens read at a restart, until `restarted`.
    pub(crate) tokens: BTreeMap<LegId, (Owner, Bytes)>,
    /// Where users' phones were, by account and user, read at a restart, until `restarted`.
    pub(crate) kept: BTreeMap<(AccountId, String), Bytes>,
    /// Dialogs whose INVITE has left the gate just now.
    left: Vec<DialogId>,
    log_stalled: bool,
    pub(crate) intake: Intake,
    deadlines: Timers<AccountId>,
    /// Accounts whose decisions are to be drained.
    pub(crate) stirred: BTreeSet<AccountId>,
    /// What happens once all decisions are drained, in this order.
    then: VecDeque<Then>,
    /// The command whose consequences are being drained.
    origin: Option<CommandId>,
    out: VecDeque<Output>,
    /// What would be told to the cores, where a test stands in their place.
    #[cfg(test)]
    pub(crate) told: Option<Vec<Signal>>,
}

/// An account at work.
pub(crate) struct Account {
    pub(crate) center: Center,
    /// Which of the engines' sounds is its music.
    pub(crate) music: usize,
}

/// The files that a recording is to become.
pub(crate) struct Recording {
    pub(crate) account: AccountId,
    pub(crate) began: Wall,
    /// In order of their beginning, the whole first.
    pub(crate) pieces: Vec<Piece>,
}

/// Whose leg a dialog is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) account: AccountId,
    pub(crate) leg: LegId,
    pub(crate) call: CallId,
}

/// A dialog of before a restart, and the RTP port that its far end may still send to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resumed {
    pub(crate) owner: Owner,
    pub(crate) port: u16,
}

/// Whether calls from outside are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intake {
    /// They are.
    Open,
    /// The program ends, and nobody would be left to end them.
    Closed,
}

/// A consequence that comes after the events of what went before.
pub(crate) enum Then {
    /// An account's core learns a fact.
    Tell(AccountId, Signal),
    /// The dialog of a leg is over, and so is its token.
    TokenDone(Owner),
    /// The files of a recording may be made.
    Finish(CallId),
}

/// Why the switch wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// The core of an account has a deadline.
    Account(AccountId),
    /// SIP has one.
    Sip,
    /// A trunk is to be asked whether it is there.
    Trunk,
}

impl Switch {
    /// A switch with no calls. `last` is the last committed entry of the log and `highest_id` the highest call or leg
    /// number ever given out.
    pub fn new(
        config: Config,
        mut random: Random,
        last: LogNo,
        highest_id: u64,
        numbers: Arc<NumberPlan>,
    ) -> Switch {
        let phones = Phones::new(&config.accounts);
        let endpoint = Endpoint::new(crate::wiring::sip_config(&config, &phones), random.fork());
        let accounts = config.accounts.iter().map(|one| {
            let center = Center::new(one.account.clone(), numbers.clone(), random.fork());
            (one.account.id, Account { center, music: one.music })
        });
        let accounts = accounts.collect();
        let own_random = random.fork();
        let trunks = Trunks::new(&config, random.fork());
        Switch {
            accounts,
            phones,
            endpoint,
            ids: Snowflake::new(config.worker, highest_id),
            numbers,
            random: own_random,
            legs: Legs::default(),
            legs_before: 0,
            routes: Routes::new(&config.accounts, &trunks),
            arrivals: BTreeMap::new(),
            trunks,
            ports: Ports::new(config.rtp_port_min, config.rtp_port_max)
                .at(&config.media_addresses)
                .without(&config.rtp_ports_foreign)
                .begun_anywhere(&mut random),
            gate: Gate::new(last),
            recordings: BTreeMap::new(),
            closing: BTreeMap::new(),
            resumed: BTreeMap::new(),
            tokens: BTreeMap::new(),
            kept: BTreeMap::new(),
            left: Vec::new(),
            log_stalled: false,
            intake: Intake::Open,
            deadlines: Timers::default(),
            stirred: BTreeSet::new(),
            then: VecDeque::new(),
            origin: None,
            out: VecDeque::new(),
            #[cfg(test)]
            told: None,
            config,
        }
    }

    /// One input and all that follows from it at once.
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        self.endpoint.pause_registrations(self.log_is_busy());
        self.begin_trunks(now);
        match input {
            Input::Datagram { flow, data } => {
                self.endpoint.handle_input(now, sip::api::Input::Datagram { flow, data });
            }
            Input::Connected { flow } => {
                self.endpoint.handle_input(now, sip::api::Input::Connected { flow });
            }
            Input::Stream { flow, data } => {
                self.endpoint.handle_input(now, sip::api::Input::Stream { flow, data });
            }
            Input::Closed { flow } => self.endpoint.handle_input(now, sip::api::Input::Closed { flow }),
            Input::Command { id, account, command } => self.command(now, id, account, command),
            Input::Media(signal) => self.media_said(now, signal),
            Input::RecordingReady { account, call, files, part } => {
                self.tell(account, Signal::RecordingReady { call, files, part });
            }
            Input::Durable { through } => self.gate.commit(through),
            Input::LogStalled(stalled) => self.log_stalled = stalled,
            Input::SipOverloaded(overloaded) => {
                self.endpoint.handle_input(now, sip::api::Input::Overloaded(overloaded));
            }
            Input::RefuseCalls => self.intake = Intake::Closed,
            Input::EndCalls => {
                self.intake = Intake::Closed;
                self.unregister_trunks(now);
                for account in self.accounts.keys().copied().collect::<Vec<_>>() {
                    self.tell(account, Signal::ShutDownBegan);
                }
            }
            Input::TrunkResolved { trunk, addresses } => self.trunk_resolved(now, &trunk, addresses),
            Input::Configure(changes) => self.configure(now, *changes),
            Input::Timeout => self.timeout(now),
        }
        self.settle(now);
    }

    /// What is to be done. Drain until `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The earliest deadline and why; may change with every input.
    pub fn next_timeout(&self) -> Option<(Mono, TimerKind)> {
        let account = self.deadlines.next().map(|(at, id)| (at, TimerKind::Account(*id)));
        let sip = self.endpoint.next_timeout().map(|(at, _)| (at, TimerKind::Sip));
        let trunk = self.trunks.next_timeout().map(|at| (at, TimerKind::Trunk));
        account.into_iter().chain(sip).chain(trunk).min_by_key(|(at, _)| *at)
    }

    /// Sizes.
    pub fn counts(&self) -> Counts {
        Counts {
            legs: self.legs.len(),
            legs_living: self.legs.iter().filter(|(_, leg)| leg.is_living()).count(),
            calls: self.accounts.values().map(|account| account.center.calls().count()).sum(),
            ports_used: self.ports.used().len(),
            ports_resting: self.ports.resting(),
            gated: self.gate.len(),
            log_backlog: self.gate.backlog(),
            resumed: self.resumed.len(),
            streams_closing: self.closing.len(),
            dialogs: self.endpoint.counts().dialogs,
            registrations: self.endpoint.counts().registrations,
        }
    }

    /// How many SIP requests were turned away because of [`Input::SipOverloaded`], ever.
    pub fn sip_turned_away(&self) -> u64 {
        self.endpoint.turned_away()
    }

    /// How the trunks stand, in the order they were first told of; also those that were taken out and may have calls left.
    pub fn trunks(&self, now: Now) -> Vec<TrunkStanding> {
        self.trunks.standings(now.mono, |trunk| self.legs.channels(trunk))
    }

    /// The decisions of one account, for wallboards and tests.
    pub fn center(&self, account: AccountId) -> Option<&Center> {
        self.accounts.get(&account).map(|account| &account.center)
    }

    /// Whether new work is refused because the log does not keep up.
    pub(crate) fn log_is_behind(&self) -> bool {
        self.log_stalled || self.gate.backlog() > self.config.log_backlog_max || self.gate.is_full()
    }

    /// Whether phones are to register later: there may be thousands at once, and they must not keep calls from beginning.
    fn log_is_busy(&self) -> bool {
        let waits = self.gate.backlog().max(self.gate.len());
        self.log_is_behind() || waits > self.config.log_backlog_max / 2
    }

    fn command(&mut self, now: Now, id: CommandId, account: AccountId, command: Command) {
        if self.log_is_behind() {
            // Nothing of the log is said by this answer, so it waits for nothing.
            return self.out.push_back(Output::Reply { command: id, result: Err(Refusal::LogUnavailable) });
        }
        let room = match command {
            Command::DialOut(_)
            | Command::WebCall(_)
            | Command::Transfer { .. }
            | Command::Consult { .. }
            | Command::Monitor { .. } => self.room_for_calls(now, account),
            Command::Online { .. }
            | Command::Offline { .. }
            | Command::Busy { .. }
            | Command::Rest { .. }
            | Command::Hangup { .. }
            | Command::Hold { .. }
            | Command::Unhold { .. }
            | Command::Mute { .. }
            | Command::Unmute { .. }
            | Command::ConsultTransfer { .. }
            | Command::ThreeWayCall { .. }
            | Command::ResumeConsult { .. }
            | Command::CancelConsult { .. }
            | Command::Force { .. }
            | Command::SendDtmf { .. }
            | Command::Answer { .. } => Room::default(),
        };
        let Some(at) = self.accounts.get_mut(&account) else {
            return self.out.push_back(Output::Reply { command: id, result: Err(Refusal::AccountRemoved) });
        };
        at.center.set_room(room);
        at.center.handle_input(now, callcenter::Input::Command { id, command }, &mut self.ids);
        self.stirred.insert(account);
        self.origin = Some(id);
    }

    fn timeout(&mut self, now: Now) {
        if self.endpoint.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
            self.endpoint.handle_input(now, sip::api::Input::Timeout);
        }
        self.ping_trunks(now);
        while let Some(id) = self.deadlines.pop_due(now.mono) {
            let account = self.accounts.get_mut(&id).expect("only existing accounts have deadlines");
            account.center.handle_input(now, callcenter::Input::Timeout, &mut self.ids);
            self.stirred.insert(id);
        }
    }

    /// Drains decisions, then what comes after them, then SIP, until all are quiet. Each round answers something that is
    /// counted (an action, a signal, a message), so it ends.
    pub(crate) fn settle(&mut self, now: Now) {
        loop {
            if let Some(account) = self.stirred.pop_first() {
                self.drain_center(now, account);
            } else if let Some(then) = self.then.pop_front() {
                self.go_on(now, then);
            } else if let Some(output) = self.endpoint.poll_output() {
                self.sip_said(now, output);
            } else {
                break;
            }
        }
        self.origin = None;
        while let Some(effect) = self.gate.pop() {
            self.release(effect);
        }
        for dialog in std::mem::take(&mut self.left) {
            self.endpoint.invite_left(now, dialog);
        }
    }

    fn drain_center(&mut self, now: Now, id: AccountId) {
        while let Some(decided) = self.accounts.get_mut(&id).and_then(|account| account.center.poll_output())
        {
            match decided {
                Decided::Event(event) => self.append(id, Body::Event(event)),
                Decided::Action(action) => self.act(now, id, action),
                Decided::Reply { id: command, result } => {
                    self.hold(self.gate.appended(), Effect::Reply { command, result });
                }
                Decided::Diagnostic { call, problem, inputs } => {
                    self.tell_operator(Diagnostic::DecisionFailed { account: id, call, problem, inputs });
                }
            }
        }
        match self.accounts.get(&id).and_then(|account| account.center.next_timeout()) {
            Some((at, _)) => self.deadlines.set(id, at),
            None => self.deadlines.cancel(&id),
        }
    }

    pub(crate) fn act(&mut self, now: Now, account: AccountId, action: Action) {
        match action {
            Action::StartLeg { leg, call, target, shown } => {
                self.start_leg(now, Owner { account, leg, call }, target, shown);
            }
            Action::TakeLeg { leg, call } => self.take_leg(now, Owner { account, leg, call }),
            Action::LetRing { leg, early_media } => self.let_ring(now, leg, early_media),
            Action::AnswerLeg { leg } => self.answer_leg(now, leg),
            Action::RefuseLeg { leg, cause } => self.refuse_leg(now, leg, cause),
            Action::EndLeg { leg } => self.end_leg(now, leg),
            Action::Hear { leg, source } => self.hear(leg, source),
            Action::StartRecording { call, agent, customer, files } => {
                self.start_recording(now, account, call, [agent, customer], files);
            }
            Action::Store { call, tracks } => self.store(call, &tracks),
            Action::StopRecording { call, parts } => self.stop_recording(call, parts),
            Action::AnswerReferral { leg, standing } => self.answer_referral(now, leg, standing),
            Action::SendDigits { leg, digits } => self.send_digits(leg, digits),
            Action::LetAnswer { leg } => self.let_answer(now, leg),
        }
    }

    fn go_on(&mut self, now: Now, then: Then) {
        match then {
            Then::Tell(id, signal) => {
                let room = begins_legs(&signal).then(|| self.room_for_calls(now, id));
                let Some(account) = self.accounts.get_mut(&id) else { return };
                if let Some(room) = room {
                    account.center.set_room(room);
                }
                account.center.handle_input(now, callcenter::Input::Signal(signal), &mut self.ids);
                self.stirred.insert(id);
            }
            Then::TokenDone(owner) => {
                self.append(owner.account, Body::TokenDone { leg: owner.leg, call: owner.call });
            }
            Then::Finish(call) => {
                if let Some(Recording { account, pieces, .. }) = self.recordings.remove(&call) {
                    self.hold(self.gate.appended(), Effect::Finish { account, call, pieces });
                }
            }
        }
    }

    /// Lets the core of an account know, once the events of before are told.
    pub(crate) fn tell(&mut self, account: AccountId, signal: Signal) {
        #[cfg(test)]
        if let Some(told) = &mut self.told {
            return told.push(signal);
        }
        self.then.push_back(Then::Tell(account, signal));
    }

    pub(crate) fn afterwards(&mut self, then: Then) {
        self.then.push_back(then);
    }

    pub(crate) fn append(&mut self, account: AccountId, body: Body) {
        let no = self.gate.append();
        self.out.push_back(Output::Append(Entry { no, account, command: self.origin, body }));
    }

    /// Lets an effect go when entry `no` is durable, which may be now.
    pub(crate) fn hold(&mut self, no: LogNo, effect: Effect) {
        if let Some(effect) = self.gate.hold(no, effect) {
            self.release(effect);
        }
    }

    pub(crate) fn media(&mut self, command: media::api::Command) {
        self.out.push_back(Output::Media(command));
    }

    pub(crate) fn tell_operator(&mut self, diagnostic: Diagnostic) {
        self.out.push_back(Output::Diagnostic(diagnostic));
    }

    pub(crate) fn connect(&mut self, flow: sip::api::Flow) {
        self.out.push_back(Output::Connect { flow });
    }

    pub(crate) fn close(&mut self, flow: sip::api::Flow) {
        self.out.push_back(Output::Close { flow });
    }

    pub(crate) fn transmit(&mut self, flow: sip::api::Flow, data: Bytes) {
        self.out.push_back(Output::Transmit { flow, data });
    }

    fn release(&mut self, effect: Effect) {
        match effect {
            Effect::Invite { leg, flow, data } => {
                if let Some(leg) = self.legs.get_mut(leg) {
                    leg.invite = Invite::Left;
                    self.left.push(leg.dialog);
                }
                self.transmit(flow, data);
            }
            Effect::Answer { flow, data }
            | Effect::Ack { flow, data }
            | Effect::Registered { flow, data } => {
                self.transmit(flow, data);
            }
            Effect::Reply { command, result } => self.out.push_back(Output::Reply { command, result }),
            Effect::Finish { account, call, pieces } => {
                self.out.push_back(Output::Finish { account, call, pieces });
            }
        }
    }
}

/// Whether a phone wants by it what a command may want as well: that somebody is called.
fn begins_legs(signal: &Signal) -> bool {
    match signal {
        Signal::PhoneCalled { .. } | Signal::Referred { .. } => true,
        Signal::CallArrived { .. }
        | Signal::LegHeld { .. }
        | Signal::KeyPressed { .. }
        | Signal::LegRinging { .. }
        | Signal::LegAnswered { .. }
        | Signal::LegEnded { .. }
        | Signal::RecordingStopped { .. }
        | Signal::RecordingReady { .. }
        | Signal::PhoneRegistered { .. }
        | Signal::PhoneUnregistered { .. }
        | Signal::Restarted
        | Signal::ShutDownBegan => false,
    }
}
