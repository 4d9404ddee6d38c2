use base::Now;

use super::{Endpoint, TimerName};
use crate::api::Flow;
use crate::message::Response;
use crate::transaction::{ClientUser, Timer, TransactionId};

impl Endpoint {
    /// Takes an answer to whoever asked. One that answers nothing of ours is dropped (RFC 3261 §18.1.2).
    pub(super) fn response(&mut self, now: Now, flow: Flow, response: &Response) {
        let core = &mut self.core;
        if let Some((user, id)) = core.table.answered(now.mono, &mut core.wire, flow, response) {
            self.hear(now, user, id, response);
        }
    }

    /// Tells whoever asked of an answer.
    pub(super) fn hear(&mut self, now: Now, user: ClientUser, id: TransactionId, response: &Response) {
        match user {
            ClientUser::Invite(dialog) => {
                self.with(dialog, |dialog, core| dialog.invite_answered(core, now, id, response));
            }
            ClientUser::Cancel(dialog) => {
                self.with(dialog, |dialog, core| dialog.cancel_answered(core, now, response));
            }
            ClientUser::Bye(dialog) => {
                self.with(dialog, |dialog, core| dialog.bye_answered(core, now, id, response));
            }
            ClientUser::Change(dialog) => {
                self.with(dialog, |dialog, core| dialog.change_answered(core, now, id, response));
            }
            ClientUser::Prack(dialog) => {
                self.with(dialog, |dialog, core| dialog.prack_answered(core, now, id, response));
            }
            ClientUser::Notify(dialog) => {
                self.with(dialog, |dialog, core| dialog.notify_answered(core, now, id, response));
            }
            ClientUser::Asked(dialog) => {
                self.with(dialog, |dialog, core| dialog.asked_answered(core, now, id, response));
            }
            ClientUser::ForkBye(dialog) => {
                self.with(dialog, |dialog, core| dialog.fork_bye_answered(core, now, id, response));
            }
            ClientUser::ChangeCancel(_) => {}
            ClientUser::Registration(registration) => {
                self.registrations.answered(&mut self.core, now, registration, id, response);
            }
            ClientUser::Probe(probe) => self.probes.answered(&mut self.core, probe, response),
        }
    }

    /// Does all that is due.
    pub(super) fn timeout(&mut self, now: Now) {
        while let Some(name) = self.core.wire.pop_due(now.mono) {
            match name {
                TimerName::Transaction(id, timer) => self.transaction_timer(now, id, timer),
                TimerName::Dialog(id, timer) => {
                    self.with(id, |dialog, core| dialog.fire(core, now, timer));
                }
                TimerName::Bindings => {
                    if let Some(registrar) = &mut self.registrar {
                        registrar.expire(now.mono, &mut self.core.wire);
                    }
                }
                TimerName::KeepAlive => self.keep_alive(now.mono),
                TimerName::Registration(id) => self.registrations.fire(&mut self.core, now, id),
                TimerName::Probe(id) => self.probes.unanswered(&mut self.core, id),
                TimerName::Connection(flow, timer) => self.connection_timer(now, flow, timer),
            }
        }
        while let Some((user, id)) = self.core.table.forget_due(now.mono) {
            self.invite_done(user, id);
        }
    }

    fn transaction_timer(&mut self, now: Now, id: TransactionId, timer: Timer) {
        let core = &mut self.core;
        let Some((user, id)) = core.table.fire(now.mono, &mut core.wire, id, timer) else { return };
        match user {
            ClientUser::Invite(dialog) => {
                self.with(dialog, |dialog, core| dialog.invite_timed_out(core, now));
            }
            ClientUser::Bye(dialog) => {
                self.with(dialog, |dialog, core| dialog.bye_timed_out(core, now));
            }
            ClientUser::Change(dialog) => {
                self.with(dialog, |dialog, core| dialog.change_timed_out(core, now, id));
            }
            ClientUser::Asked(dialog) => {
                self.with(dialog, |dialog, core| dialog.asked_timed_out(core, id));
            }
            ClientUser::Registration(registration) => {
                self.registrations.timed_out(&mut self.core, now, registration);
            }
            ClientUser::Probe(probe) => self.probes.unanswered(&mut self.core, probe),
            // A CANCEL has a ceiling of its own; nobody waits for a fork's BYE.
            ClientUser::Cancel(_)
            | ClientUser::ForkBye(_)
            | ClientUser::ChangeCancel(_)
            | ClientUser::Prack(_)
            | ClientUser::Notify(_) => {}
        }
    }

    /// An INVITE of ours was accepted so long ago that no more 2xx can come.
    fn invite_done(&mut self, user: ClientUser, id: TransactionId) {
        match user {
            ClientUser::Invite(dialog) => self.with(dialog, |dialog, _| dialog.invite_done(id)),
            ClientUser::Change(dialog) => self.with(dialog, |dialog, _| dialog.change_done(id)),
            ClientUser::Cancel(_)
            | ClientUser::Bye(_)
            | ClientUser::ForkBye(_)
            | ClientUser::ChangeCancel(_)
            | ClientUser::Prack(_)
            | ClientUser::Notify(_)
            | ClientUser::Asked(_)
            | ClientUser::Registration(_)
            | ClientUser::Probe(_) => {}
        }
    }
}
