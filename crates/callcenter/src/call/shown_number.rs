//! Which number is shown to the customer (contract §5): the one asked for, else one of the group asked for, else the
//! agent's bound number, else the account's default.

use base::Random;

use crate::command::{DialOut, GroupRule, Limit, Refusal};
use crate::config::{Account, Agent, NumberGroup};
use crate::decide::View;

/// A chosen number, and the groups it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownNumber {
    pub(crate) number: String,
    pub(crate) group_ids: Vec<String>,
    pub(crate) group_names: Vec<String>,
}

/// What `dialOut` asks for must be the account's. A group is looked at only when it decides.
pub(crate) fn check(dial: &DialOut, account: &Account) -> Result<(), Refusal> {
    let owned = |number: &String| account.numbers.contains(number);
    match &dial.customer_shown {
        Some(number) if !owned(number) => return Err(Refusal::CustomerShownNotOwned),
        Some(_) => {}
        None => {
            group(dial, account)?;
        }
    }
    match &dial.agent_shown {
        Some(number) if !owned(number) => Err(Refusal::AgentShownNotOwned),
        Some(_) | None => Ok(()),
    }
}

/// Chooses the number: one that not as many calls show already as may.
pub(crate) fn choose(
    view: View<'_>,
    dial: &DialOut,
    agent: &Agent,
    random: &mut Random,
) -> Result<ShownNumber, Refusal> {
    let account = view.account();
    if let Some(number) = &dial.customer_shown {
        return alone(view, number);
    }
    if let Some(group) = group(dial, account)? {
        return match dial.group_rule {
            // The strategies need to know which numbers are 小号 and which are landlines; the configuration does not
            // say so yet. Until it does they end where their chain ends: at random.
            GroupRule::Random | GroupRule::Strategy => any_of(view, group, random),
        };
    }
    of_agent(view, agent)
}

/// The number that is shown when an agent has a number called and says nothing of it.
pub(crate) fn of_agent(view: View<'_>, agent: &Agent) -> Result<ShownNumber, Refusal> {
    let own = agent.bound_number.as_ref().or(view.account().default_number.as_ref());
    alone(view, own.ok_or(Refusal::NoShownNumber)?)
}

fn alone(view: View<'_>, number: &str) -> Result<ShownNumber, Refusal> {
    check_calls(view, number)?;
    Ok(ShownNumber::alone(number))
}

/// Refuses a number that as many calls show already as may.
pub(crate) fn check_calls(view: View<'_>, number: &str) -> Result<(), Refusal> {
    match view.account().number_calls_max.get(number) {
        Some(max) if view.state.calls_showing(number) >= *max => {
            Err(Refusal::Full(Limit::CallsOfNumber(*max)))
        }
        Some(_) | None => Ok(()),
    }
}

fn group<'a>(dial: &DialOut, account: &'a Account) -> Result<Option<&'a NumberGroup>, Refusal> {
    let Some(wanted) = &dial.group else { return Ok(None) };
    let by_id = account.groups.iter().find(|group| group.id == *wanted);
    match by_id.or_else(|| account.groups.iter().find(|group| group.name == *wanted)) {
        Some(group) if !group.numbers.is_empty() => Ok(Some(group)),
        Some(_) | None => Err(Refusal::GroupUnknown),
    }
}

fn any_of(view: View<'_>, group: &NumberGroup, random: &mut Random) -> Result<ShownNumber, Refusal> {
    let free: Vec<&String> = group.numbers.iter().filter(|number| alone(view, number).is_ok()).collect();
    if free.is_empty() {
        let maxima = group.numbers.iter().filter_map(|number| view.account().number_calls_max.get(number));
        return Err(Refusal::Full(Limit::CallsOfNumber(maxima.sum())));
    }
    let at = random.below(u64::try_from(free.len()).expect("a length fits u64"));
    Ok(ShownNumber {
        number: free[usize::try_from(at).expect("below a length")].clone(),
        group_ids: vec![group.id.clone()],
        group_names: vec![group.name.clone()],
    })
}

impl ShownNumber {
    fn alone(number: &str) -> ShownNumber {
        ShownNumber { number: number.to_owned(), group_ids: Vec::new(), group_names: Vec::new() }
    }
}
