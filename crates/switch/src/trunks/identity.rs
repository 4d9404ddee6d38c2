//! What a trunk is told of who calls, and what is believed of what it tells.

use sip::api::Identity;

use super::{TrunkNo, TrunkWay, Trunks};

/// How a trunk is told who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShownBy {
    /// By From alone.
    #[default]
    From,
    /// Also by P-Asserted-Identity: it takes our word (RFC 3325).
    Asserted,
    /// Also by P-Preferred-Identity: it vouches itself (RFC 3325).
    Preferred,
}

/// Who calls, in the account's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallerId {
    pub(crate) number: String,
    pub(crate) withheld: bool,
}

impl Trunks {
    /// The number called, as a way wants it in a URI.
    pub(crate) fn called(&self, way: TrunkWay, number: &str) -> String {
        in_uri(&self.config(way.trunk).numbers.called(number))
    }

    /// From, and who calls besides, for a call by `way` that shows `number`.
    pub(crate) fn shown(&self, way: TrunkWay, number: &str) -> (String, Identity) {
        let (config, domain) = (self.config(way.trunk), self.domain(way));
        let at_domain = |number: &str| format!("{number}@{domain}");
        let shown = at_domain(&config.numbers.shown(number));
        let mut identity = Identity {
            withheld: config.withheld,
            diverted_from: config.diverted_from.as_deref().map(|from| at_domain(&config.numbers.shown(from))),
            ..Identity::default()
        };
        match config.shown_by {
            ShownBy::From => {}
            ShownBy::Asserted => identity.asserted = Some(shown.clone()),
            ShownBy::Preferred => identity.preferred = Some(shown.clone()),
        }
        (shown, identity)
    }

    /// Who calls by a trunk: From, or, where the trunk is trusted, what it vouches for.
    pub(crate) fn caller(&self, trunk: TrunkNo, from: &str, identity: &Identity) -> CallerId {
        let config = self.config(trunk);
        let (number, withheld) = match config.trusted {
            true => (identity.asserted.as_deref().unwrap_or(from), identity.withheld),
            false => (from, false),
        };
        CallerId { number: config.numbers.caller_from(number), withheld }
    }
}

/// Numbers hold digits, `+` and `*`; a `#` must be escaped (RFC 3261 §25.1).
fn in_uri(number: &str) -> String {
    number.replace('#', "%23")
}
