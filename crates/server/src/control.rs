//! The control thread: runs the [`Switch`], owns the SIP sockets, and gives every decision one total order.
//!
//! It reads top to bottom: wait for datagrams, messages or a deadline; hand each to the switch; carry out what comes
//! out. What must not leave before its cause is durable is held back inside the switch, so everything that comes out
//! may be carried out at once.

mod event_lines;
mod pace;
mod reports;
pub(crate) mod streams;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use base::{AccountId, CallId, CommandId, LegId, LogNo, Mono};
use callcenter::action::RecordingFiles;
use callcenter::command::{Accepted, Command, Refusal};
use media::api::Signal;
use rustix::event::{EventfdFlags, epoll, eventfd};
use sip::api::{Flow, Transport};
use switch::Switch;
use switch::api::{Body, Counts, Entry, Input, LimitUse, Output, Piece, TrunkStanding};
use switch::config::{Changes, TrunkAddress};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::contract::codes::limit_key;
use crate::vital;
use pace::{Change, Pace};
use reports::Reports;
pub(crate) use streams::STREAMS_MAX;
use streams::{Hears, LISTENER, News, STREAM, Streams};

/// Datagrams taken from the socket before messages get their turn.
const DATAGRAM_BURST_MAX: usize = 64;
/// Ports tried when any will do and one is to be free for datagrams and streams.
const FREE_PORT_TRIES_MAX: usize = 8;
/// Events taken in one turn.
const EVENTS_MAX: usize = 64;
/// Messages taken before datagrams and deadlines get their turn.
const MESSAGE_BURST_MAX: usize = 1_024;
/// Largest datagram looked at: the largest there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Commands waiting for the control thread; more are refused as overloaded.
const COMMANDS_WAITING_MAX: usize = 4_096;
/// Socket buffers, bytes: a burst of registrations after a power cut fits.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Addresses listened at. More are refused at the start.
const LISTENERS_MAX: usize = 16;
/// How long entries that nobody waits for lie until they are appended, with others if there are any by then: a commit of
/// their own costs as much as one that carries a call on.
const UNHURRIED_MAX: Duration = Duration::from_millis(20);
/// Places in the poll: the wake-up, then the sockets for datagrams, the listeners for streams (`LISTENER`), the streams.
const WAKE: u64 = 0;
const SOCKET: u64 = 1;

/// Where the control thread sends what leaves it. Methods are called on the control thread and must not block.
pub trait Outside: Send {
    /// Writes entries to the log in this order. What cannot be taken now is handed back, to be offered again.
    fn append(&mut self, entries: Vec<Entry>) -> Vec<Entry>;
    /// Says which command a request with an idempotency key became; false when that cannot be written.
    fn bind_key(&mut self, account: AccountId, key: &str, command: CommandId) -> bool;
    /// For the engine that runs the call of the stream.
    fn media(&mut self, command: media::api::Command);
    /// Make the files of a recording.
    fn finish(&mut self, account: AccountId, call: CallId, pieces: Vec<Piece>);
}

/// What the rest of the server tells the control thread.
enum Message {
    Command { account: AccountId, command: Command, key: Option<String>, reply: Reply },
    Media(Signal),
    RecordingReady { account: AccountId, call: CallId, files: RecordingFiles, part: Option<LegId> },
    Durable(LogNo),
    LogStalled(bool),
    Count(oneshot::Sender<Counts>),
    CountTrunks(oneshot::Sender<Vec<TrunkStanding>>),
    CountLimits(oneshot::Sender<Vec<LimitUse>>),
    TrunkResolved { trunk: String, addresses: Vec<TrunkAddress> },
    Configure(Box<Changes>, oneshot::Sender<()>),
    RefuseCalls,
    EndCalls,
    Stop,
}

/// How far the thread is from its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Everything is taken.
    Open,
    /// No new calls; what concerns living ones is taken.
    Closing,
    /// The loop ends.
    Stopped,
}

type Reply = oneshot::Sender<Result<Accepted, Refusal>>;

/// A handle to the control thread; cheap to clone.
#[derive(Clone)]
pub struct Control {
    inbox: Sender<Message>,
    wake: Arc<OwnedFd>,
    waiting: Arc<AtomicUsize>,
}

impl Control {
    /// Asks for something; resolves when it was refused, or accepted and durable.
    pub async fn command(
        &self,
        account: AccountId,
        command: Command,
        key: Option<String>,
    ) -> Result<Accepted, Refusal> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= COMMANDS_WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(Refusal::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Message::Command { account, command, key, reply });
        let answer = answer.await;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        answer.unwrap_or(Err(Refusal::LogUnavailable))
    }

    /// A media engine reports.
    pub fn media(&self, signal: Signal) {
        self.send(Message::Media(signal));
    }

    /// The files of a recording are finished, or those of a part of it.
    pub fn recording_ready(
        &self,
        account: AccountId,
        call: CallId,
        files: RecordingFiles,
        part: Option<LegId>,
    ) {
        self.send(Message::RecordingReady { account, call, files, part });
    }

    /// Everything up to and including this entry is committed.
    pub fn durable(&self, through: LogNo) {
        self.send(Message::Durable(through));
    }

    /// The log cannot be written, or can again.
    pub fn log_stalled(&self, stalled: bool) {
        self.send(Message::LogStalled(stalled));
    }

    /// How much is going on; zeroes when the thread has ended.
    pub async fn counts(&self) -> Counts {
        let (to, counts) = oneshot::channel();
        self.send(Message::Count(to));
        counts.await.unwrap_or_default()
    }

    /// How the trunks stand; none when the thread has ended.
    pub async fn trunks(&self) -> Vec<TrunkStanding> {
        let (to, standings) = oneshot::channel();
        self.send(Message::CountTrunks(to));
        standings.await.unwrap_or_default()
    }

    /// How much of each limit is in use; none when the thread has ended.
    pub async fn limits(&self) -> Vec<LimitUse> {
        let (to, uses) = oneshot::channel();
        self.send(Message::CountLimits(to));
        uses.await.unwrap_or_default()
    }

    /// The hosts of a trunk were looked up: these are its addresses now.
    pub fn trunk_resolved(&self, trunk: &str, addresses: Vec<TrunkAddress>) {
        self.send(Message::TrunkResolved { trunk: trunk.to_owned(), addresses });
    }

    /// The configuration is another one now; resolves when it counts. False when the thread has ended.
    pub async fn configure(&self, changes: Changes) -> bool {
        let (to, done) = oneshot::channel();
        self.send(Message::Configure(Box::new(changes), to));
        done.await.is_ok()
    }

    /// From now on no new call is begun, as before a shutdown.
    pub fn refuse_calls(&self) {
        self.send(Message::RefuseCalls);
    }

    /// Ends every call, as at shutdown.
    pub fn end_calls(&self) {
        self.send(Message::EndCalls);
    }

    fn send(&self, message: Message) {
        // The thread has ended: nobody is left to tell.
        if self.inbox.send(message).is_ok() {
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }
}

/// The inbox of a control thread that is not running yet, so that others can hold its handle while they are built.
pub struct Seat {
    inbox: Receiver<Message>,
    wake: Arc<OwnedFd>,
}

/// A handle, and the seat its thread will take.
///
/// # Errors
/// When the operating system gives no eventfd.
pub fn seat() -> std::io::Result<(Control, Seat)> {
    let (sender, inbox) = channel();
    let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    let control = Control { inbox: sender, wake: wake.clone(), waiting: Arc::default() };
    Ok((control, Seat { inbox, wake }))
}

/// A running control thread.
pub struct Running {
    control: Control,
    join: Option<JoinHandle<()>>,
}

impl Running {
    /// Ends the thread after what it has already been told; calls are not ended by it.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.control.send(Message::Stop);
        if let Some(join) = self.join.take() {
            let _ = join.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens the SIP socket with room for bursts.
///
/// # Errors
/// When the address is in use or not ours.
pub fn bind_sip(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = crate::bind::datagrams(address)?;
    let options = socket2::SockRef::from(&socket);
    // A kernel that grants less is no reason not to start.
    let _ = options.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = options.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What SIP comes in by: datagrams and streams on one address.
pub struct SipSockets {
    /// Datagrams, from [`bind_sip`].
    pub datagrams: UdpSocket,
    /// Streams.
    pub streams: TcpListener,
}

impl SipSockets {
    /// Opens both; port 0 is any port that is free for both.
    ///
    /// # Errors
    /// When the address is in use or not ours.
    pub fn bind(address: SocketAddr) -> std::io::Result<SipSockets> {
        let mut tries = if address.port() == 0 { FREE_PORT_TRIES_MAX } else { 1 };
        loop {
            let datagrams = bind_sip(address)?;
            tries -= 1;
            match crate::bind::streams(datagrams.local_addr()?) {
                Ok(streams) => return Ok(SipSockets { datagrams, streams }),
                Err(error) if tries == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Where both are.
    ///
    /// # Errors
    /// When the operating system does not know.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.datagrams.local_addr()
    }
}

/// Starts the thread.
///
/// # Errors
/// When the operating system gives no epoll or thread.
pub fn start<O: Outside + 'static>(
    (control, seat): (Control, Seat),
    sockets: Vec<SipSockets>,
    switch: Switch,
    next_command: CommandId,
    outside: O,
    clock: Clock,
) -> std::io::Result<Running> {
    if sockets.len() > LISTENERS_MAX {
        return Err(std::io::Error::other(format!("more than {LISTENERS_MAX} addresses to listen at")));
    }
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &seat.wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
    let (mut datagrams, mut listeners) = (Vec::new(), Vec::new());
    for (place, SipSockets { datagrams: socket, streams }) in (SOCKET..).zip(sockets) {
        epoll::add(&poll, socket.as_fd(), epoll::EventData::new_u64(place), epoll::EventFlags::IN)?;
        datagrams.push((socket.local_addr()?, socket));
        listeners.push(streams);
    }
    let streams = Streams::new(listeners, &poll)?;
    let worker = Worker {
        clock,
        poll,
        streams,
        datagrams,
        seat,
        switch,
        outside,
        replies: HashMap::new(),
        next_command,
        appended: Vec::new(),
        unhurried: None,
        reports: Reports::default(),
        pace: Pace::default(),
        turned_away: 0,
        phase: Phase::Open,
    };
    let join = vital::spawn("control".to_owned(), move || worker.run())?;
    Ok(Running { control, join: Some(join) })
}

struct Worker<O> {
    clock: Clock,
    poll: OwnedFd,
    streams: Streams,
    datagrams: Vec<(SocketAddr, UdpSocket)>,
    seat: Seat,
    switch: Switch,
    outside: O,
    replies: HashMap<CommandId, Reply>,
    next_command: CommandId,
    appended: Vec<Entry>,
    /// When entries that nobody waits for are appended alone.
    unhurried: Option<Mono>,
    reports: Reports,
    pace: Pace,
    /// Requests turned away, as counted last.
    turned_away: u64,
    phase: Phase,
}

impl<O: Outside> Worker<O> {
    fn run(mut self) {
        let mut buffer = vec![0u8; DATAGRAM_BYTES_MAX];
        let mut events = Vec::with_capacity(EVENTS_MAX);
        // What a restart began.
        self.drain();
        self.hand_over();
        while self.phase != Phase::Stopped {
            let wait = self.next_timeout().map(|at| crate::clock::timespec(at.since(self.clock.mono())));
            events.clear();
            match epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("the control thread cannot wait for its inputs: {error}"),
            }
            // A full list says nothing of the sockets that are not in it.
            let (mut looked, mut emptied) = (events.len() < EVENTS_MAX, true);
            for event in &events {
                match event.data.u64() {
                    WAKE => self.take_messages(),
                    place @ SOCKET..LISTENER => {
                        looked = true;
                        emptied &= self.take_datagrams(place - SOCKET, &mut buffer);
                    }
                    place @ LISTENER..STREAM => self.take_streams(place),
                    place => self.take_stream(place, event.flags, &mut buffer),
                }
            }
            if self.switch.next_timeout().is_some_and(|(at, _)| at <= self.clock.mono()) {
                self.switch.handle_input(self.clock.now(), Input::Timeout);
                self.drain();
            }
            if looked {
                let change = self.pace.read(self.clock.mono(), emptied);
                self.keep_pace(change);
            }
            self.hand_over();
        }
    }

    fn next_timeout(&self) -> Option<Mono> {
        let switch = self.switch.next_timeout().map(|(at, _)| at);
        switch.into_iter().chain(self.pace.next_timeout()).chain(self.unhurried).min()
    }

    /// Turns strangers away while more comes than can be taken.
    fn keep_pace(&mut self, change: Option<Change>) {
        let turned_away = self.switch.sip_turned_away();
        if turned_away != self.turned_away {
            metrics::counter!("cordboard_sip_requests_turned_away_total").absolute(turned_away);
            self.turned_away = turned_away;
        }
        let overloaded = match change {
            None => return,
            Some(Change::FellBehind) => {
                tracing::warn!(
                    "more comes by SIP than can be taken: who begins something new is turned away"
                );
                true
            }
            Some(Change::CaughtUp) => {
                tracing::warn!(turned_away, "SIP is served as ever again");
                false
            }
        };
        metrics::gauge!("cordboard_sip_overloaded").set(f64::from(u8::from(overloaded)));
        self.switch.handle_input(self.clock.now(), Input::SipOverloaded(overloaded));
        self.drain();
    }

    /// Whether nothing was left.
    fn take_datagrams(&mut self, number: u64, buffer: &mut [u8]) -> bool {
        for _ in 0..DATAGRAM_BURST_MAX {
            let socket = usize::try_from(number).ok().and_then(|number| self.datagrams.get(number));
            let Some((local, socket)) = socket else { return true };
            let Ok((len, remote)) = socket.recv_from(buffer) else { return true };
            let flow = Flow { transport: Transport::Udp, local: *local, remote };
            metrics::counter!("cordboard_sip_datagrams_received_total").increment(1);
            self.switch.handle_input(self.clock.now(), Input::Datagram { flow, data: &buffer[..len] });
            self.drain();
        }
        false
    }

    fn take_streams(&mut self, place: u64) {
        for news in self.streams.accept(&self.poll, place) {
            self.hear_news(news);
        }
    }

    /// Tells the switch what a stream did.
    fn tell(&mut self, news: News) {
        let input = match news {
            News::Opened(flow) => Input::Connected { flow },
            News::Closed(flow) => Input::Closed { flow },
        };
        self.switch.handle_input(self.clock.now(), input);
    }

    fn take_messages(&mut self) {
        let _ = rustix::io::read(&self.seat.wake, &mut [0u8; 8]);
        for _ in 0..MESSAGE_BURST_MAX {
            let Ok(message) = self.seat.inbox.try_recv() else { return };
            self.take(message);
            self.drain();
        }
        // The rest next turn: nobody else may ring for it.
        let _ = rustix::io::write(&self.seat.wake, &1u64.to_ne_bytes());
    }

    fn take(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::Command { command: Command::DialOut(_), reply, .. } if self.phase == Phase::Closing => {
                let _ = reply.send(Err(Refusal::Overloaded));
            }
            Message::Command { account, command, key, reply } => {
                let id = self.next_command;
                self.next_command = CommandId(id.0 + 1);
                if key.is_some_and(|key| !self.outside.bind_key(account, &key, id)) {
                    let _ = reply.send(Err(Refusal::LogUnavailable));
                    return;
                }
                self.replies.insert(id, reply);
                self.switch.handle_input(now, Input::Command { id, account, command });
            }
            Message::Media(signal) => self.switch.handle_input(now, Input::Media(signal)),
            Message::RecordingReady { account, call, files, part } => {
                self.switch.handle_input(now, Input::RecordingReady { account, call, files, part });
            }
            Message::Durable(through) => self.switch.handle_input(now, Input::Durable { through }),
            Message::LogStalled(stalled) => self.switch.handle_input(now, Input::LogStalled(stalled)),
            Message::Count(to) => {
                let _ = to.send(self.switch.counts());
            }
            Message::TrunkResolved { trunk, addresses } => {
                self.switch.handle_input(now, Input::TrunkResolved { trunk, addresses });
            }
            Message::CountLimits(to) => {
                let _ = to.send(self.switch.limits());
            }
            Message::Configure(changes, to) => {
                self.switch.handle_input(now, Input::Configure(changes));
                let _ = to.send(());
            }
            Message::CountTrunks(to) => {
                let _ = to.send(self.switch.trunks(now));
            }
            Message::EndCalls => self.switch.handle_input(now, Input::EndCalls),
            Message::RefuseCalls => {
                self.phase = Phase::Closing;
                self.switch.handle_input(now, Input::RefuseCalls);
            }
            Message::Stop => self.phase = Phase::Stopped,
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Append(entry) => {
                    event_lines::write(&entry);
                    self.appended.push(entry);
                }
                Output::Transmit { flow: flow @ Flow { transport: Transport::Tcp, .. }, data } => {
                    if let Some(news) = self.streams.send(&self.poll, flow, &data) {
                        self.tell(news);
                    }
                }
                Output::Connect { flow } => {
                    if let Err(error) = self.streams.connect(&self.poll, flow) {
                        tracing::debug!(%error, "a SIP stream was not opened");
                        self.tell(News::Closed(flow));
                    }
                }
                Output::Close { flow } => self.streams.close(&self.poll, flow),
                Output::Transmit { flow: flow @ Flow { transport: Transport::Udp, .. }, data } => {
                    self.send_datagram(flow, &data);
                }
                Output::Reply { command, result } => {
                    if let Err(Refusal::Full(limit)) = result {
                        metrics::counter!("cordboard_calls_refused_total", "limit" => limit_key(limit))
                            .increment(1);
                    }
                    if let Some(reply) = self.replies.remove(&command) {
                        let _ = reply.send(result);
                    }
                }
                Output::Media(command) => self.outside.media(command),
                Output::Finish { account, call, pieces } => self.outside.finish(account, call, pieces),
                Output::Diagnostic(diagnostic) => self.reports.tell(self.clock.mono(), &diagnostic),
            }
        }
    }

    fn send_datagram(&self, flow: Flow, data: &[u8]) {
        metrics::counter!("cordboard_sip_datagrams_sent_total").increment(1);
        let Some((_, socket)) = self.datagrams.iter().find(|(local, _)| *local == flow.local) else { return };
        if let Err(error) = socket.send_to(data, flow.remote) {
            // SIP's own retransmissions make up for it.
            tracing::debug!(%error, "a SIP datagram was not sent");
        }
    }

    /// One hand-over per turn: what was appended together is committed together. What a full writer hands back is offered
    /// again next turn; the switch sees the backlog and refuses new work meanwhile.
    fn hand_over(&mut self) {
        if self.appended.is_empty() {
            return;
        }
        // That the far end of a dialog knows of its end: lost in a crash, it is only told again. How a leg was heard: nothing
        // follows from it.
        let waited_for =
            |entry: &Entry| !matches!(entry.body, Body::TokenDone { .. } | Body::Measured { .. });
        if self.phase != Phase::Stopped && !self.appended.iter().any(waited_for) {
            let now = self.clock.mono();
            if now < *self.unhurried.get_or_insert(now + UNHURRIED_MAX) {
                return;
            }
        }
        self.unhurried = None;
        self.appended = self.outside.append(std::mem::take(&mut self.appended));
    }
}

impl<O: Outside> Hears for Worker<O> {
    fn streams(&mut self) -> (&mut Streams, &OwnedFd) {
        (&mut self.streams, &self.poll)
    }

    fn hear_bytes(&mut self, flow: Flow, data: &[u8]) {
        self.switch.handle_input(self.clock.now(), Input::Stream { flow, data });
        self.drain();
    }

    fn hear_news(&mut self, news: News) {
        self.tell(news);
        self.drain();
    }
}

#[cfg(test)]
mod tests;
