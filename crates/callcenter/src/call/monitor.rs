//! Supervisors (`listen`, and ours: `whisper`, `barge`, `takeOver`, `force…`).
//!
//! | the supervisor … | what may come | then |
//! |---|---|---|
//! | begins: `listen`, `whisper`, `barge`, `takeOver` of an agent who talks (4, 6, 7) | | its phone is called (2, 3) |
//! | is called | its phone answers | 4; listens or whispers; in a barge it joins those on the floor, in a take-over it takes the agent's place there |
//! | listens or whispers | another of the four verbs about the same agent | does that from now on |
//! | has barged in | `takeOver` | the agent leaves |
//! | listens or whispers | the agent leaves | it ends |
//! | is there in any way | its `hangup`, its phone hangs up | it leaves, and the others go on |
//!
//! Who listens or whispers leaves no record and has nothing to write down afterwards; who joins is a party like others.

use super::{Call, Leg, ending, parties};
use crate::agent::presence;
use crate::command::{Choice, Forced, Monitoring, Refusal};
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, HangUpSide, Joined, Place, Role, SignedOut};

/// `listen`, `whisper`, `barge`, `takeOver`.
pub(crate) fn watch(
    view: View<'_>,
    (supervisor, agent): (&str, &str),
    how: Monitoring,
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    check(view, supervisor, agent)?;
    let (call, leg) = parties::talking(view, agent)?;
    if !view.state.agents.contains_key(supervisor) {
        return Err(Refusal::AgentOffline);
    }
    if let Some(own) = call.leg_of_agent(supervisor) {
        return match own.place {
            Place::Watching { of, how: was } if of == leg.id => Ok(turn(view, call, own, (was, how), dice)),
            Place::Floor(_) if own.role == Role::Supervisor && how == Monitoring::TakeOver => {
                let decision = step_in(view, call, own, (leg.id, how));
                Ok(parties::go_on(view, call, decision, HangUpSide::Agent, dice))
            }
            Place::Floor(_)
            | Place::Arriving { .. }
            | Place::Aside { .. }
            | Place::SecondLine { .. }
            | Place::Watching { .. } => Err(Refusal::InCall),
        };
    }
    let guest = parties::agent_guest(view, call, supervisor, Role::Supervisor)?;
    let (_, decision) = parties::bring_in(view, call, guest, Place::Watching { of: leg.id, how }, dice);
    Ok(parties::go_on(view, call, decision, HangUpSide::System, dice))
}

/// The supervisor's phone was answered.
pub(crate) fn answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let Place::Watching { of, how } = leg.place else { return Decision::default() };
    let mut decision = Decision::events([Event::LegAnswered { leg: leg.id, id: call.facts.id, call: None }]);
    decision.append(step_in(view, call, leg, (of, how)));
    parties::go_on(view, call, decision, HangUpSide::Agent, dice)
}

/// `forceOffline`, `forceIdle`, `forceBusy`, `forceHangup`.
pub(crate) fn force(
    view: View<'_>,
    (supervisor, agent): (&str, &str),
    what: Forced,
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    check(view, supervisor, agent)?;
    match what {
        Forced::Idle => choose(view, agent, Choice::Idle),
        Forced::Busy => choose(view, agent, Choice::Busy),
        Forced::Hangup => ending::hang_up(view, agent, dice),
        Forced::Offline => {
            if !view.state.on_call.contains_key(agent) {
                return presence::offline(view, agent);
            }
            let mut decision = ending::hang_up(view, agent, dice)?;
            let agent = view.agent_ref(agent);
            decision.events.push(Event::AgentSignedOut { agent, how: SignedOut::Normal });
            Ok(decision)
        }
    }
}

/// Codes in the order of contract §2: both agents exist and may act, the one is a supervisor, and not of itself.
fn check(view: View<'_>, supervisor: &str, agent: &str) -> Result<(), Refusal> {
    view.around.acting_agent(agent)?;
    let is_supervisor = view.around.acting_agent(supervisor)?.supervisor;
    match (is_supervisor, supervisor == agent) {
        (false, _) => Err(Refusal::NotSupervisor),
        (true, true) => Err(Refusal::ToOneself),
        (true, false) => Ok(()),
    }
}

/// During a call the choice is kept for afterwards.
fn choose(view: View<'_>, agent: &str, choice: Choice) -> Result<Decision, Refusal> {
    let signed_in = view.state.agents.get(agent).ok_or(Refusal::AgentOffline)?;
    if !view.state.on_call.contains_key(agent) {
        return presence::choose(view, agent, choice);
    }
    let chose = Event::AgentChose { agent: agent.to_owned(), choice };
    Ok(Decision::events((signed_in.choice != choice).then_some(chose)))
}

/// A supervisor who is there already does something else.
fn turn(
    view: View<'_>,
    call: &Call,
    own: &Leg,
    (was, how): (Monitoring, Monitoring),
    dice: &mut Dice<'_>,
) -> Decision {
    let Place::Watching { of, .. } = own.place else { return Decision::default() };
    let mut decision = Decision::default();
    if was != how {
        let place = Place::Watching { of, how };
        decision.events.push(Event::LegPlaced { leg: own.id, id: call.facts.id, place, call: None });
    }
    if own.is_answered() {
        decision.append(step_in(view, call, own, (of, how)));
    }
    parties::go_on(view, call, decision, HangUpSide::Agent, dice)
}

/// Who joins, joins.
fn step_in(view: View<'_>, call: &Call, own: &Leg, (of, how): (base::LegId, Monitoring)) -> Decision {
    let joined = match how {
        Monitoring::Listen | Monitoring::Whisper => return Decision::default(),
        Monitoring::Barge => Joined::Conference,
        Monitoring::TakeOver => Joined::Transfer,
    };
    // Who has barged in talks with the customer already.
    let told = if own.is_on_floor() { None } else { parties::told_of(view, call, own) };
    let placed = Event::LegPlaced { leg: own.id, id: call.facts.id, place: Place::Floor(joined), call: told };
    let leaves = call.leg(of).filter(|agent| how == Monitoring::TakeOver && agent.is_in_call());
    let arriving = leaves.and_then(|agent| call.arriving_by(agent.id));
    let left = arriving.into_iter().chain(leaves).map(|leg| parties::left(call, leg, view));
    Decision::events([placed].into_iter().chain(left))
}
