//! Another configuration while the server runs: read and checked whole, taken over part by part, in the order in which each
//! part needs the others. What only a start can change is left as it was, and named.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::AccountId;
use switch::config::Changes;
use tokio::sync::watch;

use super::Node;
use super::names::{Names, has_same_hosts};
use super::pusher;
use super::wires::{Accounts, Rendering};
use crate::config::{Config, Problems, Recordings, Server};
use crate::control::Control;
use crate::push::Addresses;
use crate::reload_report::ReloadReport;
use crate::sound::{Keeper, Music, MusicFiles};

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// What there is now.
    pub summary: String,
    /// Keys of `[server]` that the file has another value for, which counts from the next start on.
    pub from_next_start: Vec<&'static str>,
    /// Accounts whose music is a file that was not there at the start: likewise.
    pub music_from_next_start: Vec<AccountId>,
}

/// The ends of the running parts at which they are told of another configuration.
pub(super) struct Reloader {
    /// What the server runs by.
    pub(super) config: Config,
    pub(super) http: SocketAddr,
    pub(super) control: Control,
    pub(super) rendering: Arc<Rendering>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) addresses: watch::Sender<Arc<Addresses>>,
    pub(super) journal_keep: watch::Sender<Duration>,
    pub(super) names: Names,
    /// Deletes old recordings.
    pub(super) keeper: Keeper,
    /// Which music is whose.
    pub(super) music: Music,
    /// Whether the program that makes mp3 files was found at the start.
    pub(super) mp3: bool,
}

impl Reloader {
    pub(super) async fn reload(&mut self, mut config: Config) -> anyhow::Result<Reloaded> {
        let addresses = pusher::addresses(&config)?;
        self.names.prepare(&config.trunks)?;
        let music = MusicFiles::read(&config)?;
        let from_next_start = from_next_start(&self.config.server, &config.server);
        let server = taken_over(&self.config.server, &config.server);
        config.server = server;
        if !self.mp3 {
            config.without_mp3();
        }
        let music_from_next_start = self.music.change(&music);
        let changes = self.changes(&config);

        // Whoever is pushed to must be known before the first push is written.
        self.addresses.send_replace(Arc::new(addresses));
        self.rendering.replace(&config, &public_url(&config, self.http));
        self.names.leave(&config.trunks).await;
        anyhow::ensure!(self.control.configure(changes).await, "the server is stopping");
        self.names.follow(&config.trunks);
        // Whoever may ask must be known before the first request comes through.
        self.accounts.replace(&config);
        self.journal_keep.send_replace(config.server.journal_keep);
        self.keeper.change(config.keep_recordings());
        self.config = config;
        Ok(Reloaded { summary: self.summary(), from_next_start, music_from_next_start })
    }

    fn changes(&self, config: &Config) -> Changes {
        let same = |trunk: &&crate::config::Trunk| {
            self.config.trunks.iter().any(|before| has_same_hosts(before, trunk))
        };
        let mut accounts = config.switch_accounts();
        self.music.tell(&mut accounts);
        Changes {
            accounts,
            trunks: config.switch_trunks(),
            same_hosts: config.trunks.iter().filter(same).map(|trunk| trunk.name.clone()).collect(),
            silence_max: config.server.silence_max,
            trunk_answer_any_max: config.server.trunk_silent_max,
            legs_max: config.server.legs_max,
            legs_reserved: config.server.legs_reserved,
        }
    }

    fn summary(&self) -> String {
        let agents: usize = self.config.accounts.iter().map(|account| account.agents.len()).sum();
        let (accounts, trunks) = (self.config.accounts.len(), self.config.trunks.len());
        format!("accounts: {accounts}, agents: {agents}, trunks: {trunks}")
    }
}

/// SIGHUP: reads the file again. What came of it is logged, and told to `cordboard reload`.
pub(super) async fn on_signal(node: &mut Node, file: &Path) {
    let reloaded = match Config::load(file) {
        Ok(config) => node.reload(config).await,
        Err(error) => Err(error),
    };
    let report = match reloaded {
        Ok(Reloaded { summary, from_next_start, music_from_next_start }) => {
            tracing::info!(file = %file.display(), summary, "the configuration was reloaded");
            let mut lines = vec![format!("{}: reloaded; {summary}", file.display())];
            for key in from_next_start {
                tracing::warn!(key, "a change in [server] counts from the next start on");
                lines.push(format!("server.{key} is another one now: it counts from the next start on"));
            }
            for account in music_from_next_start {
                tracing::warn!(%account, "another music counts from the next start on");
                lines.push(format!(
                    "account {account}: its music is another file now: it counts from the next start on"
                ));
            }
            ReloadReport { taken: true, lines }
        }
        Err(error) => {
            let lines = match error.downcast::<Problems>() {
                Ok(problems) => problems.to_string().lines().map(str::to_owned).collect(),
                Err(error) => vec![format!("{error:#}")],
            };
            tracing::error!(
                mistakes = %lines.join("\n"),
                "the configuration was not reloaded, nothing has changed"
            );
            ReloadReport { taken: false, lines }
        }
    };
    if let Err(error) = report.write(&node.config().server.data_dir) {
        tracing::warn!(%error, "what came of the reload cannot be told to cordboard reload");
    }
}

/// What links in records begin with.
pub(super) fn public_url(config: &Config, http: SocketAddr) -> String {
    match config.server.public_url.is_empty() {
        true => format!("http://{http}"),
        false => config.server.public_url.clone(),
    }
}

/// What of `[server]` counts at once; the rest is as it was.
fn taken_over(before: &Server, after: &Server) -> Server {
    Server {
        public_url: after.public_url.clone(),
        shutdown_grace: after.shutdown_grace,
        silence_max: after.silence_max,
        trunk_silent_max: after.trunk_silent_max,
        journal_keep: after.journal_keep,
        legs_max: after.legs_max,
        recordings: Recordings {
            format: after.recordings.format,
            keep_days: after.recordings.keep_days,
            keep_free_bytes: after.recordings.keep_free_bytes,
            ..before.recordings.clone()
        },
        legs_reserved: after.legs_reserved,
        ..before.clone()
    }
}

/// The keys of what does not, where it is another one.
fn from_next_start(before: &Server, after: &Server) -> Vec<&'static str> {
    let listens = |server: &Server, of: fn(&crate::config::SipListen) -> Option<SocketAddr>| {
        server.sip.iter().map(of).collect::<Vec<_>>()
    };
    let changed = [
        ("http_listen", before.http_listen != after.http_listen),
        ("sip_listen", listens(before, |one| Some(one.bind)) != listens(after, |one| Some(one.bind))),
        ("sip_advertised", listens(before, |one| one.advertised) != listens(after, |one| one.advertised)),
        ("media_address", before.media_addresses != after.media_addresses),
        ("rtp_port_min", before.rtp_port_min != after.rtp_port_min),
        ("rtp_port_max", before.rtp_port_max != after.rtp_port_max),
        ("phone_digest", before.phone_digests != after.phone_digests),
        ("ban_after", before.bans.wrong_max != after.bans.wrong_max),
        ("ban_max_s", before.bans.longest != after.bans.longest),
        ("media_threads", before.media_threads != after.media_threads),
        ("nat_keep_alive_s", before.nat_keep_alive != after.nat_keep_alive),
        ("data_dir", before.data_dir != after.data_dir),
        ("allow_private_push", before.allow_private_push != after.allow_private_push),
        ("nameserver", before.nameserver != after.nameserver),
        ("disk_free_min_mb", before.disk_free_min_bytes != after.disk_free_min_bytes),
        ("recording_encoder", before.recordings.encoder != after.recordings.encoder),
        ("recording_kbps", before.recordings.kbps != after.recordings.kbps),
        ("recording_workers", before.recordings.workers != after.recordings.workers),
        ("number_data", before.number_data != after.number_data),
        ("worker", before.worker != after.worker),
    ];
    changed.into_iter().filter(|(_, is_so)| *is_so).map(|(key, _)| key).collect()
}
