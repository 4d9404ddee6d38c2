//! The accounts, agents, phones and trunks of a simulated world.

use std::net::SocketAddr;
use std::time::Duration;

use base::{AccountId, Random};
use callcenter::config::{
    Account, AccountStatus, Agent, AgentStatus, DialoutRingAt, Edition, InboundRoute, NumberGroup,
    RecordingFormat, RecordingMode,
};
use switch::config::{AccountConfig, Config, SipListener, Trunk, TrunkChoice, User};
use switch::limits;

use crate::Kind;
use crate::contract::ENDINGS;
use crate::far;
use crate::knobs::Knobs;

/// The one account.
pub(crate) const ACCOUNT: AccountId = AccountId(2_000_100);
/// Its phones' domain.
pub(crate) const DOMAIN: &str = "sim.example";
/// Its phones' password.
pub(crate) const PASSWORD: &str = "correct horse";
/// Where the phones are.
pub(crate) const PHONES_NET: u8 = 2;
/// Where the carriers are.
pub(crate) const TRUNKS_NET: u8 = 1;
/// Where calls that come are put through to.
pub(crate) const DESK_NET: u8 = 3;
/// What is called there.
pub(crate) const DESK: &str = "desk";
/// What is called by those who call in.
pub(crate) const ROUTED: &str = "88880001";
/// Where nobody is.
const NOWHERE_NET: u8 = 9;

/// Where the switch is.
pub(crate) fn switch_address() -> SocketAddr {
    far::address(0, 0)
}

/// Where the lab's carrier is.
pub(crate) fn carrier_address() -> SocketAddr {
    far::address(TRUNKS_NET, 0)
}

/// Where a stranger is.
pub(crate) fn stranger_address() -> SocketAddr {
    SocketAddr::new(far::address(NOWHERE_NET, 200).ip(), 4_000)
}

/// An address at which nobody ever is.
pub(crate) fn nowhere(n: u64) -> SocketAddr {
    far::address(NOWHERE_NET, 10 + usize::try_from(n).expect("few of them"))
}

/// The agent's number, which is also its phone's user name.
pub(crate) fn agent_number(n: u64) -> String {
    (1001 + n).to_string()
}

/// The agent's mobile.
pub(crate) fn mobile(n: u64) -> String {
    (13_900_000_001 + n).to_string()
}

/// A customer's number; every dialOut calls another one.
pub(crate) fn customer(n: u64) -> String {
    (15_000_000_000 + n).to_string()
}

/// A customer's number that tells a phone of the lab what to do; one of five has no ending of its own.
pub(crate) fn magic_customer(n: u64, random: &mut Random) -> String {
    let endings = u64::try_from(ENDINGS.len()).expect("a small table");
    let drawn = usize::try_from(random.below(endings * 5 / 4)).expect("below a small table's length");
    let ending = ENDINGS.get(drawn).map_or_else(|| "2345".to_owned(), |ending| (*ending).to_owned());
    format!("15{:05}{ending}", n % 100_000)
}

/// A customer's number that answers, and talks until the far end hangs up.
pub(crate) fn talking_customer(n: u64) -> String {
    format!("15{:05}0001", n % 100_000)
}

/// Whether a number is a customer's.
pub(crate) fn is_customer(number: &str) -> bool {
    number.starts_with("15")
}

/// What the switch is told.
pub(crate) fn config(knobs: &Knobs) -> Config {
    let users = (0..knobs.agents).map(|n| User { name: agent_number(n), password: PASSWORD.to_owned() });
    let trunks = (0..knobs.trunks).map(|n| {
        let at = usize::try_from(n).expect("few trunks");
        let name = format!("trunk{n}");
        Trunk {
            health_check: knobs.pinged.then_some(limits::TRUNK_HEALTH_CHECK),
            channels_max: knobs.channels_max.filter(|_| n == 0),
            ..Trunk::at(&name, trunk_address(knobs, at), &format!("carrier{n}.example"))
        }
    });
    let trunks: Vec<Trunk> = trunks.collect();
    let mut choices = TrunkChoice::in_order(trunks.iter().map(|trunk| trunk.name.as_str()));
    if knobs.spread {
        choices.iter_mut().for_each(|choice| choice.priority = 0);
    }
    Config {
        accounts: vec![AccountConfig {
            account: account(knobs),
            sip_domain: DOMAIN.to_owned(),
            trunks: choices,
            users: users.collect(),
            music: 0,
            g729: false,
        }],
        trunks,
        sip_listeners: vec![SipListener::at(switch_address())],
        media_addresses: vec![switch_address().ip()],
        rtp_port_min: 20_000,
        rtp_port_max: 20_000 + 2 * knobs.port_pairs - 1,
        rtp_ports_foreign: std::collections::BTreeSet::new(),
        phone_digests: vec![switch::config::Algorithm::Md5],
        phone_codecs: vec![switch::config::Codec::Pcma, switch::config::Codec::Pcmu],
        bans: switch::config::Bans::default(),
        nat_keep_alive: None,
        user_agent: "Cordboard".to_owned(),
        silence_max: Some(knobs.silence_max),
        trunk_answer_any_max: limits::TRUNK_ANSWER_ANY_MAX,
        log_backlog_max: 200,
        legs_max: 100,
        legs_reserved: 10,
        worker: 1,
    }
}

/// The lab has one carrier: the last trunk. Before it there may be one at which nobody is.
fn trunk_address(knobs: &Knobs, at: usize) -> SocketAddr {
    match knobs.kind {
        Kind::Adversaries => far::address(TRUNKS_NET, at),
        Kind::Lab | Kind::Verbs if at + 1 == usize::try_from(knobs.trunks).expect("few trunks") => {
            carrier_address()
        }
        Kind::Lab | Kind::Verbs => far::address(NOWHERE_NET, at),
    }
}

fn account(knobs: &Knobs) -> Account {
    let own = "01088880000".to_owned();
    Account {
        id: ACCOUNT,
        status: AccountStatus::Enabled,
        agents: (0..knobs.agents).map(agent).collect(),
        numbers: vec![own.clone()],
        default_number: Some(own.clone()),
        groups: vec![NumberGroup { id: "5f".repeat(12), name: "all".to_owned(), numbers: vec![own] }],
        editions: vec![Edition { name: "full".to_owned(), licences: 100, calls: true }],
        busy_reasons: Vec::new(),
        agent_ring: Duration::from_secs(20),
        customer_ring: knobs.customer_ring,
        call_age_max: knobs.call_age_max,
        recording: RecordingMode::DualTrack,
        inbound: routes(knobs),
        recording_format: RecordingFormat::Mp3,
        dialout_ring_at: DialoutRingAt::Customer,
        calls_max: 100,
        calls_per_s_max: None,
        number_calls_max: Default::default(),
        transfer_sound: knobs.transfer_sound,
        consult_without_customer: knobs.consult_without_customer,
        conference_without_customer: knobs.conference_without_customer,
        hold_recording: knobs.hold_recording,
        utc_offset_s: 28_800,
    }
}

/// Calls by each trunk are put through: to the desk, or in the lab to the number that was called, which says what is done
/// there.
fn routes(knobs: &Knobs) -> Vec<InboundRoute> {
    let called: Vec<String> = match knobs.kind {
        Kind::Adversaries => vec![ROUTED.to_owned()],
        Kind::Lab | Kind::Verbs => ENDINGS.iter().map(|ending| routed(ending)).collect(),
    };
    let trunks = (0..knobs.trunks).map(|n| format!("trunk{n}"));
    trunks.flat_map(|trunk| called.iter().map(move |called| route(&trunk, called, knobs.kind))).collect()
}

/// A number for which there is a route in the lab.
pub(crate) fn routed(ending: &str) -> String {
    format!("8888{ending}")
}

/// Whether a number is one of those.
pub(crate) fn is_routed(number: &str) -> bool {
    number.starts_with("8888")
}

fn route(trunk: &str, called: &str, kind: Kind) -> InboundRoute {
    let to = match kind {
        Kind::Adversaries => format!("sip:{DESK}@{}", far::address(DESK_NET, 0)),
        Kind::Lab | Kind::Verbs => format!("sip:{called}@{}", carrier_address()),
    };
    InboundRoute {
        trunk: trunk.to_owned(),
        called: called.to_owned(),
        to,
        recording: RecordingMode::Normal,
        ring: Duration::from_secs(10),
    }
}

fn agent(n: u64) -> Agent {
    Agent {
        number: agent_number(n),
        name: format!("Agent {n}"),
        id: format!("{n:024x}"),
        status: AgentStatus::Enabled,
        mobile: Some(mobile(n)),
        sip_user: Some(agent_number(n)),
        bound_number: None,
        edition: "full".to_owned(),
        wrap_up: Duration::from_secs(if n.is_multiple_of(2) { 10 } else { 0 }),
        supervisor: n.is_multiple_of(2),
    }
}
