//! What a bridged call costs the media threads and the recorder, plain and recorded.
//!
//!     cargo bench -p server --bench sound -- [calls] [seconds] [threads]
//!
//! The real threads with real sockets and files. Another thread plays both phones of every call, PCMU, 50 packets a second
//! each, those that are due every millisecond. Printed: processor time per bridged call-second of the media threads and
//! of the recorder, packets that never came out or came out on the wrong call, and memory per call. The generator shares the processors: where `late` is large, the figures
//! are about the machine.
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use base::{CallId, Random, StreamId};
use media::api::{Command, Family, Ptime, Source, Terms};
use media::codec::Codec;
use media::engine::EngineConfig;
use server::clock::Clock;
use server::sound::{Recorder, RecorderConfig, Reports, Threads, ThreadsConfig};

const HERE: [u8; 4] = [127, 77, 0, 1];
const PHONES: [u8; 4] = [127, 77, 0, 2];
const PORT: u16 = 10_000;
const PACKET: usize = 172;
const TICK: Duration = Duration::from_millis(1);
const FRAME: Duration = Duration::from_millis(20);

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let calls = numbers.next().unwrap_or(100);
    let seconds = numbers.next().unwrap_or(5);
    let threads = numbers.next().unwrap_or(1);
    println!("{calls} calls, {seconds} s, media threads: {threads}");
    for round in 1..=3 {
        for (name, recorded) in [("plain", false), ("recorded", true)] {
            let figures = measure(calls, seconds, threads, recorded);
            let call_seconds = (calls * seconds) as f64;
            println!(
                "{round} {name:8}  media {:.3} + recorder {:.3} ms/call-second   {} of {} lost, {} astray   \
                 late p99 {:.1} ms   {:.1} kB/call",
                figures.media.as_secs_f64() * 1e3 / call_seconds,
                figures.recorder.as_secs_f64() * 1e3 / call_seconds,
                figures.sent - figures.received,
                figures.sent,
                figures.astray,
                figures.late_ms,
                figures.kilobytes / calls as f64,
            );
        }
    }
}

#[derive(Default)]
struct Figures {
    media: Duration,
    recorder: Duration,
    sent: usize,
    received: usize,
    astray: usize,
    late_ms: f64,
    kilobytes: f64,
}

fn measure(calls: usize, seconds: usize, threads: usize, recorded: bool) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = RecorderConfig {
        encoder: None,
        workers: 1,
        raw: folder.path().join("raw"),
        files: folder.path().join("files"),
        disk_free_min_bytes: 0,
    };
    let recorder = Recorder::start(settings, |_| {}).expect("it starts");
    let phones: Vec<UdpSocket> = (0..2 * calls).map(|_| bind(PHONES)).collect();
    let mut played = Played::new(phones.len(), seconds);
    let before = resident();
    let config = ThreadsConfig {
        threads,
        addresses: vec![IpAddr::from(HERE)],
        engine: EngineConfig { sounds: Vec::new(), streams_max: 2 * calls },
        recorder: Some(recorder.clone()),
        reports: Reports::On,
    };
    let mut media =
        Threads::start(config, Clock::start(), Random::from_number(1), |_| {}).expect("it starts");
    (0..calls).for_each(|call| bridge(&mut media, call, &phones, recorded));
    played.play(&phones, 1);
    let begun = [processor("media-"), processor("recorder")];
    played.forget();
    played.play(&phones, seconds);
    let ended = [processor("media-"), processor("recorder")];
    let kilobytes = (resident() - before) / 1024.0;
    drop(media);
    recorder.stop();
    played.lates.sort_unstable();
    Figures {
        media: ended[0] - begun[0],
        recorder: ended[1] - begun[1],
        sent: played.sent,
        received: played.received,
        astray: played.astray,
        late_ms: f64::from(played.lates[played.lates.len() * 99 / 100]) / 1000.0,
        kilobytes,
    }
}

fn bridge(media: &mut Threads, call: usize, phones: &[UdpSocket], recorded: bool) {
    let ids = [2 * call, 2 * call + 1];
    let streams = ids.map(|id| StreamId(id as u64));
    let id = CallId(call as u64);
    for (n, stream) in ids.into_iter().zip(streams) {
        media.send(Command::Open { stream, call: id, port: port(n), family: Family::V4 });
        let remote = phones[n].local_addr().expect("bound");
        let terms = Terms {
            remote: Some(remote),
            peer: Some(remote.ip()),
            codec: Codec::Pcmu,
            payload: 0,
            events: Some(101),
            ptime: Ptime::default(),
            send: true,
            receive: true,
        };
        media.send(Command::Agree { stream, terms });
        media.send(Command::Watch { stream, silence_max: Some(Duration::from_secs(60)) });
    }
    for (stream, heard) in [(streams[0], streams[1]), (streams[1], streams[0])] {
        media.send(Command::Hear { stream, source: Source::Stream(heard) });
    }
    if recorded {
        media.send(Command::Record { call: id, agent: streams[0], customer: streams[1] });
    }
}

fn port(n: usize) -> u16 {
    PORT + 2 * u16::try_from(n).expect("fewer phones than ports")
}

/// What the phones say and hear.
struct Played {
    numbers: Vec<u32>,
    sent: usize,
    received: usize,
    astray: usize,
    /// Microseconds.
    lates: Vec<u32>,
}

impl Played {
    fn new(phones: usize, seconds: usize) -> Played {
        let packets = phones * seconds * 50;
        Played {
            numbers: vec![0; phones],
            sent: 0,
            received: 0,
            astray: 0,
            // Used now, so that it is not memory of the calls.
            lates: vec![1; packets],
        }
    }

    fn forget(&mut self) {
        (self.sent, self.received, self.astray) = (0, 0, 0);
        self.lates.clear();
    }

    fn play(&mut self, phones: &[UdpSocket], seconds: usize) {
        let begin = Instant::now();
        let streams = phones.len();
        let ticks_per_frame = (FRAME.as_micros() / TICK.as_micros()) as usize;
        for tick in 0..seconds * 50 * ticks_per_frame {
            let due = TICK * u32::try_from(tick).expect("minutes at most");
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            let turn = tick % ticks_per_frame;
            let late = micros(begin.elapsed().saturating_sub(due));
            for n in (streams * turn / ticks_per_frame)..(streams * (turn + 1) / ticks_per_frame) {
                self.lates.push(late);
                self.speak(phones, n);
            }
            // What was sent half a frame ago has come.
            let turn = (turn + ticks_per_frame / 2) % ticks_per_frame;
            for n in (streams * turn / ticks_per_frame)..(streams * (turn + 1) / ticks_per_frame) {
                self.listen(phones, n ^ 1);
            }
        }
        std::thread::sleep(Duration::from_millis(100));
        (0..streams).for_each(|n| self.listen(phones, n));
    }

    fn speak(&mut self, phones: &[UdpSocket], n: usize) {
        let number = self.numbers[n];
        self.numbers[n] += 1;
        let mut packet = [0x55u8; PACKET];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(160 * number).to_be_bytes());
        packet[8..12].copy_from_slice(&(n as u32 + 1).to_be_bytes());
        packet[12..16].copy_from_slice(&(n as u32).to_be_bytes());
        let _ = phones[n].send_to(&packet, SocketAddr::from((HERE, port(n))));
        self.sent += 1;
    }

    fn listen(&mut self, phones: &[UdpSocket], n: usize) {
        let mut packet = [0u8; 2048];
        while let Ok(len) = phones[n].recv(&mut packet) {
            match len == PACKET && packet[12..16] == (n as u32 ^ 1).to_be_bytes() {
                true => self.received += 1,
                false => self.astray += 1,
            }
        }
    }
}

fn micros(time: Duration) -> u32 {
    time.as_micros() as u32
}

fn bind(address: [u8; 4]) -> UdpSocket {
    let socket = UdpSocket::bind((IpAddr::from(address), 0)).expect("a free port on loopback");
    socket.set_nonblocking(true).expect("a socket can be non-blocking");
    socket
}

/// Processor time of the threads with this name, or this name and a number.
fn processor(name: &str) -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let of_thread = |thread: std::fs::DirEntry| {
        let comm = std::fs::read_to_string(thread.path().join("comm")).ok()?;
        let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let used = times.split(' ').next()?.parse().ok()?;
        let rest = comm.trim_end().strip_prefix(name)?;
        rest.bytes().all(|byte| byte.is_ascii_digit()).then_some(Duration::from_nanos(used))
    };
    threads.filter_map(of_thread).sum()
}

/// Resident memory, bytes.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: f64 = pages.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    pages * 4096.0
}
