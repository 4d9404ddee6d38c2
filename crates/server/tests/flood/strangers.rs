//! Strangers who send whatever they like, as fast as was asked for, from many addresses at once.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base::Random;

use crate::messages;

/// Each in a thread of its own.
const STRANGERS: u64 = 2;
/// Addresses of each, all of them on this machine and none of them a trunk's.
const ADDRESSES: u8 = 50;
/// How often each sends.
const PACE: Duration = Duration::from_millis(5);

pub struct Flood {
    left: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Flooded>>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flooded {
    pub sent: u64,
    /// What the operating system would not take.
    pub unsent: u64,
    pub answered: u64,
}

impl Flood {
    pub fn begin(target: SocketAddr, per_second: u64, lasts: Duration) -> Flood {
        let left = Arc::new(AtomicUsize::new(STRANGERS as usize));
        let start = |number| {
            let left = left.clone();
            std::thread::spawn(move || {
                let flooded = spray(number, target, per_second / STRANGERS, lasts);
                left.fetch_sub(1, Ordering::AcqRel);
                flooded
            })
        };
        let threads = (0..STRANGERS).map(start).collect();
        Flood { left, threads }
    }

    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    pub fn end(self) -> Flooded {
        self.threads.into_iter().fold(Flooded::default(), |sum, thread| {
            let one = thread.join().expect("a stranger does not panic");
            Flooded {
                sent: sum.sent + one.sent,
                unsent: sum.unsent + one.unsent,
                answered: sum.answered + one.answered,
            }
        })
    }
}

fn spray(number: u64, target: SocketAddr, per_second: u64, lasts: Duration) -> Flooded {
    let mut random = Random::from_number(number);
    let network = 100 + u8::try_from(number).expect("a few strangers");
    let sockets: Vec<UdpSocket> = (1..=ADDRESSES)
        .map(|host| {
            let socket =
                UdpSocket::bind((Ipv4Addr::new(127, 0, network, host), 0)).expect("loopback is wide");
            socket.set_nonblocking(true).expect("a socket can be asked not to wait");
            socket
        })
        .collect();
    let clock = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    clock.set_read_timeout(Some(PACE)).expect("is not zero");
    let began = Instant::now();
    let mut flooded = Flooded::default();
    let mut buffer = [0; 65_535];
    while began.elapsed() < lasts {
        let due = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) * per_second / 1_000_000;
        while flooded.sent + flooded.unsent < due {
            let from = &sockets[random.below(u64::from(ADDRESSES)) as usize];
            let message = messages::draw(&mut random, from.local_addr().expect("is bound"), target);
            match from.send_to(&message, target) {
                Ok(_) => flooded.sent += 1,
                Err(_) => flooded.unsent += 1,
            }
        }
        for socket in &sockets {
            while socket.recv(&mut buffer).is_ok() {
                flooded.answered += 1;
            }
        }
        // Nothing comes there: this is the pace.
        let _ = clock.recv(&mut buffer);
    }
    flooded
}
