//! Ways into the telephone network: trunks that accounts share, each with addresses, channels and a health of its own.
//!
//! | file | concern |
//! |---|---|
//! | `choice` | which way a leg takes |
//! | `health` | which ways are out of order, and when they are tried again |
//! | `identity` | who a trunk is told calls, and who it says does |
//! | `judge` | what legs say of the ways they went |
//! | `numbers` | how trunks write numbers |
//! | `pings` | asking ways whether they are there |
//! | `reload` | trunks that are new, changed or taken out while calls go on |
//! | `registration` | registering where a trunk wants that |

mod choice;
mod health;
pub(crate) mod identity;
mod judge;
pub(crate) mod numbers;
mod pings;
mod registration;
mod reload;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{AccountId, Mono, Now, Random, Timers};
use sip::api::ProbeId;

use crate::api::{Diagnostic, TrunkFault, TrunkStanding};
use crate::config::{AccountConfig, Config, Trunk, TrunkAddress, TrunkChoice};
use crate::limits::TRUNK_ADDRESSES_MAX;
use crate::switch::Switch;
pub(crate) use choice::{Among, NoWay};
use health::{Health, News, Rest};
use registration::Registering;

/// A trunk: its place among all. Kept while it is in the configuration or a leg goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrunkNo(pub(crate) usize);

/// One address of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrunkWay {
    pub(crate) trunk: TrunkNo,
    pub(crate) remote: SocketAddr,
}

/// All trunks.
#[derive(Debug)]
pub(crate) struct Trunks {
    lines: Vec<Line>,
    /// What each account may use.
    choices: BTreeMap<AccountId, Vec<Choice>>,
    /// When a way is asked next whether it is there.
    pings: Timers<TrunkWay>,
    /// The questions that are not answered yet.
    probes: BTreeMap<ProbeId, TrunkWay>,
    random: Random,
    /// Trunks that do nothing of their own yet: no time has come in since they were made.
    asleep: Vec<TrunkNo>,
}

/// A trunk at work.
#[derive(Debug)]
struct Line {
    config: Trunk,
    place: Place,
    ways: Vec<(TrunkAddress, Health)>,
    registering: Registering,
}

/// Whether a trunk is in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Configured,
    /// It was taken out; legs may go by it, and its registration may be under way to its end.
    TakenOut,
}

/// A trunk as an account sees it.
#[derive(Clone, Copy, Debug)]
struct Choice {
    trunk: TrunkNo,
    priority: u16,
    weight: u16,
}

impl Switch {
    /// Trunks that have not begun yet do what they do of their own.
    pub(crate) fn begin_trunks(&mut self, now: Now) {
        for trunk in std::mem::take(&mut self.trunks.asleep) {
            self.trunks.begin_pings(now.mono, trunk);
            self.register_trunk(now, trunk);
        }
    }

    /// A trunk is elsewhere now.
    pub(crate) fn trunk_resolved(&mut self, now: Now, name: &str, mut addresses: Vec<TrunkAddress>) {
        let Some(trunk) = self.trunks.named(name) else { return };
        addresses.retain(|address| self.config.reaches(address.remote));
        self.trunks.line_mut(trunk).move_to(addresses);
        self.trunks.begin_pings(now.mono, trunk);
        self.register_trunk(now, trunk);
    }
}

impl Trunks {
    /// All idle. An account's choices that name no trunk are left out.
    pub(crate) fn new(config: &Config, random: Random) -> Trunks {
        let mut trunks = Trunks {
            choices: BTreeMap::new(),
            lines: config.trunks.iter().map(|trunk| Line::new(config.reachable(trunk))).collect(),
            pings: Timers::default(),
            probes: BTreeMap::new(),
            random,
            asleep: (0..config.trunks.len()).map(TrunkNo).collect(),
        };
        trunks.set_choices(&config.accounts);
        trunks
    }

    /// What each of these accounts may use; others use what they did, as far as it is left.
    fn set_choices(&mut self, accounts: &[AccountConfig]) {
        for one in accounts {
            let number = |choice: &TrunkChoice| {
                let trunk = self.named(&choice.trunk)?;
                Some(Choice { trunk, priority: choice.priority, weight: choice.weight })
            };
            let choices = one.trunks.iter().filter_map(number).collect();
            self.choices.insert(one.account.id, choices);
        }
    }

    /// Nobody may use a trunk that was taken out.
    fn leave_choices(&mut self) {
        let lines = &self.lines;
        let is_left = |choice: &Choice| lines.get(choice.trunk.0).is_some_and(Line::is_configured);
        self.choices.values_mut().for_each(|choices| choices.retain(is_left));
    }

    /// What is said of a trunk.
    pub(crate) fn config(&self, trunk: TrunkNo) -> &Trunk {
        &self.line(trunk).config
    }

    /// Whether a way is still one.
    fn has(&self, way: TrunkWay) -> bool {
        self.line(way.trunk).address(way.remote).is_some()
    }

    /// The host in URIs by this way.
    pub(crate) fn domain(&self, way: TrunkWay) -> &str {
        self.line(way.trunk).address(way.remote).map_or("", |address| address.domain.as_str())
    }

    /// The trunks that calls from `ip` may come from: their addresses are the only ones calls may come from.
    pub(crate) fn at(&self, ip: IpAddr) -> impl Iterator<Item = TrunkNo> {
        (0..self.lines.len()).map(TrunkNo).filter(move |trunk| self.is_at(*trunk, ip))
    }

    /// Whether `ip` is one of a trunk's.
    pub(crate) fn is_at(&self, trunk: TrunkNo, ip: IpAddr) -> bool {
        self.line(trunk).ways.iter().any(|(address, _)| address.remote.ip() == ip)
    }

    /// Whether an account may call by a trunk.
    pub(crate) fn serves(&self, trunk: TrunkNo, account: AccountId) -> bool {
        self.choices.get(&account).into_iter().flatten().any(|choice| choice.trunk == trunk)
    }

    /// Whether an account may call by this trunk, and by no other.
    pub(crate) fn serves_alone(&self, trunk: TrunkNo, account: AccountId) -> bool {
        let choices = self.choices.get(&account).filter(|choices| !choices.is_empty());
        choices.is_some_and(|choices| choices.iter().all(|choice| choice.trunk == trunk))
    }

    /// The channels of all trunks of an account: how many, and how many are not in use. None: any number.
    pub(crate) fn channels_of(
        &self,
        account: AccountId,
        channels: impl Fn(TrunkNo) -> usize,
    ) -> Option<(usize, usize)> {
        let choices = self.choices.get(&account).filter(|choices| !choices.is_empty())?;
        choices.iter().try_fold((0, 0), |(all, free), choice| {
            let max = self.config(choice.trunk).channels_max?;
            Some((all + max, free + max.saturating_sub(channels(choice.trunk))))
        })
    }

    /// Whether two accounts may use the same trunk.
    pub(crate) fn share(&self, one: AccountId, other: AccountId) -> bool {
        self.choices.get(&one).into_iter().flatten().any(|choice| self.serves(choice.trunk, other))
    }

    /// How the trunks stand, with `channels` of each in use.
    pub(crate) fn standings(&self, now: Mono, channels: impl Fn(TrunkNo) -> usize) -> Vec<TrunkStanding> {
        let standing = |(at, line): (usize, &Line)| TrunkStanding {
            name: line.config.name.clone(),
            channels: channels(TrunkNo(at)),
            channels_max: line.config.channels_max,
            addresses: line.ways.len(),
            working: line.ways.iter().filter(|(_, health)| line.works(health, now)).count(),
        };
        self.lines.iter().enumerate().map(standing).collect()
    }

    /// A way answered. Some when it was out of order before.
    pub(crate) fn answered(&mut self, way: TrunkWay) -> Option<Diagnostic> {
        let line = self.lines.get_mut(way.trunk.0)?;
        let changed = line.health_mut(way.remote)?.answered();
        changed.then(|| Diagnostic::TrunkInOrder { trunk: line.config.name.clone(), remote: way.remote })
    }

    /// A way did not take what was sent there. Some when it was in order until now.
    pub(crate) fn failed(
        &mut self,
        now: Mono,
        way: TrunkWay,
        fault: TrunkFault,
        again_after: Option<Duration>,
    ) -> Option<Diagnostic> {
        let line = self.lines.get_mut(way.trunk.0)?;
        let rest = line.health_mut(way.remote)?.failed(now, fault, again_after)?;
        self.rests(now, way, fault, rest)
    }

    fn rests(&mut self, now: Mono, way: TrunkWay, fault: TrunkFault, rest: Rest) -> Option<Diagnostic> {
        self.ping_after_rest(now, way, rest.time);
        let trunk = self.config(way.trunk).name.clone();
        match rest.news {
            News::New => {
                Some(Diagnostic::TrunkOutOfOrder { trunk, remote: way.remote, fault, rest: rest.time })
            }
            News::Again => None,
        }
    }

    /// When something is due, if anything.
    pub(crate) fn next_timeout(&self) -> Option<Mono> {
        self.pings.next().map(|(at, _)| at)
    }

    /// The trunk of the configuration with this name.
    pub(crate) fn named(&self, name: &str) -> Option<TrunkNo> {
        let is_it = |line: &Line| line.is_configured() && line.config.name == name;
        self.lines.iter().position(is_it).map(TrunkNo)
    }

    fn line_mut(&mut self, trunk: TrunkNo) -> &mut Line {
        self.lines
            .get_mut(trunk.0)
            .expect("a number is given to a trunk and taken by another one, never away")
    }

    fn line(&self, trunk: TrunkNo) -> &Line {
        self.lines.get(trunk.0).expect("a number is given to a trunk and taken by another one, never away")
    }
}

impl Line {
    fn new(config: Trunk) -> Line {
        let registering = Registering::wanted_by(&config);
        let addresses = config.addresses.clone();
        let mut line = Line { ways: Vec::new(), registering, config, place: Place::Configured };
        line.move_to(addresses);
        line
    }

    fn is_configured(&self) -> bool {
        match self.place {
            Place::Configured => true,
            Place::TakenOut => false,
        }
    }

    /// Its addresses are these now; the health of those that stay is kept.
    fn move_to(&mut self, addresses: Vec<TrunkAddress>) {
        let before = std::mem::take(&mut self.ways);
        for address in addresses {
            let known = self.ways.iter().any(|(other, _)| other.remote == address.remote);
            if !known && self.ways.len() < TRUNK_ADDRESSES_MAX {
                let health = before.iter().find(|(other, _)| other.remote == address.remote);
                let health = health.map_or_else(Health::new, |(_, health)| *health);
                self.ways.push((address, health));
            }
        }
    }

    /// Whether calls had better go a way.
    fn works(&self, health: &Health, now: Mono) -> bool {
        self.knows_us() && health.is_working(now)
    }

    fn address(&self, remote: SocketAddr) -> Option<&TrunkAddress> {
        self.ways.iter().map(|(address, _)| address).find(|address| address.remote == remote)
    }

    fn health_mut(&mut self, remote: SocketAddr) -> Option<&mut Health> {
        self.ways.iter_mut().find(|(address, _)| address.remote == remote).map(|(_, health)| health)
    }
}
