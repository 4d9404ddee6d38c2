//! The state of an account: the fold of its events, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, LegId, Wall};

use crate::agent::SignedIn;
use crate::call::{Call, Leg};
use crate::event::{Event, LegAgent, Role};

/// Who is signed in and which calls live. Equal states decide alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// By agent number.
    pub(crate) agents: BTreeMap<String, SignedIn>,
    /// Started and not yet recorded.
    pub(crate) calls: BTreeMap<CallId, Call>,
    /// Those of them that are not over.
    pub(crate) living: BTreeSet<CallId>,
    /// Those of them whose customer is to be called yet.
    pub(crate) promised: BTreeSet<CallId>,
    /// How many of them show a number, and how many whom they brought in from outside; no number that nobody is shown.
    pub(crate) showing: BTreeMap<String, usize>,
    /// The one call each agent is in; a call that is over has left it.
    pub(crate) on_call: BTreeMap<String, CallId>,
    /// Which call each living leg belongs to.
    pub(crate) legs: BTreeMap<LegId, CallId>,
}

impl State {
    /// Folds in one event that happened at `at`. Total: an event about something unknown changes nothing, so that any
    /// part of a log, in order, can be replayed.
    pub(crate) fn apply(&mut self, at: Wall, event: &Event) {
        match event {
            Event::AgentSignedIn { agent, login, choice } => {
                self.agents.insert(agent.number.clone(), SignedIn::new(*login, *choice));
            }
            Event::AgentSignedOut { agent, how: _ } => {
                self.agents.remove(&agent.number);
            }
            Event::AgentChose { agent, choice } => {
                if let Some(agent) = self.agents.get_mut(agent) {
                    agent.choice = *choice;
                }
            }
            Event::AgentChanged { agent, state, wrap_up_until, call: _, moment: _ } => {
                if let Some(agent) = self.agents.get_mut(&agent.number) {
                    agent.shown = Some(*state);
                    agent.wrap_up_until = *wrap_up_until;
                }
            }
            Event::CallStarted { call, details } => {
                if !call.agent.number.is_empty() {
                    self.on_call.insert(call.agent.number.clone(), call.id);
                }
                if self.living.insert(call.id) {
                    self.shows(&call.display);
                }
                self.promised.insert(call.id);
                self.calls.insert(call.id, Call::new(at, call.clone(), details.clone()));
            }
            Event::LegStarted { leg, id, role, shown, agent, .. } => {
                self.apply_to_call(*id, at, event);
                let Some(call) = self.calls.get(id) else { return };
                if call.is_last_promised(*role) {
                    self.promised.remove(id);
                }
                if *role == Role::Outside && self.living.contains(id) {
                    self.shows(shown);
                }
                self.legs.insert(*leg, *id);
                if let Some(LegAgent { agent, .. }) = agent {
                    self.on_call.insert(agent.number.clone(), *id);
                }
            }
            Event::LegLeft { leg, id, .. } => {
                self.show_no_more(*id, *leg);
                self.apply_to_call(*id, at, event);
                self.leave(*id, *leg);
            }
            Event::LegRang { id, .. }
            | Event::LegPlaced { id, .. }
            | Event::LegHeld { id, .. }
            | Event::LegMuted { id, .. }
            | Event::PartStarted { id, .. }
            | Event::LegAnswered { id, .. }
            | Event::RecordingStarted { id, .. }
            | Event::RecordingStopped { id, .. } => self.apply_to_call(*id, at, event),
            Event::LegEnded { leg, id, .. } => {
                self.show_no_more(*id, *leg);
                self.apply_to_call(*id, at, event);
                self.leave(*id, *leg);
                self.legs.remove(leg);
            }
            Event::CallEnded { call, side: _ } => {
                self.apply_to_call(call.id, at, event);
                self.end(call.id);
            }
            Event::PartyFailed { call, .. } => self.apply_to_call(call.id, at, event),
            Event::PartyRecorded { record } => self.apply_to_call(record.call.id, at, event),
            Event::CallRecorded { record } => self.forget(record.id),
            Event::RecordingReady { .. } => {}
        }
    }

    /// The call an agent is in.
    pub(crate) fn call_of_agent(&self, number: &str) -> Option<&Call> {
        self.on_call.get(number).and_then(|id| self.calls.get(id))
    }

    /// How many living calls show a number, to their customer or to whom they brought in.
    pub(crate) fn calls_showing(&self, number: &str) -> usize {
        self.showing.get(number).copied().unwrap_or_default()
    }

    fn apply_to_call(&mut self, id: CallId, at: Wall, event: &Event) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.apply(at, event);
        }
    }

    fn forget(&mut self, id: CallId) {
        self.end(id);
        if let Some(call) = self.calls.remove(&id) {
            for leg in call.legs {
                self.legs.remove(&leg.id);
            }
        }
    }

    /// A call is over, if it was not before.
    fn end(&mut self, id: CallId) {
        self.promised.remove(&id);
        let Some(call) = self.calls.get(&id) else { return };
        if self.living.remove(&id) {
            for number in call.numbers_shown() {
                show_once_less(&mut self.showing, number);
            }
        }
        let agents = call.legs.iter().filter_map(|leg| call.agent_of(leg));
        for agent in agents.chain([call.facts.agent.number.as_str()]) {
            if self.on_call.get(agent) == Some(&id) {
                self.on_call.remove(agent);
            }
        }
    }

    fn shows(&mut self, number: &str) {
        *self.showing.entry(number.to_owned()).or_default() += 1;
    }

    /// A leg is about to leave its call, or to end in it.
    fn show_no_more(&mut self, id: CallId, leg: LegId) {
        let call = self.calls.get(&id).filter(|_| self.living.contains(&id));
        let leaves = |leg: &&Leg| leg.role == Role::Outside && leg.is_in_call();
        if let Some(leg) = call.and_then(|call| call.leg(leg)).filter(leaves) {
            show_once_less(&mut self.showing, &leg.shown);
        }
    }

    /// A leg is not in its call any more: nor is its agent, but for a second line.
    fn leave(&mut self, id: CallId, leg: LegId) {
        let Some(call) = self.calls.get(&id) else { return };
        let first_line = call.leg(leg).filter(|leg| !leg.is_second_line());
        let Some(agent) = first_line.and_then(|leg| call.agent_of(leg)) else { return };
        // The same agent may be in the call again, by another leg.
        if self.on_call.get(agent) == Some(&id) && call.leg_of_agent(agent).is_none() {
            self.on_call.remove(agent);
        }
    }
}

fn show_once_less(showing: &mut BTreeMap<String, usize>, number: &str) {
    match showing.get_mut(number) {
        Some(calls) if *calls > 1 => *calls -= 1,
        Some(_) | None => {
            showing.remove(number);
        }
    }
}
