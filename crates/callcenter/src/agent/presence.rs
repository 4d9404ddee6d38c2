//! Signing in and out, busy and rest: what a person chose (API 1.1–1.4, contract §4).

use crate::agent::activity::Activity;
use crate::agent::{SignedIn, licence};
use crate::command::{Choice, LoginType, Refusal};
use crate::config::Agent;
use crate::decide::{Decision, View};
use crate::event::{Event, SignedOut};

/// Signs an agent in, or moves a signed-in one to another phone and choice. Ends a wrap-up.
pub(crate) fn online(
    view: View<'_>,
    number: &str,
    login: LoginType,
    choice: Choice,
) -> Result<Decision, Refusal> {
    let agent = view.around.acting_agent(number)?;
    must_not_be_in_call(view, number)?;
    must_have_phone(agent, login)?;
    licence::check(view, agent)?;
    let signed_in = SignedIn::new(login, choice);
    let agent = view.agent_ref(number);
    Ok(Decision::events([
        Event::AgentSignedIn { agent, login, choice },
        view.changed(number, &signed_in, Activity::Free, None),
    ]))
}

/// Signs an agent out. Already out: success, and nothing happened.
pub(crate) fn offline(view: View<'_>, number: &str) -> Result<Decision, Refusal> {
    view.around.acting_agent(number)?;
    must_not_be_in_call(view, number)?;
    if !view.state.agents.contains_key(number) {
        return Ok(Decision::default());
    }
    let agent = view.agent_ref(number);
    Ok(Decision::events([Event::AgentSignedOut { agent, how: SignedOut::Normal }]))
}

/// The agent chooses busy or idle (rest). Ends a wrap-up; what already is: success, and nothing happened.
pub(crate) fn choose(view: View<'_>, number: &str, choice: Choice) -> Result<Decision, Refusal> {
    view.around.acting_agent(number)?;
    let before = view.state.agents.get(number).ok_or(Refusal::AgentOffline)?;
    must_not_be_in_call(view, number)?;
    let mut decision = Decision::default();
    if before.choice == choice && before.wrap_up_until.is_none() {
        return Ok(decision);
    }
    if before.choice != choice {
        decision.events.push(Event::AgentChose { agent: number.to_owned(), choice });
    }
    let after = SignedIn { choice, wrap_up_until: None, ..before.clone() };
    decision.events.push(view.changed(number, &after, Activity::Free, None));
    Ok(decision)
}

/// The wrap-up's time is over: back to what the agent had chosen.
pub(crate) fn wrap_up_over(view: View<'_>, number: &str) -> Decision {
    match view.state.agents.get(number) {
        Some(before) if before.wrap_up_until.is_some() => {
            let after = SignedIn { wrap_up_until: None, ..before.clone() };
            Decision::events([view.changed(number, &after, Activity::Free, None)])
        }
        Some(_) | None => Decision::default(),
    }
}

/// Tells what agents show when the surroundings changed it: a phone came or went, an agent was disabled or enabled.
/// An agent in a call goes on showing the call: what is new about it is told when the call is over.
pub(crate) fn refresh(view: View<'_>) -> Decision {
    let changed = view.state.agents.iter().filter_map(|(number, agent)| {
        let activity = view.activity(number);
        let is_new = agent.shown != Some(view.wire_state(number, agent, activity));
        is_new.then(|| view.changed(number, agent, activity, None))
    });
    Decision::events(changed)
}

fn must_not_be_in_call(view: View<'_>, number: &str) -> Result<(), Refusal> {
    match view.state.on_call.contains_key(number) {
        true => Err(Refusal::InCallNoChange),
        false => Ok(()),
    }
}

fn must_have_phone(agent: &Agent, login: LoginType) -> Result<(), Refusal> {
    let has_phone = match login {
        LoginType::Pstn => agent.mobile.is_some(),
        LoginType::Sip => agent.sip_user.is_some(),
        // No browser leg exists yet, so no agent has a browser phone.
        LoginType::WebRtc => false,
    };
    if has_phone { Ok(()) } else { Err(Refusal::NoPhone) }
}
