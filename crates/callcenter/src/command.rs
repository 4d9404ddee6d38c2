//! What customers' programs ask for, and what they are answered.

use std::time::Duration;

use base::CallId;
use serde::{Deserialize, Serialize};

/// What a customer's program asks for. May be refused; an accepted one leads to a change or an end.
///
/// The border has checked the form of every value; whether it may happen now is decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Sign an agent in, or move a signed-in one to another phone and state (API 1.1).
    Online {
        /// The agent's number.
        agent: String,
        /// Which phone the agent uses.
        login: LoginType,
        /// Idle or busy from the start.
        choice: Choice,
    },
    /// Sign an agent out (API 1.2).
    Offline {
        /// The agent's number.
        agent: String,
    },
    /// The agent does not want calls now (API 1.3).
    Busy {
        /// The agent's number.
        agent: String,
    },
    /// The agent wants calls again (API 1.4).
    Rest {
        /// The agent's number.
        agent: String,
    },
    /// Call the agent, then a customer (API 2.1).
    DialOut(DialOut),
    /// End what the agent is doing on the phone (API 2.2).
    Hangup {
        /// The agent's number.
        agent: String,
    },
    /// The others hear music, the agent nothing (API 2.3).
    Hold {
        /// The agent's number.
        agent: String,
    },
    /// Undo it (API 2.4).
    Unhold {
        /// The agent's number.
        agent: String,
    },
    /// The others do not hear the agent (API 2.5).
    Mute {
        /// The agent's number.
        agent: String,
    },
    /// Undo it (API 2.6).
    Unmute {
        /// The agent's number.
        agent: String,
    },
    /// Hand the customer on, without a word before (API 2.7).
    Transfer {
        /// The agent's number.
        agent: String,
        /// To whom.
        to: Party,
    },
    /// Call somebody else while the customer waits (API 2.8).
    Consult {
        /// The agent's number.
        agent: String,
        /// Whom.
        to: Party,
    },
    /// Connect the customer with whom the agent consults, and leave (API 2.9).
    ConsultTransfer {
        /// The agent's number.
        agent: String,
    },
    /// Let all three talk (API 2.10).
    ThreeWayCall {
        /// The agent's number.
        agent: String,
    },
    /// End the consultation and take the customer back (API 2.11).
    ResumeConsult {
        /// The agent's number.
        agent: String,
    },
    /// The same (API 2.12): both end it, ringing or answered (contract §5).
    CancelConsult {
        /// The agent's number.
        agent: String,
    },
    /// Call somebody, then somebody else, and connect them (API 2.14).
    WebCall(WebCall),
    /// Listen to an agent's call, or take part in it (`listen`, and ours: `whisper`, `barge`, `takeOver`).
    Monitor {
        /// The number of the agent who does; must be a supervisor.
        supervisor: String,
        /// The number of the agent whose call it is.
        agent: String,
        /// How.
        how: Monitoring,
    },
    /// Do to an agent what the agent could do (ours: `forceOffline`, `forceIdle`, `forceBusy`, `forceHangup`).
    Force {
        /// The number of the agent who does; must be a supervisor.
        supervisor: String,
        /// The number of the agent to whom it is done.
        agent: String,
        /// What.
        what: Forced,
    },
    /// Dial digits to those who hear the agent (ours: `sendDtmf`).
    SendDtmf {
        /// The agent's number.
        agent: String,
        /// `0`–`9`, `*`, `#`, `A`–`D`, at most [`limits::DIGITS_MAX`](crate::limits::DIGITS_MAX).
        digits: String,
    },
    /// Let the agent's phone, which rings, answer by itself (ours: `answer`).
    Answer {
        /// The agent's number.
        agent: String,
    },
}

impl Command {
    /// The number of the agent it is about.
    pub fn agent(&self) -> &str {
        match self {
            Command::Online { agent, .. }
            | Command::Offline { agent }
            | Command::Busy { agent }
            | Command::Rest { agent }
            | Command::Hangup { agent }
            | Command::Hold { agent }
            | Command::Unhold { agent }
            | Command::Mute { agent }
            | Command::Unmute { agent }
            | Command::Transfer { agent, .. }
            | Command::Consult { agent, .. }
            | Command::ConsultTransfer { agent }
            | Command::ThreeWayCall { agent }
            | Command::ResumeConsult { agent }
            | Command::CancelConsult { agent }
            | Command::Monitor { agent, .. }
            | Command::Force { agent, .. }
            | Command::SendDtmf { agent, .. }
            | Command::Answer { agent } => agent,
            Command::DialOut(dial) => &dial.agent,
            Command::WebCall(call) => match &call.callee {
                WebCallee::Agent(agent) => agent,
                WebCallee::Number(_) | WebCallee::Ivr(_) => "",
            },
        }
    }
}

/// Whom a customer is handed to, or whom an agent consults (`mode` and `number`, API 2.7 and 2.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// `agent`: an agent's number, else the id of a skill group.
    Agent(String),
    /// `outline`: a number in the telephone network.
    Outline(String),
    /// `ivr`: the id of an IVR.
    Ivr(String),
    /// `queue` (ours): the id of a skill group.
    Queue(String),
}

/// The fields of `webcall` (API 2.14). Times are already limited to 1–300 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebCall {
    /// `callerNumber`: who is called first.
    pub caller: String,
    /// `callerTimeout`; `None` = 120 s.
    pub caller_ring_max: Option<Duration>,
    /// `callerDisplayNumber`; `None` = the account's default.
    pub caller_shown: Option<String>,
    /// `calleeNumber` and `calleeType`: who is called then.
    pub callee: WebCallee,
    /// `calleeTimeout`; `None` = 60 s.
    pub callee_ring_max: Option<Duration>,
    /// `calleeDisplayNumber`; `None` = the account's default.
    pub callee_shown: Option<String>,
    /// The caller's own data in its canonical text form (≤ 255 bytes), `""` when absent.
    pub extras: String,
}

/// Who is called second (`calleeType`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebCallee {
    /// `number`: a number in the telephone network.
    Number(String),
    /// `agentNumber`.
    Agent(String),
    /// `ivrId`.
    Ivr(String),
}

/// What a supervisor does with an agent's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Monitoring {
    /// Hears what the agent hears and says.
    Listen,
    /// The same, and the agent alone hears the supervisor.
    Whisper,
    /// Talks with all.
    Barge,
    /// Talks with all, and the agent leaves.
    TakeOver,
}

/// What a supervisor does to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// Ends the agent's part in its call, if in one, and signs the agent out.
    Offline,
    /// The agent's choice becomes idle, also during a call: then it is shown afterwards.
    Idle,
    /// The agent's choice becomes busy, likewise.
    Busy,
    /// As the agent's own `hangup`.
    Hangup,
}

/// The fields of `dialOut` (API 2.1). Times are already limited to 1–300 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialOut {
    /// The agent's number.
    pub agent: String,
    /// The customer's number, digits (landlines with area code).
    pub callee: String,
    /// How long the agent's phone may ring; `None` = the account's default.
    pub agent_ring_max: Option<Duration>,
    /// How long the customer's phone may ring; `None` = the account's default.
    pub customer_ring_max: Option<Duration>,
    /// `agentCallerNumber`: shown on the agent's phone.
    pub agent_shown: Option<String>,
    /// `calleeCallerNumber`: shown to the customer.
    pub customer_shown: Option<String>,
    /// The caller's own data in its canonical text form (≤ 255 bytes), `""` when absent.
    pub extras: String,
    /// `group`: id of the number group the shown number is taken from.
    pub group: Option<String>,
    /// `groupRule`.
    pub group_rule: GroupRule,
    /// `groupareaCode`: preferred area of the shown number.
    pub group_area: Option<String>,
}

/// How a number is picked out of a group (`groupRule`, API 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupRule {
    /// 0 or omitted.
    #[default]
    Random,
    /// 1: by area, see contract §9.
    Strategy,
}

/// Which phone an agent uses (`loginType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LoginType {
    /// The agent's mobile, reached through a trunk.
    Pstn,
    /// A registered SIP phone.
    Sip,
    /// A browser.
    WebRtc,
}

/// What a signed-in agent chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Wants calls: state 0.
    Idle,
    /// Does not: state 1.
    Busy,
    /// A busy reason of the account: state ≥ 100.
    Custom(u16),
}

/// What an accepted command tells its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The call it began, if it began one.
    pub call: Option<CallId>,
}

/// Why a command is refused. The API's code for each is in `server::contract::codes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// No such agent in the account (6701).
    AgentUnknown,
    /// The agent was deleted (6703).
    AgentDeleted,
    /// The agent is disabled (6702).
    AgentDisabled,
    /// The agent is locked (6730).
    AgentLocked,
    /// The agent has not signed in, or is invalid (state 9) (6708).
    AgentOffline,
    /// No licence of the agent's edition is left (6704).
    NoLicence,
    /// The agent's edition has no call ability (2020).
    EditionWithoutCalls,
    /// The agent has no phone of the wanted login type (6705).
    NoPhone,
    /// In a call: another must not begin (6713).
    InCall,
    /// In a call: the state must not change (6714).
    InCallNoChange,
    /// Not in a call (6712).
    NotInCall,
    /// Nothing to hang up (6715).
    NothingToHangUp,
    /// The agent's SIP phone is not registered (6722).
    PhoneNotRegistered,
    /// The account's balance is used up (2021).
    NoBalance,
    /// The risk check forbids the call (6727).
    RiskForbidden,
    /// The risk check cannot be asked (6726).
    RiskUnavailable,
    /// `calleeCallerNumber` is not a number of the account (40000).
    CustomerShownNotOwned,
    /// `agentCallerNumber` is not a number of the account (40000).
    AgentShownNotOwned,
    /// `group` is unknown or empty (40000).
    GroupUnknown,
    /// The account has no number to show (40000 on `calleeCallerNumber`).
    NoShownNumber,
    /// Who listens is no supervisor (40000 on `listenAgent`).
    NotSupervisor,
    /// A supervisor cannot do this to itself (40000 on `agentNumber`).
    ToOneself,
    /// No such IVR (40000 on the field that names it).
    IvrUnknown,
    /// No such queue (40000 on `number`).
    QueueUnknown,
    /// `callerDisplayNumber` of a `webcall` is not a number of the account (40000).
    CallerDisplayNotOwned,
    /// `calleeDisplayNumber` of a `webcall` is not a number of the account (40000).
    CalleeDisplayNotOwned,
    /// The account was removed (6717).
    AccountRemoved,
    /// The account is disabled (6718).
    AccountDisabled,
    /// The log cannot be written, or too much waits for it (6700).
    LogUnavailable,
    /// The server cannot take it now; nothing was done (6700).
    Overloaded,
    /// A limit is reached; nothing was begun (6700).
    Full(Limit),
}

/// What there is no room for, with how much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Limit {
    /// Calls of the account at once.
    Calls(usize),
    /// Calls of the account begun within a second.
    CallsPerSecond(usize),
    /// Calls at once that show a number, or any number of a group.
    CallsOfNumber(usize),
    /// Channels of the account's trunks.
    Channels(usize),
    /// Legs of the server, those reserved for calls that come in left out.
    Legs(usize),
    /// Parties of a call.
    Parties(usize),
}
