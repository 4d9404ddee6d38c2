//! Consultation (API 2.8, 2.11, 2.12): the agent talks with somebody else while the customer hears music.
//!
//! | the consultation … | what may come | then |
//! |---|---|---|
//! | begins: `consult`, or the phone's second call | | the other one is called; the customer hears music, the agent that it rings |
//! | rings | it is answered | both talk; an agent who is consulted shows 4 |
//! | rings | refusal, time over | push `consultFailed`; the customer is back with the agent |
//! | rings or is answered | `resumeConsult`, `cancelconsult`, the other one hangs up | the customer is back with the agent |
//! | rings or is answered | `consultTransfer`, REFER with Replaces | [`transfer`](super::transfer) |
//! | is answered | `threeWayCall` | [`conference`](super::conference) |
//! | rings or is answered | the customer hangs up | it ends, or goes on (`consult_without_customer`) |
//! | rings or is answered | the agent hangs up | it ends, and the call with it unless others talk with the customer |
//!
//! Without a consultation all of these are 6712; so is connecting the other one when the customer has gone, and nobody else is there.

use super::{Call, Leg, hold, parties};
use crate::action::Action;
use crate::command::{Party, Refusal};
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, HangUpSide, Place};

/// `consult`.
pub(crate) fn consult(
    view: View<'_>,
    agent: &str,
    to: &Party,
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    parties::check_name(to)?;
    let (call, leg) = parties::talking(view, agent)?;
    one_at_a_time(call, leg)?;
    let guest = parties::guest(view, call, agent, to)?;
    let (_, mut decision) = parties::bring_in(view, call, guest, Place::Aside { with: leg.id }, dice);
    decision.events.extend(hold::ended(call, leg));
    Ok(parties::go_on(view, call, decision, HangUpSide::System, dice))
}

/// `resumeConsult` and `cancelconsult`.
pub(crate) fn end(view: View<'_>, agent: &str, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    let (call, leg, other) = of_agent(view, agent)?;
    let mut decision = Decision::events([parties::left(call, other, view)]);
    decision.events.extend(hold::ended(call, leg));
    Ok(parties::go_on(view, call, decision, HangUpSide::Agent, dice))
}

/// Whoever is consulted has answered.
pub(crate) fn answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let Place::Aside { with } = leg.place else { return Decision::default() };
    let id = call.facts.id;
    let mut decision = Decision::events([Event::LegAnswered { leg: leg.id, id, call: None }]);
    if let Some(second) = call.second_line_of(with).filter(|second| !second.is_answered()) {
        decision.events.push(Event::LegAnswered { leg: second.id, id, call: None });
        decision.actions.push(Action::AnswerLeg { leg: second.id });
    }
    parties::go_on(view, call, decision, HangUpSide::System, dice)
}

/// The call, the agent's leg and that of whom it consults; else 6712.
pub(crate) fn of_agent<'a>(view: View<'a>, agent: &str) -> Result<(&'a Call, &'a Leg, &'a Leg), Refusal> {
    let (call, leg) = parties::talking(view, agent)?;
    let other = call.aside_of(leg.id).ok_or(Refusal::NotInCall)?;
    Ok((call, leg, other))
}

/// The same, where there is somebody on the floor to connect the other one with; else 6712.
pub(crate) fn to_connect<'a>(view: View<'a>, agent: &str) -> Result<(&'a Call, &'a Leg, &'a Leg), Refusal> {
    let (call, leg, other) = of_agent(view, agent)?;
    let talks = |third: &Leg| third.id != leg.id && third.is_on_floor() && third.is_answered();
    match call.legs_in_call().any(talks) {
        true => Ok((call, leg, other)),
        false => Err(Refusal::NotInCall),
    }
}

/// An agent who consults, or has handed the customer on, does neither again (6713).
pub(crate) fn one_at_a_time(call: &Call, leg: &Leg) -> Result<(), Refusal> {
    if call.is_elsewhere(leg) { Err(Refusal::InCall) } else { Ok(()) }
}
