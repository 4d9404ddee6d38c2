//! Every situation of a call, and who goes away in it: what becomes of the call, of its agents, and of the records of its parties.

use std::fmt::Write as _;
use std::time::Duration;

use base::{CallId, LegId};
use callcenter::TimerKind;
use callcenter::command::{Command, Forced};
use callcenter::config::{Account, WithoutCustomer};
use callcenter::event::Event;
use callcenter::event::Role::{self, Agent, Customer, Outside, Supervisor};
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, Failure, Signal};

use crate::desk::{Desk, bye, far, lost};
use crate::situations::{IN_CALL, Situation, a, desk_in, leg, obey};

/// Who, or what, ends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    /// The phone of 8000 refuses or hangs up; so below.
    AgentPhone,
    CustomerPhone,
    /// That of 8005, or of the number outside.
    OtherPhone,
    SupervisorPhone,
    AgentLost,
    CustomerLost,
    OtherLost,
    /// The API's `hangup` of 8000, 8005, 8002.
    HangupOfAgent,
    HangupOfOther,
    HangupOfSupervisor,
    ForceHangup,
    ForceOffline,
    /// The next phone has rung for too long.
    RingTime,
    CallAge,
    Restart,
    ShutDown,
}

use Goes::{
    AgentLost, AgentPhone, CallAge, CustomerLost, CustomerPhone, ForceHangup, ForceOffline, HangupOfAgent,
    HangupOfOther, HangupOfSupervisor, OtherLost, OtherPhone, Restart, RingTime, ShutDown, SupervisorPhone,
};
use Situation as S;

const ALL: [Goes; 16] = [
    AgentPhone,
    CustomerPhone,
    OtherPhone,
    SupervisorPhone,
    AgentLost,
    CustomerLost,
    OtherLost,
    HangupOfAgent,
    HangupOfOther,
    HangupOfSupervisor,
    ForceHangup,
    ForceOffline,
    RingTime,
    CallAge,
    Restart,
    ShutDown,
];

/// The situation, who goes, and what comes of it.
type Case = (Situation, Goes, &'static str);

/// What comes of it: whether the call goes on, or who ended it and how it failed; what its agents show (`-`: signed out); who was
/// told not to have come; the records of parties that are complete a second later.
#[rustfmt::skip]
const TABLE: &[Case] = &[
    (S::AgentCalled, AgentPhone, "AgentNoAnswer by Agent Decline; 8000 0"),
    (S::AgentCalled, AgentLost, "AgentNoAnswer by System ServiceUnavailable; 8000 0"),
    (S::AgentCalled, HangupOfAgent, "AgentNoAnswer by Agent Cancel; 8000 0"),
    (S::AgentCalled, ForceHangup, "AgentNoAnswer by Agent Cancel; 8000 0"),
    (S::AgentCalled, ForceOffline, "AgentNoAnswer by Agent Cancel; 8000 -"),
    (S::AgentCalled, RingTime, "AgentNoAnswer by System RequestTimeout; 8000 0"),
    (S::AgentCalled, CallAge, "AgentNoAnswer by System RequestTimeout; 8000 0"),
    (S::AgentCalled, Restart, "AgentNoAnswer by System Unknown; 8000 0"),
    (S::AgentCalled, ShutDown, "AgentNoAnswer by System RequestTimeout; 8000 0"),
    (S::AgentRings, AgentPhone, "AgentNoAnswer by Agent Decline; 8000 0"),
    (S::AgentRings, AgentLost, "AgentNoAnswer by System ServiceUnavailable; 8000 0"),
    (S::AgentRings, HangupOfAgent, "AgentNoAnswer by Agent Cancel; 8000 0"),
    (S::AgentRings, ForceHangup, "AgentNoAnswer by Agent Cancel; 8000 0"),
    (S::AgentRings, ForceOffline, "AgentNoAnswer by Agent Cancel; 8000 -"),
    (S::AgentRings, RingTime, "AgentNoAnswer by System RequestTimeout; 8000 0"),
    (S::AgentRings, CallAge, "AgentNoAnswer by System RequestTimeout; 8000 0"),
    (S::AgentRings, Restart, "AgentNoAnswer by System Unknown; 8000 0"),
    (S::AgentRings, ShutDown, "AgentNoAnswer by System RequestTimeout; 8000 0"),
    (S::CustomerRings, AgentPhone, "CustomerNoAnswer by Agent Cancel; 8000 0"),
    (S::CustomerRings, CustomerPhone, "CustomerNoAnswer by Customer Decline; 8000 0"),
    (S::CustomerRings, AgentLost, "CustomerNoAnswer by System Unknown; 8000 0"),
    (S::CustomerRings, CustomerLost, "CustomerNoAnswer by System ServiceUnavailable; 8000 0"),
    (S::CustomerRings, HangupOfAgent, "CustomerNoAnswer by Agent Cancel; 8000 0"),
    (S::CustomerRings, ForceHangup, "CustomerNoAnswer by Agent Cancel; 8000 0"),
    (S::CustomerRings, ForceOffline, "CustomerNoAnswer by Agent Cancel; 8000 -"),
    (S::CustomerRings, RingTime, "CustomerNoAnswer by System RequestTimeout; 8000 0"),
    (S::CustomerRings, CallAge, "CustomerNoAnswer by System RequestTimeout; 8000 0"),
    (S::CustomerRings, Restart, "CustomerNoAnswer by System Unknown; 8000 0"),
    (S::CustomerRings, ShutDown, "CustomerNoAnswer by System RequestTimeout; 8000 0"),
    (S::Talks, AgentPhone, "Answer by Agent None; 8000 5"),
    (S::Talks, CustomerPhone, "Answer by Customer None; 8000 5"),
    (S::Talks, AgentLost, "Answer by System Unknown; 8000 5"),
    (S::Talks, CustomerLost, "Answer by System Unknown; 8000 5"),
    (S::Talks, HangupOfAgent, "Answer by Agent None; 8000 5"),
    (S::Talks, ForceHangup, "Answer by Agent None; 8000 5"),
    (S::Talks, ForceOffline, "Answer by Agent None; 8000 -"),
    (S::Talks, CallAge, "Answer by System None; 8000 5"),
    (S::Talks, Restart, "Answer by System Unknown; 8000 5"),
    (S::Talks, ShutDown, "Answer by System None; 8000 5"),
    (S::Holds, AgentPhone, "Answer by Agent None; 8000 5"),
    (S::Holds, CustomerPhone, "Answer by Customer None; 8000 5"),
    (S::Holds, AgentLost, "Answer by System Unknown; 8000 5"),
    (S::Holds, CustomerLost, "Answer by System Unknown; 8000 5"),
    (S::Holds, HangupOfAgent, "Answer by Agent None; 8000 5"),
    (S::Holds, ForceHangup, "Answer by Agent None; 8000 5"),
    (S::Holds, ForceOffline, "Answer by Agent None; 8000 -"),
    (S::Holds, CallAge, "Answer by System None; 8000 5"),
    (S::Holds, Restart, "Answer by System Unknown; 8000 5"),
    (S::Holds, ShutDown, "Answer by System None; 8000 5"),
    (S::Muted, AgentPhone, "Answer by Agent None; 8000 5"),
    (S::Muted, CustomerPhone, "Answer by Customer None; 8000 5"),
    (S::Muted, AgentLost, "Answer by System Unknown; 8000 5"),
    (S::Muted, CustomerLost, "Answer by System Unknown; 8000 5"),
    (S::Muted, HangupOfAgent, "Answer by Agent None; 8000 5"),
    (S::Muted, ForceHangup, "Answer by Agent None; 8000 5"),
    (S::Muted, ForceOffline, "Answer by Agent None; 8000 -"),
    (S::Muted, CallAge, "Answer by System None; 8000 5"),
    (S::Muted, Restart, "Answer by System Unknown; 8000 5"),
    (S::Muted, ShutDown, "Answer by System None; 8000 5"),
    (S::HoldsMuted, AgentPhone, "Answer by Agent None; 8000 5"),
    (S::HoldsMuted, CustomerPhone, "Answer by Customer None; 8000 5"),
    (S::HoldsMuted, AgentLost, "Answer by System Unknown; 8000 5"),
    (S::HoldsMuted, CustomerLost, "Answer by System Unknown; 8000 5"),
    (S::HoldsMuted, HangupOfAgent, "Answer by Agent None; 8000 5"),
    (S::HoldsMuted, ForceHangup, "Answer by Agent None; 8000 5"),
    (S::HoldsMuted, ForceOffline, "Answer by Agent None; 8000 -"),
    (S::HoldsMuted, CallAge, "Answer by System None; 8000 5"),
    (S::HoldsMuted, Restart, "Answer by System Unknown; 8000 5"),
    (S::HoldsMuted, ShutDown, "Answer by System None; 8000 5"),
    (S::Transfers, AgentPhone, "goes on; 8000 5, 8005 2"),
    (S::Transfers, CustomerPhone, "Answer by Customer None; 8000 5, 8005 0; Transfer AgentNoAnswer by Customer Cancel"),
    (S::Transfers, OtherPhone, "goes on; 8000 4, 8005 0; Transfer failed Decline; Transfer AgentNoAnswer by Agent Decline"),
    (S::Transfers, AgentLost, "goes on; 8000 5, 8005 2"),
    (S::Transfers, CustomerLost, "Answer by System Unknown; 8000 5, 8005 0; Transfer AgentNoAnswer by System Cancel"),
    (S::Transfers, OtherLost, "goes on; 8000 4, 8005 0; Transfer failed ServiceUnavailable; Transfer AgentNoAnswer by System ServiceUnavailable"),
    (S::Transfers, HangupOfAgent, "Answer by Agent None; 8000 5, 8005 0; Transfer AgentNoAnswer by Agent Cancel"),
    (S::Transfers, HangupOfOther, "goes on; 8000 4, 8005 0; Transfer failed Decline; Transfer AgentNoAnswer by Agent Decline"),
    (S::Transfers, ForceHangup, "Answer by Agent None; 8000 5, 8005 0; Transfer AgentNoAnswer by Agent Cancel"),
    (S::Transfers, ForceOffline, "Answer by Agent None; 8000 -, 8005 0; Transfer AgentNoAnswer by Agent Cancel"),
    (S::Transfers, RingTime, "goes on; 8000 4, 8005 0; Transfer failed RequestTimeout; Transfer AgentNoAnswer by System RequestTimeout"),
    (S::Transfers, CallAge, "Answer by System None; 8000 5, 8005 0; Transfer AgentNoAnswer by System Cancel"),
    (S::Transfers, Restart, "Answer by System Unknown; 8000 5, 8005 8; Transfer AgentNoAnswer by System Unknown"),
    (S::Transfers, ShutDown, "Answer by System None; 8000 5, 8005 0; Transfer AgentNoAnswer by System Cancel"),
    (S::TransfersOut, AgentPhone, "goes on; 8000 5"),
    (S::TransfersOut, CustomerPhone, "Answer by Customer None; 8000 5; Transfer CustomerNoAnswer by Customer Cancel"),
    (S::TransfersOut, OtherPhone, "goes on; 8000 4; Transfer failed Decline; Transfer CustomerNoAnswer by Customer Decline"),
    (S::TransfersOut, AgentLost, "goes on; 8000 5"),
    (S::TransfersOut, CustomerLost, "Answer by System Unknown; 8000 5; Transfer CustomerNoAnswer by System Cancel"),
    (S::TransfersOut, OtherLost, "goes on; 8000 4; Transfer failed ServiceUnavailable; Transfer CustomerNoAnswer by System ServiceUnavailable"),
    (S::TransfersOut, HangupOfAgent, "Answer by Agent None; 8000 5; Transfer CustomerNoAnswer by Agent Cancel"),
    (S::TransfersOut, ForceHangup, "Answer by Agent None; 8000 5; Transfer CustomerNoAnswer by Agent Cancel"),
    (S::TransfersOut, ForceOffline, "Answer by Agent None; 8000 -; Transfer CustomerNoAnswer by Agent Cancel"),
    (S::TransfersOut, RingTime, "goes on; 8000 4; Transfer failed RequestTimeout; Transfer CustomerNoAnswer by System RequestTimeout"),
    (S::TransfersOut, CallAge, "Answer by System None; 8000 5; Transfer CustomerNoAnswer by System Cancel"),
    (S::TransfersOut, Restart, "Answer by System Unknown; 8000 5; Transfer CustomerNoAnswer by System Unknown"),
    (S::TransfersOut, ShutDown, "Answer by System None; 8000 5; Transfer CustomerNoAnswer by System Cancel"),
    (S::TransfersAlone, CustomerPhone, "Answer by Customer None; 8000 5, 8005 0; Transfer AgentNoAnswer by Customer Cancel"),
    (S::TransfersAlone, OtherPhone, "Answer by Agent Decline; 8000 5, 8005 0; Transfer failed Decline; Transfer AgentNoAnswer by Agent Decline"),
    (S::TransfersAlone, CustomerLost, "Answer by System Unknown; 8000 5, 8005 0; Transfer AgentNoAnswer by System Cancel"),
    (S::TransfersAlone, OtherLost, "Answer by System ServiceUnavailable; 8000 5, 8005 0; Transfer failed ServiceUnavailable; Transfer AgentNoAnswer by System ServiceUnavailable"),
    (S::TransfersAlone, HangupOfOther, "Answer by Agent Decline; 8000 5, 8005 0; Transfer failed Decline; Transfer AgentNoAnswer by Agent Decline"),
    (S::TransfersAlone, RingTime, "Answer by System RequestTimeout; 8000 0, 8005 0; Transfer failed RequestTimeout; Transfer AgentNoAnswer by System RequestTimeout"),
    (S::TransfersAlone, CallAge, "Answer by System None; 8000 0, 8005 0; Transfer AgentNoAnswer by System Cancel"),
    (S::TransfersAlone, Restart, "Answer by System Unknown; 8000 5, 8005 8; Transfer AgentNoAnswer by System Unknown"),
    (S::TransfersAlone, ShutDown, "Answer by System None; 8000 5, 8005 0; Transfer AgentNoAnswer by System Cancel"),
    (S::CallsToConsult, AgentPhone, "Answer by Agent None; 8000 5, 8005 0; Consult AgentNoAnswer by Agent Cancel"),
    (S::CallsToConsult, CustomerPhone, "Answer by Customer None; 8000 5, 8005 0; Consult AgentNoAnswer by Customer Cancel"),
    (S::CallsToConsult, OtherPhone, "goes on; 8000 4, 8005 0; Consult failed Decline; Consult AgentNoAnswer by Agent Decline"),
    (S::CallsToConsult, AgentLost, "Answer by System Unknown; 8000 5, 8005 0; Consult AgentNoAnswer by System Cancel"),
    (S::CallsToConsult, CustomerLost, "Answer by System Unknown; 8000 5, 8005 0; Consult AgentNoAnswer by System Cancel"),
    (S::CallsToConsult, OtherLost, "goes on; 8000 4, 8005 0; Consult failed ServiceUnavailable; Consult AgentNoAnswer by System ServiceUnavailable"),
    (S::CallsToConsult, HangupOfAgent, "Answer by Agent None; 8000 5, 8005 0; Consult AgentNoAnswer by Agent Cancel"),
    (S::CallsToConsult, HangupOfOther, "goes on; 8000 4, 8005 0; Consult failed Decline; Consult AgentNoAnswer by Agent Decline"),
    (S::CallsToConsult, ForceHangup, "Answer by Agent None; 8000 5, 8005 0; Consult AgentNoAnswer by Agent Cancel"),
    (S::CallsToConsult, ForceOffline, "Answer by Agent None; 8000 -, 8005 0; Consult AgentNoAnswer by Agent Cancel"),
    (S::CallsToConsult, RingTime, "goes on; 8000 4, 8005 0; Consult failed RequestTimeout; Consult AgentNoAnswer by System RequestTimeout"),
    (S::CallsToConsult, CallAge, "Answer by System None; 8000 5, 8005 0; Consult AgentNoAnswer by System Cancel"),
    (S::CallsToConsult, Restart, "Answer by System Unknown; 8000 5, 8005 8; Consult AgentNoAnswer by System Unknown"),
    (S::CallsToConsult, ShutDown, "Answer by System None; 8000 5, 8005 0; Consult AgentNoAnswer by System Cancel"),
    (S::CallsOutToConsult, AgentPhone, "Answer by Agent None; 8000 5; Consult CustomerNoAnswer by Agent Cancel"),
    (S::CallsOutToConsult, CustomerPhone, "Answer by Customer None; 8000 5; Consult CustomerNoAnswer by Customer Cancel"),
    (S::CallsOutToConsult, OtherPhone, "goes on; 8000 4; Consult failed Decline; Consult CustomerNoAnswer by Customer Decline"),
    (S::CallsOutToConsult, AgentLost, "Answer by System Unknown; 8000 5; Consult CustomerNoAnswer by System Cancel"),
    (S::CallsOutToConsult, CustomerLost, "Answer by System Unknown; 8000 5; Consult CustomerNoAnswer by System Cancel"),
    (S::CallsOutToConsult, OtherLost, "goes on; 8000 4; Consult failed ServiceUnavailable; Consult CustomerNoAnswer by System ServiceUnavailable"),
    (S::CallsOutToConsult, HangupOfAgent, "Answer by Agent None; 8000 5; Consult CustomerNoAnswer by Agent Cancel"),
    (S::CallsOutToConsult, ForceHangup, "Answer by Agent None; 8000 5; Consult CustomerNoAnswer by Agent Cancel"),
    (S::CallsOutToConsult, ForceOffline, "Answer by Agent None; 8000 -; Consult CustomerNoAnswer by Agent Cancel"),
    (S::CallsOutToConsult, RingTime, "goes on; 8000 4; Consult failed RequestTimeout; Consult CustomerNoAnswer by System RequestTimeout"),
    (S::CallsOutToConsult, CallAge, "Answer by System None; 8000 5; Consult CustomerNoAnswer by System Cancel"),
    (S::CallsOutToConsult, Restart, "Answer by System Unknown; 8000 5; Consult CustomerNoAnswer by System Unknown"),
    (S::CallsOutToConsult, ShutDown, "Answer by System None; 8000 5; Consult CustomerNoAnswer by System Cancel"),
    (S::Consults, AgentPhone, "Answer by Agent None; 8000 5, 8005 0; Consult Answer by Agent None"),
    (S::Consults, CustomerPhone, "Answer by Customer None; 8000 5, 8005 0; Consult Answer by Customer None"),
    (S::Consults, OtherPhone, "goes on; 8000 4, 8005 0; Consult Answer by Agent None"),
    (S::Consults, AgentLost, "Answer by System Unknown; 8000 5, 8005 0; Consult Answer by System None"),
    (S::Consults, CustomerLost, "Answer by System Unknown; 8000 5, 8005 0; Consult Answer by System None"),
    (S::Consults, OtherLost, "goes on; 8000 4, 8005 0; Consult Answer by System Unknown"),
    (S::Consults, HangupOfAgent, "Answer by Agent None; 8000 5, 8005 0; Consult Answer by Agent None"),
    (S::Consults, HangupOfOther, "goes on; 8000 4, 8005 0; Consult Answer by Agent None"),
    (S::Consults, ForceHangup, "Answer by Agent None; 8000 5, 8005 0; Consult Answer by Agent None"),
    (S::Consults, ForceOffline, "Answer by Agent None; 8000 -, 8005 0; Consult Answer by Agent None"),
    (S::Consults, CallAge, "Answer by System None; 8000 5, 8005 0; Consult Answer by System None"),
    (S::Consults, Restart, "Answer by System Unknown; 8000 5, 8005 8; Consult Answer by System Unknown"),
    (S::Consults, ShutDown, "Answer by System None; 8000 5, 8005 0; Consult Answer by System None"),
    (S::ConsultsOut, AgentPhone, "Answer by Agent None; 8000 5; Consult Answer by Agent None"),
    (S::ConsultsOut, CustomerPhone, "Answer by Customer None; 8000 5; Consult Answer by Customer None"),
    (S::ConsultsOut, OtherPhone, "goes on; 8000 4; Consult Answer by Customer None"),
    (S::ConsultsOut, AgentLost, "Answer by System Unknown; 8000 5; Consult Answer by System None"),
    (S::ConsultsOut, CustomerLost, "Answer by System Unknown; 8000 5; Consult Answer by System None"),
    (S::ConsultsOut, OtherLost, "goes on; 8000 4; Consult Answer by System Unknown"),
    (S::ConsultsOut, HangupOfAgent, "Answer by Agent None; 8000 5; Consult Answer by Agent None"),
    (S::ConsultsOut, ForceHangup, "Answer by Agent None; 8000 5; Consult Answer by Agent None"),
    (S::ConsultsOut, ForceOffline, "Answer by Agent None; 8000 -; Consult Answer by Agent None"),
    (S::ConsultsOut, CallAge, "Answer by System None; 8000 5; Consult Answer by System None"),
    (S::ConsultsOut, Restart, "Answer by System Unknown; 8000 5; Consult Answer by System Unknown"),
    (S::ConsultsOut, ShutDown, "Answer by System None; 8000 5; Consult Answer by System None"),
    (S::ThreeTalk, AgentPhone, "goes on; 8000 5, 8005 4"),
    (S::ThreeTalk, CustomerPhone, "Answer by Customer None; 8000 5, 8005 5; Conference Answer by Customer None"),
    (S::ThreeTalk, OtherPhone, "goes on; 8000 4, 8005 5; Conference Answer by Agent None"),
    (S::ThreeTalk, AgentLost, "goes on; 8000 5, 8005 4"),
    (S::ThreeTalk, CustomerLost, "Answer by System Unknown; 8000 5, 8005 5; Conference Answer by System None"),
    (S::ThreeTalk, OtherLost, "goes on; 8000 4, 8005 5; Conference Answer by System Unknown"),
    (S::ThreeTalk, HangupOfAgent, "goes on; 8000 5, 8005 4"),
    (S::ThreeTalk, HangupOfOther, "goes on; 8000 4, 8005 5; Conference Answer by Agent None"),
    (S::ThreeTalk, ForceHangup, "goes on; 8000 5, 8005 4"),
    (S::ThreeTalk, ForceOffline, "goes on; 8000 -, 8005 4"),
    (S::ThreeTalk, CallAge, "Answer by System None; 8000 5, 8005 5; Conference Answer by System None"),
    (S::ThreeTalk, Restart, "Answer by System Unknown; 8000 5, 8005 8; Conference Answer by System Unknown"),
    (S::ThreeTalk, ShutDown, "Answer by System None; 8000 5, 8005 5; Conference Answer by System None"),
    (S::ThreeTalkOut, AgentPhone, "goes on; 8000 5"),
    (S::ThreeTalkOut, CustomerPhone, "Answer by Customer None; 8000 5; Conference Answer by Customer None"),
    (S::ThreeTalkOut, OtherPhone, "goes on; 8000 4; Conference Answer by Customer None"),
    (S::ThreeTalkOut, AgentLost, "goes on; 8000 5"),
    (S::ThreeTalkOut, CustomerLost, "Answer by System Unknown; 8000 5; Conference Answer by System None"),
    (S::ThreeTalkOut, OtherLost, "goes on; 8000 4; Conference Answer by System Unknown"),
    (S::ThreeTalkOut, HangupOfAgent, "goes on; 8000 5"),
    (S::ThreeTalkOut, ForceHangup, "goes on; 8000 5"),
    (S::ThreeTalkOut, ForceOffline, "goes on; 8000 -"),
    (S::ThreeTalkOut, CallAge, "Answer by System None; 8000 5; Conference Answer by System None"),
    (S::ThreeTalkOut, Restart, "Answer by System Unknown; 8000 5; Conference Answer by System Unknown"),
    (S::ThreeTalkOut, ShutDown, "Answer by System None; 8000 5; Conference Answer by System None"),
    (S::Transferred, CustomerPhone, "Answer by Customer None; 8000 5, 8005 5; Transfer Answer by Customer None"),
    (S::Transferred, OtherPhone, "Answer by Agent None; 8000 5, 8005 5; Transfer Answer by Agent None"),
    (S::Transferred, CustomerLost, "Answer by System Unknown; 8000 5, 8005 5; Transfer Answer by System None"),
    (S::Transferred, OtherLost, "Answer by System Unknown; 8000 5, 8005 5; Transfer Answer by System Unknown"),
    (S::Transferred, HangupOfOther, "Answer by Agent None; 8000 5, 8005 5; Transfer Answer by Agent None"),
    (S::Transferred, CallAge, "Answer by System None; 8000 0, 8005 5; Transfer Answer by System None"),
    (S::Transferred, Restart, "Answer by System Unknown; 8000 5, 8005 8; Transfer Answer by System Unknown"),
    (S::Transferred, ShutDown, "Answer by System None; 8000 5, 8005 5; Transfer Answer by System None"),
    (S::TransferredOut, CustomerPhone, "Answer by Customer None; 8000 5; Transfer Answer by Customer None"),
    (S::TransferredOut, OtherPhone, "Answer by Agent None; 8000 5; Transfer Answer by Customer None"),
    (S::TransferredOut, CustomerLost, "Answer by System Unknown; 8000 5; Transfer Answer by System None"),
    (S::TransferredOut, OtherLost, "Answer by System Unknown; 8000 5; Transfer Answer by System Unknown"),
    (S::TransferredOut, CallAge, "Answer by System None; 8000 0; Transfer Answer by System None"),
    (S::TransferredOut, Restart, "Answer by System Unknown; 8000 5; Transfer Answer by System Unknown"),
    (S::TransferredOut, ShutDown, "Answer by System None; 8000 5; Transfer Answer by System None"),
    (S::SupervisorRings, AgentPhone, "Answer by Agent None; 8000 5, 8002 0"),
    (S::SupervisorRings, CustomerPhone, "Answer by Customer None; 8000 5, 8002 0"),
    (S::SupervisorRings, SupervisorPhone, "goes on; 8000 4, 8002 0"),
    (S::SupervisorRings, AgentLost, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::SupervisorRings, CustomerLost, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::SupervisorRings, HangupOfAgent, "Answer by Agent None; 8000 5, 8002 0"),
    (S::SupervisorRings, HangupOfSupervisor, "goes on; 8000 4, 8002 0"),
    (S::SupervisorRings, ForceHangup, "Answer by Agent None; 8000 5, 8002 0"),
    (S::SupervisorRings, ForceOffline, "Answer by Agent None; 8000 -, 8002 0"),
    (S::SupervisorRings, RingTime, "goes on; 8000 4, 8002 0"),
    (S::SupervisorRings, CallAge, "Answer by System None; 8000 5, 8002 0"),
    (S::SupervisorRings, Restart, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::SupervisorRings, ShutDown, "Answer by System None; 8000 5, 8002 0"),
    (S::Listens, AgentPhone, "Answer by Agent None; 8000 5, 8002 0"),
    (S::Listens, CustomerPhone, "Answer by Customer None; 8000 5, 8002 0"),
    (S::Listens, SupervisorPhone, "goes on; 8000 4, 8002 0"),
    (S::Listens, AgentLost, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::Listens, CustomerLost, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::Listens, HangupOfAgent, "Answer by Agent None; 8000 5, 8002 0"),
    (S::Listens, HangupOfSupervisor, "goes on; 8000 4, 8002 0"),
    (S::Listens, ForceHangup, "Answer by Agent None; 8000 5, 8002 0"),
    (S::Listens, ForceOffline, "Answer by Agent None; 8000 -, 8002 0"),
    (S::Listens, CallAge, "Answer by System None; 8000 5, 8002 0"),
    (S::Listens, Restart, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::Listens, ShutDown, "Answer by System None; 8000 5, 8002 0"),
    (S::Whispers, AgentPhone, "Answer by Agent None; 8000 5, 8002 0"),
    (S::Whispers, CustomerPhone, "Answer by Customer None; 8000 5, 8002 0"),
    (S::Whispers, SupervisorPhone, "goes on; 8000 4, 8002 0"),
    (S::Whispers, AgentLost, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::Whispers, CustomerLost, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::Whispers, HangupOfAgent, "Answer by Agent None; 8000 5, 8002 0"),
    (S::Whispers, HangupOfSupervisor, "goes on; 8000 4, 8002 0"),
    (S::Whispers, ForceHangup, "Answer by Agent None; 8000 5, 8002 0"),
    (S::Whispers, ForceOffline, "Answer by Agent None; 8000 -, 8002 0"),
    (S::Whispers, CallAge, "Answer by System None; 8000 5, 8002 0"),
    (S::Whispers, Restart, "Answer by System Unknown; 8000 5, 8002 0"),
    (S::Whispers, ShutDown, "Answer by System None; 8000 5, 8002 0"),
    (S::Barged, AgentPhone, "goes on; 8000 5, 8002 4"),
    (S::Barged, CustomerPhone, "Answer by Customer None; 8000 5, 8002 5; Conference Answer by Customer None"),
    (S::Barged, SupervisorPhone, "goes on; 8000 4, 8002 5; Conference Answer by Agent None"),
    (S::Barged, AgentLost, "goes on; 8000 5, 8002 4"),
    (S::Barged, CustomerLost, "Answer by System Unknown; 8000 5, 8002 5; Conference Answer by System None"),
    (S::Barged, HangupOfAgent, "goes on; 8000 5, 8002 4"),
    (S::Barged, HangupOfSupervisor, "goes on; 8000 4, 8002 5; Conference Answer by Agent None"),
    (S::Barged, ForceHangup, "goes on; 8000 5, 8002 4"),
    (S::Barged, ForceOffline, "goes on; 8000 -, 8002 4"),
    (S::Barged, CallAge, "Answer by System None; 8000 5, 8002 5; Conference Answer by System None"),
    (S::Barged, Restart, "Answer by System Unknown; 8000 5, 8002 5; Conference Answer by System Unknown"),
    (S::Barged, ShutDown, "Answer by System None; 8000 5, 8002 5; Conference Answer by System None"),
    (S::TookOver, CustomerPhone, "Answer by Customer None; 8000 5, 8002 5; Transfer Answer by Customer None"),
    (S::TookOver, SupervisorPhone, "Answer by Agent None; 8000 5, 8002 5; Transfer Answer by Agent None"),
    (S::TookOver, CustomerLost, "Answer by System Unknown; 8000 5, 8002 5; Transfer Answer by System None"),
    (S::TookOver, HangupOfSupervisor, "Answer by Agent None; 8000 5, 8002 5; Transfer Answer by Agent None"),
    (S::TookOver, CallAge, "Answer by System None; 8000 0, 8002 5; Transfer Answer by System None"),
    (S::TookOver, Restart, "Answer by System Unknown; 8000 5, 8002 5; Transfer Answer by System Unknown"),
    (S::TookOver, ShutDown, "Answer by System None; 8000 5, 8002 5; Transfer Answer by System None"),
];

/// Where the account lets others go on without the customer, this is otherwise.
#[rustfmt::skip]
const GOING_ON: &[Case] = &[
    (S::CallsToConsult, CustomerPhone, "goes on; 8000 4, 8005 2"),
    (S::CallsToConsult, CustomerLost, "goes on; 8000 4, 8005 2"),
    (S::CallsOutToConsult, CustomerPhone, "goes on; 8000 4"),
    (S::CallsOutToConsult, CustomerLost, "goes on; 8000 4"),
    (S::Consults, CustomerPhone, "goes on; 8000 4, 8005 4"),
    (S::Consults, CustomerLost, "goes on; 8000 4, 8005 4"),
    (S::ConsultsOut, CustomerPhone, "goes on; 8000 4"),
    (S::ConsultsOut, CustomerLost, "goes on; 8000 4"),
    (S::ThreeTalk, CustomerPhone, "goes on; 8000 4, 8005 4"),
    (S::ThreeTalk, CustomerLost, "goes on; 8000 4, 8005 4"),
    (S::ThreeTalkOut, CustomerPhone, "goes on; 8000 4"),
    (S::ThreeTalkOut, CustomerLost, "goes on; 8000 4"),
    (S::Barged, CustomerPhone, "goes on; 8000 4, 8002 4"),
    (S::Barged, CustomerLost, "goes on; 8000 4, 8002 4"),
];

#[test]
fn whoever_leaves_in_whatever_situation() {
    check(|_| {}, &[TABLE]);
}

#[test]
fn whoever_leaves_where_others_go_on_without_the_customer() {
    let go_on = |account: &mut Account| {
        account.consult_without_customer = WithoutCustomer::GoOn;
        account.conference_without_customer = WithoutCustomer::GoOn;
    };
    check(go_on, &[GOING_ON, TABLE]);
}

/// Looks every case up in the first table that has it.
fn check(change: fn(&mut Account), tables: &[&[Case]]) {
    let mut wrong = Vec::new();
    for situation in IN_CALL {
        for goes in ALL {
            let mut desk = desk_in(*situation, |account| {
                change(account);
                if goes == CallAge {
                    // Before anything has rung for too long.
                    account.call_age_max = Duration::from_secs(40);
                }
            });
            let Some(told) = outcome(&mut desk, *situation, goes) else { continue };
            let find = |table: &&[Case]| {
                table.iter().find(|(s, g, _)| (*s, *g) == (*situation, goes)).map(|(.., told)| *told)
            };
            let expected = tables.iter().find_map(find).unwrap_or("nothing");
            if told != expected {
                wrong.push(format!("    (S::{situation:?}, {goes:?}, \"{told}\"),"));
            }
            finish(&mut desk);
        }
    }
    assert!(wrong.is_empty(), "otherwise:\n{}", wrong.join("\n"));
}

/// Lets it happen, and says what came of it; nothing if it cannot happen there.
fn outcome(desk: &mut Desk, situation: Situation, goes: Goes) -> Option<String> {
    let call = begun(desk);
    let before = desk.log.len();
    let agents = involved(desk);
    apply(desk, goes)?;
    let mut told = String::new();
    let shown: Vec<String> = agents
        .iter()
        .map(|agent| match desk.center.agent_state(agent) {
            Some(state) => format!("{agent} {state}"),
            None => format!("{agent} -"),
        })
        .collect();
    let lives = desk
        .log
        .iter()
        .all(|numbered| !matches!(&numbered.event, Event::CallEnded { call: facts, .. } if facts.id == call));
    obey(desk);
    desk.wait_ms(1000);
    let over = desk.records().into_iter().find(|record| record.id == call);
    assert_eq!(over.is_none(), lives, "{situation:?}, {goes:?}: its record comes within a second");
    match &over {
        Some(record) => write!(told, "{:?} by {:?} {:?}", record.status, record.side, record.failure).ok()?,
        None => told.push_str("goes on"),
    }
    write!(told, "; {}", shown.join(", ")).ok()?;
    for numbered in &desk.log[before.min(desk.log.len())..] {
        match &numbered.event {
            Event::PartyFailed { kind, cause, call: facts, .. } if facts.id == call => {
                write!(told, "; {kind:?} failed {:?}", cause.failure).ok()?;
            }
            Event::PartyRecorded { record } if record.call.id == call => {
                write!(told, "; {}", in_words(record)).ok()?;
            }
            _ => {}
        }
    }
    Some(told)
}

fn in_words(record: &CallRecord) -> String {
    format!("{:?} {:?} by {:?} {:?}", record.kind, record.status, record.side, record.failure)
}

/// The agents who are, or were, in 8000's call.
fn involved(desk: &Desk) -> Vec<String> {
    let legs = &desk.legs[2..];
    let own = |role: Role| legs.iter().filter(|(_, of)| *of == role).count();
    let mut agents = vec![a()];
    agents.extend((own(Agent) > 1).then(|| "8005".to_owned()));
    agents.extend((own(Supervisor) > 0).then(|| "8002".to_owned()));
    agents
}

/// Everything comes to rest, with one record for the call and for each of its parties, one end for every leg.
fn finish(desk: &mut Desk) {
    let _ = desk.hangup("8004");
    for agent in ["8000", "8005", "8002"] {
        let _ = desk.hangup(agent);
    }
    obey(desk);
    desk.wait_ms(5 * 3_600_000);
    assert_eq!(desk.center.next_timeout(), None, "nothing is pending at rest");
    assert_eq!(desk.center.calls().count(), 0, "no call lives at rest");
    assert_eq!(desk.records().len(), 2, "a record for each call");
    let mut parties: Vec<LegId> = desk.log.iter().filter_map(|numbered| party(&numbered.event)).collect();
    parties.sort();
    parties.dedup();
    let recorded: Vec<LegId> = desk.log.iter().filter_map(|numbered| recorded(&numbered.event)).collect();
    assert_eq!(recorded, parties, "a record for each party");
    for (leg, role) in &desk.legs {
        let ends = |event: &Event| matches!(event, Event::LegEnded { leg: ended, .. } if ended == leg);
        let count = desk.log.iter().filter(|numbered| ends(&numbered.event)).count();
        assert_eq!(count, 1, "the end of a leg of {role:?}");
    }
}

/// The leg of who was brought in otherwise than by who began the call.
fn party(event: &Event) -> Option<LegId> {
    use callcenter::event::{Joined, Place};
    match event {
        Event::LegStarted { leg, place: Place::Arriving { .. } | Place::Aside { .. }, .. }
        | Event::LegPlaced { leg, place: Place::Floor(Joined::Transfer | Joined::Conference), .. } => {
            Some(*leg)
        }
        _ => None,
    }
}

fn recorded(event: &Event) -> Option<LegId> {
    match event {
        Event::PartyRecorded { record } => Some(LegId(record.id.0)),
        _ => None,
    }
}

fn apply(desk: &mut Desk, goes: Goes) -> Option<()> {
    let other = if has(desk, Outside) { first(desk, Outside) } else { second_agent(desk) };
    match goes {
        AgentPhone => hangs_up(desk, first(desk, Agent)?)?,
        AgentLost => is_lost(desk, first(desk, Agent)?)?,
        CustomerPhone => hangs_up(desk, first(desk, Customer)?)?,
        CustomerLost => is_lost(desk, first(desk, Customer)?)?,
        OtherPhone => hangs_up(desk, other?)?,
        OtherLost => is_lost(desk, other?)?,
        SupervisorPhone => hangs_up(desk, first(desk, Supervisor)?)?,
        HangupOfAgent => asked(desk, Command::Hangup { agent: a() })?,
        HangupOfOther => asked(desk, Command::Hangup { agent: "8005".to_owned() })?,
        HangupOfSupervisor => asked(desk, Command::Hangup { agent: "8002".to_owned() })?,
        ForceHangup => asked(desk, force(Forced::Hangup))?,
        ForceOffline => {
            // Who is in no call only signs out.
            desk.center.call_of("8000")?;
            asked(desk, force(Forced::Offline))?;
        }
        RingTime => {
            let (leg, _) = desk.legs[2..].iter().copied().find(|(leg, _)| !is_answered(desk, *leg))?;
            until(desk, |timer| matches!(timer, TimerKind::LegRing(_, rings) if *rings == leg));
        }
        CallAge => {
            let id = begun(desk);
            until(desk, |timer| *timer == TimerKind::CallAge(id));
        }
        Restart => desk.restart(),
        ShutDown => desk.signal(Signal::ShutDownBegan),
    }
    Some(())
}

/// Lets time pass until this timer has come.
fn until(desk: &mut Desk, is_it: impl Fn(&TimerKind) -> bool) {
    loop {
        let (at, timer) = desk.center.next_timeout().expect("that timer is set");
        let ms = at.since(desk.now.mono).as_millis();
        desk.wait_ms(u64::try_from(ms).expect("a short time"));
        if is_it(&timer) {
            return;
        }
    }
}

fn hangs_up(desk: &mut Desk, leg: LegId) -> Option<()> {
    let cause = if is_answered(desk, leg) { bye() } else { far(486, Failure::Decline) };
    end(desk, leg, cause)
}

fn is_lost(desk: &mut Desk, leg: LegId) -> Option<()> {
    let answered = lost(200, Failure::Unknown);
    let cause = if is_answered(desk, leg) { answered } else { lost(503, Failure::ServiceUnavailable) };
    end(desk, leg, cause)
}

fn end(desk: &mut Desk, leg: LegId, cause: Cause) -> Option<()> {
    let is_over = |event: &Event| matches!(event, Event::LegEnded { leg: over, .. } if *over == leg);
    if desk.log.iter().any(|numbered| is_over(&numbered.event)) {
        return None;
    }
    desk.signal(Signal::LegEnded { leg, cause, gateway: None });
    Some(())
}

fn asked(desk: &mut Desk, command: Command) -> Option<()> {
    desk.ask(command).ok().map(|_| ())
}

fn force(what: Forced) -> Command {
    Command::Force { supervisor: "8003".to_owned(), agent: a(), what }
}

fn begun(desk: &Desk) -> CallId {
    let begun = desk.log.iter().rev().find_map(|numbered| match &numbered.event {
        Event::CallStarted { call, .. } => Some(call.id),
        _ => None,
    });
    begun.expect("a call was begun")
}

fn is_answered(desk: &Desk, leg: LegId) -> bool {
    let is = |event: &Event| matches!(event, Event::LegAnswered { leg: answered, .. } if *answered == leg);
    desk.log.iter().any(|numbered| is(&numbered.event))
}

fn has(desk: &Desk, role: Role) -> bool {
    desk.legs[2..].iter().any(|(_, of)| *of == role)
}

fn first(desk: &Desk, role: Role) -> Option<LegId> {
    has(desk, role).then(|| leg(desk, role, 1))
}

fn second_agent(desk: &Desk) -> Option<LegId> {
    let agents = desk.legs[2..].iter().filter(|(_, of)| *of == Agent);
    agents.map(|(leg, _)| *leg).nth(1)
}
