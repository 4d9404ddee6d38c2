//! Turning away what begins something new while nobody could see to it (RFC 3261 §21.5.4).
//!
//! An endpoint that takes in more than it can do answers everybody too late, and is asked again and again for it. So it
//! says no in time, by looking at as little of a request as that takes and keeping nothing of it.

use super::Endpoint;
use crate::api::Flow;
use crate::message::{HeaderName, Request, Response, glance};

/// When to come again after a 503, at the earliest; and by how much those who were refused together are spread.
const RETRY_AFTER_MIN_S: u64 = 5;
const RETRY_AFTER_SPREAD_S: u64 = 10;

/// Whether we keep up.
#[derive(Debug, Default)]
pub(super) struct Load {
    overloaded: bool,
    turned_away: u64,
}

impl Load {
    pub(super) fn set(&mut self, overloaded: bool) {
        self.overloaded = overloaded;
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away
    }
}

impl Endpoint {
    /// Turns away a message that begins something new, while there is too much of it; false: it is to be read.
    pub(super) fn turn_away(&mut self, flow: Flow, data: &[u8]) -> bool {
        if !self.load.overloaded {
            return false;
        }
        let table = &self.core.table;
        let is_new = |request: &Request| table.keys.server(request).is_ok_and(|key| !table.is_known(&key));
        let Some(request) = glance(data).filter(is_new) else { return false };
        self.load.turned_away += 1;
        self.core.answer_statelessly(flow, busy(&request));
        true
    }
}

/// The refusal of a request for which there is no room now.
pub(super) fn busy(request: &Request) -> Response {
    let mut response = Response::to(request, 503);
    put_retry_after(&mut response);
    response
}

/// Says in a 503 when to come again (RFC 3261 §21.5.4).
pub(crate) fn put_retry_after(response: &mut Response) {
    // The same for a request and its repetitions.
    let bytes = response.headers.get(&HeaderName::CallId).unwrap_or_default().bytes();
    let sum = bytes.fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let after_s = RETRY_AFTER_MIN_S + sum % RETRY_AFTER_SPREAD_S;
    response.headers.push(HeaderName::RetryAfter, after_s.to_string());
}
