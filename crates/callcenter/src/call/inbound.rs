//! The plan of an inbound route without an agent: whoever calls is put through to an address.
//!
//! | the call is … | … because | what may come | then |
//! |---|---|---|---|
//! | calling where the route leads | somebody called | it rings there | push `incomingRing`; the caller hears that it rings, or the network's early media |
//! | ringing there | it rings | it is answered | the caller is answered; both hear each other; recording |
//! | linked | it was answered | | |
//! | over | a leg ended, a time is over | last words of legs, length of the recording, 800 ms | the record |
//!
//! In every state before "over" the end of either leg, the ring time and the maximum age of a call end the whole call: a
//! caller who was not answered is refused as the destination refused us: [`ending`](super::ending).

use base::LegId;

use super::{Call, Leg, hearing, parties};
use crate::action::{Action, Target};
use crate::config::InboundRoute;
use crate::decide::{Decision, Dice, View};
use crate::event::{AgentRef, CallDetails, CallFacts, CallKind, Event, Place, Role};
use crate::signal::{Cause, EndedBy, Failure};

/// Somebody calls: the destination is called, or the caller refused. Nothing is known of a call that is refused here.
pub(crate) fn arrives(
    view: View<'_>,
    leg: LegId,
    (trunk, called): (&str, &str),
    caller: Option<&str>,
    dice: &mut Dice<'_>,
) -> Decision {
    let account = view.account();
    let refused = |failure| refuse(leg, Cause { sip_code: 0, by: EndedBy::Us, failure });
    if view.around.acting_account().is_err() {
        return refused(Failure::Forbidden);
    }
    let Some(route) = view.around.route(trunk, called) else { return refused(Failure::Unknown) };
    if view.state.living.len() >= account.calls_max {
        return refused(Failure::Decline);
    }
    start(view, leg, route, caller.unwrap_or_default(), dice)
}

/// It rings where the route leads, or the network there speaks.
pub(crate) fn leg_rings(view: View<'_>, call: &Call, leg: &Leg, early_media: bool) -> Decision {
    if leg.role != Role::Destination {
        return Decision::default();
    }
    let mut decision = rang(call, leg, early_media);
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    if let Some(caller) = call.leg_of(Role::Customer) {
        decision.actions.push(Action::LetRing { leg: caller.id, early_media });
    }
    decision
}

/// It is answered where the route leads: so is the caller.
pub(crate) fn leg_answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let Some(caller) = call.leg_of(Role::Customer).filter(|_| leg.role == Role::Destination) else {
        return Decision::default();
    };
    let id = call.facts.id;
    // What is answered without ringing has rung for no time: what must be told at its ringing is told.
    let mut decision = match leg.rang {
        None => rang(call, leg, false),
        Some(_) => Decision::default(),
    };
    decision.events.push(Event::LegAnswered { leg: leg.id, id, call: None });
    decision.events.push(Event::LegAnswered { leg: caller.id, id, call: Some(call.facts.clone()) });
    decision.actions.push(Action::AnswerLeg { leg: caller.id });
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    decision.append(parties::record(view, &after, (leg.id, caller.id), dice));
    decision
}

/// Refuses who calls.
pub(crate) fn refuse(leg: LegId, cause: Cause) -> Decision {
    Decision { actions: vec![Action::RefuseLeg { leg, cause }], ..Decision::default() }
}

fn start(
    view: View<'_>,
    caller: LegId,
    route: &InboundRoute,
    customer: &str,
    dice: &mut Dice<'_>,
) -> Decision {
    let id = dice.call_id(view.now);
    let destination = dice.leg_id(view.now);
    let facts = CallFacts {
        id,
        kind: CallKind::Incoming,
        customer: customer.to_owned(),
        display: String::new(),
        trunk: route.called.clone(),
        agent: AgentRef::default(),
        extras: String::new(),
        group_ids: Vec::new(),
        group_names: Vec::new(),
    };
    let details = CallDetails {
        agent_id: String::new(),
        login: None,
        agent_phone: String::new(),
        call_uuid: dice.random.uuid(),
        agent_ring_ms_max: super::whole_ms(route.ring),
        customer_ring_ms_max: 0,
        recording: Some(route.recording),
        second: None,
    };
    let started = |leg, role, target| {
        let shown = customer.to_owned();
        let place = Place::default();
        Event::LegStarted { leg, id, role, target, shown, call: None, agent: None, place, ring_ms_max: None }
    };
    let to = Target::Uri(route.to.clone());
    let events = vec![
        Event::CallStarted { call: facts, details },
        started(caller, Role::Customer, Target::Number(route.called.clone())),
        started(destination, Role::Destination, to.clone()),
    ];
    let shown = customer.to_owned();
    let actions = vec![
        Action::TakeLeg { leg: caller, call: id },
        Action::StartLeg { leg: destination, call: id, target: to, shown },
    ];
    Decision { events, actions, reply: None }
}

fn rang(call: &Call, leg: &Leg, early_media: bool) -> Decision {
    let (id, told) = (call.facts.id, leg.rang.is_none().then(|| call.facts.clone()));
    let rang = Event::LegRang { leg: leg.id, id, call: told, early_media };
    Decision::events(leg.is_news(early_media).then_some(rang))
}
