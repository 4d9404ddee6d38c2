//! Who is who in a call: its legs in words.

use std::collections::BTreeMap;

use base::LegId;
use callcenter::action::Target;
use callcenter::command::Monitoring;
use callcenter::event::{AgentRef, Event, Joined, Place, Role};

use super::named;

/// The legs of a call whose start the log still has.
pub(super) struct Legs {
    legs: BTreeMap<LegId, Whose>,
    /// Several agents take part: each is called by number.
    several: bool,
}

struct Whose {
    role: Role,
    /// Of an agent's leg and a supervisor's.
    agent: Option<AgentRef>,
    target: Target,
}

impl Legs {
    /// Of everything that happened in the call.
    pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Legs {
        let mut it = Legs { legs: BTreeMap::new(), several: false };
        let mut first = None;
        for event in events {
            if let Event::CallStarted { call, .. } = event {
                first = Some(call.agent.clone()).filter(|agent| !agent.number.is_empty());
            }
            let Event::LegStarted { leg, role, target, agent, .. } = event else { continue };
            it.several |= agent.is_some();
            let agent = match role {
                Role::Agent => agent.as_ref().map(|later| later.agent.clone()).or(first.clone()),
                Role::Supervisor => agent.as_ref().map(|later| later.agent.clone()),
                Role::Customer | Role::Destination | Role::Outside => None,
            };
            it.legs.insert(*leg, Whose { role: *role, agent, target: target.clone() });
        }
        it
    }

    /// A leg is told by whose it is; one whose start is not in the log any more by its number.
    pub(super) fn name(&self, leg: LegId) -> String {
        let Some(whose) = self.legs.get(&leg) else { return format!("leg {leg}") };
        match (whose.role, &whose.agent) {
            (Role::Agent, Some(agent)) if self.several => format!("the leg of {}", named(agent)),
            (Role::Agent, _) => "the agent's leg".to_owned(),
            (Role::Customer, _) => "the customer's leg".to_owned(),
            (Role::Destination, _) => "the destination's leg".to_owned(),
            (Role::Outside, _) => format!("the leg of {}", dialled(&whose.target)),
            (Role::Supervisor, Some(agent)) => format!("the leg of supervisor {}", agent.number),
            (Role::Supervisor, None) => "the supervisor's leg".to_owned(),
        }
    }

    /// Who is at its far end.
    pub(super) fn whose(&self, leg: LegId) -> String {
        let Some(whose) = self.legs.get(&leg) else { return format!("leg {leg}") };
        match (whose.role, &whose.agent) {
            (Role::Agent | Role::Supervisor, Some(agent)) => named(agent),
            (Role::Agent, None) => "the agent".to_owned(),
            (Role::Supervisor, None) => "the supervisor".to_owned(),
            (Role::Customer, _) => "the customer".to_owned(),
            (Role::Destination | Role::Outside, _) => dialled(&whose.target),
        }
    }

    /// Where a leg is, but for the place that every call begins with.
    pub(super) fn unless_first(&self, place: Place) -> Option<String> {
        (place != Place::default()).then(|| self.place(place))
    }

    /// Where a leg is.
    pub(super) fn place(&self, place: Place) -> String {
        match place {
            Place::Floor(Joined::First) => "talks with the customer".to_owned(),
            Place::Floor(Joined::Transfer) => "has the customer now".to_owned(),
            Place::Floor(Joined::Conference) => "has joined the conversation".to_owned(),
            Place::Arriving { by } => format!("is to get the customer from {}", self.whose(by)),
            Place::Aside { with } => format!("is consulted by {}", self.whose(with)),
            Place::SecondLine { of } => format!("is a second line of {}", self.whose(of)),
            Place::Watching { of, how } => format!("{} {}", watching(how), self.whose(of)),
        }
    }
}

fn watching(how: Monitoring) -> &'static str {
    match how {
        Monitoring::Listen => "listens to",
        Monitoring::Whisper => "listens and whispers to",
        Monitoring::Barge => "is to join the conversation of",
        Monitoring::TakeOver => "is to take over from",
    }
}

/// Whom a leg calls, or called.
pub(super) fn dialled(target: &Target) -> String {
    match target {
        Target::Number(number) => number.clone(),
        Target::Phone(user) => format!("the phones of {user}"),
        Target::Uri(uri) => uri.clone(),
    }
}
