use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base::AccountId;
use callcenter::config::{
    AccountStatus, Agent as CenterAgent, DialoutRingAt, Edition, HoldRecording, InboundRoute, NumberGroup,
    RecordingFormat, RecordingMode, TransferSound, WithoutCustomer,
};
use secrecy::SecretString;
use switch::config::{
    Algorithm, Bans, Codec, NumberFormat, ShownBy, Transport, TrunkChoice, TrunkRegistration,
};
use url::Url;

use super::recordings::Recordings;
use crate::contract::push::{ConnectedShape, PushKind, PushNames};
use crate::contract::time::Zone;
use crate::http::ports::{HeaderEcho, HttpStatus, RequestLimits};

/// Everything `cordboard.toml` says, checked. `docs/cordboard.example.toml` explains each key.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[[trunk]]`
    pub trunks: Vec<Trunk>,
    /// `[[account]]`
    pub accounts: Vec<Account>,
}

/// One address of `sip_listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipListen {
    /// Where it is bound.
    pub bind: SocketAddr,
    /// What others are to call it, when that is something else (a wildcard, NAT).
    pub advertised: Option<SocketAddr>,
}

/// `[server]`: the machine.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where the API listens.
    pub http_listen: SocketAddr,
    /// Where SIP listens: at least one, at most one for each family, the preferred one first.
    pub sip: Vec<SipListen>,
    /// Addresses in SDP, where phones send sound to: one for each listener.
    pub media_addresses: Vec<IpAddr>,
    /// First RTP port: even.
    pub rtp_port_min: u16,
    /// Last RTP port: odd.
    pub rtp_port_max: u16,
    /// What phones are asked to prove their password with, the strongest first (RFC 8760).
    pub phone_digests: Vec<Algorithm>,
    /// What phones are offered, the codec to be preferred first; at least one.
    pub phone_codecs: Vec<Codec>,
    /// What becomes of those who guess the passwords of phones.
    pub bans: Bans,
    /// How often phones behind NAT are sent something. `None` = never.
    pub nat_keep_alive: Option<Duration>,
    /// How many threads move sound.
    pub media_threads: usize,
    /// Where the store and the recordings are.
    pub data_dir: PathBuf,
    /// What links in records begin with. No slash at the end.
    pub public_url: String,
    /// Whether pushes may go to loopback, private and link-local addresses.
    pub allow_private_push: bool,
    /// How long living calls may go on after the server was told to stop.
    pub shutdown_grace: Duration,
    /// A leg from which neither sound nor RTCP comes for so long is ended, unless it is on hold. `None` = never.
    pub silence_max: Option<Duration>,
    /// A trunk address that says nothing at all for so long is passed over.
    pub trunk_silent_max: Duration,
    /// Which name server knows the hosts of trunks. `None` = those of the system.
    pub nameserver: Option<SocketAddr>,
    /// How long log rows are kept once everything they caused is settled.
    pub journal_keep: Duration,
    /// Recording stops when fewer bytes are free.
    pub disk_free_min_bytes: u64,
    /// The files of recordings.
    pub recordings: Recordings,
    /// A `phone.dat` to use instead of the built-in one.
    pub number_data: Option<PathBuf>,
    /// Legs at once, over all accounts.
    pub legs_max: usize,
    /// How many of them calls that accounts begin leave to calls that come in.
    pub legs_reserved: usize,
    /// Worker number in call numbers, 0–1023: different on each server of one owner.
    pub worker: u16,
}

/// `[[trunk]]`: a way into the telephone network.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// Where calls go, first choice first; calls may come from these, too.
    pub addresses: Vec<HostPort>,
    /// Host in Request-URI, From and To; default: the host of the address.
    pub domain: Option<String>,
    /// User name and password for the carrier's challenge.
    pub login: Option<SipLogin>,
    /// Calls at once. `None` = no limit.
    pub channels_max: Option<usize>,
    /// How often each address is asked whether it is there. `None` = never.
    pub health_check: Option<Duration>,
    /// How its requests travel.
    pub transport: Transport,
    /// What to register there. Only with a login.
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

/// A host name or an IP address (IPv6 without brackets), and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// A name is looked up while the server runs.
    pub host: String,
    /// Never 0. None: SRV records say, and 5060 where there are none.
    pub port: Option<u16>,
}

/// A SIP user and its password.
#[derive(Clone, Debug)]
pub struct SipLogin {
    /// User name.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

/// `[[account]]`: a customer of this server.
#[derive(Clone, Debug)]
pub struct Account {
    /// The appkey.
    pub id: AccountId,
    /// 6717 when removed, 6718 when disabled.
    pub status: AccountStatus,
    /// Any of them signs requests.
    pub secrets: Vec<SecretString>,
    /// The zone its times are shown in.
    pub zone: Zone,
    /// Realm and AOR domain of its phones; no other account with phones has it.
    pub sip_domain: String,
    /// How often it may ask.
    pub limits: RequestLimits,
    /// The HTTP status of its refusals.
    pub http_status: HttpStatus,
    /// What `requestInfo.headers` shows.
    pub header_echo: HeaderEcho,
    /// Calls at once.
    pub calls_max: usize,
    /// Calls begun within a second. `None` = no limit.
    pub calls_per_s_max: Option<usize>,
    /// Calls at once that show a number, for numbers that have a limit.
    pub number_calls_max: BTreeMap<String, usize>,
    /// How long an agent's phone rings by default.
    pub agent_ring: Duration,
    /// How long a customer's phone rings by default.
    pub customer_ring: Duration,
    /// A call older than this is ended.
    pub call_age_max: Duration,
    /// A WAV file with its music. None: that which ships.
    pub music: Option<PathBuf>,
    /// Whether its phones may speak G.729.
    pub g729: bool,
    /// Which tracks are kept.
    pub recording: RecordingMode,
    /// Who may call in, and where that leads.
    pub inbound: Vec<InboundRoute>,
    /// What kind of files recordings become.
    pub recording_format: RecordingFormat,
    /// How many days recordings are kept. 0 = for ever.
    pub recording_keep_days: u32,
    /// When `dialoutRing` is told.
    pub dialout_ring_at: DialoutRingAt,
    /// What customers hear while a transfer rings.
    pub transfer_sound: TransferSound,
    /// What becomes of a consultation when the customer hangs up.
    pub consult_without_customer: WithoutCustomer,
    /// What becomes of those in a three-way call when the customer leaves.
    pub conference_without_customer: WithoutCustomer,
    /// What a recording has on the agent's side while the customer hears music.
    pub hold_recording: HoldRecording,
    /// Names of pushes the API leaves open.
    pub push_names: PushNames,
    /// The shape of "user connected".
    pub connected: ConnectedShape,
    /// The account's own numbers.
    pub numbers: Vec<String>,
    /// Shown when nothing else decides.
    pub default_number: Option<String>,
    /// The trunks its calls take.
    pub trunks: Vec<TrunkChoice>,
    /// Custom busy reasons by state number.
    pub busy_reasons: BTreeMap<u16, String>,
    /// Licences.
    pub editions: Vec<Edition>,
    /// Number groups.
    pub groups: Vec<NumberGroup>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// Where pushes go.
    pub pushes: Vec<PushAddress>,
}

/// `[[account.agent]]`
#[derive(Clone, Debug)]
pub struct Agent {
    /// What decisions need.
    pub center: CenterAgent,
    /// Password of the agent's SIP phone: present when `center.sip_user` is.
    pub sip_password: Option<SecretString>,
}

/// What an agent may do beyond its own calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Listen to others, take part in their calls, and do to them what they could do themselves.
    Supervisor,
}

impl Role {
    pub(super) const ALL: [Role; 1] = [Role::Supervisor];

    /// As the file spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Supervisor => "supervisor",
        }
    }
}

/// `[[account.push]]`
#[derive(Clone, Debug)]
pub struct PushAddress {
    /// Where.
    pub url: Url,
    /// Which kinds; all when empty.
    pub kinds: Vec<PushKind>,
    /// Signs the pushes (Standard Webhooks); unsigned without.
    pub secret: Option<SecretString>,
}
