//! Who hears whom, compiled: for each stream the slots of those who hear it.

use std::collections::{BTreeMap, BTreeSet};

use base::StreamId;

/// The rows by name, and what they compile to. Rows may name streams that are not open yet.
#[derive(Debug, Default)]
pub(super) struct Patch {
    heard: BTreeMap<StreamId, StreamId>,
    listeners: BTreeMap<StreamId, BTreeSet<StreamId>>,
    sinks: Vec<Vec<usize>>,
}

impl Patch {
    /// The slots of those who hear the stream at `index`.
    pub(super) fn sinks(&self, index: usize) -> &[usize] {
        self.sinks.get(index).map_or(&[], Vec::as_slice)
    }

    /// From now on `listener` hears the stream `heard`, or none.
    pub(super) fn set(
        &mut self,
        listener: StreamId,
        heard: Option<StreamId>,
        slots: &BTreeMap<StreamId, usize>,
    ) {
        let before = match heard {
            Some(heard) => self.heard.insert(listener, heard),
            None => self.heard.remove(&listener),
        };
        if let Some(before) = before {
            if let Some(listeners) = self.listeners.get_mut(&before) {
                listeners.remove(&listener);
                if listeners.is_empty() {
                    self.listeners.remove(&before);
                }
            }
            self.compile(before, slots);
        }
        if let Some(heard) = heard {
            self.listeners.entry(heard).or_default().insert(listener);
            self.compile(heard, slots);
        }
    }

    /// Computes the sinks of `heard`, if it is open.
    pub(super) fn compile(&mut self, heard: StreamId, slots: &BTreeMap<StreamId, usize>) {
        let Some(index) = slots.get(&heard).copied() else { return };
        if self.sinks.len() <= index {
            self.sinks.resize_with(index + 1, Vec::new);
        }
        let sinks = &mut self.sinks[index];
        sinks.clear();
        let listeners = self.listeners.get(&heard).into_iter().flatten();
        sinks.extend(listeners.filter_map(|listener| slots.get(listener)));
    }

    /// `stream`, which was at `index`, is closed. Those who heard it hear it again should it be opened again.
    pub(super) fn forget(&mut self, stream: StreamId, index: usize, slots: &BTreeMap<StreamId, usize>) {
        self.set(stream, None, slots);
        if let Some(sinks) = self.sinks.get_mut(index) {
            sinks.clear();
        }
    }
}
