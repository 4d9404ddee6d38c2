//! A whole endpoint, driven by a script: the bytes say what its far ends send, what its user wants and how time passes.
//!
//! Whatever they say, it never panics; a dialog ends once and nothing is heard of it afterwards; no message makes it say
//! much; every deadline is kept and leads on; and when its user has ended everything, it comes to rest with nothing held.

mod far;
mod script;
mod steps;
mod world;

use std::collections::BTreeSet;

use script::Script;
use world::World;

/// Steps of one script.
const STEPS_MAX: usize = 150;

/// Carries out the script that `data` is.
pub fn check(data: &[u8]) {
    deeds(data);
}

/// The same, and what the endpoint did: the names of its events and deadlines, of the methods it used, and the statuses
/// it answered with.
pub fn deeds(data: &[u8]) -> BTreeSet<String> {
    let mut script = Script::new(data);
    let mut world = World::new(script.byte(), script.byte());
    for _ in 0..STEPS_MAX {
        let Some(step) = script.next() else { break };
        steps::step(&mut world, step, &mut script);
    }
    world.comes_to_rest();
    world.deeds
}
