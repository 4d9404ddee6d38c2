//! Phones that hold by themselves, by re-INVITE.

mod kit;

use callcenter::command::Command;
use callcenter::event::Event;
use kit::floor::{Floor, MUSIC};
use kit::{PHONE, TRUNK};
use media::api::Source;
use media::sdp::Direction;

const TALKS: u16 = 4;
const HOLDS: u16 = 6;

fn holds(floor: &Floor) -> Vec<bool> {
    let held = floor.bench.events().filter_map(|event| match event {
        Event::LegHeld { held, .. } => Some(*held),
        _ => None,
    });
    held.collect()
}

#[test]
fn an_agents_phone_that_holds_is_the_verb() {
    let mut floor = Floor::talking();
    let [agent, customer] = floor.legs();
    assert_eq!(floor.shows("1001"), TALKS);
    assert!(floor.is_watched(agent) && floor.is_watched(customer));

    floor.offers(PHONE, Direction::SendOnly);
    assert_eq!(floor.shows("1001"), HOLDS);
    assert_eq!((floor.heard(agent), floor.heard(customer)), (Source::Nothing, MUSIC));
    assert!(!floor.is_watched(agent) && !floor.is_watched(customer), "both may be silent");

    floor.offers(PHONE, Direction::SendRecv);
    assert_eq!(floor.shows("1001"), TALKS);
    assert_eq!(floor.heard(agent), Source::Stream(customer.into()));
    assert_eq!(floor.heard(customer), Source::Stream(agent.into()));
    assert!(floor.is_watched(agent) && floor.is_watched(customer));
    assert_eq!(holds(&floor), [true, false]);
}

#[test]
fn what_the_phone_and_the_api_hold_is_one_thing() {
    let mut floor = Floor::talking();
    floor.offers(PHONE, Direction::Inactive);
    assert!(floor.bench.ask(Command::Hold { agent: "1001".into() }).is_ok());
    assert_eq!(holds(&floor), [true]);
    assert!(floor.bench.ask(Command::Unhold { agent: "1001".into() }).is_ok());
    floor.offers(PHONE, Direction::SendRecv);
    assert_eq!((holds(&floor), floor.shows("1001")), (vec![true, false], TALKS));
}

#[test]
fn a_customer_that_holds_changes_nothing_but_its_own_media() {
    let mut floor = Floor::talking();
    let [agent, customer] = floor.legs();
    floor.offers(TRUNK, Direction::SendOnly);
    assert_eq!((holds(&floor), floor.shows("1001")), (vec![], TALKS));
    assert_eq!(floor.heard(agent), Source::Stream(customer.into()), "the far network may play something");
}

#[test]
fn a_call_that_is_held_ends_like_any_other() {
    let mut floor = Floor::talking();
    floor.offers(PHONE, Direction::SendOnly);
    floor.bench.hang_up(TRUNK);
    floor.bench.pass(std::time::Duration::from_secs(40));
    floor.bench.assert_at_rest();
    assert!(floor.bench.record().sip_code == 200);
}
