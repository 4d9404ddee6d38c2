//! After a crash: the log is read back, the core ends what was open, and no far end is left on the line.

use base::{AccountId, LegId, Now, Wall};
use bytes::Bytes;
use callcenter::Center;
use callcenter::event::{Event, Numbered};
use callcenter::signal::Signal;

use crate::api::{Body, Diagnostic, Piece};
use crate::limits::RESUMED_MAX;
use crate::switch::{Account, Owner, Recording, Resumed, Switch, Then};

impl Switch {
    /// Applies a committed entry, in the order of the log. Entries of calls that have their record may be left out, tokens
    /// that a `TokenDone` followed, what was measured, and bindings that later ones replaced.
    pub fn replay(&mut self, account: AccountId, body: &Body) {
        match body {
            Body::Event(numbered) => {
                self.replay_recording(account, numbered);
                self.account_in_log(account).center.replay(numbered);
            }
            Body::Token { leg, call, token } => {
                let owner = Owner { account, leg: *leg, call: *call };
                self.tokens.insert(*leg, (owner, token.clone()));
            }
            Body::TokenDone { leg, .. } => {
                self.tokens.remove(leg);
            }
            Body::Measured { .. } => {}
            Body::Bindings { user, kept } => {
                let of = (account, user.clone());
                match kept.is_empty() {
                    true => self.kept.remove(&of),
                    false => self.kept.insert(of, kept.clone()),
                };
            }
        }
    }

    /// The number of the account's next event.
    pub fn resume_at(&mut self, account: AccountId, seq: u64) {
        self.account_in_log(account).center.resume_at(seq);
    }

    /// An account that the log speaks of, which may have been taken out of the configuration since.
    fn account_in_log(&mut self, id: AccountId) -> &mut Account {
        let (numbers, random) = (&self.numbers, &mut self.random);
        self.accounts.entry(id).or_insert_with(|| {
            let removed = callcenter::config::Account::removed(id);
            Account { center: Center::new(removed, numbers.clone(), random.fork()), music: 0 }
        })
    }

    /// Everything is read back: every open call ends, every far end is told, every recording is finished. Drain the
    /// outputs, then go on with inputs.
    pub fn restarted(&mut self, now: Now) {
        self.take_up_phones(now);
        self.begin_trunks(now);
        for (owner, token) in std::mem::take(&mut self.tokens).into_values() {
            let resumed = match self.resumed.len() < RESUMED_MAX {
                true => {
                    split(&token).and_then(|(token, port)| Some((self.endpoint.resume(now, token)?, port)))
                }
                false => None,
            };
            match resumed {
                Some((dialog, port)) => {
                    self.ports.reserve(port);
                    self.resumed.insert(dialog, Resumed { owner, port });
                }
                None => {
                    self.tell_operator(Diagnostic::TokenUnreadable { leg: owner.leg });
                    self.afterwards(Then::TokenDone(owner));
                }
            }
        }
        for account in self.accounts.keys().copied().collect::<Vec<_>>() {
            self.tell(account, Signal::Restarted);
        }
        for call in self.recordings.keys().copied().collect::<Vec<_>>() {
            self.afterwards(Then::Finish(call));
        }
        self.settle(now);
    }

    /// Phones that registered before can be called at once. The cores learn it before they decide anything: nobody is to
    /// be shown as gone in between.
    fn take_up_phones(&mut self, now: Now) {
        for ((account, user), kept) in std::mem::take(&mut self.kept) {
            match self.phones.domain_of(account).map(str::to_owned) {
                Some(domain) => self.endpoint.restore(now, &domain, &user, &kept),
                None => self.append(account, Body::Bindings { user, kept: Bytes::new() }),
            }
        }
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                sip::api::Output::Event(sip::api::Event::Registration { domain, user, registered: true }) => {
                    let account = self.phones.account_of(&domain);
                    if let Some(account) = account.and_then(|account| self.accounts.get_mut(&account)) {
                        account.center.find_phone(user);
                    }
                }
                sip::api::Output::Event(_)
                | sip::api::Output::Transmit(_)
                | sip::api::Output::Connect { .. }
                | sip::api::Output::Close { .. } => self.sip_said(now, output),
            }
        }
    }

    /// Which recordings are not finished is read off the same events.
    fn replay_recording(&mut self, account: AccountId, Numbered { at, event, .. }: &Numbered) {
        match event {
            Event::RecordingStarted { id, files } => {
                let pieces = vec![Piece::whole(files.clone())];
                self.recordings.insert(*id, Recording { account, began: *at, pieces });
            }
            Event::PartStarted { id, leg, files } => {
                if let Some(recording) = self.recordings.get_mut(id) {
                    let (part, files, from_ms) = (Some(*leg), files.clone(), recording.ms_at(*at));
                    recording.pieces.push(Piece { part, files, from_ms, to_ms: None });
                }
            }
            Event::LegLeft { id, leg, .. } | Event::LegEnded { id, leg, .. } => {
                if let Some(recording) = self.recordings.get_mut(id) {
                    recording.end_part(*leg, *at);
                }
            }
            Event::RecordingReady { id, part, .. } => {
                if let Some(recording) = self.recordings.get_mut(id) {
                    recording.pieces.retain(|piece| piece.part != *part);
                    if recording.pieces.is_empty() {
                        self.recordings.remove(id);
                    }
                }
            }
            Event::AgentSignedIn { .. }
            | Event::AgentSignedOut { .. }
            | Event::AgentChose { .. }
            | Event::AgentChanged { .. }
            | Event::CallStarted { .. }
            | Event::LegStarted { .. }
            | Event::LegRang { .. }
            | Event::LegAnswered { .. }
            | Event::LegPlaced { .. }
            | Event::LegHeld { .. }
            | Event::LegMuted { .. }
            | Event::PartyFailed { .. }
            | Event::PartyRecorded { .. }
            | Event::CallEnded { .. }
            | Event::RecordingStopped { .. }
            | Event::CallRecorded { .. } => {}
        }
    }
}

impl Recording {
    /// A time on the recording's clock, milliseconds.
    fn ms_at(&self, at: Wall) -> u64 {
        u64::try_from(at.as_millis() - self.began.as_millis()).unwrap_or(0)
    }

    /// A leg has left: so its part is over, unless it was before.
    fn end_part(&mut self, leg: LegId, at: Wall) {
        let end = self.ms_at(at);
        let ended = self.pieces.iter_mut().find(|piece| piece.part == Some(leg) && piece.to_ms.is_none());
        if let Some(piece) = ended {
            piece.to_ms = Some(end);
        }
    }
}

/// A token as the log keeps it: that of the dialog, then the port of its sound.
pub(crate) fn join(token: &[u8], port: u16) -> Bytes {
    [token, &port.to_be_bytes()].concat().into()
}

fn split(kept: &[u8]) -> Option<(&[u8], u16)> {
    let (token, port) = kept.split_last_chunk()?;
    Some((token, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use crate::border::Border;
    use crate::limits::CHANGES_MAX;

    /// Each would be written down.
    #[test]
    fn a_far_end_that_moves_without_end_is_not_followed_each_time() {
        let mut border = Border::talking();
        let before = border.switch.gate.appended();
        for cseq in 7..1007 {
            border.asks(1, "UPDATE", cseq, "Content-Length: 0\r\n\r\n");
        }
        let entries = border.switch.gate.appended().0 - before.0;
        assert!((1..=u64::from(CHANGES_MAX)).contains(&entries), "{entries} entries");
    }
}
