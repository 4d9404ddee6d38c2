//! Trunks: which way a leg takes, what is passed over, and who may call in.

mod channels;
mod choice;
mod failover;
mod forms;
mod health;
mod incoming;
#[path = "../kit/mod.rs"]
mod kit;
mod registration;
mod reload;

use std::time::Duration;

use kit::{Bench, PHONE, TRUNK, TRUNK2};

/// One call whose customer is called at once; how many calls the two carriers have got by then. It is hung up and forgotten.
fn carriers_called(bench: &mut Bench) -> [usize; 2] {
    let before = [TRUNK, TRUNK2].map(|far| bench.fars[far].calls);
    bench.dial_out();
    bench.answer(PHONE);
    let called = [TRUNK, TRUNK2].map(|far| bench.fars[far].calls);
    bench.hang_up(PHONE);
    bench.pass(Duration::from_millis(1));
    [called[0] - before[0], called[1] - before[1]]
}
