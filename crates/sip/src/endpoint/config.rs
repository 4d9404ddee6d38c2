use std::net::SocketAddr;
use std::time::Duration;

use crate::digest::Algorithm;
use crate::limits;
use crate::message::Host;
use crate::transaction::Times;

/// How an endpoint behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens, and what others are to call that.
    pub listeners: Vec<Listener>,
    /// `User-Agent` and `Server`.
    pub user_agent: String,
    /// The base times of RFC 3261.
    pub times: Times,
    /// What registrations are accepted, if any.
    pub registrar: Option<Registrar>,
    /// How long any INVITE may ring before it is given up, whoever made it.
    pub ring_max: Duration,
    /// Which provisional answers must arrive (RFC 3262).
    pub reliable: Reliability,
    /// How calls that nobody ended are found out (RFC 4028). None: not at all.
    pub session: Option<SessionTimers>,
    /// Whether whoever carries the endpoint's bytes may hold INVITEs back, and says with [`super::Endpoint::invite_left`]
    /// when one has left: until then no far end is to blame for saying nothing.
    pub invites_wait: bool,
    /// Whether calls may come that are to take the place of others (RFC 3891). Else Replaces means nothing, and who insists
    /// on it is refused with 420.
    pub replaces: bool,
    /// Whether requests too large for a datagram go by TCP (RFC 3261 §18.1.1). Whoever carries the endpoint's bytes must
    /// be able to open streams then.
    pub large_by_tcp: bool,
    /// How long a stream may be idle that no registered phone is behind.
    pub stream_idle_max: Duration,
    /// How much is held at once.
    pub limits: Limits,
}

/// Which provisional answers must arrive, and be acknowledged by PRACK (RFC 3262).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    /// None: who insists on it is refused with 420, and we say that we cannot.
    Never,
    /// Theirs, when they want that; ours, when they insist.
    WhenAsked,
    /// Ours also when they only can.
    WhenPossible,
}

/// Signs of life in established calls (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// How long a call lasts without one, if we are asked: Session-Expires.
    pub interval: Duration,
    /// The shortest interval that we accept (else 422): Min-SE. The standard wants at least 90 s.
    pub interval_min: Duration,
}

impl Default for SessionTimers {
    fn default() -> Self {
        SessionTimers { interval: Duration::from_secs(1800), interval_min: Duration::from_secs(90) }
    }
}

/// One bound address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// As bound.
    pub bind: SocketAddr,
    /// The host in Via and Contact.
    pub advertised_host: Host,
    /// The port in Via and Contact.
    pub advertised_port: u16,
}

/// The registrar's part of the configuration.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// The domains served. While there is but one, phones may call it by any name; of two alike the first counts.
    pub domains: Vec<Domain>,
    /// What a phone may prove itself with, the best first (RFC 8760 §2.4): one challenge for each. MD5 alone by default:
    /// phones that know nothing else (baresip 1.0, SIPp 3.6) give up when SHA-256 is offered, even beside MD5.
    pub algorithms: Vec<Algorithm>,
    /// The shortest registration that is accepted (else 423).
    pub expires_min: Duration,
    /// The longest that is granted.
    pub expires_max: Duration,
    /// How often phones behind NAT are sent something, so that the NAT does not forget the path to them. None: never.
    pub keep_alive: Option<Duration>,
    /// What becomes of those who guess passwords.
    pub bans: Bans,
    /// Whether a registered phone that calls must prove itself each time (RFC 3261 §22.2). Its path alone proves nothing: in a
    /// datagram anybody can write any address, and several phones may share one. Who is not registered is not asked: there
    /// is nothing to guess at.
    pub callers_proven: bool,
}

/// How those are slowed down who guess passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bans {
    /// So many wrong proofs from an address within `within`, and nothing from there is heard for a while. 0: never.
    pub wrong_max: u32,
    /// For how long wrong proofs count, from the first one on.
    pub within: Duration,
    /// How long the first ban lasts; each further one twice as long.
    pub first: Duration,
    /// The longest ban. After the last one it takes as long again until the earlier ones are forgotten.
    pub longest: Duration,
    /// So many wrong proofs of a user, and further ones are refused for a while, right or wrong, unless they come by the
    /// path of a living binding. 0: never.
    pub user_wrong_max: u32,
    /// How long the first such refusal lasts; each further one twice as long.
    pub user_first: Duration,
    /// The longest such refusal.
    pub user_longest: Duration,
}

impl Default for Bans {
    fn default() -> Self {
        Bans {
            wrong_max: 20,
            within: Duration::from_secs(600),
            first: Duration::from_secs(60),
            longest: Duration::from_secs(3600),
            user_wrong_max: 8,
            user_first: Duration::from_secs(1),
            user_longest: Duration::from_secs(300),
        }
    }
}

/// A domain of addresses of record, with users of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The host of its addresses of record, and the digest realm. The case does not count.
    pub name: String,
    /// Who may register.
    pub users: Vec<User>,
}

/// A user who may register.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// User part of the address of record, and digest user name.
    pub name: String,
    /// Never shown.
    pub password: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How much is held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of others being answered. More: 503 with Retry-After, without a transaction; inside dialogs only beyond
    /// twice as many.
    pub server_transactions_max: usize,
    /// Requests of others that were answered, and may come again. More: as above.
    pub lingering_max: usize,
    /// Dialogs. More: an incoming INVITE gets 503, an own one ends as `Refused(503)`.
    pub dialogs_max: usize,
    /// Bindings of all users. More: 503.
    pub bindings_max: usize,
    /// Bindings of one user. More: 403.
    pub bindings_per_user_max: usize,
    /// Streams. More: closed, not opened.
    pub connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            server_transactions_max: limits::SERVER_TRANSACTIONS_MAX,
            lingering_max: limits::LINGERING_MAX,
            dialogs_max: limits::DIALOGS_MAX,
            bindings_max: limits::BINDINGS_MAX,
            bindings_per_user_max: limits::BINDINGS_PER_USER_MAX,
            connections_max: limits::CONNECTIONS_MAX,
        }
    }
}

impl Default for Registrar {
    fn default() -> Self {
        Registrar {
            domains: Vec::new(),
            algorithms: vec![Algorithm::Md5],
            expires_min: Duration::from_secs(60),
            expires_max: Duration::from_secs(3600),
            keep_alive: Some(Duration::from_secs(25)),
            bans: Bans::default(),
            callers_proven: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listeners: Vec::new(),
            user_agent: "Cordboard".to_owned(),
            times: Times::default(),
            registrar: None,
            ring_max: Duration::from_secs(600),
            invites_wait: false,
            replaces: false,
            large_by_tcp: false,
            stream_idle_max: Duration::from_secs(900),
            reliable: Reliability::WhenAsked,
            session: Some(SessionTimers::default()),
            limits: Limits::default(),
        }
    }
}
