//! One running Cordboard: built part by part, in the order in which each needs the others, and taken down in reverse.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use base::{CallId, LogNo, Now, Random};
use callcenter::numbers::NumberPlan;
use media::engine::EngineConfig;
use media::sound::Sound;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use switch::Switch;
use switch::api::{Body, Counts, TrunkStanding};
use switch::config::SipListener;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::{ADDRESS_LEFT_MAX, ADDRESS_LOOK, HTTP_DRAIN_MAX, LEG_END_MAX, LOG_BACKLOG_MAX};
use super::names::Names;
use super::reload::{Reloaded, Reloader, public_url};
use super::wires::{Accounts, Calls, Health, Leaving, LogWatch, Recordings, Rendering};
use super::{housekeeping, open_files, pusher, secret_random, told_to_stop};
use crate::bind;
use crate::clock::Clock;
use crate::config::{Config, Server, SipListen, number_plan};
use crate::control::{self, Control, SipSockets};
use crate::http::{self, HttpSettings};
use crate::sound::{
    Encoder, Finish, Keeper, Music, MusicFiles, Ready, Recorder, RecorderConfig, Reports, Threads,
    ThreadsConfig,
};
use crate::store::{self, Startup, Store};

/// A running server. [`Node::shut_down`] ends it in good order; dropping it ends it at once, as a kill would.
pub struct Node {
    /// Where the API is.
    pub http: SocketAddr,
    /// Where SIP is: at the first of its listeners.
    pub sip: SocketAddr,
    control: Control,
    running: control::Running,
    recorder: Recorder,
    /// Ends when the node does.
    store: Store,
    stopping: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    reloader: Reloader,
}

/// Sockets that are open already, so that their ports are known and cannot be lost.
pub struct Sockets {
    /// For the API.
    pub http: TcpListener,
    /// For SIP, as many as the configuration has listeners.
    pub sip: Vec<SipSockets>,
}

impl Sockets {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// When an address is in use or not ours; the message names it and the key to change.
    pub async fn open(config: &Config) -> anyhow::Result<Sockets> {
        let mut sip = Vec::new();
        for address in config.server.sip.iter().map(|listen| listen.bind) {
            let sockets = once_left(|| std::future::ready(SipSockets::bind(address))).await;
            let named = || format!("SIP cannot listen on {address} (server.sip_listen)");
            sip.push(sockets.with_context(named)?);
        }
        let address = config.server.http_listen;
        let http = once_left(|| TcpListener::bind(address)).await;
        let named = || format!("HTTP cannot listen on {address} (server.http_listen)");
        Ok(Sockets { http: http.with_context(named)?, sip })
    }
}

/// Opens a socket as soon as nobody has its address. When the program was killed while it started an encoder, that has all
/// its sockets, and its store, until it runs: at the lowest priority, on a busy machine, for a moment.
async fn once_left<T, F: Future<Output = std::io::Result<T>>>(open: impl Fn() -> F) -> std::io::Result<T> {
    let began = Instant::now();
    loop {
        match open().await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < ADDRESS_LEFT_MAX => {
                tokio::time::sleep(ADDRESS_LOOK).await;
            }
            done => return done,
        }
    }
}

impl Node {
    /// Starts everything. When it returns the API answers and SIP is listened to.
    ///
    /// # Errors
    /// What the operator has to know: a store in use, a missing file.
    pub async fn start(mut config: Config, sockets: Sockets) -> anyhow::Result<Node> {
        open_files::raise(config.server.legs_max);
        let encoder = find_encoder(&mut config);
        let clock = Clock::start();
        let mut random = secret_random()?;
        let http = sockets.http.local_addr()?;
        let listeners = sip_listeners(&config, &sockets.sip)?;
        let sip = listeners.first().context("there is no SIP listener")?.bind;
        let rendering = Arc::new(Rendering::new(&config, &public_url(&config, http)));
        let numbers = Arc::new(number_plan(config.server.number_data.as_deref())?);
        let (music, sounds) = Music::new(MusicFiles::read(&config)?)?;

        let (control, seat) = control::seat()?;
        let (store, startup) =
            Store::open(&config.server.data_dir, rendering.clone(), Box::new(LogWatch(control.clone())))?;
        let mp3 = encoder.is_some();
        let recorder = start_recorder(&config, encoder, &control)?;
        for left in unfinished(&startup) {
            recorder.finish(left);
        }
        let mut settings = config.switch(listeners);
        music.tell(&mut settings.accounts);
        let switch = build_switch(&config, settings, clock.now(), random.fork(), &startup, numbers)?;
        let media = start_media(&config.server, sounds, &recorder, &control, clock, random.fork())?;
        let leaving = Leaving { writer: store.writer(), media, recorder: recorder.clone() };
        let running = control::start(
            (control.clone(), seat),
            sockets.sip,
            switch,
            startup.next_command,
            leaving,
            clock,
        )?;

        let keeper = Keeper::start(recordings_dir(&config), config.keep_recordings(), clock)
            .context("no thread for old recordings")?;
        let (stop, stopped) = watch::channel(false);
        let stopping = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let (addresses, addresses_now) = watch::channel(Arc::new(pusher::addresses(&config)?));
        let (journal_keep, journal_keep_now) = watch::channel(config.server.journal_keep);
        pusher::start(&mut tasks, &config, &store, clock, addresses_now, stopped.clone())?;
        housekeeping::start(
            &mut tasks,
            &store,
            &recorder,
            &control,
            clock,
            journal_keep_now,
            stopped.clone(),
        );
        let names = Names::start(&config, control.clone(), stopped.clone())?;
        let accounts = Arc::new(Accounts::default());
        accounts.replace(&config);
        let router = http::router(
            ports(&config, &store, &recorder, &control, accounts.clone(), &stopping, clock),
            http_settings(&config, http),
            random.fork(),
        );
        tasks.spawn(http::serve::serve(sockets.http, router, until_true(stopped), HTTP_DRAIN_MAX));
        tracing::info!(%http, %sip, data = %config.server.data_dir.display(), "serving");
        let reloader = Reloader {
            config,
            http,
            control: control.clone(),
            rendering,
            accounts,
            addresses,
            journal_keep,
            names,
            keeper,
            music,
            mp3,
        };
        Ok(Node { http, sip, control, running, recorder, store, stopping, stop, tasks, reloader })
    }

    /// Takes over what may change of another configuration while calls go on.
    ///
    /// # Errors
    /// Nothing was changed: what the operator has to know.
    pub async fn reload(&mut self, config: Config) -> anyhow::Result<Reloaded> {
        self.reloader.reload(config).await
    }

    /// The configuration it runs by.
    pub fn config(&self) -> &Config {
        &self.reloader.config
    }

    /// How the trunks stand.
    pub async fn trunks(&self) -> Vec<TrunkStanding> {
        self.control.trunks().await
    }

    /// How much is going on.
    pub async fn counts(&self) -> Counts {
        self.control.counts().await
    }

    /// Takes no new work, finishes what was accepted, lets living calls go on for at most `grace`, ends the others, and
    /// writes everything down. Whoever tells the program to stop once more has no patience for living calls.
    pub async fn shut_down(mut self, grace: Duration) {
        self.stopping.store(true, Ordering::Release);
        tracing::info!(grace_s = grace.as_secs(), "stopping");
        self.control.refuse_calls();
        let all_ended = tokio::select! {
            all_ended = self.quiet_within(grace, |counts| counts.calls == 0) => all_ended,
            _ = told_to_stop() => false,
        };
        // Also without calls: trunks are to hear that we leave.
        self.control.end_calls();
        if !all_ended && !self.quiet_within(LEG_END_MAX, |counts| counts.calls == 0 && counts.legs == 0).await
        {
            tracing::warn!("some phones did not confirm that their call is over");
        }
        if !self.quiet_within(LEG_END_MAX, |counts| counts.registrations == 0).await {
            tracing::warn!("some trunks did not confirm that they forget us");
        }
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.running.stop();
        self.recorder.stop();
        self.store.close();
        tracing::info!("stopped");
    }

    async fn quiet_within(&self, limit: Duration, quiet: impl Fn(&Counts) -> bool) -> bool {
        let wait = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            loop {
                look.tick().await;
                if quiet(&self.control.counts().await) {
                    return;
                }
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }
}

/// Resolves when the node is told to stop.
pub(super) async fn until_true(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Streams that the RTP ports carry.
fn rtp_pairs(server: &Server) -> usize {
    usize::from(server.rtp_port_max.saturating_sub(server.rtp_port_min) / 2) + 1
}

/// RTP ports that another program holds. One that is taken later fails the call it is given to.
fn foreign_ports(server: &Server) -> BTreeSet<u16> {
    let addresses = media_binds(server);
    let is_free = |port: u16| addresses.iter().all(|ip| bind::datagrams((*ip, port).into()).is_ok());
    let taken = (server.rtp_port_min..=server.rtp_port_max).filter(|port| !is_free(*port));
    let taken: BTreeSet<u16> = taken.collect();
    if !taken.is_empty() {
        tracing::warn!(ports = taken.len(), "some RTP ports are held by other programs and are not used");
    }
    taken
}

/// RTP sockets listen where SDP says, unless that is an address outside a NAT.
fn media_binds(server: &Server) -> Vec<IpAddr> {
    let bind = |advertised: &IpAddr| match bind::datagrams((*advertised, 0).into()) {
        Ok(_) => *advertised,
        Err(_) if advertised.is_ipv4() => IpAddr::from([0, 0, 0, 0]),
        Err(_) => IpAddr::from([0u16; 8]),
    };
    server.media_addresses.iter().map(bind).collect()
}

/// The listeners as they are bound.
fn sip_listeners(config: &Config, sockets: &[SipSockets]) -> std::io::Result<Vec<SipListener>> {
    let listener = |(listen, sockets): (&SipListen, &SipSockets)| {
        let bind = sockets.local_addr()?;
        Ok(SipListener { bind, advertised: listen.advertised.unwrap_or(bind) })
    };
    config.server.sip.iter().zip(sockets).map(listener).collect()
}

/// The threads that move sound; what they have to say goes to the control thread.
fn start_media(
    server: &Server,
    sounds: Vec<Sound>,
    recorder: &Recorder,
    control: &Control,
    clock: Clock,
    random: Random,
) -> std::io::Result<Threads> {
    let report = control.clone();
    let settings = ThreadsConfig {
        threads: server.media_threads,
        addresses: media_binds(server),
        engine: EngineConfig { sounds, streams_max: rtp_pairs(server) },
        recorder: Some(recorder.clone()),
        reports: Reports::On,
    };
    Threads::start(settings, clock, random, move |signal| report.media(signal))
}

fn start_recorder(config: &Config, encoder: Option<Encoder>, control: &Control) -> anyhow::Result<Recorder> {
    let ready = control.clone();
    let settings = RecorderConfig {
        raw: config.server.data_dir.join("recording-tracks"),
        files: recordings_dir(config),
        disk_free_min_bytes: config.server.disk_free_min_bytes,
        encoder,
        workers: config.server.recordings.workers,
    };
    let report = move |made: Ready| ready.recording_ready(made.account, made.call, made.files, made.part);
    Recorder::start(settings, report).context("the recorder cannot use the data directory")
}

/// The program that makes mp3 files. Its absence is said once, here.
fn find_encoder(config: &mut Config) -> Option<Encoder> {
    let wanted = config.wants_mp3();
    let found = config.find_encoder();
    match &found {
        Some(encoder) => tracing::debug!(program = %encoder.program().display(), "mp3 files are made by it"),
        None if wanted => tracing::warn!(
            encoder = %config.server.recordings.encoder.display(),
            "recordings become WAV and not mp3: there is no such program (server.recording_encoder; Debian: lame)"
        ),
        None => {}
    }
    found
}

fn recordings_dir(config: &Config) -> PathBuf {
    config.server.data_dir.join("recordings")
}

/// Recordings whose call is over but whose files were not made; those of open calls are finished by the switch.
fn unfinished(startup: &Startup) -> Vec<Finish> {
    let open: BTreeSet<CallId> = startup.events.iter().filter_map(|numbered| numbered.event.call()).collect();
    let left = startup.recordings.iter().filter(|recording| !open.contains(&recording.call));
    left.map(|r| Finish { account: r.account, call: r.call, pieces: r.pieces.clone() }).collect()
}

fn build_switch(
    config: &Config,
    settings: switch::config::Config,
    now: Now,
    random: Random,
    startup: &Startup,
    numbers: Arc<NumberPlan>,
) -> anyhow::Result<Switch> {
    let settings = switch::config::Config {
        rtp_ports_foreign: foreign_ports(&config.server),
        log_backlog_max: LOG_BACKLOG_MAX,
        ..settings
    };
    let last = LogNo(startup.next.0 - 1);
    let mut switch = Switch::new(settings, random, last, startup.highest_snowflake, numbers);
    for (account, seq) in &startup.next_seqs {
        switch.resume_at(*account, *seq);
    }
    for event in &startup.events {
        switch.replay(event.account, &Body::Event(event.clone()));
    }
    for kept in &startup.tokens {
        let body = Body::Token { leg: kept.leg, call: kept.call, token: kept.token.clone() };
        switch.replay(kept.account, &body);
    }
    for phones in &startup.phones {
        let body = Body::Bindings { user: phones.user.clone(), kept: phones.kept.clone() };
        switch.replay(phones.account, &body);
    }
    switch.restarted(now);
    Ok(switch)
}

fn ports(
    config: &Config,
    store: &Store,
    recorder: &Recorder,
    control: &Control,
    accounts: Arc<Accounts>,
    stopping: &Arc<AtomicBool>,
    clock: Clock,
) -> http::Ports {
    let clock = Arc::new(clock);
    let stored = Arc::new(store::Ports::new(store.writer(), store.reader(), clock.clone()));
    http::Ports {
        clock,
        accounts,
        calls: Arc::new(Calls(control.clone())),
        uses: stored.clone(),
        idempotency: stored.clone(),
        records: stored,
        recordings: Arc::new(Recordings { reader: store.reader(), root: recordings_dir(config) }),
        health: Arc::new(Health {
            writer: store.writer(),
            stopping: stopping.clone(),
            recorder: recorder.clone(),
            prometheus: prometheus(),
        }),
    }
}

fn http_settings(config: &Config, http: SocketAddr) -> HttpSettings {
    HttpSettings {
        proxy_base: format!("http://{http}/call"),
        media_server: media_server(&config.server),
        http_status: http::ports::HttpStatus::default(),
        header_echo: http::ports::HeaderEcho::default(),
    }
}

fn media_server(server: &Server) -> String {
    let first = server.media_addresses.first().copied().unwrap_or(IpAddr::from([127, 0, 0, 1]));
    SocketAddr::new(first, server.rtp_port_min).to_string()
}

/// The one recorder of the process: a second node in it (tests) shares its figures.
fn prometheus() -> Option<PrometheusHandle> {
    static HANDLE: std::sync::OnceLock<Option<PrometheusHandle>> = std::sync::OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .install_recorder()
                .inspect_err(|error| tracing::warn!(%error, "metrics are not kept"))
                .ok()
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn an_address_that_somebody_has_is_waited_for() {
        let held = bind::streams(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = held.local_addr().expect("bound");
        let held = Mutex::new(Some(held));
        let opened = once_left(|| {
            let opened = bind::streams(address);
            // Whoever had it is gone after the first try.
            held.lock().expect("nobody panics").take();
            std::future::ready(opened)
        });
        assert_eq!(opened.await.expect("it is free").local_addr().expect("bound"), address);
    }
}
