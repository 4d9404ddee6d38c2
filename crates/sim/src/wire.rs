//! Watches what leaves the switch: an INVITE may leave only when the committed log says that the leg was started.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::Ledger;

/// Every INVITE that ever left, by Call-ID.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    calls: BTreeMap<String, BTreeSet<String>>,
}

impl Wire {
    /// Looks at a datagram that leaves. `trunk_tries` is how often one leg may be tried anew.
    pub(crate) fn watch(&mut self, data: &[u8], ledger: &Ledger, trunk_tries: u64) {
        let Some((called, call_id)) = first_invite(data) else { return };
        let calls = self.calls.entry(called.clone()).or_default();
        if calls.insert(call_id) {
            let allowed = ledger.started(&called) * trunk_tries;
            let left = u64::try_from(calls.len()).expect("few calls");
            assert!(left <= allowed, "{left} INVITEs to {called} left, the committed log allows {allowed}");
        }
    }

    /// How many calls left.
    pub(crate) fn invites(&self) -> usize {
        self.calls.values().map(BTreeSet::len).sum()
    }
}

/// The called user (of To, since a contact's user part may be anything) and the Call-ID of an INVITE outside a dialog.
fn first_invite(data: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(data).ok().filter(|text| text.starts_with("INVITE "))?;
    let header = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let to = header("To").filter(|to| !to.contains(";tag="))?;
    let user = to.split_once("sip:")?.1.split_once('@')?.0.to_owned();
    Some((user, header("Call-ID")?))
}
