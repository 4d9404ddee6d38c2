//! Parties come into a call and leave it, and the call goes on; or it does not, and ends: [`ending`].
//!
//! A party is brought in with a place ([`Place`]), and its record is its own. It leaves by an event (`LegLeft`), before its leg has
//! had its last word; whoever was there for its sake alone leaves with it. A call goes on while
//!
//! | the customer … | and there is |
//! |---|---|
//! | is there | somebody to talk to, or somebody the customer was handed on to and who rings |
//! | is gone | another pair on the floor, or an agent and whom it consults, where the account lets them go on |

use std::collections::BTreeMap;
use std::time::Duration;

use base::{LegId, Wall};

use super::shown_number::{self, ShownNumber};
use super::{Call, Leg, capacity, consult, ending, from_phone, hearing, monitor, transfer, whole_ms};
use crate::action::{Action, LegSound, Referral, Side, Target, Track};
use crate::agent::activity::Activity;
use crate::command::{LoginType, Party, Refusal};
use crate::config::{Account, Agent, WithoutCustomer};
use crate::decide::{Decision, Dice, View};
use crate::event::{CallFacts, Event, HangUpSide, LegAgent, Moment, Place, RecordKind, Role};
use crate::record::naming;
use crate::signal::{Cause, EndedBy, Failure};

/// Somebody to be brought into a call.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) role: Role,
    pub(crate) agent: Option<LegAgent>,
    pub(crate) target: Target,
    pub(crate) shown: String,
    pub(crate) ring_max: Duration,
}

/// The agent's leg in a call in which it talks with the customer (states 4, 6, 7), else 6712.
pub(crate) fn talking<'a>(view: View<'a>, agent: &str) -> Result<(&'a Call, &'a Leg), Refusal> {
    let (call, leg) = in_conversation(view, agent)?;
    if leg.is_on_floor() { Ok((call, leg)) } else { Err(Refusal::NotInCall) }
}

/// The agent's leg in a call in which it talks with anybody (states 4, 6, 7), else 6712.
pub(crate) fn in_conversation<'a>(view: View<'a>, agent: &str) -> Result<(&'a Call, &'a Leg), Refusal> {
    view.around.acting_agent(agent)?;
    if !view.state.agents.contains_key(agent) {
        return Err(Refusal::AgentOffline);
    }
    let call = view.state.call_of_agent(agent).ok_or(Refusal::NotInCall)?;
    let talks = match call.activity_of(agent) {
        Activity::Talking | Activity::Holding | Activity::Muted => true,
        Activity::Free | Activity::Calling | Activity::Ringing | Activity::WrapUp => false,
    };
    let leg = call.leg_of_agent(agent).filter(|_| talks).ok_or(Refusal::NotInCall)?;
    match leg.place {
        Place::Floor(_) | Place::Aside { .. } => Ok((call, leg)),
        Place::Watching { .. } | Place::Arriving { .. } | Place::SecondLine { .. } => Err(Refusal::NotInCall),
    }
}

/// A field that names no IVR or queue is refused before anything else is looked at (contract §2); there are none yet.
pub(crate) fn check_name(to: &Party) -> Result<(), Refusal> {
    match to {
        Party::Agent(_) | Party::Outline(_) => Ok(()),
        Party::Ivr(_) => Err(Refusal::IvrUnknown),
        Party::Queue(_) => Err(Refusal::QueueUnknown),
    }
}

/// Who is meant by `mode` and `number` of a transfer or a consultation; checks that it can be called (contract §5).
pub(crate) fn guest(view: View<'_>, call: &Call, by: &str, to: &Party) -> Result<Guest, Refusal> {
    match to {
        Party::Agent(number) => agent_guest(view, call, number, Role::Agent),
        Party::Outline(number) => {
            let agent = view.around.acting_agent(by)?;
            let ShownNumber { number: shown, .. } = shown_number::of_agent(view, agent)?;
            let guest = Guest {
                role: Role::Outside,
                agent: None,
                target: Target::Number(number.clone()),
                shown,
                ring_max: view.account().customer_ring,
            };
            capacity::check_party(view, call, true)?;
            Ok(guest)
        }
        Party::Ivr(_) => Err(Refusal::IvrUnknown),
        Party::Queue(_) => Err(Refusal::QueueUnknown),
    }
}

/// An agent who can be called now, and where.
pub(crate) struct FreeAgent<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) login: LoginType,
    pub(crate) target: Target,
}

/// An agent, should it be there and free: else 6701, 6703, 6702, 6730, 6708, 6713, 6722 in this order.
pub(crate) fn free_agent<'a>(view: View<'a>, number: &str) -> Result<FreeAgent<'a>, Refusal> {
    let agent = view.around.acting_agent(number)?;
    let login = view.state.agents.get(number).ok_or(Refusal::AgentOffline)?.login;
    if view.state.on_call.contains_key(number) {
        return Err(Refusal::InCall);
    }
    if !view.around.is_reachable(number, login) {
        return Err(Refusal::PhoneNotRegistered);
    }
    let target = phone_of(agent, login).ok_or(Refusal::NoPhone)?;
    Ok(FreeAgent { agent, login, target })
}

/// An agent as a guest, called like any who is free.
pub(crate) fn agent_guest(view: View<'_>, call: &Call, number: &str, role: Role) -> Result<Guest, Refusal> {
    let FreeAgent { agent, login, target } = free_agent(view, number)?;
    capacity::check_party(view, call, login == LoginType::Pstn)?;
    Ok(Guest {
        role,
        shown: shown_to_agent(view, call, login),
        agent: Some(LegAgent { agent: view.agent_ref(number), id: agent.id.clone(), login }),
        target,
        ring_max: view.account().agent_ring,
    })
}

/// Where an agent who is signed in with this kind of phone is called.
fn phone_of(agent: &Agent, login: LoginType) -> Option<Target> {
    match login {
        LoginType::Pstn => agent.mobile.clone().map(Target::Number),
        LoginType::Sip | LoginType::WebRtc => agent.sip_user.clone().map(Target::Phone),
    }
}

/// Calls a guest. What it is for is said by its place.
pub(crate) fn bring_in(
    view: View<'_>,
    call: &Call,
    guest: Guest,
    place: Place,
    dice: &mut Dice<'_>,
) -> (LegId, Decision) {
    let (leg, id) = (dice.leg_id(view.now), call.facts.id);
    let Guest { role, agent, target, shown, ring_max } = guest;
    // Its earlier calls may still owe their last word.
    let mut decision = match &agent {
        Some(LegAgent { agent, .. }) => ending::release_agent(view, &agent.number),
        None => Decision::default(),
    };
    decision.events.push(Event::LegStarted {
        leg,
        id,
        role,
        target: target.clone(),
        shown: shown.clone(),
        call: None,
        agent,
        place,
        ring_ms_max: Some(whole_ms(ring_max)),
    });
    decision.actions.push(Action::StartLeg { leg, call: id, target, shown });
    (leg, decision)
}

/// The event that a party leaves; told for an agent whose customer it was.
pub(crate) fn left(call: &Call, leg: &Leg, view: View<'_>) -> Event {
    let talked = leg.is_on_floor() && leg.is_answered() && call.bridged().is_some();
    let told = talked.then(|| told_of(view, call, leg)).flatten();
    Event::LegLeft { leg: leg.id, id: call.facts.id, call: told }
}

/// What follows from `decision`, whose events are the first thing that happens now: who leaves with whom, whether the call goes on,
/// what agents show, who hears whom, what is stored. `side` is who ends the call, should it end.
pub(crate) fn go_on(
    view: View<'_>,
    call: &Call,
    decision: Decision,
    side: HangUpSide,
    dice: &mut Dice<'_>,
) -> Decision {
    let Decision { mut events, actions, reply } = decision;
    let wall = view.now.wall;
    let mut after = call.after(wall, &events);
    while let Some(leg) = orphan(&after) {
        let event = left(&after, leg, view);
        after.apply(wall, &event);
        events.push(event);
    }
    if !goes_on(&after, view.account()) {
        let ended = ending::end(view, call, events, side);
        return Decision { actions: [actions, ended.actions].concat(), reply, ..ended };
    }
    for leg in newly_joined(call, &after) {
        if let Some(event) = new_part(view, &after, leg, dice) {
            after.apply(wall, &event);
            events.push(event);
        }
    }
    let mut actions = actions;
    actions.extend(let_go(call, &after));
    actions.extend(hearing::changes(call, &after, view.account()));
    actions.extend(stored(call, &after, view.account()));
    Decision { events: with_states(view, call, &after, events), actions, reply }
}

/// The same for what keeps everybody in the call.
pub(crate) fn change(view: View<'_>, call: &Call, events: Vec<Event>, dice: &mut Dice<'_>) -> Decision {
    go_on(view, call, Decision::events(events), HangUpSide::System, dice)
}

/// A leg is over that is not needed for the call to begin, or that the call can do without.
pub(crate) fn leg_ended(
    view: View<'_>,
    call: &Call,
    leg: &Leg,
    (over, cause): (Vec<Event>, Cause),
    dice: &mut Dice<'_>,
) -> Decision {
    let mut decision = failed(view, call, leg, cause);
    decision.events.extend(from_phone::second_line_over(view, call, leg));
    // It is the call that ends, not a party of it that leaves.
    let without = call.after(view.now.wall, &over);
    if call_ends(view, without, &decision.events) {
        decision.events.extend(over);
        return ending_with(view, call, decision, side_of(leg.role, cause));
    }
    decision.events.insert(0, left(call, leg, view));
    decision.events.extend(over);
    go_on(view, call, decision, side_of(leg.role, cause), dice)
}

/// Legs leave by our will; and the call ends when nobody is left.
pub(crate) fn leave(
    view: View<'_>,
    call: &Call,
    legs: &[LegId],
    side: HangUpSide,
    dice: &mut Dice<'_>,
) -> Decision {
    let leaving = call.legs_in_call().filter(|leg| legs.contains(&leg.id));
    let events: Vec<Event> = leaving.map(|leg| left(call, leg, view)).collect();
    match call_ends(view, call.after(view.now.wall, &events), &[]) {
        true => ending::end(view, call, Vec::new(), side),
        false => go_on(view, call, Decision::events(events), side, dice),
    }
}

/// The phone of a party has rung for long enough.
pub(crate) fn ring_over(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    let cause = Cause { sip_code: leg.sip_code(), by: EndedBy::Us, failure: Failure::RequestTimeout };
    give_up(view, call, leg, (cause, HangUpSide::System), dice)
}

/// A party that is being called is not called any longer.
pub(crate) fn give_up(
    view: View<'_>,
    call: &Call,
    leg: &Leg,
    (cause, side): (Cause, HangUpSide),
    dice: &mut Dice<'_>,
) -> Decision {
    let mut decision = failed(view, call, leg, cause);
    decision.events.extend(from_phone::second_line_over(view, call, leg));
    let gone = left(call, leg, view);
    if call_ends(view, call.after(view.now.wall, std::slice::from_ref(&gone)), &decision.events) {
        return ending_with(view, call, decision, side);
    }
    decision.events.insert(0, gone);
    go_on(view, call, decision, side, dice)
}

/// The phone of a party rings, or its network speaks.
pub(crate) fn rings(
    view: View<'_>,
    call: &Call,
    leg: &Leg,
    early_media: bool,
    dice: &mut Dice<'_>,
) -> Decision {
    if !leg.is_news(early_media) {
        return Decision::default();
    }
    let told = match leg.role {
        Role::Agent if leg.rang.is_none() => told_of(view, call, leg),
        Role::Agent | Role::Customer | Role::Destination | Role::Outside | Role::Supervisor => None,
    };
    let rang = Event::LegRang { leg: leg.id, id: call.facts.id, call: told, early_media };
    let mut decision = Decision::events([rang]);
    if let Place::Aside { with } = leg.place
        && let Some(second) = call.second_line_of(with).filter(|second| !second.is_answered())
    {
        decision.actions.push(Action::LetRing { leg: second.id, early_media });
    }
    go_on(view, call, decision, HangUpSide::System, dice)
}

/// The phone of a party was answered.
pub(crate) fn answered(view: View<'_>, call: &Call, leg: &Leg, dice: &mut Dice<'_>) -> Decision {
    match leg.place {
        Place::Arriving { .. } => transfer::answered(view, call, leg, dice),
        Place::Aside { .. } => consult::answered(view, call, leg, dice),
        Place::Watching { .. } => monitor::answered(view, call, leg, dice),
        // We answer a second line; nobody else does.
        Place::Floor(_) | Place::SecondLine { .. } => Decision::default(),
    }
}

/// What customers are told of an agent's leg.
pub(crate) fn told_of(view: View<'_>, call: &Call, leg: &Leg) -> Option<CallFacts> {
    call.agent_of(leg).map(|number| call.facts_about(Some(view.agent_ref(number))))
}

/// Who ended a leg.
pub(crate) fn side_of(role: Role, cause: Cause) -> HangUpSide {
    match (cause.by, role) {
        (EndedBy::Far, Role::Agent | Role::Destination | Role::Outside | Role::Supervisor) => {
            HangUpSide::Agent
        }
        (EndedBy::Far, Role::Customer) => HangUpSide::Customer,
        (EndedBy::Us | EndedBy::Network, _) => HangUpSide::System,
    }
}

/// A party that was called did not come: the agent who wanted it learns why.
pub(crate) fn failed(view: View<'_>, call: &Call, leg: &Leg, cause: Cause) -> Decision {
    let (kind, by) = match leg.place {
        Place::Arriving { by } => (RecordKind::Transfer, by),
        Place::Aside { with } => (RecordKind::Consult, with),
        Place::Floor(_) | Place::SecondLine { .. } | Place::Watching { .. } => return Decision::default(),
    };
    let asker = call.leg(by);
    if leg.is_answered() {
        return Decision::default();
    }
    let agent = asker.and_then(|asker| call.agent_of(asker)).map(|number| view.agent_ref(number));
    let failed = Event::PartyFailed {
        leg: leg.id,
        call: call.facts_about(agent),
        kind,
        target: target_of(call, leg),
        cause,
    };
    let told = asker.filter(|asker| asker.is_in_call()).map(|asker| Action::AnswerReferral {
        leg: asker.id,
        standing: Referral::Failed { status: if cause.sip_code >= 400 { cause.sip_code } else { 480 } },
    });
    Decision { actions: told.into_iter().collect(), ..Decision::events([failed]) }
}

/// Who a leg was to reach: an agent's number, or what was dialled.
fn target_of(call: &Call, leg: &Leg) -> String {
    match (call.agent_of(leg), &leg.target) {
        (Some(number), _) => number.to_owned(),
        (None, Target::Number(text) | Target::Phone(text) | Target::Uri(text)) => text.clone(),
    }
}

/// A trunk shows only numbers of the account; a phone of ours shows the customer.
fn shown_to_agent(view: View<'_>, call: &Call, login: LoginType) -> String {
    let own = [&call.facts.display, &call.facts.trunk].into_iter().find(|number| !number.is_empty());
    match login {
        LoginType::Sip | LoginType::WebRtc => call.facts.customer.clone(),
        LoginType::Pstn => own.or(view.account().default_number.as_ref()).cloned().unwrap_or_default(),
    }
}

/// A leg that is in the call for the sake of one that is not any more.
fn orphan(call: &Call) -> Option<&Leg> {
    let is_in = |id: LegId| call.leg(id).is_some_and(Leg::is_in_call);
    call.legs_in_call().find(|leg| match leg.place {
        Place::Floor(_) | Place::Arriving { .. } => false,
        Place::Aside { with } => !is_in(with),
        Place::SecondLine { of } => !is_in(of) || call.aside_of(of).is_none(),
        Place::Watching { of, .. } => !is_in(of),
    })
}

/// Whether nobody is left once those have gone who were there for another's sake.
fn call_ends(view: View<'_>, mut after: Call, events: &[Event]) -> bool {
    for event in events {
        after.apply(view.now.wall, event);
    }
    while let Some(leg) = orphan(&after) {
        let event = left(&after, leg, view);
        after.apply(view.now.wall, &event);
    }
    !goes_on(&after, view.account())
}

/// The call ends with what has been decided.
fn ending_with(view: View<'_>, call: &Call, decision: Decision, side: HangUpSide) -> Decision {
    let ended = ending::end(view, call, decision.events, side);
    Decision { actions: [decision.actions, ended.actions].concat(), ..ended }
}

fn goes_on(call: &Call, account: &Account) -> bool {
    let on_floor = || call.legs_in_call().filter(|leg| leg.is_on_floor());
    if call.bridged().is_none() {
        // Whoever is missing was needed.
        return call.legs.iter().filter(|leg| leg.is_on_floor()).all(Leg::is_in_call);
    }
    let customer = on_floor().any(|leg| leg.role == Role::Customer);
    let talking = on_floor().filter(|leg| leg.is_answered()).count();
    let consulting = on_floor().any(|leg| call.aside_of(leg.id).is_some());
    match customer {
        true => talking >= 2 || call.legs_in_call().any(Leg::is_arriving),
        false => {
            (talking >= 2 && account.conference_without_customer == WithoutCustomer::GoOn)
                || (talking == 1 && consulting && account.consult_without_customer == WithoutCustomer::GoOn)
        }
    }
}

/// Later agents who are on the floor and were not.
fn newly_joined<'a>(before: &Call, after: &'a Call) -> Vec<LegId> {
    let joined = |leg: &&'a Leg| leg.is_on_floor() && leg.is_answered() && leg.agent.is_some();
    let was = |leg: &Leg| before.leg(leg.id).is_some_and(|was| was.is_on_floor() && was.is_answered());
    after.legs_in_call().filter(joined).filter(|leg| !was(leg)).map(|leg| leg.id).collect()
}

/// A later agent's part of the recording, if there is one.
fn new_part(view: View<'_>, call: &Call, leg: LegId, dice: &mut Dice<'_>) -> Option<Event> {
    let recording = call.recording.as_ref().filter(|recording| recording.length_ms.is_none())?;
    if recording.parts.iter().any(|part| part.leg == leg) {
        return None;
    }
    let agent = call.leg(leg)?.agent.as_ref().map(|agent| agent.agent.clone());
    let (account, mode) = (view.account(), call.recording_mode(view.account()));
    let files = naming::files(account, mode, &call.facts_about(agent), view.now.wall, dice.random)?;
    Some(Event::PartStarted { id: call.facts.id, leg, files })
}

/// Ends the legs that have left just now.
fn let_go<'a>(before: &'a Call, after: &'a Call) -> impl Iterator<Item = Action> + 'a {
    let was_in = |leg: &&Leg| before.leg(leg.id).is_none_or(Leg::is_in_call);
    let left = after.legs.iter().filter(|leg| leg.left.is_some() && leg.ended.is_none()).filter(was_in);
    left.map(|leg| match after.calls_in(leg) && !leg.is_answered() {
        true => Action::RefuseLeg { leg: leg.id, cause: why_refused(before, after, leg) },
        false => Action::EndLeg { leg: leg.id },
    })
}

/// What kept us from answering a second line: what has just become of whom it called.
fn why_refused(before: &Call, after: &Call, second: &Leg) -> Cause {
    let Place::SecondLine { of } = second.place else {
        return ending::why_refused(after, HangUpSide::System);
    };
    let called = before.aside_of(of).and_then(|aside| after.leg(aside.id));
    let why = called.and_then(|aside| aside.failed.or(aside.ended.as_ref().map(|end| end.cause)));
    why.unwrap_or(Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::None })
}

/// What is to be stored from now on, where that is something else.
fn stored(before: &Call, after: &Call, account: &Account) -> Option<Action> {
    if !before.is_recording() || !after.is_recording() {
        return None;
    }
    let tracks = hearing::tracks(after, account);
    (hearing::tracks(before, account) != tracks).then_some(Action::Store { call: after.facts.id, tracks })
}

/// The recording begins, if calls are recorded: two have begun to talk.
pub(crate) fn record(
    view: View<'_>,
    call: &Call,
    (agent, customer): (LegId, LegId),
    dice: &mut Dice<'_>,
) -> Decision {
    let (id, mode) = (call.facts.id, call.recording_mode(view.account()));
    let files = naming::files(view.account(), mode, &call.facts, view.now.wall, dice.random);
    let Some(files) = files else { return Decision::default() };
    let started = Event::RecordingStarted { id, files: files.clone() };
    let mut actions = vec![Action::StartRecording { call: id, agent, customer, files }];
    // Its agent may hold, or be muted, already.
    actions.extend(first_stored(call, view.account(), agent, customer));
    Decision { actions, ..Decision::events([started]) }
}

/// What is to be stored when a recording begins with other sounds than those of two legs.
fn first_stored(call: &Call, account: &Account, agent: LegId, customer: LegId) -> Option<Action> {
    let said = |leg, side| Track { leg, sound: LegSound::Said, side };
    let usual = [said(agent, Side::Agent), said(customer, Side::Customer)];
    let tracks = hearing::tracks(call, account);
    let is_usual = tracks.len() == 2 && usual.iter().all(|track| tracks.contains(track));
    (!is_usual).then_some(Action::Store { call: call.facts.id, tracks })
}

/// `events`, and among them what agents show because of them: before what is told of them, but after that they have left.
fn with_states(view: View<'_>, before: &Call, after: &Call, events: Vec<Event>) -> Vec<Event> {
    let mut changed = changed(view, before, after);
    let mut all = Vec::with_capacity(events.len() + changed.len());
    for event in events {
        match &event {
            Event::LegRang { call: Some(call), .. }
            | Event::LegAnswered { call: Some(call), .. }
            | Event::LegPlaced { call: Some(call), .. } => {
                all.extend(changed.remove(&call.agent.number));
                all.push(event);
            }
            Event::LegLeft { leg, .. } => {
                let number = after.leg(*leg).and_then(|leg| after.agent_of(leg)).map(str::to_owned);
                let leaves = number.filter(|number| after.leg_of_agent(number).is_none());
                all.push(event);
                all.extend(leaves.and_then(|number| changed.remove(&number)));
            }
            _ => all.push(event),
        }
    }
    all.extend(changed.into_values());
    all
}

/// What agents show now and did not.
fn changed(view: View<'_>, before: &Call, after: &Call) -> BTreeMap<String, Event> {
    let mut changed = BTreeMap::new();
    for number in after.agents() {
        let was = before.agents().contains(&number).then(|| before.activity_of(number));
        let is = after.activity_of(number);
        if was != Some(is) {
            changed.insert(number.to_owned(), view.changed_in_call(after, number, is, moment(is), None));
        }
    }
    for number in before.agents() {
        if !after.agents().contains(&number) {
            changed.insert(number.to_owned(), leaves(view, before, number));
        }
    }
    changed.into_iter().filter_map(|(number, event)| Some((number, event?))).collect()
}

/// What an agent shows who leaves a call. Only who talked with the customer has something to write down.
pub(crate) fn leaves(view: View<'_>, call: &Call, number: &str) -> Option<Event> {
    let leg = call.leg_of_agent(number);
    let talked = leg.is_some_and(|leg| leg.is_on_floor() && leg.is_answered() && call.bridged().is_some());
    let wrap_up = view.around.agent(number).map(|agent| agent.wrap_up).filter(|_| talked).unwrap_or_default();
    let until: Option<Wall> = (!wrap_up.is_zero()).then(|| view.now.wall + wrap_up);
    let activity = if until.is_some() { Activity::WrapUp } else { Activity::Free };
    view.changed_in_call(call, number, activity, Moment::Hangup, until)
}

fn moment(activity: Activity) -> Moment {
    match activity {
        Activity::Calling => Moment::Calling,
        Activity::Ringing => Moment::Ring,
        Activity::Talking | Activity::Holding | Activity::Muted => Moment::Link,
        Activity::Free | Activity::WrapUp => Moment::Hangup,
    }
}
