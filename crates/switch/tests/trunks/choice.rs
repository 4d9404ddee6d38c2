//! Which way is taken first.

use std::time::Duration;

use base::AccountId;
use callcenter::command::{Choice, Command, LoginType};
use switch::config::{Trunk, TrunkAddress, TrunkChoice};

use crate::carriers_called;
use crate::kit::{self, Bench, PHONE, STRANGER, TRUNK, TRUNK2};

#[test]
fn trunks_of_one_priority_share_calls_by_weight() {
    let mut config = kit::config();
    config.accounts[0].trunks = vec![
        TrunkChoice { trunk: "first".to_owned(), priority: 5, weight: 30 },
        TrunkChoice { trunk: "second".to_owned(), priority: 5, weight: 10 },
    ];
    let mut bench = Bench::ready_with(config);
    for _ in 0..200 {
        let called = carriers_called(&mut bench);
        assert_eq!(called[0] + called[1], 1);
        // RTP ports rest.
        bench.pass(Duration::from_secs(1));
    }
    let first = bench.fars[TRUNK].calls;
    assert!((130..170).contains(&first), "{first} of 200 went the way that weighs three times as much");
}

#[test]
fn the_addresses_of_a_trunk_have_priorities_of_their_own() {
    let mut config = kit::config();
    let [first, second] = [0, 1].map(|at: usize| config.trunks[at].addresses[0].remote);
    let address =
        |remote, priority| TrunkAddress { remote, domain: "one.example".to_owned(), priority, weight: 1 };
    config.trunks = vec![Trunk {
        addresses: vec![address(first, 20), address(second, 10)],
        ..Trunk::at("first", first, "one.example")
    }];
    let mut bench = Bench::ready_with(config);
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.fars[TRUNK2].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(2));
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [1, 1]);
}

#[test]
fn what_one_account_finds_out_the_others_know() {
    const OTHER: AccountId = AccountId(2_000_200);
    let mut config = kit::config();
    let mut other = config.accounts[0].clone();
    other.account.id = OTHER;
    other.sip_domain = "other.example".to_owned();
    config.accounts.push(other);
    let mut bench = Bench::ready_with(config);
    bench.fars[TRUNK].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.fars[TRUNK2].calls, 1);
    bench.register_at(STRANGER, "other.example", "secret");
    let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    assert!(bench.ask_of(OTHER, online).is_ok());
    assert!(bench.ask_of(OTHER, kit::dial()).is_ok());
    bench.answer(STRANGER);
    assert_eq!(bench.fars[TRUNK2].calls, 2, "nobody waits twice for the same silence");
}
