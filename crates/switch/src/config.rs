//! What the switch is told at its start.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::AccountId;
use callcenter::config::Account;
pub use media::codec::Codec;
pub use sip::Bans;
use sip::api::Credentials;
pub use sip::api::Transport;
pub use sip::digest::Algorithm;

pub use crate::trunks::identity::ShownBy;
pub use crate::trunks::numbers::{Form, NumberFormat, PrefixRule};

/// Everything the switch is told at its start. Defaults that are choices are in `limits`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The accounts served.
    pub accounts: Vec<AccountConfig>,
    /// The ways into the telephone network, which accounts name.
    pub trunks: Vec<Trunk>,
    /// Where SIP is spoken: one listener for each family, the preferred one first; calls leave from them.
    pub sip_listeners: Vec<SipListener>,
    /// Addresses in our SDP, one for each family: that of a leg is of the family its signalling has, else the first.
    pub media_addresses: Vec<IpAddr>,
    /// First RTP port; an odd one is rounded up.
    pub rtp_port_min: u16,
    /// Last port of the range (inclusive, RTCP of the last stream must fit).
    pub rtp_port_max: u16,
    /// RTP ports of the range that somebody else holds: legs do not get them.
    pub rtp_ports_foreign: BTreeSet<u16>,
    /// What phones are asked to prove their password with, the one we would rather have first.
    pub phone_digests: Vec<Algorithm>,
    /// What phones are offered, the codec to be preferred first; at least one. That of the other end of the call comes first
    /// where it is among them.
    pub phone_codecs: Vec<Codec>,
    /// What becomes of those who guess the passwords of phones.
    pub bans: Bans,
    /// How often phones behind NAT are sent something, so that they stay reachable. None: never.
    pub nat_keep_alive: Option<Duration>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// A leg that sends neither RTP nor RTCP for so long is ended. `None` = never.
    pub silence_max: Option<Duration>,
    /// A trunk's address that says nothing at all for so long is given up and the next one tried.
    pub trunk_answer_any_max: Duration,
    /// More entries than this waiting for their commit: new work is refused.
    pub log_backlog_max: usize,
    /// Legs at once, over all accounts.
    pub legs_max: usize,
    /// How many of them are kept free of calls that an account begins: for calls that come in.
    pub legs_reserved: usize,
    /// Worker number of this node in call numbers (0–1023).
    pub worker: u16,
}

impl Config {
    /// What the phones of an account are offered.
    pub(crate) fn phone_codecs_of(&self, account: AccountId) -> Vec<Codec> {
        let is_allowed = self.accounts.iter().any(|one| one.account.id == account && one.g729);
        let more = is_allowed.then_some(Codec::G729).filter(|codec| !self.phone_codecs.contains(codec));
        self.phone_codecs.iter().copied().chain(more).collect()
    }

    /// Whether a socket of ours can send there.
    pub(crate) fn reaches(&self, remote: SocketAddr) -> bool {
        self.sip_listeners.iter().any(|listener| listener.bind.is_ipv4() == remote.is_ipv4())
    }

    /// A trunk without the addresses that no socket of ours can send to.
    pub(crate) fn reachable(&self, trunk: &Trunk) -> Trunk {
        let mut trunk = trunk.clone();
        trunk.addresses.retain(|address| self.reaches(address.remote));
        trunk
    }
}

/// What of the configuration may change while calls go on, whole: what is not in it any more is taken out.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The accounts served.
    pub accounts: Vec<AccountConfig>,
    /// The ways into the telephone network.
    pub trunks: Vec<Trunk>,
    /// Names of trunks whose hosts are those of before: they keep the addresses that were told for them last.
    pub same_hosts: BTreeSet<String>,
    /// See [`Config::silence_max`]; for legs that are answered from now on.
    pub silence_max: Option<Duration>,
    /// See [`Config::trunk_answer_any_max`]; for INVITEs from now on.
    pub trunk_answer_any_max: Duration,
    /// See [`Config::legs_max`]. Legs above it go on.
    pub legs_max: usize,
    /// See [`Config::legs_reserved`].
    pub legs_reserved: usize,
}

/// Where SIP is spoken, datagrams and streams alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipListener {
    /// As bound.
    pub bind: SocketAddr,
    /// Host and port in Via and Contact.
    pub advertised: SocketAddr,
}

impl SipListener {
    /// One that others reach just where it is bound.
    pub fn at(bind: SocketAddr) -> SipListener {
        SipListener { bind, advertised: bind }
    }
}

/// An account as the switch needs it.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// What decisions need.
    pub account: Account,
    /// Realm and AOR domain of its phones, which no other account with phones may have. While only one account has phones,
    /// they may call it by any name.
    pub sip_domain: String,
    /// Where numbers are called.
    pub trunks: Vec<TrunkChoice>,
    /// Its SIP phones.
    pub users: Vec<User>,
    /// Which of the media engines' sounds is its music.
    pub music: usize,
    /// Whether its phones may speak G.729, after all other codecs.
    pub g729: bool,
}

/// A trunk that an account may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkChoice {
    /// Its name.
    pub trunk: String,
    /// The lowest that can be had is taken.
    pub priority: u16,
    /// Of those with the same priority one is taken at random, as often as its weight says.
    pub weight: u16,
}

impl TrunkChoice {
    /// These trunks in this order.
    pub fn in_order<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<TrunkChoice> {
        let choice =
            |(priority, name): (u16, &str)| TrunkChoice { trunk: name.to_owned(), priority, weight: 1 };
        (0..).zip(names).map(choice).collect()
    }
}

/// A way into the telephone network.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// For people; unique.
    pub name: String,
    /// Where its INVITEs go, and the only addresses calls may come from.
    pub addresses: Vec<TrunkAddress>,
    /// Answers its digest challenge, if it makes one.
    pub credentials: Option<Credentials>,
    /// Calls at once. More: the next trunk is taken. `None` = no limit.
    pub channels_max: Option<usize>,
    /// How often each address is asked whether it is there. `None` = never.
    pub health_check: Option<Duration>,
    /// How its requests travel; a large one goes by TCP where that can be had.
    pub transport: Transport,
    /// What to register, where it does not know us by our address. Needs credentials.
    pub registration: Option<TrunkRegistration>,
    /// What is offered, the one it likes best first; at least one.
    pub codecs: Vec<Codec>,
    /// How it writes numbers.
    pub numbers: NumberFormat,
    /// How it is told who calls.
    pub shown_by: ShownBy,
    /// Whether it is to show nobody who calls.
    pub withheld: bool,
    /// The number that calls are said to be diverted from.
    pub diverted_from: Option<String>,
    /// Whether what it says of callers is believed.
    pub trusted: bool,
}

impl Trunk {
    /// A trunk with one address and nothing else to say.
    pub fn at(name: &str, remote: SocketAddr, domain: &str) -> Trunk {
        let address = TrunkAddress { remote, domain: domain.to_owned(), priority: 0, weight: 0 };
        Trunk {
            name: name.to_owned(),
            addresses: vec![address],
            credentials: None,
            channels_max: None,
            health_check: None,
            transport: Transport::Udp,
            registration: None,
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            numbers: NumberFormat::default(),
            shown_by: ShownBy::From,
            withheld: false,
            diverted_from: None,
            trusted: true,
        }
    }
}

/// A registration with a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkRegistration {
    /// The registrar's domain, as in the Request-URI.
    pub registrar: String,
    /// What is registered: `sip:user@domain`.
    pub aor: String,
    /// How long to ask for.
    pub expires: Duration,
}

/// One address of a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkAddress {
    /// Where.
    pub remote: SocketAddr,
    /// Host in Request-URI, From and To.
    pub domain: String,
    /// The lowest that can be had is taken (RFC 2782).
    pub priority: u32,
    /// Of those with the same priority one is taken at random, as often as its weight says.
    pub weight: u16,
}

/// A SIP phone that may register.
#[derive(Clone)]
pub struct User {
    /// User name; unique within the account.
    pub name: String,
    /// Password. Never shown.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}
