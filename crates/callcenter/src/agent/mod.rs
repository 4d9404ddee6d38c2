//! Agents: what a person chose (presence), what the system does with them (activity), and what both show.

pub(crate) mod activity;
pub(crate) mod licence;
pub(crate) mod presence;

use base::Wall;

use crate::command::{Choice, LoginType};

/// An agent who is signed in. What the agent does on the phone is not stored here: it is read from the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// With which phone.
    pub(crate) login: LoginType,
    /// What the agent chose.
    pub(crate) choice: Choice,
    /// Until when the agent is in wrap-up, if in one. A timer ends it; this is for the restart.
    pub(crate) wrap_up_until: Option<Wall>,
    /// The state number told last; `None` right after signing in.
    pub(crate) shown: Option<u16>,
}

impl SignedIn {
    pub(crate) fn new(login: LoginType, choice: Choice) -> SignedIn {
        SignedIn { login, choice, wrap_up_until: None, shown: None }
    }
}
