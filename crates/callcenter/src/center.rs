//! The shell around the decisions of one account: it takes an input, has it decided, numbers and applies the events,
//! sets the timers they imply, and hands everything out in order.

mod history;
mod invariants;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, CommandId, LegId, Mono, Now, Random, Snowflake, Timers, Wall};

use self::history::History;
use crate::action::Action;
use crate::call::ending;
use crate::command::{Accepted, Command, Refusal};
use crate::config::{Account, AccountStatus};
use crate::decide::{self, Decision, Dice, Stimulus, View};
use crate::event::{CallKind, Event, Numbered};
use crate::numbers::NumberPlan;
use crate::signal::Signal;
use crate::state::State;
use crate::surroundings::{Room, Surroundings};
use crate::timer::TimerKind;
use crate::{agent, limits};

/// What a [`Center`] takes in.
#[derive(Clone, Debug)]
pub enum Input {
    /// A customer's program asks for something; answered by exactly one [`Output::Reply`] with the same number.
    Command {
        /// Its number.
        id: CommandId,
        /// What is asked.
        command: Command,
    },
    /// A fact from phones or media.
    Signal(Signal),
    /// A deadline of [`Center::next_timeout`] has come.
    Timeout,
}

/// What a [`Center`] gives out: events before the actions and the reply they justify.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most outputs are events, and each is moved once")]
pub enum Output {
    /// To be written to the log.
    Event(Numbered),
    /// To be carried out.
    Action(Action),
    /// The answer to a command.
    Reply {
        /// Which command.
        id: CommandId,
        /// Accepted, or why not.
        result: Result<Accepted, Refusal>,
    },
    /// A decision failed inside; the call, if there was one, was ended. To be saved for those who mend it.
    Diagnostic {
        /// Which call.
        call: Option<CallId>,
        /// What the failure said.
        problem: String,
        /// The call's last inputs, the failed one last. They hold customers' numbers.
        inputs: Vec<String>,
    },
}

/// How much of a limit is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The number whose calls are limited; `None`: all calls.
    pub of: Option<String>,
    /// Calls now.
    pub used: usize,
    /// Calls at most.
    pub max: usize,
}

/// The call center of one account: agents, calls, events. Pure; one mutation per input, then drain the outputs.
///
/// State is the fold of events: [`State`] changes by applying an event and in no other way. Beside it there are only
/// copies of facts that others own (configuration, registered phones) and what is derived from events and never
/// needed again (timers, the last inputs of each call).
#[derive(Clone, Debug)]
pub struct Center {
    state: State,
    around: Surroundings,
    random: Random,
    /// The number of the last event.
    seq: u64,
    timers: Timers<TimerKind>,
    history: History,
    outputs: VecDeque<Output>,
}

/// How a stimulus is decided: always [`decide::decide`], but for the tests of failures.
type Decide = fn(View<'_>, &Stimulus, &mut Dice<'_>) -> Decision;

impl Center {
    /// An account on which nothing has happened yet. `random` is its own.
    pub fn new(account: Account, plan: Arc<NumberPlan>, random: Random) -> Center {
        Center {
            state: State::default(),
            around: Surroundings::new(account, plan),
            random,
            seq: 0,
            timers: Timers::default(),
            history: History::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Applies an event of the log at a restart, before any input. Any part of the log will do, in its order; needed
    /// are the events of agents who are signed in and of calls that have no record. End with `Signal::Restarted`.
    pub fn replay(&mut self, event: &Numbered) {
        self.state.apply(event.at, &event.event);
        self.seq = self.seq.max(event.seq);
    }

    /// After a restart, before `Signal::Restarted`: a phone that registered earlier is still registered.
    pub fn find_phone(&mut self, user: String) {
        self.around.note(&Signal::PhoneRegistered { user });
    }

    /// After a restart: the next event gets the number `seq`.
    pub fn resume_at(&mut self, seq: u64) {
        self.seq = seq.saturating_sub(1);
    }

    /// Takes one input in. `ids` gives the numbers of calls and legs; accounts share it.
    pub fn handle_input(&mut self, now: Now, input: Input, ids: &mut Snowflake) {
        assert!(self.outputs.len() < limits::OUTPUTS_MAX, "poll_output must be drained between inputs");
        match input {
            Input::Command { id, command } => {
                self.take(now, Some(id), Stimulus::Command(command), ids, decide::decide);
            }
            Input::Signal(signal) => self.take_signal(now, signal, ids),
            Input::Timeout => {
                while let Some(timer) = self.timers.pop_due(now.mono) {
                    self.take(now, None, Stimulus::Timer(timer), ids, decide::decide);
                }
            }
        }
    }

    /// The next output; `None` until the next input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to pass in [`Input::Timeout`], and why. May change with every input.
    pub fn next_timeout(&self) -> Option<(Mono, TimerKind)> {
        self.timers.next().map(|(at, timer)| (at, timer.clone()))
    }

    /// Replaces the configuration. Calls go on; agents who were disabled, locked or taken out show 9.
    pub fn reconfigure(&mut self, now: Now, account: Account) {
        self.around.replace_account(account);
        let decision = agent::presence::refresh(self.view(now));
        self.carry_out(now, None, decision);
    }

    /// What there is for calls that begin from now on.
    pub fn set_room(&mut self, room: Room) {
        self.around.room = room;
    }

    /// Legs that calls of now will want yet: each calls its customer once the agent has answered.
    pub fn legs_promised(&self) -> usize {
        self.state.promised.len()
    }

    /// How many of them will want a channel of a trunk: an agent's own phone wants none.
    pub fn channels_promised(&self) -> usize {
        let promised = self.state.promised.iter().filter_map(|call| self.state.calls.get(call));
        promised.filter(|call| call.wants_channel()).count()
    }

    /// The account's limits and how much of each is in use.
    pub fn uses(&self) -> impl Iterator<Item = Use> {
        let account = &self.around.account;
        let calls = Use { of: None, used: self.state.living.len(), max: account.calls_max };
        let numbers = account.number_calls_max.iter().map(|(number, max)| Use {
            of: Some(number.clone()),
            used: self.state.calls_showing(number),
            max: *max,
        });
        std::iter::once(calls).chain(numbers)
    }

    /// The account is not configured any more. Its calls go on to their end, by the configuration of before; every command
    /// is refused as `AccountRemoved`.
    pub fn remove(&mut self) {
        self.around.account.status = AccountStatus::Removed;
    }

    /// The state number an agent shows; `None` when it has not signed in.
    pub fn agent_state(&self, number: &str) -> Option<u16> {
        let view = self.view(Now::default());
        let agent = self.state.agents.get(number)?;
        Some(view.wire_state(number, agent, view.activity(number)))
    }

    /// The numbers of the agents who are signed in.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.state.agents.keys().map(String::as_str)
    }

    /// The call an agent is in.
    pub fn call_of(&self, agent: &str) -> Option<CallId> {
        self.state.on_call.get(agent).copied()
    }

    /// Calls that have started and have no record yet.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        self.state.calls.keys().copied()
    }

    /// The number of the last event; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.seq
    }

    /// The fold of all events.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn take_signal(&mut self, now: Now, signal: Signal, ids: &mut Snowflake) {
        self.around.note(&signal);
        if signal == Signal::Restarted {
            self.resume_wrap_ups(now);
            self.take_for_each_call(now, Stimulus::CallDied, ids);
        }
        if signal == Signal::ShutDownBegan {
            self.take_for_each_call(now, Stimulus::CallCut, ids);
        }
        self.take(now, None, Stimulus::Signal(signal), ids, decide::decide);
    }

    /// One by one, so that one call whose plan fails does not keep the others from their records.
    fn take_for_each_call(&mut self, now: Now, stimulus: fn(CallId) -> Stimulus, ids: &mut Snowflake) {
        let calls: Vec<CallId> = self.calls().collect();
        for call in calls {
            self.take(now, None, stimulus(call), ids, decide::decide);
        }
    }

    fn take(
        &mut self,
        now: Now,
        command: Option<CommandId>,
        stimulus: Stimulus,
        ids: &mut Snowflake,
        decide: Decide,
    ) {
        let call = self.view(now).call_of(&stimulus);
        let view = View { state: &self.state, around: &self.around, now };
        let mut dice = Dice::new(ids, &mut self.random);
        // A decision that panics has changed nothing but the dice, which are as good as before.
        let decided = catch_unwind(AssertUnwindSafe(|| decide(view, &stimulus, &mut dice)));
        let decision = match decided {
            Ok(decision) => {
                if let Some(call) = decision.begun().or(call) {
                    self.history.keep(call, now.wall, stimulus);
                }
                decision
            }
            Err(panic) => {
                let inputs = self.history.inputs(call, now.wall, &stimulus);
                let problem = history::message(panic.as_ref());
                self.outputs.push_back(Output::Diagnostic { call, problem, inputs });
                let reply = command.map(|_| Err(Refusal::Overloaded));
                let call = call.and_then(|id| self.state.calls.get(&id));
                let ended = call.map(|call| ending::failed(self.view(now), call)).unwrap_or_default();
                let refused = stimulus.caller().map(ending::not_decided).unwrap_or_default();
                Decision { reply, actions: [ended.actions, refused].concat(), ..ended }
            }
        };
        self.carry_out(now, command, decision);
    }

    fn carry_out(&mut self, now: Now, command: Option<CommandId>, decision: Decision) {
        for event in decision.events {
            if let Event::CallRecorded { record } = &event {
                self.cancel_all_of(record.id);
            }
            self.state.apply(now.wall, &event);
            self.set_timers(now, &event);
            if let Event::CallStarted { call, .. } = &event
                && call.kind != CallKind::Incoming
            {
                self.around.note_call(now.mono);
            }
            if let Event::CallRecorded { record } = &event {
                self.history.forget(record.id);
            }
            self.seq += 1;
            let (account, seq, id) = (self.around.account.id, self.seq, self.random.uuid_simple());
            self.outputs.push_back(Output::Event(Numbered { account, seq, id, at: now.wall, event }));
        }
        self.outputs.extend(decision.actions.into_iter().map(Output::Action));
        if let (Some(id), Some(result)) = (command, decision.reply) {
            self.outputs.push_back(Output::Reply { id, result });
        }
    }

    /// Timers are derived: each event sets and cancels those it implies.
    fn set_timers(&mut self, now: Now, event: &Event) {
        match event {
            Event::CallStarted { call, .. } => {
                let age_max = self.around.account.call_age_max;
                self.timers.set(TimerKind::CallAge(call.id), now.mono + age_max);
            }
            Event::LegStarted { leg, id, .. } => self.set_ring_timer(now, *id, *leg),
            Event::LegAnswered { leg, id, .. }
            | Event::LegLeft { leg, id, .. }
            | Event::LegEnded { leg, id, .. } => self.timers.cancel(&TimerKind::LegRing(*id, *leg)),
            Event::CallEnded { call, .. } => {
                self.cancel_all_of(call.id);
                self.timers.set(TimerKind::RecordingWait(call.id), now.mono + limits::RECORD_WAIT_MAX);
            }
            Event::AgentChanged { agent, wrap_up_until, .. } => {
                self.set_wrap_up_timer(now, &agent.number, *wrap_up_until);
            }
            Event::AgentSignedIn { agent, .. } | Event::AgentSignedOut { agent, .. } => {
                self.timers.cancel(&TimerKind::WrapUp(agent.number.clone()));
            }
            Event::AgentChose { .. }
            // Its timers were cancelled before it was forgotten.
            | Event::CallRecorded { .. }
            | Event::LegPlaced { .. }
            | Event::LegHeld { .. }
            | Event::LegMuted { .. }
            | Event::PartyFailed { .. }
            | Event::PartyRecorded { .. }
            | Event::PartStarted { .. }
            | Event::LegRang { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingStopped { .. }
            | Event::RecordingReady { .. } => {}
        }
    }

    fn set_ring_timer(&mut self, now: Now, id: CallId, leg: LegId) {
        let Some(call) = self.state.calls.get(&id) else { return };
        let Some(ring_max) = call.living_leg(leg).and_then(|leg| call.ring_max(leg)) else { return };
        self.timers.set(TimerKind::LegRing(id, leg), now.mono + ring_max);
    }

    /// Called before the call is forgotten.
    fn cancel_all_of(&mut self, id: CallId) {
        for timer in TimerKind::all_of(id) {
            self.timers.cancel(&timer);
        }
        let legs = self.state.calls.get(&id).into_iter().flat_map(|call| &call.legs);
        for leg in legs {
            self.timers.cancel(&TimerKind::LegRing(id, leg.id));
        }
    }

    /// A wrap-up that is told again (because what the agent shows changed under it) keeps its deadline.
    fn set_wrap_up_timer(&mut self, now: Now, number: &str, until: Option<Wall>) {
        let timer = TimerKind::WrapUp(number.to_owned());
        match until {
            None => self.timers.cancel(&timer),
            Some(_) if self.timers.get(&timer).is_some() => {}
            Some(until) => self.timers.set(timer, now.mono + time_until(now.wall, until)),
        }
    }

    /// After a restart only wrap-ups go on; none becomes longer than configured, whatever the wall clock did.
    fn resume_wrap_ups(&mut self, now: Now) {
        for (number, agent) in &self.state.agents {
            let Some(until) = agent.wrap_up_until else { continue };
            let wrap_up_max = self.around.agent(number).map_or(Duration::ZERO, |agent| agent.wrap_up);
            let left = time_until(now.wall, until).min(wrap_up_max);
            self.timers.set(TimerKind::WrapUp(number.clone()), now.mono + left);
        }
    }

    fn view(&self, now: Now) -> View<'_> {
        View { state: &self.state, around: &self.around, now }
    }
}

fn time_until(now: Wall, until: Wall) -> Duration {
    let ms = until.as_millis().saturating_sub(now.as_millis());
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests;
