use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::Mono;

use crate::limits::STREAMLESS_MAX;

/// How long it is remembered that a far end takes no streams.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Far ends that took a large request by UDP because no stream to them could be opened: the next one need not wait for that.
#[derive(Debug, Default)]
pub(crate) struct Streamless(BTreeMap<SocketAddr, Mono>);

impl Streamless {
    /// Whether it is known of a far end.
    pub(crate) fn has(&self, now: Mono, remote: SocketAddr) -> bool {
        self.0.get(&remote).is_some_and(|until| now < *until)
    }

    /// It was found out.
    pub(crate) fn note(&mut self, now: Mono, remote: SocketAddr) {
        if self.0.len() >= STREAMLESS_MAX {
            self.0.retain(|_, until| now < *until);
        }
        if self.0.len() < STREAMLESS_MAX {
            self.0.insert(remote, now + REMEMBERED);
        }
    }
}
