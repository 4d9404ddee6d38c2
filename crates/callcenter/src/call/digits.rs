//! Digits that are not sound: dialled by a program (`sendDtmf`, ours), or by a phone in signalling (INFO).

use super::{Call, Leg, parties};
use crate::action::Action;
use crate::command::Refusal;
use crate::decide::{Decision, View};
use crate::event::Place;

/// `sendDtmf`: those to whom the agent talks hear the digits, also while it is muted.
pub(crate) fn send(view: View<'_>, agent: &str, digits: &str) -> Result<Decision, Refusal> {
    let (call, leg) = parties::in_conversation(view, agent)?;
    Ok(dial(call, leg, digits))
}

/// A phone says that a key was pressed: as if it had been heard.
pub(crate) fn pressed(call: &Call, leg: &Leg, digit: char) -> Decision {
    match call.ended.is_none() && leg.is_in_call() && leg.is_answered() {
        true => dial(call, leg, digit.encode_utf8(&mut [0; 4])),
        false => Decision::default(),
    }
}

fn dial(call: &Call, leg: &Leg, digits: &str) -> Decision {
    let listeners =
        call.legs_in_call().filter(|other| other.is_answered() && talk_to_each_other(call, leg, other));
    let dialled = listeners.map(|other| Action::SendDigits { leg: other.id, digits: digits.to_owned() });
    Decision { actions: dialled.collect(), ..Decision::default() }
}

/// Whether one leg is among those that the other talks to.
fn talk_to_each_other(call: &Call, one: &Leg, other: &Leg) -> bool {
    let first_line = |leg: &Leg| match leg.place {
        Place::SecondLine { of } => of,
        Place::Floor(_) | Place::Arriving { .. } | Place::Aside { .. } | Place::Watching { .. } => leg.id,
    };
    let consults = |agent: &Leg, aside: &Leg| {
        aside.place == Place::Aside { with: first_line(agent) } && call.talker(first_line(agent)) == agent.id
    };
    let on_floor = |leg: &Leg| leg.is_on_floor() && !call.is_elsewhere(leg);
    one.id != other.id && (consults(one, other) || consults(other, one) || (on_floor(one) && on_floor(other)))
}
