//! What is passed over, and when it is tried again.

use std::sync::Arc;
use std::time::Duration;

use base::{LogNo, Mono, Now, Random, Wall};
use callcenter::numbers::NumberPlan;
use sip::message::{HeaderName, Message, Response, parse_datagram};
use switch::Switch;
use switch::api::{Diagnostic, Input, Output, TrunkFault};
use switch::config::{Config, PrefixRule, Transport};

use crate::carriers_called;
use crate::kit::{self, Bench, PHONE, TRUNK, TRUNK2};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The customer of one call is sought at a carrier that says nothing.
fn find_silent(bench: &mut Bench) {
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(seconds(2));
    bench.hang_up(PHONE);
    bench.pass(Duration::from_millis(1));
}

fn told(bench: &Bench, is: impl Fn(&Diagnostic) -> bool) -> usize {
    bench.diagnostics.iter().filter(|told| is(told)).count()
}

fn out_of_order(bench: &Bench) -> usize {
    told(bench, |told| matches!(told, Diagnostic::TrunkOutOfOrder { trunk, .. } if trunk == "first"))
}

fn in_order(bench: &Bench) -> usize {
    told(bench, |told| matches!(told, Diagnostic::TrunkInOrder { trunk, .. } if trunk == "first"))
}

fn pinged() -> Config {
    let mut config = kit::config();
    config.trunks[0].health_check = Some(seconds(30));
    config
}

#[test]
fn a_silent_trunk_is_passed_over_at_once_and_tried_again_later() {
    let mut bench = Bench::ready();
    bench.fars[TRUNK].deaf = true;
    find_silent(&mut bench);
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.pass(seconds(10));
    find_silent(&mut bench);
    assert!(bench.fars[TRUNK].unheard.len() > 4, "it was tried again");
    assert_eq!(out_of_order(&bench), 1, "no news");
    bench.fars[TRUNK].deaf = false;
    bench.pass(seconds(17));
    assert_eq!(carriers_called(&mut bench), [0, 1], "it rests twice as long");
    bench.pass(seconds(3));
    bench.dial_out();
    bench.answer(PHONE);
    bench.answer(TRUNK);
    assert_eq!(in_order(&bench), 1);
    bench.hang_up(TRUNK);
    bench.pass(seconds(40));
    bench.assert_at_rest();
}

#[test]
fn a_busy_trunk_is_passed_over_as_long_as_it_asks() {
    let mut bench = Bench::ready();
    bench.fars[TRUNK].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    let asked = bench.fars[TRUNK].unheard.last().expect("the INVITE went there").clone();
    let Ok(Message::Request(invite)) = parse_datagram(&asked) else { panic!("it is an INVITE") };
    let mut busy = Response::to(&invite, 503);
    busy.headers.push(HeaderName::RetryAfter, "70");
    bench.send_raw(TRUNK, String::from_utf8(busy.encode().to_vec()).expect("text"));
    assert_eq!(bench.fars[TRUNK2].calls, 1, "the next is tried at once");
    let rests = |told: &Diagnostic| matches!(told, Diagnostic::TrunkOutOfOrder { fault: TrunkFault::Unavailable, rest, .. } if *rest == seconds(70));
    assert_eq!(told(&bench, rests), 1);
    bench.hang_up(PHONE);
    bench.fars[TRUNK].deaf = false;
    bench.pass(seconds(60));
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.pass(seconds(10));
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn when_all_are_out_of_order_the_best_is_tried_all_the_same() {
    let mut bench = Bench::ready();
    bench.fars[TRUNK].deaf = true;
    find_silent(&mut bench);
    bench.dial_out();
    bench.answer(PHONE);
    bench.refuse(TRUNK2, 503);
    bench.pass(seconds(1));
    assert_eq!(bench.record_of_last().sip_code, 503, "it is not sought where nobody is");
    bench.fars[TRUNK].deaf = false;
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn pings_find_out_before_customers_do() {
    let mut bench = Bench::ready_with(pinged());
    bench.pass(seconds(40));
    assert!(bench.fars[TRUNK].requests("OPTIONS") > 0);
    assert_eq!(bench.fars[TRUNK2].requests("OPTIONS"), 0, "nobody asked for that");
    bench.fars[TRUNK].deaf = true;
    bench.pass(seconds(38));
    assert_eq!(out_of_order(&bench), 1);
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.pass(seconds(600));
    assert_eq!(carriers_called(&mut bench), [0, 1], "no customer tries it again");
    bench.fars[TRUNK].deaf = false;
    bench.pass(seconds(304));
    assert_eq!(in_order(&bench), 1);
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn a_trunk_that_ignores_pings_is_judged_by_calls() {
    let mut bench = Bench::ready_with(pinged());
    bench.fars[TRUNK].deaf = true;
    bench.pass(seconds(300));
    assert_eq!(out_of_order(&bench), 0);
    find_silent(&mut bench);
    assert_eq!(out_of_order(&bench), 1);
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.fars[TRUNK].deaf = false;
    bench.pass(seconds(60));
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn a_number_that_cannot_be_written_says_nothing_of_a_trunk() {
    let mut config = pinged();
    config.accounts[0].trunks.truncate(1);
    let digits =
        PrefixRule { prefix: String::new(), strip: 30, add: String::new(), digits_min: 0, digits_max: 30 };
    config.trunks[0].numbers.called_out = vec![digits];
    let mut bench = Bench::ready_with(config);
    bench.pass(seconds(40));
    bench.fars[TRUNK].deaf = true;
    bench.pass(seconds(38));
    assert_eq!(out_of_order(&bench), 1);
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(seconds(1));
    assert_eq!(bench.record().sip_code, 400, "an INVITE to nobody is none");
    assert_eq!(in_order(&bench), 0, "it heard nothing of that");
}

#[test]
fn standings_tell_what_is_in_use_and_in_order() {
    let (mut bench, _) = Bench::ready_to_customer();
    let shown = |bench: &Bench| {
        let standings = bench.switch.trunks(bench.now);
        standings.into_iter().map(|one| (one.name, one.channels, one.working)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&bench), [("first".to_owned(), 1, 1), ("second".to_owned(), 0, 1)]);
    bench.refuse(TRUNK, 503);
    assert_eq!(shown(&bench), [("first".to_owned(), 0, 0), ("second".to_owned(), 1, 1)]);
}

/// Lets `seconds` pass for a switch whose streams open at once when `opens`, and to which nobody says anything.
fn pass_with_streams(switch: &mut Switch, now: &mut Now, seconds: u64, opens: bool) {
    let end = now.later(Duration::from_secs(seconds));
    while let Some((at, _)) = switch.next_timeout().filter(|(at, _)| *at <= end.mono) {
        *now = now.later(at.since(now.mono));
        switch.handle_input(*now, Input::Timeout);
        while let Some(output) = switch.poll_output() {
            match output {
                Output::Connect { flow } if opens => switch.handle_input(*now, Input::Connected { flow }),
                Output::Connect { flow } => switch.handle_input(*now, Input::Closed { flow }),
                _ => {}
            }
        }
    }
    *now = end;
}

#[test]
fn a_lost_connection_is_no_answer_to_a_ping() {
    let mut config = pinged();
    config.trunks[0].transport = Transport::Tcp;
    let numbers = Arc::new(NumberPlan::default());
    let mut switch = Switch::new(config, Random::from_number(1), LogNo(0), 0, numbers);
    let mut now = Now { mono: Mono::ZERO, wall: Wall::from_millis(1_767_225_600_000) };
    switch.handle_input(now, Input::LogStalled(false));
    let working = |switch: &Switch, now| switch.trunks(now)[0].working;
    pass_with_streams(&mut switch, &mut now, 31, false);
    assert_eq!(working(&switch, now), 0, "nobody was there");
    pass_with_streams(&mut switch, &mut now, 600, true);
    assert_eq!(working(&switch, now), 1, "who says nothing to pings, as ever, may take calls");
}
