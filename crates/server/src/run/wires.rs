//! How the parts hear of each other: the small joints between store, control thread, media, recorder and HTTP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use base::{AccountId, CallId, CommandId, LogNo};
use callcenter::command::{Accepted, Refusal};
use callcenter::event::Numbered;
use callcenter::record::CallRecord;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use metrics_exporter_prometheus::PrometheusHandle;
use subtle::ConstantTimeEq;
use switch::api::{Entry, Piece};

use super::limits::LOG_BACKLOG_MAX;
use crate::config::{Config, PushAddress};
use crate::contract::push::{Expires, PushSettings, push};
use crate::contract::record::{RecordSettings, record, recording_path};
use crate::contract::time::Zone;
use crate::control::{Control, Outside};
use crate::http::ports::{self, AccountAccess, Asked, Found, RecordQuery};
use crate::sound::{Finish, Recorder, Room, Threads};
use crate::store::{AppendError, LogState, Patience, Push, Reader, Render, Watch, WriterHandle};

/// What leaves the control thread.
pub(super) struct Leaving {
    pub(super) writer: WriterHandle,
    pub(super) media: Threads,
    pub(super) recorder: Recorder,
}

impl Outside for Leaving {
    fn append(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        match self.writer.append(entries) {
            Ok(()) => Vec::new(),
            Err(AppendError::Full(entries) | AppendError::Closed(entries)) => entries,
        }
    }

    fn bind_key(&mut self, account: AccountId, key: &str, command: CommandId) -> bool {
        self.writer.bind_key(account, key, command).is_ok()
    }

    fn media(&mut self, command: media::api::Command) {
        self.media.send(command);
    }

    fn finish(&mut self, account: AccountId, call: CallId, pieces: Vec<Piece>) {
        self.recorder.finish(Finish { account, call, pieces });
    }
}

/// Tells the control thread how the log fares.
pub(super) struct LogWatch(pub(super) Control);

impl Watch for LogWatch {
    fn durable(&mut self, through: LogNo) {
        self.0.durable(through);
    }

    fn state(&mut self, state: LogState) {
        self.0.log_stalled(state == LogState::Stalled);
    }
}

/// What customers see of events and records, per account.
pub(super) struct Rendering {
    accounts: RwLock<BTreeMap<AccountId, Arc<Told>>>,
    /// How the records of accounts look that the log speaks of and the configuration does not.
    others: RecordSettings,
}

struct Told {
    settings: PushSettings,
    addresses: Vec<PushAddress>,
}

impl Rendering {
    pub(super) fn new(config: &Config, public_url: &str) -> Rendering {
        let others = RecordSettings { public_url: public_url.to_owned(), zone: Zone::default() };
        let rendering = Rendering { accounts: RwLock::default(), others };
        rendering.replace(config, public_url);
        rendering
    }

    /// What is rendered from now on is what this configuration says. Accounts that are not in it keep the form of their
    /// records, and nothing of theirs is pushed.
    pub(super) fn replace(&self, config: &Config, public_url: &str) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        for told in accounts.values_mut() {
            *told = Arc::new(Told { settings: told.settings.clone(), addresses: Vec::new() });
        }
        accounts.extend(config.accounts.iter().map(|account| {
            let settings = account.push_settings(public_url);
            (account.id, Arc::new(Told { settings, addresses: account.pushes.clone() }))
        }));
    }

    fn told(&self, account: AccountId) -> Option<Arc<Told>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&account).cloned()
    }
}

impl Render for Rendering {
    fn record(&self, of: &CallRecord) -> String {
        match self.told(of.account) {
            Some(told) => record(of, &told.settings.record).to_string(),
            None => record(of, &self.others).to_string(),
        }
    }

    fn push(&self, event: &Numbered) -> Option<Push> {
        let told = self.told(event.account).filter(|told| !told.addresses.is_empty())?;
        let push = push(event, &told.settings)?;
        let wants = |address: &&PushAddress| address.kinds.is_empty() || address.kinds.contains(&push.kind);
        let addresses: Vec<String> =
            told.addresses.iter().filter(wants).map(|address| address.url.to_string()).collect();
        if addresses.is_empty() {
            return None;
        }
        Some(Push {
            kind: push.kind.to_string(),
            agent: push.agent,
            call: push.call,
            patience: match push.expires {
                Expires::At(_) => Patience::State,
                Expires::Long => Patience::Lasting,
            },
            body: push.body,
            addresses,
        })
    }
}

/// Which accounts there are.
#[derive(Default)]
pub(super) struct Accounts(RwLock<BTreeMap<AccountId, Arc<AccountAccess>>>);

impl Accounts {
    /// Those of this configuration, and no others.
    pub(super) fn replace(&self, config: &Config) {
        let accounts = config.accounts.iter().map(|account| (account.id, Arc::new(account.access())));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = accounts.collect();
    }
}

impl ports::Accounts for Accounts {
    fn account(&self, id: AccountId) -> Option<Arc<AccountAccess>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

/// The core, as HTTP sees it.
pub(super) struct Calls(pub(super) Control);

impl ports::Calls for Calls {
    fn command(&self, asked: Asked) -> BoxFuture<'static, Result<Accepted, Refusal>> {
        let control = self.0.clone();
        async move { control.command(asked.account, asked.command, asked.key).await }.boxed()
    }
}

/// Finds recording files: the record of the call says which links were given out.
pub(super) struct Recordings {
    pub(super) reader: Reader,
    pub(super) root: PathBuf,
}

impl ports::Recordings for Recordings {
    fn find(&self, token: &str, name: &str) -> BoxFuture<'static, Found> {
        let (reader, path) = (self.reader.clone(), self.root.join(name));
        let wanted = recording_path(token, name);
        let of = name.split('/').next().and_then(|account| account.parse().ok()).zip(call_in(name));
        async move {
            let Some((account, call)) = of else { return Found::Unknown };
            if !was_given_out(&reader, account, call, &wanted).await {
                return Found::Unknown;
            }
            // In this order: a recording is finished when its file is there, and is kept for a while.
            let unfinished = reader.is_recording_unfinished(call).await.unwrap_or(true);
            match (tokio::fs::try_exists(&path).await, unfinished) {
                (Ok(true), _) => Found::Ready(path),
                (Ok(false) | Err(_), true) => Found::Unfinished,
                // It is kept no longer.
                (Ok(false) | Err(_), false) => Found::Unknown,
            }
        }
        .boxed()
    }
}

/// The call's number in a recording's name: the last part that is all digits and long enough (contract §6).
fn call_in(name: &str) -> Option<CallId> {
    let stem = name.rsplit('/').next()?;
    stem.rsplit('-').find(|part| part.len() >= 15 && part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

async fn was_given_out(reader: &Reader, account: AccountId, call: CallId, wanted: &str) -> bool {
    let query = RecordQuery {
        account,
        window: None,
        call: Some(call),
        agent: None,
        display: None,
        trunk: None,
        queue: None,
        status: None,
        kinds: None,
        page: 1,
        page_size: 100,
    };
    let Ok(mut page) = reader.records(query).await else { return false };
    while let Some(Ok(text)) = page.list.next().await {
        let Ok(record) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        let links = ["recordFileUrl", "doubleTrackFileUrl", "agentFileUrl", "customerFileUrl"];
        let given = links.iter().filter_map(|field| record.get(field)?.as_str());
        // The token must not be found out byte by byte.
        if given
            .filter_map(|link| link.get(link.len().checked_sub(wanted.len())?..))
            .any(|end| bool::from(end.as_bytes().ct_eq(wanted.as_bytes())))
        {
            return true;
        }
    }
    false
}

/// How the server is.
pub(super) struct Health {
    pub(super) writer: WriterHandle,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) recorder: Recorder,
    pub(super) prometheus: Option<PrometheusHandle>,
}

impl ports::Health for Health {
    fn ready(&self) -> Result<(), Vec<String>> {
        let reasons = reasons(
            self.stopping.load(Ordering::Acquire),
            self.writer.state() == LogState::Stalled,
            self.writer.backlog() > LOG_BACKLOG_MAX,
        );
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }

    fn warnings(&self) -> Vec<String> {
        let warning = match self.recorder.room() {
            Room::Enough => return Vec::new(),
            Room::Short => "new calls are not recorded: the disk is nearly full (server.disk_free_min_mb)",
            Room::Out => "no call is recorded: the disk is nearly full (server.disk_free_min_mb)",
        };
        vec![warning.to_owned()]
    }

    fn metrics(&self) -> String {
        self.prometheus.as_ref().map(PrometheusHandle::render).unwrap_or_default()
    }
}

/// Why new calls are not taken.
fn reasons(stopping: bool, stalled: bool, behind: bool) -> Vec<String> {
    let reasons = [
        (stopping, "the server is stopping"),
        (stalled, "the log cannot be written"),
        (behind, "too much waits for the log"),
    ];
    reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told() {
        assert!(reasons(false, false, false).is_empty());
        assert_eq!(reasons(true, false, true), ["the server is stopping", "too much waits for the log"]);
        assert_eq!(reasons(false, true, false), ["the log cannot be written"]);
    }

    #[test]
    fn the_call_is_found_in_every_kind_of_name() {
        let call = Some(CallId(400_072_268_006_297_600));
        let base = "2100147/doubleTrack/20210429/2100147-20210429135657-15954685381-02136182026-8029-0-400072268006297600";
        for suffix in ["normal.wav", "doubleTrack.wav", "doubleTrack-out.wav", "doubleTrack-in.wav"] {
            assert_eq!(call_in(&format!("{base}-{suffix}")), call, "{suffix}");
        }
        assert_eq!(call_in("2100147/normal/x.wav"), None);
    }
}
