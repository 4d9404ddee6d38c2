use std::collections::BTreeMap;

use super::Dialog;
use crate::api::DialogId;

/// All dialogs.
#[derive(Debug, Default)]
pub(crate) struct Dialogs {
    last: u64,
    by_id: BTreeMap<DialogId, Dialog>,
    /// By Call-ID and our tag.
    by_tags: BTreeMap<(String, String), DialogId>,
}

impl Dialogs {
    /// A number that no dialog had before.
    pub(crate) fn new_id(&mut self) -> DialogId {
        self.last += 1;
        DialogId(self.last)
    }

    pub(crate) fn insert(&mut self, dialog: Dialog) {
        self.by_tags.insert(dialog.tags(), dialog.id);
        self.by_id.insert(dialog.id, dialog);
    }

    pub(crate) fn get_mut(&mut self, id: DialogId) -> Option<&mut Dialog> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn get(&self, id: DialogId) -> Option<&Dialog> {
        self.by_id.get(&id)
    }

    /// The dialog with this Call-ID and this tag of ours.
    pub(crate) fn find(&self, call_id: &str, tag: &str) -> Option<DialogId> {
        self.by_tags.get(&(call_id.to_owned(), tag.to_owned())).copied()
    }

    /// Forgets a dialog that is not needed any more.
    pub(crate) fn settle(&mut self, id: DialogId) {
        if self.by_id.get(&id).is_some_and(|dialog| !dialog.is_needed())
            && let Some(dialog) = self.by_id.remove(&id)
        {
            self.by_tags.remove(&dialog.tags());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}
