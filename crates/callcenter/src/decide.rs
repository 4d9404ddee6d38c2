//! Deciding: what an input leads to. A decision reads the state and changes nothing; the shell applies its events.
//!
//! The one thing a decision uses up is its [`Dice`]: fresh ids and random choices, handed in by the shell. They end up
//! in the events, so a replay needs none.

use base::{CallId, LegId, Now, Random, Snowflake, Wall};

use crate::action::Action;
use crate::agent::activity::{Activity, Standing};
use crate::agent::{SignedIn, presence};
use crate::call::{
    Call, Leg, conference, consult, dial_out, digits, ending, from_phone, hold, inbound, monitor, parties,
    transfer, web_call,
};
use crate::command::{Accepted, Choice, Command, Refusal};
use crate::config::{Account, AgentStatus};
use crate::event::{AgentRef, CallFacts, CallKind, Event, Moment, Place};
use crate::signal::Signal;
use crate::state::State;
use crate::surroundings::Surroundings;
use crate::timer::TimerKind;

/// Something that asks for a decision.
#[derive(Clone, Debug)]
pub(crate) enum Stimulus {
    Command(Command),
    Signal(Signal),
    Timer(TimerKind),
    /// The program began anew; this call lived before.
    CallDied(CallId),
    /// The program is about to end, and this call with it.
    CallCut(CallId),
}

impl Stimulus {
    /// The leg of who calls in, if that is what it is about.
    pub(crate) fn caller(&self) -> Option<LegId> {
        match self {
            Stimulus::Signal(Signal::CallArrived { leg, .. } | Signal::PhoneCalled { leg, .. }) => Some(*leg),
            Stimulus::Signal(_) | Stimulus::Command(_) | Stimulus::Timer(_) => None,
            Stimulus::CallDied(_) | Stimulus::CallCut(_) => None,
        }
    }
}

/// What was decided: events first, then what they justify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) events: Vec<Event>,
    pub(crate) actions: Vec<Action>,
    /// For commands only.
    pub(crate) reply: Option<Result<Accepted, Refusal>>,
}

/// Fresh ids and random choices.
#[derive(Debug)]
pub(crate) struct Dice<'a> {
    ids: &'a mut Snowflake,
    pub(crate) random: &'a mut Random,
}

/// What a decision sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) around: &'a Surroundings,
    pub(crate) now: Now,
}

/// Decides what `stimulus` leads to.
pub(crate) fn decide(view: View<'_>, stimulus: &Stimulus, dice: &mut Dice<'_>) -> Decision {
    match stimulus {
        Stimulus::Command(command) => match on_command(view, command, dice) {
            Ok(decision) => Decision { reply: decision.reply.or(Some(Ok(Accepted::default()))), ..decision },
            Err(refusal) => Decision { reply: Some(Err(refusal)), ..Decision::default() },
        },
        Stimulus::Signal(signal) => on_signal(view, signal, dice),
        Stimulus::Timer(timer) => on_timer(view, timer, dice),
        Stimulus::CallDied(id) => {
            view.state.calls.get(id).map(|call| ending::died(view, call)).unwrap_or_default()
        }
        Stimulus::CallCut(id) => {
            view.state.calls.get(id).map(|call| ending::time_over(view, call)).unwrap_or_default()
        }
    }
}

fn on_command(view: View<'_>, command: &Command, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    view.around.acting_account()?;
    match command {
        Command::Online { agent, login, choice } => presence::online(view, agent, *login, *choice),
        Command::Offline { agent } => presence::offline(view, agent),
        Command::Busy { agent } => presence::choose(view, agent, Choice::Busy),
        Command::Rest { agent } => presence::choose(view, agent, Choice::Idle),
        Command::DialOut(dial) => dial_out::accept(view, dial, dice),
        Command::Hangup { agent } => ending::hang_up(view, agent, dice),
        Command::Hold { agent } => hold::hold(view, agent, true, dice),
        Command::Unhold { agent } => hold::hold(view, agent, false, dice),
        Command::Mute { agent } => hold::mute(view, agent, true, dice),
        Command::Unmute { agent } => hold::mute(view, agent, false, dice),
        Command::Transfer { agent, to } => transfer::transfer(view, agent, to, dice),
        Command::Consult { agent, to } => consult::consult(view, agent, to, dice),
        Command::ConsultTransfer { agent } => transfer::of_consultation(view, agent, dice),
        Command::ThreeWayCall { agent } => conference::join(view, agent, dice),
        Command::ResumeConsult { agent } | Command::CancelConsult { agent } => {
            consult::end(view, agent, dice)
        }
        Command::WebCall(web) => web_call::accept(view, web, dice),
        Command::Monitor { supervisor, agent, how } => monitor::watch(view, (supervisor, agent), *how, dice),
        Command::Force { supervisor, agent, what } => monitor::force(view, (supervisor, agent), *what, dice),
        Command::SendDtmf { agent, digits } => digits::send(view, agent, digits),
        Command::Answer { agent } => answer(view, agent),
    }
}

/// `answer` (ours): the agent's phone, should it ring, is to answer by itself.
fn answer(view: View<'_>, agent: &str) -> Result<Decision, Refusal> {
    view.around.acting_agent(agent)?;
    if !view.state.agents.contains_key(agent) {
        return Err(Refusal::AgentOffline);
    }
    let call = view.state.call_of_agent(agent).ok_or(Refusal::NotInCall)?;
    let rings = call.leg_of_agent(agent).filter(|leg| !leg.is_answered());
    let actions = rings.map(|leg| Action::LetAnswer { leg: leg.id }).into_iter().collect();
    Ok(Decision { actions, ..Decision::default() })
}

fn on_signal(view: View<'_>, signal: &Signal, dice: &mut Dice<'_>) -> Decision {
    // A leg that is over, or was given up, has no call any more: its late signals change nothing.
    let call = view.call_of_signal(signal).and_then(|id| view.state.calls.get(&id));
    match (signal, call) {
        (Signal::CallArrived { leg, trunk, called, caller }, _) => {
            inbound::arrives(view, *leg, (trunk, called), caller.as_deref(), dice)
        }
        (Signal::LegRinging { leg, early_media }, Some(call)) => match waiting(call, *leg) {
            Some(leg) => leg_rings(view, call, leg, *early_media, dice),
            None => Decision::default(),
        },
        (Signal::LegAnswered { leg }, Some(call)) => match waiting(call, *leg) {
            Some(leg) => leg_answered(view, call, leg, dice),
            None => Decision::default(),
        },
        (Signal::LegEnded { leg, cause, gateway }, Some(call)) => {
            ending::leg_ended(view, call, *leg, (*cause, *gateway), dice)
        }
        (Signal::LegHeld { leg, held }, Some(call)) => match in_call(call, *leg) {
            Some(leg) => hold::by_phone(view, call, leg, *held, dice),
            None => Decision::default(),
        },
        (Signal::Referred { leg, to, replaces }, Some(call)) => match in_call(call, *leg) {
            Some(leg) => from_phone::referred(view, call, leg, (to, *replaces), dice),
            None => Decision::default(),
        },
        (Signal::KeyPressed { leg, digit }, Some(call)) => match in_call(call, *leg) {
            Some(leg) => digits::pressed(call, leg, *digit),
            None => Decision::default(),
        },
        (Signal::PhoneCalled { leg, user, called }, _) => from_phone::calls(view, *leg, (user, called), dice),
        (Signal::RecordingStopped { length, .. }, Some(call)) => {
            ending::recording_stopped(view, call, *length)
        }
        (Signal::LegRinging { .. }, None)
        | (Signal::LegAnswered { .. }, None)
        | (Signal::LegHeld { .. }, None)
        | (Signal::Referred { .. }, None)
        | (Signal::KeyPressed { .. }, None)
        | (Signal::LegEnded { .. }, None)
        | (Signal::RecordingStopped { .. }, None) => Decision::default(),
        (Signal::RecordingReady { call, files, part }, _) => {
            Decision::events([Event::RecordingReady { id: *call, files: files.clone(), part: *part }])
        }
        (Signal::PhoneRegistered { .. } | Signal::PhoneUnregistered { .. } | Signal::Restarted, _) => {
            presence::refresh(view)
        }
        // The shell asks about each call by itself.
        (Signal::ShutDownBegan, _) => Decision::default(),
    }
}

/// A leg of a living call that is called and has not been answered.
fn waiting(call: &Call, leg: LegId) -> Option<&Leg> {
    in_call(call, leg).filter(|leg| !leg.is_answered())
}

fn in_call(call: &Call, leg: LegId) -> Option<&Leg> {
    call.leg(leg).filter(|leg| call.ended.is_none() && leg.is_in_call())
}

/// Those with whom a call begins follow its plan; who is brought in comes as a party.
fn leg_rings(view: View<'_>, call: &Call, leg: &Leg, early_media: bool, dice: &mut Dice<'_>) -> Decision {
    match (leg.place, call.facts.kind) {
        (Place::Floor(_), CallKind::DialOut) => dial_out::leg_rings(view, call, leg, early_media),
        (Place::Floor(_), CallKind::WebCall) => web_call::leg_rings(view, call, leg, early_media),
        (Place::Floor(_), CallKind::Incoming) => inbound::leg_rings(view, call, leg, early_media),
        (_, CallKind::DialOut | CallKind::WebCall | CallKind::Incoming) => {
            parties::rings(view, call, leg, early_media, dice)
        }
    }
}

fn leg_answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    match (leg.place, call.facts.kind) {
        (Place::Floor(_), CallKind::DialOut) => dial_out::leg_answered(view, call, leg, dice),
        (Place::Floor(_), CallKind::WebCall) => web_call::leg_answered(view, call, leg, dice),
        (Place::Floor(_), CallKind::Incoming) => inbound::leg_answered(view, call, leg, dice),
        (_, CallKind::DialOut | CallKind::WebCall | CallKind::Incoming) => {
            parties::answered(view, call, leg, dice)
        }
    }
}

fn on_timer(view: View<'_>, timer: &TimerKind, dice: &mut Dice<'_>) -> Decision {
    let call = timer.call().and_then(|id| view.state.calls.get(&id));
    match (timer, call) {
        (TimerKind::LegRing(_, leg), Some(call)) => ending::ring_over(view, call, *leg, dice),
        (TimerKind::CallAge(_), Some(call)) => ending::time_over(view, call),
        (TimerKind::RecordingWait(_), Some(call)) => ending::wait_over(view, call),
        (TimerKind::LegRing(..) | TimerKind::CallAge(_) | TimerKind::RecordingWait(_), None) => {
            Decision::default()
        }
        (TimerKind::WrapUp(agent), _) => presence::wrap_up_over(view, agent),
    }
}

impl Decision {
    pub(crate) fn events(events: impl IntoIterator<Item = Event>) -> Decision {
        Decision { events: events.into_iter().collect(), ..Decision::default() }
    }

    /// The call that begins with it, if one does.
    pub(crate) fn begun(&self) -> Option<CallId> {
        self.events.iter().find_map(|event| {
            let Event::CallStarted { call, .. } = event else { return None };
            Some(call.id)
        })
    }

    /// Adds what is decided next.
    pub(crate) fn append(&mut self, next: Decision) {
        self.events.extend(next.events);
        self.actions.extend(next.actions);
        self.reply = next.reply.or(self.reply.take());
    }
}

impl<'a> Dice<'a> {
    pub(crate) fn new(ids: &'a mut Snowflake, random: &'a mut Random) -> Dice<'a> {
        Dice { ids, random }
    }

    pub(crate) fn call_id(&mut self, now: Now) -> CallId {
        CallId(self.ids.next(now.wall))
    }

    pub(crate) fn leg_id(&mut self, now: Now) -> LegId {
        LegId(self.ids.next(now.wall))
    }
}

impl<'a> View<'a> {
    pub(crate) fn account(self) -> &'a Account {
        &self.around.account
    }

    /// The agent as events show it. One who was removed from the configuration has only a number.
    pub(crate) fn agent_ref(self, number: &str) -> AgentRef {
        let name = self.around.agent(number).map(|agent| agent.name.clone()).unwrap_or_default();
        AgentRef { number: number.to_owned(), name }
    }

    /// What the system does with an agent.
    pub(crate) fn activity(self, number: &str) -> Activity {
        match (self.state.call_of_agent(number), self.state.agents.get(number)) {
            (Some(call), _) => call.activity_of(number),
            (None, Some(SignedIn { wrap_up_until: Some(_), .. })) => Activity::WrapUp,
            (None, Some(_) | None) => Activity::Free,
        }
    }

    /// The state number an agent shows, signed in as `agent` says, doing what `activity` says.
    pub(crate) fn wire_state(self, number: &str, agent: &SignedIn, activity: Activity) -> u16 {
        let valid = self.around.agent(number).is_some_and(|known| known.status == AgentStatus::Enabled);
        let reachable = self.around.is_reachable(number, agent.login);
        Standing { activity, choice: agent.choice, valid, reachable }.wire_state()
    }

    /// The event that tells what an agent shows now.
    pub(crate) fn changed(
        self,
        number: &str,
        agent: &SignedIn,
        activity: Activity,
        call: Option<(&CallFacts, Moment)>,
    ) -> Event {
        Event::AgentChanged {
            agent: self.agent_ref(number),
            state: self.wire_state(number, agent, activity),
            call: call.map(|(facts, _)| facts.clone()),
            moment: call.map(|(_, moment)| moment),
            wrap_up_until: agent.wrap_up_until,
        }
    }

    /// The same, about the agent whose call it is; nothing when the agent is not signed in (a partly replayed log).
    pub(crate) fn changed_by_call(
        self,
        call: &Call,
        activity: Activity,
        moment: Moment,
        wrap_up_until: Option<Wall>,
    ) -> Option<Event> {
        self.changed_in_call(call, &call.facts.agent.number, activity, moment, wrap_up_until)
    }

    /// The same, about any agent of a call.
    pub(crate) fn changed_in_call(
        self,
        call: &Call,
        number: &str,
        activity: Activity,
        moment: Moment,
        wrap_up_until: Option<Wall>,
    ) -> Option<Event> {
        let agent = SignedIn { wrap_up_until, ..self.state.agents.get(number)?.clone() };
        let facts = call.facts_about(Some(self.agent_ref(number)));
        Some(self.changed(number, &agent, activity, Some((&facts, moment))))
    }

    /// The call a stimulus is about, if it lives already.
    pub(crate) fn call_of(self, stimulus: &Stimulus) -> Option<CallId> {
        let call = match stimulus {
            Stimulus::Command(command) => self.state.on_call.get(command.agent()).copied(),
            Stimulus::Signal(signal) => self.call_of_signal(signal),
            Stimulus::Timer(timer) => timer.call(),
            Stimulus::CallDied(id) | Stimulus::CallCut(id) => Some(*id),
        };
        call.filter(|id| self.state.calls.contains_key(id))
    }

    fn call_of_signal(self, signal: &Signal) -> Option<CallId> {
        match signal {
            Signal::LegRinging { leg, .. }
            | Signal::LegAnswered { leg }
            | Signal::LegHeld { leg, .. }
            | Signal::Referred { leg, .. }
            | Signal::KeyPressed { leg, .. }
            | Signal::LegEnded { leg, .. } => self.state.legs.get(leg).copied(),
            Signal::RecordingStopped { call, .. } | Signal::RecordingReady { call, .. } => Some(*call),
            Signal::CallArrived { .. }
            | Signal::PhoneCalled { .. }
            | Signal::PhoneRegistered { .. }
            | Signal::PhoneUnregistered { .. }
            | Signal::Restarted
            | Signal::ShutDownBegan => None,
        }
    }
}
