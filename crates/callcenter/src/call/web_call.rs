//! The plan of `webcall`: call a customer, then an agent or another number (API 2.14, contract §5).
//!
//! | the call is … | because | what may come | then |
//! |---|---|---|---|
//! | calling the customer (an agent shows 2) | accepted; an agent is in the call from now on | the customer answers | the second one is called; the customer hears that it rings |
//! | calling the second one (2, then 3) | the customer answered | it answers | 4; both hear each other; push "user connected"; recording |
//! | linked (4) | the second one answered | | as a `dialOut` |
//! | over | a leg ended, `hangup`, a time is over | | [`ending`](super::ending) |

use std::time::Duration;

use super::dial_out::start_leg;
use super::parties::FreeAgent;
use super::{Call, Leg, capacity, ending, hearing, parties, shown_number, whole_ms};
use crate::action::Target;
use crate::agent::activity::Activity;
use crate::command::{Accepted, LoginType, Refusal, WebCall, WebCallee};
use crate::config::Account;
use crate::decide::{Decision, Dice, View};
use crate::event::{CallDetails, CallFacts, CallKind, Event, Moment, Role};

/// How long the first one's phone rings when nothing is said (API 2.14).
const CALLER_RING: Duration = Duration::from_secs(120);

/// How long the second one's phone rings when nothing is said (API 2.14).
const CALLEE_RING: Duration = Duration::from_secs(60);

/// `webcall`: checks in the order of contract §2, then calls the customer.
pub(crate) fn accept(view: View<'_>, web: &WebCall, dice: &mut Dice<'_>) -> Result<Decision, Refusal> {
    let account = view.account();
    let shown = shown(account, web.caller_shown.as_ref(), Refusal::CallerDisplayNotOwned)?;
    let callee_shown = match &web.callee_shown {
        Some(_) => self::shown(account, web.callee_shown.as_ref(), Refusal::CalleeDisplayNotOwned)?,
        None => shown,
    };
    let callee = match &web.callee {
        WebCallee::Number(_) => None,
        WebCallee::Agent(number) => Some(parties::free_agent(view, number)?),
        WebCallee::Ivr(_) => return Err(Refusal::IvrUnknown),
    };
    shown_number::check_calls(view, shown)?;
    capacity::check(view, callee.as_ref().map_or(LoginType::Pstn, |callee| callee.login))?;
    let mut decision = match &callee {
        Some(callee) => ending::release_agent(view, &callee.agent.number),
        None => Decision::default(),
    };
    let call = begin(view, web, callee, (shown, callee_shown), dice);
    decision.events.push(Event::CallStarted { call: call.facts.clone(), details: call.details.clone() });
    let target = Target::Number(web.caller.clone());
    decision.append(start_leg(view, &call, Role::Customer, target, shown.to_owned(), false, dice));
    decision.events.extend(view.changed_by_call(&call, Activity::Calling, Moment::Calling, None));
    decision.reply = Some(Ok(Accepted { call: Some(call.facts.id) }));
    Ok(decision)
}

/// A phone rings, or its network speaks.
pub(crate) fn leg_rings(view: View<'_>, call: &Call, leg: &Leg, early_media: bool) -> Decision {
    let id = call.facts.id;
    let is_agent = leg.role == Role::Agent && leg.rang.is_none();
    let mut decision = Decision::default();
    if is_agent {
        decision.events.extend(view.changed_by_call(call, Activity::Ringing, Moment::Ring, None));
    }
    let told = is_agent.then(|| call.facts.clone());
    decision.events.extend(leg.is_news(early_media).then_some(Event::LegRang {
        leg: leg.id,
        id,
        call: told,
        early_media,
    }));
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    decision
}

/// A phone was answered.
pub(crate) fn leg_answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    match leg.role {
        Role::Customer => customer_answers(view, call, leg, dice),
        Role::Agent | Role::Destination => callee_answers(view, call, leg, dice),
        Role::Outside | Role::Supervisor => Decision::default(),
    }
}

fn begin(
    view: View<'_>,
    web: &WebCall,
    callee: Option<FreeAgent<'_>>,
    (shown, callee_shown): (&str, &str),
    dice: &mut Dice<'_>,
) -> Call {
    let agent = callee.as_ref().map(|callee| view.agent_ref(&callee.agent.number));
    let facts = CallFacts {
        id: dice.call_id(view.now),
        kind: CallKind::WebCall,
        customer: web.caller.clone(),
        display: shown.to_owned(),
        trunk: String::new(),
        agent: agent.unwrap_or_default(),
        extras: web.extras.clone(),
        group_ids: Vec::new(),
        group_names: Vec::new(),
    };
    let target = match (&callee, &web.callee) {
        (Some(callee), _) => Some(callee.target.clone()),
        (None, WebCallee::Number(number)) => Some(Target::Number(number.clone())),
        (None, WebCallee::Agent(_) | WebCallee::Ivr(_)) => None,
    };
    let details = CallDetails {
        agent_id: callee.as_ref().map(|callee| callee.agent.id.clone()).unwrap_or_default(),
        login: callee.as_ref().map(|callee| callee.login),
        agent_phone: match callee.as_ref().map(|callee| &callee.target) {
            Some(Target::Number(text) | Target::Phone(text) | Target::Uri(text)) => text.clone(),
            None => String::new(),
        },
        call_uuid: dice.random.uuid(),
        agent_ring_ms_max: whole_ms(web.callee_ring_max.unwrap_or(CALLEE_RING)),
        customer_ring_ms_max: whole_ms(web.caller_ring_max.unwrap_or(CALLER_RING)),
        recording: None,
        second: target.map(|target| (target, callee_shown.to_owned())),
    };
    Call::new(view.now.wall, facts, details)
}

fn customer_answers(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let mut decision = Decision::default();
    let is_new = leg.rang.is_none();
    let id = call.facts.id;
    decision.events.extend(is_new.then_some(Event::LegRang {
        leg: leg.id,
        id,
        call: None,
        early_media: false,
    }));
    decision.events.push(Event::LegAnswered { leg: leg.id, id, call: None });
    if let Some((target, shown)) = call.details.second.clone() {
        let role = if call.details.login.is_some() { Role::Agent } else { Role::Destination };
        decision.append(start_leg(view, call, role, target, shown, false, dice));
    }
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    decision
}

fn callee_answers(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let id = call.facts.id;
    // What is answered without ringing has rung for no time: what must be told at its ringing is told.
    let mut decision = match leg.rang {
        None => leg_rings(view, call, leg, false),
        Some(_) => Decision::default(),
    };
    decision.actions.clear();
    decision.events.extend(view.changed_by_call(call, Activity::Talking, Moment::Link, None));
    decision.events.push(Event::LegAnswered { leg: leg.id, id, call: Some(call.facts.clone()) });
    let Some(customer) = call.leg_of(Role::Customer) else { return decision };
    let after = call.after(view.now.wall, &decision.events);
    decision.actions.extend(hearing::changes(call, &after, view.account()));
    decision.append(parties::record(view, &after, (leg.id, customer.id), dice));
    decision
}

/// A display number must be the account's; without one it is the account's default.
fn shown<'a>(account: &'a Account, wanted: Option<&String>, refusal: Refusal) -> Result<&'a str, Refusal> {
    match wanted {
        Some(wanted) => {
            let own = account.numbers.iter().find(|number| *number == wanted);
            own.map(String::as_str).ok_or(refusal)
        }
        None => account.default_number.as_deref().ok_or(Refusal::NoShownNumber),
    }
}
