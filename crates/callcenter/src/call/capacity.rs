//! Whether there is room for one more call, before anything of it begins. A call that begins has room for all of it: what its
//! customer's leg will need is kept for it.

use super::Call;
use crate::command::{Limit, LoginType, Refusal};
use crate::decide::View;
use crate::limits::{CALL_LEGS_MAX, PARTIES_MAX};
use crate::surroundings::Left;

/// Legs of a call.
const LEGS: usize = 2;

/// Refuses a call of an agent signed in as `login` that there is no room for.
pub(crate) fn check(view: View<'_>, login: LoginType) -> Result<(), Refusal> {
    let (account, room) = (view.account(), view.around.room);
    if view.state.living.len() >= account.calls_max {
        return Err(Refusal::Full(Limit::Calls(account.calls_max)));
    }
    if let Some(max) = account.calls_per_s_max
        && view.around.begun_lately(view.now.mono) >= max
    {
        return Err(Refusal::Full(Limit::CallsPerSecond(max)));
    }
    let channels = match login {
        LoginType::Pstn => LEGS,
        LoginType::Sip | LoginType::WebRtc => 1,
    };
    check_left(room.channels, channels, Limit::Channels)?;
    check_left(room.legs, LEGS, Limit::Legs)
}

/// Refuses a party that there is no room for in a call, or in its account or the server.
pub(crate) fn check_party(view: View<'_>, call: &Call, by_trunk: bool) -> Result<(), Refusal> {
    let room = view.around.room;
    check_legs(view, call, 1)?;
    if by_trunk {
        check_left(room.channels, 1, Limit::Channels)?;
    }
    Ok(())
}

/// Refuses so many legs more of a call.
pub(crate) fn check_legs(view: View<'_>, call: &Call, more: usize) -> Result<(), Refusal> {
    if call.living_legs().count() + more > PARTIES_MAX || call.legs.len() + more > CALL_LEGS_MAX {
        return Err(Refusal::Full(Limit::Parties(PARTIES_MAX)));
    }
    check_left(view.around.room.legs, more, Limit::Legs)
}

fn check_left(left: Option<Left>, wanted: usize, limit: fn(usize) -> Limit) -> Result<(), Refusal> {
    match left {
        Some(Left { free, of }) if free < wanted => Err(Refusal::Full(limit(of))),
        Some(_) | None => Ok(()),
    }
}
