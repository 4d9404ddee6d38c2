//! The last inputs of each living call, kept so that a failed decision can be looked into.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};

use base::{CallId, Wall};

use crate::decide::Stimulus;
use crate::limits;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    by_call: BTreeMap<CallId, VecDeque<(Wall, Stimulus)>>,
}

impl History {
    pub(super) fn keep(&mut self, call: CallId, at: Wall, stimulus: Stimulus) {
        let inputs = self.by_call.entry(call).or_default();
        if inputs.len() == limits::CALL_INPUTS_KEPT_MAX {
            inputs.pop_front();
        }
        inputs.push_back((at, stimulus));
    }

    pub(super) fn forget(&mut self, call: CallId) {
        self.by_call.remove(&call);
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = &CallId> {
        self.by_call.keys()
    }

    /// The kept inputs of `call` and the one that failed, as text.
    pub(super) fn inputs(&self, call: Option<CallId>, at: Wall, failed: &Stimulus) -> Vec<String> {
        let kept = call.and_then(|call| self.by_call.get(&call)).into_iter().flatten();
        let all = kept.map(|(at, stimulus)| (*at, stimulus)).chain([(at, failed)]);
        all.map(|(at, stimulus)| format!("{} {stimulus:?}", at.as_millis())).collect()
    }
}

/// What a panic said.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
