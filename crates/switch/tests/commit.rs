//! Commit before effect: what may leave before the log is durable, and what may not.

mod kit;

use std::time::Duration;

use base::CommandId;
use callcenter::command::{Choice, Command, LoginType, Refusal};
use kit::{Bench, PHONE, TRUNK, TRUNK2, dial, hangup};
use media::api::Signal;
use sip::api::Ended;
use switch::api::Input;

fn answered(bench: &Bench, id: CommandId) -> bool {
    bench.replies.iter().any(|(of, _)| *of == id)
}

#[test]
fn neither_invite_nor_answer_leaves_before_the_commit() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    let id = bench.ask_later(dial());
    bench.pass(Duration::from_secs(3));
    assert!(!answered(&bench, id));
    assert_eq!(bench.fars[PHONE].requests("INVITE"), 0, "retransmissions wait too");
    bench.commit();
    assert!(answered(&bench, id));
    assert_eq!(bench.fars[PHONE].requests("INVITE"), 1, "and only one of them leaves");
}

#[test]
fn the_time_that_an_invite_waits_is_not_the_far_ends() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    bench.ask_later(dial());
    bench.pass(Duration::from_secs(31));
    bench.fars[PHONE].deaf = true;
    bench.commit();
    bench.pass(Duration::from_millis(1_600));
    assert_eq!(bench.fars[PHONE].requests("INVITE"), 0, "two were lost");
    bench.fars[PHONE].deaf = false;
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.fars[PHONE].requests("INVITE"), 1, "the third comes as soon as it should");
    bench.auto_commit = true;
    bench.answer(PHONE);
    assert_eq!(bench.fars[TRUNK].calls, 1);
}

#[test]
fn an_invite_waits_for_its_own_entry_only() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    let id = bench.ask_later(dial());
    let last_of_the_call = bench.log.last().expect("the call is in the log").no;
    bench.ask_later(Command::Busy { agent: "1001".into() });
    bench.durable = last_of_the_call;
    bench.input(Input::Durable { through: last_of_the_call });
    assert!(answered(&bench, id));
    assert_eq!(bench.fars[PHONE].requests("INVITE"), 1);
}

#[test]
fn a_call_hung_up_before_its_commit_never_rings() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    let (dial, hangup) = (bench.ask_later(dial()), bench.ask_later(hangup()));
    bench.commit();
    assert!(answered(&bench, dial) && answered(&bench, hangup));
    bench.auto_commit = true;
    bench.commit();
    bench.pass(Duration::from_secs(60));
    assert!(bench.fars[PHONE].received.iter().all(|data| !data.starts_with(b"INVITE")));
    assert_eq!(bench.record().sip_code, 0);
    bench.assert_at_rest();
}

#[test]
fn an_ack_waits_for_what_can_end_its_call() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.auto_commit = false;
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.fars[PHONE].requests("ACK"), 0, "nor when the phone repeats its 200");
    bench.commit();
    assert!(bench.fars[PHONE].requests("ACK") > 0);
    assert!(bench.fars[PHONE].ended.is_empty());
}

#[test]
fn a_living_call_goes_on_without_the_log() {
    let (mut bench, _) = Bench::talking();
    bench.auto_commit = false;
    bench.input(Input::LogStalled(true));
    bench.hang_up(TRUNK);
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar], "BYE waits for nothing");
    assert_eq!(bench.switch.counts().ports_used, 0);
}

#[test]
fn a_stalled_log_refuses_commands_at_once_and_work_goes_on_afterwards() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    bench.input(Input::LogStalled(true));
    assert_eq!(bench.ask(dial()), Err(Refusal::LogUnavailable));
    bench.input(Input::LogStalled(false));
    bench.auto_commit = true;
    bench.dial_out();
}

#[test]
fn a_backlog_beyond_its_limit_refuses_commands() {
    let mut bench = Bench::ready_with(switch::config::Config { log_backlog_max: 3, ..kit::config() });
    bench.auto_commit = false;
    bench.ask_later(dial());
    assert!(bench.switch.counts().log_backlog > 3);
    assert_eq!(bench.ask(hangup()), Err(Refusal::LogUnavailable));
    bench.commit();
    bench.auto_commit = true;
    assert!(bench.ask(hangup()).is_ok());
}

#[test]
fn an_answer_without_events_waits_for_what_it_may_speak_of() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    bench.ask_later(Command::Busy { agent: "1001".into() });
    let repeated = bench.ask_later(Command::Busy { agent: "1001".into() });
    assert!(!answered(&bench, repeated));
    bench.commit();
    assert!(answered(&bench, repeated));
}

#[test]
fn files_are_made_when_the_record_is_durable() {
    let (mut bench, call) = Bench::talking();
    bench.auto_commit = false;
    bench.hang_up(TRUNK);
    bench.input(Input::Media(Signal::RecordingStopped { call, length: Duration::from_secs(1) }));
    assert!(bench.finished.is_empty());
    bench.commit();
    assert_eq!(bench.finished.len(), 1);
}

#[test]
fn an_account_nobody_has_is_refused() {
    let mut bench = Bench::ready();
    let command = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    let account = base::AccountId(9_999_999);
    bench.input(Input::Command { id: CommandId(77), account, command });
    assert_eq!(bench.replies.last(), Some(&(CommandId(77), Err(Refusal::AccountRemoved))));
}

fn told_registered(bench: &Bench) -> bool {
    bench.fars[PHONE].received.iter().any(|data| data.starts_with(b"SIP/2.0 200"))
}

#[test]
fn a_phone_hears_that_it_is_registered_when_a_restart_would_know_it() {
    let mut bench = Bench::new();
    bench.auto_commit = false;
    bench.register();
    bench.pass(Duration::from_secs(3));
    assert!(bench.fars[PHONE].sent.len() > 2, "it asks again and again");
    assert!(!told_registered(&bench));
    bench.commit();
    assert!(told_registered(&bench));
}

#[test]
fn a_stalled_log_lets_no_phone_register() {
    let mut bench = Bench::new();
    bench.input(Input::LogStalled(true));
    bench.register();
    assert!(bench.fars[PHONE].received.iter().all(|data| data.starts_with(b"SIP/2.0 503")));
    assert!(bench.log.is_empty());
    bench.input(Input::LogStalled(false));
    bench.pass(Duration::from_secs(40));
    assert!(told_registered(&bench), "a little later it may");
}

#[test]
fn phones_that_register_do_not_use_up_what_calls_need() {
    let mut bench = Bench::ready_with(switch::config::Config { log_backlog_max: 8, ..kit::config() });
    bench.auto_commit = false;
    for _ in 0..20 {
        bench.register();
    }
    assert_eq!(bench.switch.counts().log_backlog, 5);
    assert!(bench.fars[PHONE].received.iter().any(|data| data.starts_with(b"SIP/2.0 503")));
    let id = bench.ask_later(dial());
    bench.commit();
    assert!(bench.replies.iter().any(|(of, answer)| *of == id && answer.is_ok()));
}

#[test]
fn an_invite_that_waits_for_the_log_says_nothing_of_its_trunk() {
    let mut bench = Bench::new();
    let online = Command::Online { agent: "1001".into(), login: LoginType::Pstn, choice: Choice::Idle };
    assert!(bench.ask(online).is_ok());
    bench.auto_commit = false;
    bench.ask_later(dial());
    bench.pass(Duration::from_secs(100));
    assert_eq!(bench.fars[TRUNK].calls + bench.fars[TRUNK2].calls, 0);
    assert_eq!(bench.diagnostics, [], "no trunk is at fault");
    bench.commit();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[TRUNK].calls + bench.fars[TRUNK2].calls, 0, "it is too late for that");
    bench.assert_at_rest();
}
