//! Calls that are to take the place of others (RFC 3891): which one is meant, and whether it can be had.

use super::Endpoint;
use crate::api::{DialogId, Replaced};
use crate::message::{HeaderName, NameAddr, Replaces, Request};

impl Endpoint {
    /// The call that a REFER wants another one to take the place of: of ours only if both its tags are right, and if it is not
    /// established where only one that is not would do (RFC 3891 §3).
    pub(super) fn replaced(&self, request: &Request) -> Option<Replaced> {
        let refer_to = NameAddr::parse(request.headers.get(&HeaderName::ReferTo)?, "Refer-To").ok()?;
        let replaces = refer_to.uri.header("Replaces")?;
        let found = Replaces::parse(&replaces).ok().and_then(|replaces| {
            let id = self.meant(&replaces)?;
            let too_late = replaces.early_only && self.dialogs.get(id)?.is_established();
            (!too_late).then_some(id)
        });
        Some(found.map_or(Replaced::Unknown, Replaced::Ours))
    }

    /// The call whose place an INVITE outside a dialog is to take; else the status that says why not (RFC 3891 §3).
    pub(super) fn to_replace(&self, invite: &Request) -> Result<Option<DialogId>, u16> {
        let mut lines = invite.headers.all(&HeaderName::Replaces);
        let Some(line) = lines.next().filter(|_| self.core.config.replaces) else { return Ok(None) };
        if lines.next().is_some() {
            return Err(400);
        }
        let replaces = Replaces::parse(line).map_err(|_| 400u16)?;
        let id = self.meant(&replaces).ok_or(481u16)?;
        let dialog = self.dialogs.get(id).ok_or(481u16)?;
        dialog.may_be_replaced(replaces.early_only).map(|()| Some(id))
    }

    fn meant(&self, replaces: &Replaces) -> Option<DialogId> {
        let id = self.dialogs.find(&replaces.call_id, &replaces.to_tag)?;
        self.dialogs.get(id).filter(|dialog| dialog.is_with(&replaces.from_tag)).map(|_| id)
    }
}
