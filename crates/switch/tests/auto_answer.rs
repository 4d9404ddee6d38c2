//! The API's `answer`: a phone that rings is made to answer by itself.

mod kit;

use callcenter::command::Command;
use kit::{Bench, PHONE, TRUNK};

fn answer() -> Command {
    Command::Answer { agent: "1001".to_owned() }
}

#[test]
fn a_phone_that_rings_is_called_anew_and_the_call_goes_on() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.ring(PHONE, 180, None);
    assert!(bench.ask(answer()).is_ok());
    assert_eq!((bench.fars[PHONE].calls, bench.fars[PHONE].requests("CANCEL")), (2, 1));
    assert!(bench.fars[PHONE].invite_heard().contains("\r\nAnswer-Mode: Auto\r\n"));
    assert!(bench.ask(answer()).is_ok(), "once more");
    assert_eq!(bench.fars[PHONE].calls, 2, "it is on its way");
    bench.answer(PHONE);
    assert_eq!(bench.fars[TRUNK].calls, 1, "the customer is called");
    bench.answer(TRUNK);
    assert!(bench.ask(answer()).is_ok(), "it is answered already");
    assert_eq!((bench.fars[PHONE].calls, bench.switch.counts().legs_living), (2, 2));
    bench.hang_up(TRUNK);
    bench.pass(std::time::Duration::from_secs(40));
    bench.assert_at_rest();
}

/// The token of the second call replaces that of the first, which is over.
#[test]
fn after_a_crash_the_second_call_is_ended() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.ring(PHONE, 180, None);
    assert!(bench.ask(answer()).is_ok());
    bench.ring(PHONE, 180, None);
    bench.crash();
    bench.pass(std::time::Duration::from_secs(60));
    bench.assert_at_rest();
    assert_eq!(bench.fars[PHONE].requests("CANCEL"), 2);
}
