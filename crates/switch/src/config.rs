//! What the switch is told at its start.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use callcenter::config::Account;
pub use sip::Bans;
use sip::api::Credentials;
pub use sip::digest::Algorithm;

/// Everything the switch is told at its start. Defaults that are choices are in `limits`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The accounts served.
    pub accounts: Vec<AccountConfig>,
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
    /// What becomes of those who guess the passwords of phones.
    pub bans: Bans,
    /// How often phones behind NAT are sent something, so that they stay reachable. None: never.
    pub nat_keep_alive: Option<Duration>,
    /// User-Agent and Server.
    pub user_agent: String,
    /// A leg that sends neither RTP nor RTCP for so long is ended. `None` = never.
    pub silence_max: Option<Duration>,
    /// A trunk that says nothing at all for so long is given up and the next one tried.
    pub trunk_answer_any_max: Duration,
    /// More entries than this waiting for their commit: new work is refused.
    pub log_backlog_max: usize,
    /// Legs at once, over all accounts.
    pub legs_max: usize,
    /// Worker number of this node in call numbers (0–1023).
    pub worker: u16,
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
    /// Where numbers are called, first choice first.
    pub trunks: Vec<Trunk>,
    /// Its SIP phones.
    pub users: Vec<User>,
}

/// A way into the telephone network.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// For people.
    pub name: String,
    /// Where its INVITEs go, and the only address calls may come from.
    pub remote: SocketAddr,
    /// Host in Request-URI, From and To.
    pub domain: String,
    /// Answers its digest challenge, if it makes one.
    pub credentials: Option<Credentials>,
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
