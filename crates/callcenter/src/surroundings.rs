//! What decisions look at but this crate does not decide: the configuration, the number plan, which phones are
//! registered. Copies of facts that others own; not part of the state that events fold into.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::Mono;

use crate::command::{LoginType, Refusal};
use crate::config::{Account, AccountStatus, Agent, AgentStatus, InboundRoute};
use crate::limits;
use crate::numbers::NumberPlan;
use crate::signal::Signal;

const A_SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) account: Account,
    pub(crate) plan: Arc<NumberPlan>,
    by_number: BTreeMap<String, usize>,
    /// Inbound routes, by what is called and by which trunk.
    routes: BTreeMap<(String, String), usize>,
    phones: BTreeSet<String>,
    /// When calls were begun within the last second; the oldest first.
    begun: VecDeque<Mono>,
    /// What others leave to new calls.
    pub(crate) room: Room,
}

/// What the rest of the server leaves to new calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Legs. `None` = any number.
    pub legs: Option<Left>,
    /// Channels of the account's trunks. `None` = any number.
    pub channels: Option<Left>,
}

/// What is left of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// So much is free and promised to nobody.
    pub free: usize,
    /// Of so much.
    pub of: usize,
}

impl Surroundings {
    pub(crate) fn new(account: Account, plan: Arc<NumberPlan>) -> Surroundings {
        let (by_number, routes) = (index(&account), index_of_routes(&account));
        Surroundings {
            account,
            plan,
            by_number,
            routes,
            phones: BTreeSet::new(),
            begun: VecDeque::new(),
            room: Room::default(),
        }
    }

    pub(crate) fn replace_account(&mut self, account: Account) {
        (self.by_number, self.routes) = (index(&account), index_of_routes(&account));
        self.account = account;
    }

    /// A call was begun.
    pub(crate) fn note_call(&mut self, now: Mono) {
        while self.begun.front().is_some_and(|at| now.since(*at) >= A_SECOND) {
            self.begun.pop_front();
        }
        if self.begun.len() < limits::CALLS_PER_S_MAX {
            self.begun.push_back(now);
        }
    }

    /// How many calls were begun within the last second.
    pub(crate) fn begun_lately(&self, now: Mono) -> usize {
        self.begun.iter().filter(|at| now.since(**at) < A_SECOND).count()
    }

    /// Notes which phones are registered; other signals are for the plans.
    pub(crate) fn note(&mut self, signal: &Signal) {
        match signal {
            Signal::PhoneRegistered { user } => {
                if self.phones.len() < limits::PHONES_MAX {
                    self.phones.insert(user.clone());
                }
            }
            Signal::PhoneUnregistered { user } => {
                self.phones.remove(user);
            }
            Signal::CallArrived { .. }
            | Signal::PhoneCalled { .. }
            | Signal::LegHeld { .. }
            | Signal::Referred { .. }
            | Signal::KeyPressed { .. }
            | Signal::LegRinging { .. }
            | Signal::LegAnswered { .. }
            | Signal::LegEnded { .. }
            | Signal::RecordingStopped { .. }
            | Signal::RecordingReady { .. }
            | Signal::Restarted
            | Signal::ShutDownBegan => {}
        }
    }

    /// The agent as configured, whatever its status.
    pub(crate) fn agent(&self, number: &str) -> Option<&Agent> {
        self.by_number.get(number).map(|at| &self.account.agents[*at])
    }

    /// Where a call by a trunk for `called` leads.
    pub(crate) fn route(&self, trunk: &str, called: &str) -> Option<&InboundRoute> {
        self.routes.get(&(called.to_owned(), trunk.to_owned())).map(|at| &self.account.inbound[*at])
    }

    /// The agent, if it may act: 6701, 6703, 6702, 6730 in this order (contract §2).
    pub(crate) fn acting_agent(&self, number: &str) -> Result<&Agent, Refusal> {
        let agent = self.agent(number).ok_or(Refusal::AgentUnknown)?;
        match agent.status {
            AgentStatus::Enabled => Ok(agent),
            AgentStatus::Deleted => Err(Refusal::AgentDeleted),
            AgentStatus::Disabled => Err(Refusal::AgentDisabled),
            AgentStatus::Locked => Err(Refusal::AgentLocked),
        }
    }

    /// 6717, 6718: whether the account may act at all.
    pub(crate) fn acting_account(&self) -> Result<(), Refusal> {
        match self.account.status {
            AccountStatus::Enabled => Ok(()),
            AccountStatus::Disabled => Err(Refusal::AccountDisabled),
            AccountStatus::Removed => Err(Refusal::AccountRemoved),
        }
    }

    /// Whether an agent signed in with `login` can be reached: its phone is registered, or needs no registration.
    pub(crate) fn is_reachable(&self, number: &str, login: LoginType) -> bool {
        match login {
            LoginType::Pstn => true,
            LoginType::Sip | LoginType::WebRtc => self
                .agent(number)
                .and_then(|agent| agent.sip_user.as_ref())
                .is_some_and(|user| self.phones.contains(user)),
        }
    }
}

fn index(account: &Account) -> BTreeMap<String, usize> {
    account.agents.iter().enumerate().map(|(at, agent)| (agent.number.clone(), at)).collect()
}

fn index_of_routes(account: &Account) -> BTreeMap<(String, String), usize> {
    let key = |route: &InboundRoute| (route.called.clone(), route.trunk.clone());
    account.inbound.iter().enumerate().map(|(at, route)| (key(route), at)).collect()
}
