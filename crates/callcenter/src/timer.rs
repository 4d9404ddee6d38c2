use base::CallId;

/// Why something will happen later. Timers are derived from events and never logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// The agent's phone may not ring longer.
    AgentRing(CallId),
    /// The customer's phone may not ring longer.
    CustomerRing(CallId),
    /// Where an inbound route leads it may not ring longer.
    DestinationRing(CallId),
    /// The call may not last longer.
    CallAge(CallId),
    /// The record of a call that is over may not wait longer for the recording's length and the legs' last words.
    RecordingWait(CallId),
    /// The wrap-up of the agent with this number is over.
    WrapUp(String),
}

impl TimerKind {
    /// The call it is about, if it is about one.
    pub fn call(&self) -> Option<CallId> {
        match self {
            TimerKind::AgentRing(call)
            | TimerKind::CustomerRing(call)
            | TimerKind::DestinationRing(call)
            | TimerKind::CallAge(call)
            | TimerKind::RecordingWait(call) => Some(*call),
            TimerKind::WrapUp(_) => None,
        }
    }

    /// All timers a call can have.
    pub(crate) fn all_of(call: CallId) -> [TimerKind; 5] {
        [
            TimerKind::AgentRing(call),
            TimerKind::CustomerRing(call),
            TimerKind::DestinationRing(call),
            TimerKind::CallAge(call),
            TimerKind::RecordingWait(call),
        ]
    }
}
