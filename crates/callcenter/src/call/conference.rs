//! Three-way call (API 2.10): whom the agent consults joins the customer and the agent.
//!
//! | the three-way call … | what may come | then |
//! |---|---|---|
//! | begins: `threeWayCall` in an answered consultation | | all hear each other; push "user connected" for an agent who joins |
//! | goes on | an agent or another party leaves | the others stay connected |
//! | goes on | the customer leaves | it ends, or the others go on (`conference_without_customer`) |
//! | goes on | `consult`, `transfer` of one of its agents | that one is elsewhere; the others stay connected |
//!
//! While it still rings there is nobody to join: 6712.

use super::{consult, hold, parties};
use crate::command::Refusal;
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, Joined, Place};

/// `threeWayCall`.
pub(crate) fn join(view: View<'_>, agent: &str, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    let (call, leg, other) = consult::to_connect(view, agent)?;
    if !other.is_answered() {
        return Err(Refusal::NotInCall);
    }
    let place = Place::Floor(Joined::Conference);
    let told = parties::told_of(view, call, other);
    let placed = Event::LegPlaced { leg: other.id, id: call.facts.id, place, call: told };
    let unheld = hold::ended(call, leg).into_iter().chain(hold::ended(call, other));
    Ok(parties::change(view, call, [placed].into_iter().chain(unheld).collect(), dice))
}
