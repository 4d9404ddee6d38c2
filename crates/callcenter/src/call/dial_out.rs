//! The plan of `dialOut`: call the agent, then the customer (API 2.1, contract §5).
//!
//! | the call is … | … because | what may come | then |
//! |---|---|---|---|
//! | calling the agent (agent shows 2) | accepted | the agent's phone rings | 3 |
//! | ringing the agent (3) | its phone rings | the agent answers | the customer is called; the agent hears ring-back, or the network's early media |
//! | calling the customer (still 3) | the agent answered | the customer answers | 4; both hear each other; recording |
//! | linked (4) | the customer answered | | |
//! | over (5, or what comes after) | a leg ended, `hangup`, a time is over | last words of legs, length of the recording, 800 ms | the record |
//!
//! In every state before "over" the end of any leg, `hangup` and the maximum age of a call end the whole call, and so
//! does the ring time of the phone that rings: [`ending`](super::ending). Signals about legs that ended, second
//! ringings and second answers change nothing.

use super::parties::FreeAgent;
use super::shown_number::{self, ShownNumber};
use super::{Call, Leg, capacity, ending, hearing, parties, whole_ms};
use crate::action::{Action, Target};
use crate::agent::activity::Activity;
use crate::command::{Accepted, DialOut, LoginType, Refusal};
use crate::config::{Agent, DialoutRingAt};
use crate::decide::{Decision, Dice, View};
use crate::event::{CallDetails, CallFacts, CallKind, Event, Moment, Place, Role};

/// `dialOut`: checks in the order of contract §2, then calls the agent's phone.
pub(crate) fn accept(view: View<'_>, dial: &DialOut, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    let account = view.account();
    shown_number::check(dial, account)?;
    let FreeAgent { agent, login, target } = parties::free_agent(view, &dial.agent)?;
    let shown = shown_number::choose(view, dial, agent, dice.random)?;
    capacity::check(view, login)?;

    let mut decision = ending::release_agent(view, &dial.agent);
    decision.append(start(view, dial, agent, login, target, shown, dice));
    Ok(decision)
}

/// A phone rings, or its network speaks.
pub(crate) fn leg_rings(view: View<'_>, call: &Call, leg: &Leg, early_media: bool) -> Decision {
    match leg.role {
        Role::Agent => agent_rings(view, call, leg),
        Role::Customer => customer_rings(view, call, leg, early_media),
        Role::Destination | Role::Outside | Role::Supervisor => Decision::default(),
    }
}

/// A phone was answered.
pub(crate) fn leg_answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    match leg.role {
        Role::Agent => agent_answers(view, call, leg, dice),
        Role::Customer => customer_answers(view, call, leg, dice),
        Role::Destination | Role::Outside | Role::Supervisor => Decision::default(),
    }
}

fn start(
    view: View<'_>,
    dial: &DialOut,
    agent: &Agent,
    login: LoginType,
    target: Target,
    shown: ShownNumber,
    dice: &mut Dice<'_>,
) -> Decision {
    let account = view.account();
    let agent_shown = dial.agent_shown.clone().unwrap_or_else(|| shown.number.clone());
    let facts = CallFacts {
        id: dice.call_id(view.now),
        kind: CallKind::DialOut,
        customer: dial.callee.clone(),
        display: shown.number,
        trunk: String::new(),
        agent: view.agent_ref(&agent.number),
        extras: dial.extras.clone(),
        group_ids: shown.group_ids,
        group_names: shown.group_names,
    };
    let details = CallDetails {
        agent_id: agent.id.clone(),
        login: Some(login),
        agent_phone: match &target {
            Target::Number(number) => number.clone(),
            Target::Phone(user) => user.clone(),
            Target::Uri(uri) => uri.clone(),
        },
        call_uuid: dice.random.uuid(),
        agent_ring_ms_max: whole_ms(dial.agent_ring_max.unwrap_or(account.agent_ring)),
        customer_ring_ms_max: whole_ms(dial.customer_ring_max.unwrap_or(account.customer_ring)),
        recording: None,
        second: None,
    };
    let call = Call::new(view.now.wall, facts, details);
    let mut decision =
        Decision::events([Event::CallStarted { call: call.facts.clone(), details: call.details.clone() }]);
    decision.append(start_leg(view, &call, Role::Agent, target, agent_shown, false, dice));
    decision.events.extend(view.changed_by_call(&call, Activity::Calling, Moment::Calling, None));
    decision.reply = Some(Ok(Accepted { call: Some(call.facts.id) }));
    decision
}

fn agent_rings(view: View<'_>, call: &Call, leg: &Leg) -> Decision {
    if leg.rang.is_some() {
        return Decision::default();
    }
    let told = match view.account().dialout_ring_at {
        DialoutRingAt::Agent => Some(call.facts.clone()),
        DialoutRingAt::Customer => None,
    };
    let mut decision =
        Decision::events([Event::LegRang { leg: leg.id, id: call.facts.id, call: told, early_media: false }]);
    decision.events.extend(view.changed_by_call(call, Activity::Ringing, Moment::Ring, None));
    decision
}

fn customer_rings(view: View<'_>, call: &Call, leg: &Leg, early_media: bool) -> Decision {
    let rang = Event::LegRang { leg: leg.id, id: call.facts.id, call: None, early_media };
    let decision = Decision::events(leg.is_news(early_media).then_some(rang));
    let after = call.after(view.now.wall, &decision.events);
    Decision { actions: hearing::changes(call, &after, view.account()), ..decision }
}

fn agent_answers(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    // A phone that is answered without ringing has rung for no time: what must be told at its ringing is told.
    let mut decision = agent_rings(view, call, leg);
    decision.events.push(Event::LegAnswered { leg: leg.id, id: call.facts.id, call: None });
    let told = match view.account().dialout_ring_at {
        DialoutRingAt::Customer => true,
        DialoutRingAt::Agent => false,
    };
    let customer = Target::Number(call.facts.customer.clone());
    let shown = call.facts.display.clone();
    decision.append(start_leg(view, call, Role::Customer, customer, shown, told, dice));
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    decision
}

fn customer_answers(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let id = call.facts.id;
    let mut decision = Decision::default();
    let answered = Event::LegAnswered { leg: leg.id, id, call: None };
    let talks = call.after(view.now.wall, &[answered]).activity_of(&call.facts.agent.number);
    decision.events.extend(view.changed_by_call(call, talks, Moment::Link, None));
    decision.events.push(Event::LegAnswered { leg: leg.id, id, call: Some(call.facts.clone()) });
    let Some(agent) = call.first_agent() else { return decision };
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    decision.append(parties::record(view, &after, (agent.id, leg.id), dice));
    decision
}

/// Calls one of the legs that a call begins with.
pub(crate) fn start_leg(
    view: View<'_>,
    call: &Call,
    role: Role,
    target: Target,
    shown: String,
    told: bool,
    dice: &mut Dice<'_>,
) -> Decision {
    let (leg, id) = (dice.leg_id(view.now), call.facts.id);
    let started = Event::LegStarted {
        leg,
        id,
        role,
        target: target.clone(),
        shown: shown.clone(),
        call: told.then(|| call.facts.clone()),
        agent: None,
        place: Place::default(),
        ring_ms_max: None,
    };
    let actions = vec![Action::StartLeg { leg, call: id, target, shown }];
    Decision { actions, ..Decision::events([started]) }
}
