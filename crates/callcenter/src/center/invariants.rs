//! What must hold between any two inputs.

use super::Center;
use crate::call::{Call, Leg};
use crate::event::Role;
use crate::timer::TimerKind;

impl Center {
    /// Panics with a sentence when something is true that cannot be. For tests and simulations; holds between any two
    /// inputs, but not between the first [`Center::replay`] and `Signal::Restarted`.
    pub fn check_invariants(&self) {
        for call in self.state.calls.values() {
            self.check_call(call);
        }
        self.check_indexes();
        self.check_agents();
        self.check_timers();
    }

    fn check_call(&self, call: &Call) {
        let id = call.facts.id;
        for role in [Role::Agent, Role::Customer, Role::Destination] {
            let count = call.legs.iter().filter(|leg| leg.role == role).count();
            assert!(count <= 1, "{id:?} has {count} legs as {role:?}, and a call has at most one");
        }
        let has = |timer: TimerKind| self.timers.get(&timer).is_some();
        if call.ended.is_some() {
            assert!(has(TimerKind::RecordingWait(id)), "{id:?} is over, and nothing makes its record come");
            return;
        }
        let in_call = self.state.on_call.get(&call.facts.agent.number);
        let expected = (!call.facts.agent.number.is_empty()).then_some(&id);
        assert_eq!(in_call, expected, "{id:?} lives, and its agent is not in it");
        assert!(has(TimerKind::CallAge(id)), "{id:?} lives, and nothing limits its age");
        assert!(call.legs.iter().all(|leg| leg.ended.is_none()), "{id:?} lives on after a leg of it ended");
        let calls_out = |leg: &&Leg| !call.calls_in(leg);
        for leg in call.living_legs().filter(calls_out).filter(|leg| leg.answered.is_none()) {
            assert!(
                has(TimerKind::LegRing(id, leg.id)),
                "{:?} is unanswered, and nothing limits its ringing",
                leg.id
            );
        }
    }

    fn check_indexes(&self) {
        let living =
            self.state.calls.values().flat_map(|call| call.living_legs().map(|leg| (leg.id, call.facts.id)));
        let indexed: Vec<_> = self.state.legs.iter().map(|(leg, call)| (*leg, *call)).collect();
        let mut living: Vec<_> = living.collect();
        living.sort();
        assert_eq!(indexed, living, "the index of legs is not the living legs of all calls");
        let living = self.state.calls.values().filter(|call| call.ended.is_none());
        assert!(
            living.map(|call| call.facts.id).eq(self.state.living.iter().copied()),
            "the living calls are not those that are not over"
        );
        let living = self.state.calls.values().filter(|call| call.ended.is_none());
        let promised = living.filter(|call| call.leg_of(Role::Customer).is_none());
        assert!(
            promised.map(|call| call.facts.id).eq(self.state.promised.iter().copied()),
            "the calls whose customer is to be called yet are others"
        );
        for (number, calls) in &self.state.showing {
            let living = self.state.calls.values().filter(|call| call.ended.is_none());
            let count = living.filter(|call| call.facts.display == *number).count();
            assert_eq!(*calls, count, "the count of calls that show a number is another one");
        }
        assert_eq!(
            self.state.showing.values().sum::<usize>(),
            self.state.living.len(),
            "a call is not among those that show its number"
        );
        for (agent, id) in &self.state.on_call {
            let call = self.state.calls.get(id);
            assert!(
                call.is_some_and(|call| call.ended.is_none() && call.facts.agent.number == *agent),
                "agent {agent} is in {id:?}, which does not live or is another's"
            );
        }
        for call in self.history.calls() {
            assert!(self.state.calls.contains_key(call), "inputs are kept of {call:?}, which does not live");
        }
    }

    fn check_agents(&self) {
        for (number, agent) in &self.state.agents {
            let is = self.agent_state(number);
            assert_eq!(agent.shown, is, "what agent {number} was told to show is not what it shows");
            let timer = self.timers.get(&TimerKind::WrapUp(number.clone()));
            assert_eq!(
                timer.is_some(),
                agent.wrap_up_until.is_some(),
                "the wrap-up of agent {number} and its timer do not agree"
            );
        }
    }

    fn check_timers(&self) {
        let of_calls = self.state.calls.keys().flat_map(|call| TimerKind::all_of(*call));
        let of_legs = self.state.legs.iter().map(|(leg, call)| TimerKind::LegRing(*call, *leg));
        let of_agents = self.state.agents.keys().map(|number| TimerKind::WrapUp(number.clone()));
        let known =
            of_calls.chain(of_legs).chain(of_agents).filter(|timer| self.timers.get(timer).is_some()).count();
        assert_eq!(known, self.timers.len(), "a timer is set for a call or an agent that is no more");
    }
}
