//! How much room there is for calls that an account begins, and how much of each limit is in use.
//!
//! A call that was begun will want a leg for its customer, which is kept for it: a call that is accepted is not given up half
//! way because a later one took what it needs.

use base::{AccountId, Now};
use callcenter::{Left, Room};

use crate::api::LimitUse;
use crate::switch::Switch;
use crate::trunks::TrunkNo;

/// Ports, legs, channels: what is left of `all`, once what was promised is taken away.
fn left(free: usize, promised: usize, of: usize) -> Left {
    Left { free: free.saturating_sub(promised), of }
}

impl Switch {
    /// Legs that calls of now will want yet.
    pub(crate) fn legs_promised(&self) -> usize {
        self.accounts.values().map(|account| account.center.legs_promised()).sum()
    }

    /// Channels of a trunk that calls of now will want yet, as their accounts have no other trunk.
    pub(crate) fn channels_promised(&self, trunk: TrunkNo) -> usize {
        let bound = self.accounts.iter().filter(|(account, _)| self.trunks.serves_alone(trunk, **account));
        bound.map(|(_, account)| account.center.channels_promised()).sum()
    }

    /// What there is for one more call of `account`.
    pub(crate) fn room_for_calls(&self, now: Now, account: AccountId) -> Room {
        let sharing = self.accounts.iter().filter(|(other, _)| self.trunks.share(account, **other));
        let channels_promised = sharing.map(|(_, account)| account.center.channels_promised()).sum();
        let legs_max = self.config.legs_max.saturating_sub(self.config.legs_reserved);
        let free = legs_max.saturating_sub(self.legs.len()).min(self.ports.available(now.mono));
        let channels = self.trunks.channels_of(account, |trunk| self.legs.channels(trunk));
        Room {
            legs: Some(left(free, self.legs_promised(), legs_max)),
            channels: channels.map(|(all, free)| left(free, channels_promised, all)),
        }
    }

    /// Limits and how much of each is in use. Those of trunks are told with [`Switch::trunks`].
    pub fn limits(&self) -> Vec<LimitUse> {
        let legs = LimitUse {
            limit: "legs_max",
            account: None,
            of: None,
            used: self.legs.len(),
            max: self.config.legs_max,
        };
        let of_accounts = self.accounts.iter().flat_map(|(id, account)| {
            account.center.uses().map(|one| LimitUse {
                limit: if one.of.is_some() { "concurrency" } else { "calls_max" },
                account: Some(*id),
                of: one.of,
                used: one.used,
                max: one.max,
            })
        });
        std::iter::once(legs).chain(of_accounts).collect()
    }
}
