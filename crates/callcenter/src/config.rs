//! An account as decisions need it.

use std::collections::BTreeMap;
use std::time::Duration;

use base::AccountId;
use serde::{Deserialize, Serialize};

/// An account as decisions need it. Comes from the configuration; a changed one replaces it whole.
#[derive(Clone, Debug)]
pub struct Account {
    /// The appkey.
    pub id: AccountId,
    /// 6717 when removed, 6718 when disabled.
    pub status: AccountStatus,
    /// The zone of dates in the names of recordings, seconds east of UTC (UTC+8 = 28,800).
    pub utc_offset_s: i32,
    /// All agents, also disabled and deleted ones.
    pub agents: Vec<Agent>,
    /// The account's own numbers, any of which may be shown.
    pub numbers: Vec<String>,
    /// Shown when nothing else decides; one of `numbers`.
    pub default_number: Option<String>,
    /// Number groups.
    pub groups: Vec<NumberGroup>,
    /// Licences per edition. An edition that is not listed has none.
    pub editions: Vec<Edition>,
    /// Names of custom busy reasons (state number ≥ 100, name).
    pub busy_reasons: Vec<(u16, String)>,
    /// How long phones ring by default.
    pub agent_ring: Duration,
    /// How long the customer's phone rings by default.
    pub customer_ring: Duration,
    /// A call older than this is ended.
    pub call_age_max: Duration,
    /// Which tracks are kept.
    pub recording: RecordingMode,
    /// Who may call in, and where that leads. Of two alike the last counts.
    pub inbound: Vec<InboundRoute>,
    /// What kind of files they become.
    pub recording_format: RecordingFormat,
    /// When `dialoutRing` is told (contract §5).
    pub dialout_ring_at: DialoutRingAt,
    /// What customers hear while a transfer rings.
    pub transfer_sound: TransferSound,
    /// What becomes of a consultation when the customer hangs up.
    pub consult_without_customer: WithoutCustomer,
    /// What becomes of those in a three-way call when the customer leaves.
    pub conference_without_customer: WithoutCustomer,
    /// What a recording has on the agent's side while the customer hears music.
    pub hold_recording: HoldRecording,
    /// Calls the account may have at once. More are refused, as with the limits below.
    pub calls_max: usize,
    /// Calls it may begin within any second. `None` = no limit.
    pub calls_per_s_max: Option<usize>,
    /// Calls at once that show a number, for numbers that have a limit.
    pub number_calls_max: BTreeMap<String, usize>,
}

impl Account {
    /// One of which the configuration says nothing: what the log knows of it goes on to its end, and nothing new begins.
    pub fn removed(id: AccountId) -> Account {
        Account {
            id,
            status: AccountStatus::Removed,
            utc_offset_s: 28_800,
            agents: Vec::new(),
            numbers: Vec::new(),
            default_number: None,
            groups: Vec::new(),
            editions: Vec::new(),
            busy_reasons: Vec::new(),
            agent_ring: Duration::from_secs(60),
            customer_ring: Duration::from_secs(120),
            call_age_max: Duration::from_secs(4 * 3600),
            recording: RecordingMode::Off,
            inbound: Vec::new(),
            recording_format: RecordingFormat::default(),
            dialout_ring_at: DialoutRingAt::Customer,
            transfer_sound: TransferSound::default(),
            consult_without_customer: WithoutCustomer::default(),
            conference_without_customer: WithoutCustomer::default(),
            hold_recording: HoldRecording::default(),
            calls_max: 0,
            calls_per_s_max: None,
            number_calls_max: BTreeMap::new(),
        }
    }
}

/// Whether the account may act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountStatus {
    /// Yes.
    #[default]
    Enabled,
    /// 6718.
    Disabled,
    /// 6717: only its secret is left.
    Removed,
}

/// An agent as configured.
#[derive(Clone, Debug)]
pub struct Agent {
    /// `agentNumber`.
    pub number: String,
    /// `agentName`.
    pub name: String,
    /// `agentId`: 24 hex digits.
    pub id: String,
    /// Whether the agent may act.
    pub status: AgentStatus,
    /// The agent's mobile, for PSTN.
    pub mobile: Option<String>,
    /// User name of the agent's SIP phone, for SIP.
    pub sip_user: Option<String>,
    /// The number bound to the agent, shown to customers before the account's default.
    pub bound_number: Option<String>,
    /// The edition whose licence the agent takes.
    pub edition: String,
    /// Wrap-up after a bridged call; zero = none.
    pub wrap_up: Duration,
    /// Whether the agent may listen to others and do to them what [`Forced`](crate::command::Forced) names.
    pub supervisor: bool,
}

/// An inbound route: calls by a trunk for a user or number are put through to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundRoute {
    /// Name of the trunk.
    pub trunk: String,
    /// The user of the Request-URI, or a number in the account's form.
    pub called: String,
    /// Where it leads: a SIP URI.
    pub to: String,
    /// Which tracks are kept.
    pub recording: RecordingMode,
    /// How long it may ring there.
    pub ring: Duration,
}

/// Whether an agent may act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentStatus {
    /// Yes.
    #[default]
    Enabled,
    /// 6702.
    Disabled,
    /// 6703.
    Deleted,
    /// 6730.
    Locked,
}

/// A group of shown numbers.
#[derive(Clone, Debug)]
pub struct NumberGroup {
    /// 24 hex digits.
    pub id: String,
    /// Its name; `group` may be either.
    pub name: String,
    /// Its numbers, all of the account.
    pub numbers: Vec<String>,
}

/// Licences of one edition.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Its name.
    pub name: String,
    /// How many agents may be signed in.
    pub licences: usize,
    /// Whether they may call at all (else 2020).
    pub calls: bool,
}

/// Which files a recording becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingMode {
    /// Calls are not recorded.
    Off,
    /// One mono file.
    #[default]
    Normal,
    /// Stereo and each side.
    DualTrack,
}

/// What kind of files recordings become; the names of a call's files are fixed when its recording begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingFormat {
    /// MPEG audio layer III.
    #[default]
    Mp3,
    /// PCM of 16 bits.
    Wav,
}

/// When `dialoutRing` is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialoutRingAt {
    /// When the customer's leg starts.
    #[default]
    Customer,
    /// When the agent's phone rings.
    Agent,
}

/// What customers hear while a transfer rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferSound {
    /// Ring-back, or the network's early media.
    #[default]
    RingBack,
    /// The account's music.
    Music,
}

/// What becomes of those who are left when the customer hangs up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutCustomer {
    /// The call ends.
    #[default]
    End,
    /// They go on.
    GoOn,
}

/// What a recording has on the agent's side while the customer hears music.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldRecording {
    /// Nothing.
    #[default]
    Silence,
    /// The music.
    Music,
}
