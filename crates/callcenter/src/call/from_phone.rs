//! What phones do by themselves (contract: as the verb): hold is in [`hold`](super::hold), keys in [`digits`](super::digits); here a
//! phone hands its call on by REFER, or calls somebody by a second line.
//!
//! | a phone … | is |
//! |---|---|
//! | sends REFER to an agent or a number | `transfer` |
//! | calls an agent or a number while its agent talks with a customer | `consult`, from a second line of the phone |
//! | sends REFER with Replaces that names its other line | `consultTransfer` |
//!
//! Only the agent's own SIP phone is believed: what a trunk says on the leg of an agent's mobile hands nothing on. A phone whose agent is in no such call calls nobody: it is refused.

use base::LegId;

use super::{Call, Leg, capacity, consult, inbound, parties, transfer};
use crate::action::{Action, Referral, Target};
use crate::command::{LoginType, Party, Refusal};
use crate::decide::{Decision, Dice, View};
use crate::event::{Event, HangUpSide, LegAgent, Place, Role};
use crate::signal::{Cause, EndedBy, Failure};

/// A phone asks to hand its call on.
pub(crate) fn referred(
    view: View<'_>,
    call: &Call,
    leg: &Leg,
    (to, replaces): (&str, Option<LegId>),
    dice: &mut Dice<'_>,
) -> Decision {
    let answer = |standing| Action::AnswerReferral { leg: leg.id, standing };
    let refused = Decision { actions: vec![answer(Referral::Refused)], ..Decision::default() };
    if view.around.acting_account().is_err() {
        return refused;
    }
    let first_line = match leg.place {
        Place::SecondLine { of } => of,
        Place::Floor(_) | Place::Arriving { .. } | Place::Aside { .. } | Place::Watching { .. } => leg.id,
    };
    // Behind a trunk there is a network, and no phone of ours that speaks for its agent.
    let of_phone = call.leg(first_line).filter(|leg| matches!(leg.target, Target::Phone(_)));
    let Some(agent) = of_phone.and_then(|leg| call.agent_of(leg)) else { return refused };
    let decided = match replaces {
        Some(other) => attended(view, call, agent, (leg, first_line, other), dice),
        None => match party(view, to) {
            Some(party) if leg.id == first_line => transfer::transfer(view, agent, &party, dice),
            Some(_) | None => Err(Refusal::NotInCall),
        },
    };
    match decided {
        Ok(mut decision) => {
            decision.actions.insert(0, answer(Referral::Accepted));
            decision
        }
        Err(_) => refused,
    }
}

/// A phone calls somebody: whom its agent consults.
pub(crate) fn calls(
    view: View<'_>,
    second: LegId,
    (user, called): (&str, &str),
    dice: &mut Dice<'_>,
) -> Decision {
    let refused = |failure| inbound::refuse(second, Cause { sip_code: 0, by: EndedBy::Us, failure });
    if view.around.acting_account().is_err() {
        return refused(Failure::Forbidden);
    }
    let Some(owner) = view.account().agents.iter().find(|agent| agent.sip_user.as_deref() == Some(user))
    else {
        return refused(Failure::Forbidden);
    };
    let by_sip =
        view.state.agents.get(&owner.number).is_some_and(|signed_in| signed_in.login == LoginType::Sip);
    let talking = parties::talking(view, &owner.number).ok().filter(|_| by_sip);
    let Some((call, leg)) = talking else { return refused(Failure::Forbidden) };
    let Some(to) = party(view, called) else { return refused(Failure::Unknown) };
    let guest = consult::one_at_a_time(call, leg)
        .and_then(|()| parties::guest(view, call, &owner.number, &to))
        // The second line is a leg as well.
        .and_then(|guest| capacity::check_legs(view, call, 2).map(|()| guest));
    let guest = match guest {
        Ok(guest) => guest,
        Err(Refusal::InCall) => return refused(Failure::Decline),
        Err(Refusal::AgentUnknown | Refusal::NoPhone) => return refused(Failure::Unknown),
        Err(Refusal::AgentOffline | Refusal::PhoneNotRegistered) => return refused(Failure::RequestTimeout),
        Err(_) => return refused(Failure::ServiceUnavailable),
    };
    let id = call.facts.id;
    let agent =
        LegAgent { agent: view.agent_ref(&owner.number), id: owner.id.clone(), login: LoginType::Sip };
    let mut decision = Decision::events([Event::LegStarted {
        leg: second,
        id,
        role: Role::Agent,
        target: Target::Number(called.to_owned()),
        shown: user.to_owned(),
        call: None,
        agent: Some(agent),
        place: Place::SecondLine { of: leg.id },
        ring_ms_max: None,
    }]);
    decision.actions.push(Action::TakeLeg { leg: second, call: id });
    let (_, brought) = parties::bring_in(view, call, guest, Place::Aside { with: leg.id }, dice);
    decision.append(brought);
    parties::go_on(view, call, decision, HangUpSide::System, dice)
}

/// The other line, which the REFER names, has whom the agent consults.
fn attended(
    view: View<'_>,
    call: &Call,
    agent: &str,
    (leg, first_line, other): (&Leg, LegId, LegId),
    dice: &mut Dice<'_>,
) -> Result<Decision, Refusal> {
    let (_, first, aside) = consult::to_connect(view, agent)?;
    let second = call.second_line_of(first_line).ok_or(Refusal::NotInCall)?;
    let lines = [first.id, second.id];
    if leg.id == other || !lines.contains(&leg.id) || !lines.contains(&other) {
        return Err(Refusal::NotInCall);
    }
    let succeeded = Action::AnswerReferral { leg: leg.id, standing: Referral::Succeeded };
    let mut decision = transfer::hand_over(view, call, first, aside, dice);
    if aside.is_answered() {
        // Before its leg is ended.
        decision.actions.insert(0, succeeded);
    }
    Ok(decision)
}

/// Whom a phone means: an agent by number or phone, else a number outside.
fn party(view: View<'_>, dialled: &str) -> Option<Party> {
    let of_phone = || view.account().agents.iter().find(|agent| agent.sip_user.as_deref() == Some(dialled));
    if view.around.agent(dialled).is_some() {
        return Some(Party::Agent(dialled.to_owned()));
    }
    if let Some(agent) = of_phone() {
        return Some(Party::Agent(agent.number.clone()));
    }
    let digits = dialled.strip_prefix('+').unwrap_or(dialled);
    let is_number = (1..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Party::Outline(dialled.to_owned()))
}

/// A phone's second line is over: so is what it was for.
pub(crate) fn second_line_over(view: View<'_>, call: &Call, second: &Leg) -> Option<Event> {
    let Place::SecondLine { of } = second.place else { return None };
    call.aside_of(of).map(|aside| parties::left(call, aside, view))
}
