use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::guard::network_of;
use crate::api::{Aor, Flow};

/// Which users' phones are at the other end of which path.
#[derive(Debug, Default)]
pub(super) struct Flows {
    /// Users in order. Nearly always it is one.
    by_flow: BTreeMap<Flow, Vec<Arc<Aor>>>,
    /// How many of the paths lead to an address, or to one that shares its fate.
    by_source: BTreeMap<IpAddr, usize>,
}

impl Flows {
    pub(super) fn at(&self, flow: Flow) -> &[Arc<Aor>] {
        self.by_flow.get(&flow).map_or(&[], Vec::as_slice)
    }

    /// Whether any of them leads to `source`.
    pub(super) fn lead_to(&self, source: IpAddr) -> bool {
        self.by_source.contains_key(&network_of(source))
    }

    pub(super) fn add(&mut self, flow: Flow, aor: &Arc<Aor>) {
        let here = self.by_flow.entry(flow).or_insert_with(|| {
            *self.by_source.entry(network_of(flow.remote.ip())).or_default() += 1;
            Vec::with_capacity(1)
        });
        if let Err(at) = here.binary_search(aor) {
            here.insert(at, aor.clone());
        }
    }

    /// Forgets that a phone of a user is there; true: nobody's is any more.
    pub(super) fn remove(&mut self, flow: Flow, aor: &Aor) -> bool {
        let Some(here) = self.by_flow.get_mut(&flow) else { return true };
        if let Ok(at) = here.binary_search_by(|known| (**known).cmp(aor)) {
            here.remove(at);
        }
        let gone = here.is_empty();
        if gone {
            self.by_flow.remove(&flow);
            let source = network_of(flow.remote.ip());
            let left = self.by_source.get_mut(&source).map_or(0, |paths| {
                *paths -= 1;
                *paths
            });
            if left == 0 {
                self.by_source.remove(&source);
            }
        }
        gone
    }
}
