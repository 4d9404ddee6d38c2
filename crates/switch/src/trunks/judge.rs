//! What legs say of the ways they went.

use std::time::Duration;

use base::{LegId, Now};
use sip::api::Ended;

use super::TrunkWay;
use crate::api::TrunkFault;
use crate::cause::UNAVAILABLE;
use crate::switch::Switch;

impl Switch {
    /// Something came back by the way of a leg.
    pub(crate) fn way_answered(&mut self, leg: LegId) {
        if let Some(way) = self.way_of(leg)
            && let Some(news) = self.trunks.answered(way)
        {
            self.tell_operator(news);
        }
    }

    /// The dialog of a living leg ended; what that says of its way.
    pub(crate) fn way_judged(&mut self, now: Now, leg: LegId, how: Ended, again_after: Option<Duration>) {
        let Some(way) = self.way_of(leg) else { return };
        let fault = match how {
            Ended::Refused(UNAVAILABLE) => TrunkFault::Unavailable,
            Ended::NoAnswer { rang: false } if !self.legs.get(leg).is_some_and(|leg| leg.heard().rang) => {
                TrunkFault::Silent
            }
            Ended::Refused(_) => return self.way_answered(leg),
            Ended::NoAnswer { .. } | Ended::ByFar | Ended::ByUs | Ended::Broken => return,
        };
        if let Some(news) = self.trunks.failed(now.mono, way, fault, again_after) {
            self.tell_operator(news);
        }
    }

    fn way_of(&self, leg: LegId) -> Option<TrunkWay> {
        self.legs.get(leg)?.way
    }
}
