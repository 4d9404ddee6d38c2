//! Hold and mute (API 2.3–2.6, contract §4): two facts about the agent's leg. What they make others hear is read off them:
//! [`hearing`](super::hearing).
//!
//! | the agent … | verb | then |
//! |---|---|---|
//! | talks, is muted, holds (4, 7, 6) | `hold`, or the phone holds by itself | 6; who is left alone hears music |
//! | holds (6) | `unhold`, or the phone takes back | 4, or 7 when muted |
//! | talks, holds (4, 6) | `mute` | 7, or still 6; the others do not hear the agent |
//! | is muted | `unmute` | 4, or still 6 |
//!
//! A phone that holds by itself hears and says nothing until it takes back by itself: no verb ends its hold.
//! What already is: accepted, and nothing happens. In any other state: 6712.

use super::{Call, Leg, parties};
use crate::command::Refusal;
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, HeldBy, Place};

/// `hold` and `unhold`.
pub(crate) fn hold(
    view: View<'_>,
    agent: &str,
    held: bool,
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    let (call, leg) = parties::in_conversation(view, agent)?;
    // An agent who consults from a second line talks there.
    let talker = call.leg(call.talker(leg.id)).unwrap_or(leg);
    // A phone that holds has its sound off: only it can take back.
    match (held, talker.hold) {
        (false, Some(HeldBy::Phone)) => Ok(Decision::default()),
        (true | false, _) => Ok(set_held(view, call, talker, (held, HeldBy::Program), dice)),
    }
}

/// `mute` and `unmute`.
pub(crate) fn mute(
    view: View<'_>,
    agent: &str,
    muted: bool,
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    let (call, leg) = parties::in_conversation(view, agent)?;
    if leg.muted == muted {
        return Ok(Decision::default());
    }
    let event = Event::LegMuted { leg: leg.id, id: call.facts.id, muted };
    Ok(parties::change(view, call, vec![event], dice))
}

/// A phone holds, or takes back, by itself. Only an agent's phone speaks for its agent.
pub(crate) fn by_phone(view: View<'_>, call: &Call, leg: &Leg, held: bool, dice: &mut Dice<'_>) -> Decision {
    let talks = match leg.place {
        Place::Floor(_) | Place::Aside { .. } | Place::SecondLine { .. } => true,
        Place::Arriving { .. } | Place::Watching { .. } => false,
    };
    match talks && leg.is_in_call() && leg.is_answered() && call.agent_of(leg).is_some() {
        true => set_held(view, call, leg, (held, HeldBy::Phone), dice),
        false => Decision::default(),
    }
}

/// The event that a hold ends because its agent does something else; none when there is no hold, or when it is the phone that
/// holds: nobody is heard there, and nobody hears, whatever is decided here.
pub(crate) fn ended(call: &Call, leg: &Leg) -> Option<Event> {
    let (id, by) = (call.facts.id, HeldBy::Program);
    (leg.hold == Some(by)).then_some(Event::LegHeld { leg: leg.id, id, held: false, by })
}

fn set_held(
    view: View<'_>,
    call: &Call,
    leg: &Leg,
    (held, by): (bool, HeldBy),
    dice: &mut Dice<'_>,
) -> Decision {
    // A phone that holds what a program held is known to hold from now on.
    let is_known = match by {
        HeldBy::Program => leg.is_held() == held,
        HeldBy::Phone => leg.hold == held.then_some(by) || (!held && !leg.is_held()),
    };
    if is_known {
        return Decision::default();
    }
    let event = Event::LegHeld { leg: leg.id, id: call.facts.id, held, by };
    parties::change(view, call, vec![event], dice)
}
