//! What must hold between any two inputs.

use super::Center;
use crate::action::Heard;
use crate::call::{Call, Leg, hearing};
use crate::event::{Place, Role};
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
            let first = call.legs.iter().filter(|leg| leg.role == role && leg.agent.is_none());
            let count = first.count();
            assert!(count <= 1, "{id:?} began with {count} legs as {role:?}, and a call has at most one");
        }
        let has = |timer: TimerKind| self.timers.get(&timer).is_some();
        if call.ended.is_some() {
            assert!(has(TimerKind::RecordingWait(id)), "{id:?} is over, and nothing makes its record come");
            return;
        }
        for agent in call.agents() {
            assert_eq!(
                self.state.on_call.get(agent),
                Some(&id),
                "{id:?} lives, and agent {agent} is not in it"
            );
        }
        for leg in call.legs_in_call() {
            self.check_place(call, leg);
        }
        assert!(has(TimerKind::CallAge(id)), "{id:?} lives, and nothing limits its age");
        let begun_with = call.legs.iter().filter(|leg| leg.is_on_floor());
        let is_whole = call.bridged().is_some() || begun_with.into_iter().all(Leg::is_in_call);
        assert!(is_whole, "{id:?} lives on after a leg of it ended");
        let calls_out = |leg: &&Leg| !call.calls_in(leg);
        for leg in call.legs_in_call().filter(calls_out).filter(|leg| leg.answered.is_none()) {
            assert!(
                has(TimerKind::LegRing(id, leg.id)),
                "{:?} is unanswered, and nothing limits its ringing",
                leg.id
            );
        }
    }

    /// Whoever is there for another's sake is there with that one, and nobody hears who has gone.
    fn check_place(&self, call: &Call, leg: &Leg) {
        let is_in = |id| call.leg(id).is_some_and(Leg::is_in_call);
        let id = leg.id;
        match leg.place {
            Place::Floor(_) | Place::Arriving { .. } => {}
            Place::Aside { with } => assert!(is_in(with), "{id:?} is consulted by nobody"),
            Place::SecondLine { of } => {
                assert!(is_in(of) && call.aside_of(of).is_some(), "{id:?} is a second line for nobody");
            }
            Place::Watching { of, .. } => assert!(is_in(of), "{id:?} watches nobody"),
        }
        let heard = hearing::plan(call, &self.around.account).remove(&id);
        let others = match heard {
            None | Some(Heard::Nothing | Heard::RingBack | Heard::Music) => Vec::new(),
            Some(Heard::Leg(other)) => vec![other],
            Some(Heard::Mix(others)) => others,
        };
        assert!(others.iter().all(|other| *other != id && is_in(*other)), "{id:?} hears who is not there");
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
        let has_last = |call: &Call| call.legs.iter().any(|leg| call.is_last_promised(leg.role));
        let promised = living.filter(|call| !has_last(call));
        assert!(
            promised.map(|call| call.facts.id).eq(self.state.promised.iter().copied()),
            "the calls whose customer is to be called yet are others"
        );
        for (number, calls) in &self.state.showing {
            let living = self.state.calls.values().filter(|call| call.ended.is_none());
            let count = living.flat_map(Call::numbers_shown).filter(|shown| shown == number).count();
            assert_eq!(*calls, count, "the count of calls that show a number is another one");
        }
        let living = self.state.calls.values().filter(|call| call.ended.is_none());
        assert_eq!(
            self.state.showing.values().sum::<usize>(),
            living.flat_map(Call::numbers_shown).count(),
            "a call is not among those that show its number"
        );
        for (agent, id) in &self.state.on_call {
            let call = self.state.calls.get(id);
            assert!(
                call.is_some_and(|call| call.ended.is_none() && call.agents().contains(&agent.as_str())),
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
