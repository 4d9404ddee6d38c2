//! Handing the customer on (API 2.7, 2.9).
//!
//! | the transfer … | what may come | then |
//! |---|---|---|
//! | begins: `transfer`, or the phone's REFER | | the target is called; the customer hears that it rings, or music; the agent waits |
//! | rings | the target answers | it takes the agent's place on the floor; the agent is free; push "user connected" |
//! | rings | refusal, time over, `hangup` of the target | push `transferFailed`; the customer is back with the agent |
//! | rings | the agent's phone hangs up | the agent is free; the customer waits for the target alone, and when it fails the call ends with its cause |
//! | rings | the agent's `hangup` | ends what the agent began, too: target and, without another to talk to, the call |
//! | rings | the customer hangs up | the call ends |
//!
//! One transfer or consultation of an agent at a time: another is 6713.

use super::{Call, Leg, consult, hold, parties};
use crate::action::{Action, Referral};
use crate::command::{Party, Refusal};
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, HangUpSide, Joined, Place};

/// `transfer`.
pub(crate) fn transfer(
    view: View<'_>,
    agent: &str,
    to: &Party,
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    parties::check_name(to)?;
    let (call, leg) = parties::talking(view, agent)?;
    consult::one_at_a_time(call, leg)?;
    let guest = parties::guest(view, call, agent, to)?;
    let (_, mut decision) = parties::bring_in(view, call, guest, Place::Arriving { by: leg.id }, dice);
    decision.events.extend(hold::ended(call, leg));
    Ok(parties::go_on(view, call, decision, HangUpSide::System, dice))
}

/// `consultTransfer`: whom the agent consults talks with the customer, now or as soon as it answers.
pub(crate) fn of_consultation(view: View<'_>, agent: &str, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    let (call, leg, other) = consult::to_connect(view, agent)?;
    Ok(hand_over(view, call, leg, other, dice))
}

/// The customer goes from `leg` to `other`.
pub(crate) fn hand_over(
    view: View<'_>,
    call: &Call,
    leg: &Leg,
    other: &Leg,
    dice: &mut Dice<'_>,
) -> Decision {
    let id = call.facts.id;
    if !other.is_answered() {
        let place = Place::Arriving { by: leg.id };
        let placed = Event::LegPlaced { leg: other.id, id, place, call: None };
        let events = [placed].into_iter().chain(hold::ended(call, leg)).collect();
        return parties::change(view, call, events, dice);
    }
    let place = Place::Floor(Joined::Transfer);
    let told = parties::told_of(view, call, other);
    let placed = Event::LegPlaced { leg: other.id, id, place, call: told };
    let decision = Decision::events([placed, parties::left(call, leg, view)]);
    parties::go_on(view, call, decision, HangUpSide::Agent, dice)
}

/// The target has answered.
pub(crate) fn answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let Place::Arriving { by } = leg.place else { return Decision::default() };
    let id = call.facts.id;
    let told = parties::told_of(view, call, leg);
    let mut decision = Decision::events([
        Event::LegAnswered { leg: leg.id, id, call: None },
        Event::LegPlaced { leg: leg.id, id, place: Place::Floor(Joined::Transfer), call: told },
    ]);
    if let Some(agent) = call.leg(by).filter(|agent| agent.is_in_call()) {
        decision.events.push(parties::left(call, agent, view));
        decision.actions.push(Action::AnswerReferral { leg: by, standing: Referral::Succeeded });
    }
    parties::go_on(view, call, decision, HangUpSide::System, dice)
}
