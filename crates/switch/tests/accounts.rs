//! Two accounts whose agents and phones have the same names: neither sees anything of the other.

mod kit;

use std::time::Duration;

use base::AccountId;
use callcenter::command::{Accepted, Choice, Command, LoginType, Refusal};
use kit::{ACCOUNT, Bench, PHONE, STRANGER, TRUNK};
use switch::config::Config;

const OTHER: AccountId = AccountId(2_000_200);
/// The phone of the other account's 1001.
const OTHER_PHONE: usize = STRANGER;

/// The kit's account twice: another id, domain and password.
fn config() -> Config {
    let mut config = kit::config();
    let mut other = config.accounts[0].clone();
    other.account.id = OTHER;
    other.sip_domain = "Other.example".to_owned();
    other.users[0].password = "another".to_owned();
    config.accounts.push(other);
    config
}

fn sign_in(bench: &mut Bench, account: AccountId) {
    let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    assert!(bench.ask_of(account, online).is_ok());
}

fn dial(bench: &mut Bench, account: AccountId) -> Result<Accepted, Refusal> {
    bench.ask_of(account, kit::dial())
}

/// The account's agent signs in and finds its phone not registered.
fn assert_refuses_to_call(bench: &mut Bench, account: AccountId) {
    sign_in(bench, account);
    assert_eq!(dial(bench, account), Err(Refusal::PhoneNotRegistered));
}

fn calls(bench: &Bench) -> [usize; 2] {
    [bench.fars[PHONE].calls, bench.fars[OTHER_PHONE].calls]
}

#[test]
fn each_account_calls_its_own_phone() {
    let mut bench = Bench::with(config());
    bench.register_at(PHONE, "pbx.example", "secret");
    bench.register_at(OTHER_PHONE, "other.example", "another");
    sign_in(&mut bench, ACCOUNT);
    sign_in(&mut bench, OTHER);
    assert!(dial(&mut bench, OTHER).is_ok());
    assert_eq!(calls(&bench), [0, 1]);
    assert!(dial(&mut bench, ACCOUNT).is_ok());
    assert_eq!(calls(&bench), [1, 1]);
    let named = |far: usize, text: &[u8]| {
        let names = |data: &bytes::Bytes| data.windows(text.len()).any(|window| window == text);
        bench.fars[far].received.iter().any(names)
    };
    assert!(named(PHONE, b"1001@pbx.example") && !named(PHONE, b"other.example"));
    assert!(named(OTHER_PHONE, b"1001@other.example") && !named(OTHER_PHONE, b"pbx.example"));
    for far in [PHONE, OTHER_PHONE] {
        bench.refuse(far, 486);
    }
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
}

#[test]
fn a_phone_that_is_registered_with_one_account_is_not_with_the_other() {
    let mut bench = Bench::with(config());
    let registration = bench.register_at(OTHER_PHONE, "other.example", "another");
    sign_in(&mut bench, OTHER);
    assert_refuses_to_call(&mut bench, ACCOUNT);
    bench.register_at(PHONE, "pbx.example", "secret");
    sign_in(&mut bench, ACCOUNT);

    let now = bench.now;
    bench.fars[OTHER_PHONE].endpoint.unregister(now, registration);
    bench.run();
    assert_refuses_to_call(&mut bench, OTHER);
    assert!(dial(&mut bench, ACCOUNT).is_ok(), "its own phone is still there");
    assert_eq!(calls(&bench), [1, 0]);
}

#[test]
fn nobody_registers_with_the_password_or_the_domain_of_another_account() {
    let mut bench = Bench::with(config());
    for (domain, password) in [
        ("pbx.example", "another"),
        ("other.example", "secret"),
        ("10.0.0.1", "secret"),
        ("10.0.0.1", "another"),
        ("nowhere.example", "secret"),
    ] {
        bench.register_at(OTHER_PHONE, domain, password);
    }
    assert_refuses_to_call(&mut bench, ACCOUNT);
    assert_refuses_to_call(&mut bench, OTHER);
    assert_eq!(calls(&bench), [0, 0]);
}

#[test]
fn of_two_accounts_with_one_domain_only_the_first_has_phones() {
    let mut config = config();
    config.accounts[1].sip_domain = "PBX.example".to_owned();
    let mut bench = Bench::with(config);
    bench.register_at(OTHER_PHONE, "pbx.example", "another");
    assert_refuses_to_call(&mut bench, ACCOUNT);
    bench.register_at(PHONE, "pbx.example", "secret");
    assert_refuses_to_call(&mut bench, OTHER);
    sign_in(&mut bench, ACCOUNT);
    assert!(dial(&mut bench, ACCOUNT).is_ok());
    assert_eq!(calls(&bench), [1, 0]);
}

#[test]
fn while_only_one_account_has_phones_they_may_call_it_by_any_name() {
    let mut config = config();
    config.accounts[1].users.clear();
    let mut bench = Bench::with(config);
    bench.register_at(PHONE, "10.0.0.1", "secret");
    assert_refuses_to_call(&mut bench, OTHER);
    sign_in(&mut bench, ACCOUNT);
    assert!(dial(&mut bench, ACCOUNT).is_ok());
    bench.answer(PHONE);
    assert_eq!((bench.fars[PHONE].calls, bench.fars[TRUNK].calls), (1, 1));
}
