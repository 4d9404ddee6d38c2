//! Those who must not get in: phones that are not registered, callers who are nobody's trunk, sound from elsewhere.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lab::{Prompt, prompt_samples};
use media::g711;
use media::g711::Law;

use crate::baresip::{AGENT, Baresip};
use crate::claim::Claim;
use crate::desk::{Desk, HEARD_EARLY};
use crate::sipp::Sipp;
use crate::sound::{assert_heard, assert_not_heard, channels};

/// Another address of this machine, which is no trunk's.
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_registers_or_calls_without_a_right_to() {
    let desk = Desk::open(|_, _| {}).await;
    let claim = Claim::new();
    let stranger = SocketAddr::from((ELSEWHERE, claim.sip().port()));
    let tries = [
        ("register_refused", "8005", "demo-8006"),
        ("register_refused", "8005", ""),
        ("register_refused", "nobody", "demo-8005"),
        ("register_refused", "8000", "demo-8000"),
        ("stranger_calls", "13900000001", "demo-8005"),
        ("stranger_calls", "8000", "demo-8005"),
        ("stranger_calls", "02258834811", "demo-8005"),
    ];
    for (scenario, user, password) in tries {
        Sipp::asks(scenario, stranger, &claim, desk.sip, user, password).succeeded().await;
    }
    assert_eq!(desk.calls().await, 0, "no call came of it");
    assert_eq!(desk.phones.all(), [], "no phone of the lab heard of it");

    // Events are numbered without gaps: the first is the sign-in of now, so there was none before.
    desk.online_without_phone("8005").await;
    let numbers: Vec<_> = desk.pushes.all().iter().map(|push| push["eventSeq"].to_string()).collect();
    assert_eq!(numbers, ["1", "2"], "{:#?}", desk.pushes.all());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_from_elsewhere_is_neither_heard_nor_recorded() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online_without_phone(AGENT).await;
    let greeting = prompt_samples(Prompt::MailboxGreeting);
    let said: Vec<i16> = greeting.iter().copied().cycle().take(8000 * 30).collect();
    let phone = Baresip::registered(desk.sip, &said).await;
    desk.shows(AGENT, "0").await;

    let call = desk.dial(AGENT, HEARD_EARLY, &[]).await;
    // Until a far end was heard for the first time, another source may be learned in its place (media::engine::far). By
    // now both were: the agent's phone since it answered, the customer's network since before.
    desk.told(&call, "link").await;
    let attack = Attack::begin(desk.claim.rtp());
    let tracks = channels(&desk.recording(&call).await);
    let attack = attack.end();
    let heard = phone.heard().await;

    assert!(attack.sent > 1000, "the attack took place: {} packets", attack.sent);
    assert_eq!(attack.received, 0, "nothing was sent to the attacker");
    let customer = prompt_samples(Prompt::Customer);
    assert_heard("the customer, by the agent,", &customer, &heard);
    assert_heard("the agent, in the recording,", &greeting, &tracks[0]);
    assert_heard("the customer, in the recording,", &customer, &tracks[1]);
    for (where_to, track) in [("the agent's ear", &heard), ("track 0", &tracks[0]), ("track 1", &tracks[1])] {
        assert_not_heard(&format!("the attacker in {where_to}"), &attack.noise, track);
    }
    desk.close().await;
}

/// Samples of one packet: 20 ms.
const FRAME: usize = 160;

/// A thread that sends loud noise to every port of the server's sound, from a port that is nobody's.
struct Attack {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Attacked>,
}

struct Attacked {
    sent: usize,
    received: usize,
    noise: Vec<i16>,
}

impl Attack {
    fn begin(ports: RangeInclusive<u16>) -> Attack {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Attack { stop, thread: std::thread::spawn(move || spray(&ports, &stopped)) }
    }

    fn end(self) -> Attacked {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("the attacker does not panic")
    }
}

fn spray(ports: &RangeInclusive<u16>, stopped: &AtomicBool) -> Attacked {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let pace = Duration::from_millis(20);
    socket.set_read_timeout(Some(pace)).expect("is not zero");
    let noise = noise(FRAME * 400);
    let heard = noise.iter().map(|byte| g711::decode(Law::A, *byte)).collect();
    let mut attacked = Attacked { sent: 0, received: 0, noise: heard };
    let mut answer = [0; 2000];
    for (number, payload) in (0u16..).zip(noise.chunks(FRAME).cycle()) {
        if stopped.load(Ordering::Acquire) {
            break;
        }
        for port in ports.clone().step_by(2) {
            // A port that nobody has open tells so by an error, which is of no interest.
            let sent = socket.send_to(&rtp(number, payload), (Ipv4Addr::LOCALHOST, port));
            attacked.sent += usize::from(sent.is_ok());
        }
        // Waits for the pace of speech, and for what must not come.
        attacked.received += usize::from(socket.recv_from(&mut answer).is_ok());
    }
    attacked
}

/// A-law that is no speech, the same every time.
fn noise(bytes: usize) -> Vec<u8> {
    let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(7), step).map(|state| state.to_be_bytes()[0]).take(bytes).collect()
}

/// A packet as the server agreed on with its phones: A-law, payload type 8 (RFC 3550 §5.1, RFC 3551).
fn rtp(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 160).to_be_bytes());
    packet.extend(0xbad_cafe_u32.to_be_bytes());
    packet.extend(payload);
    packet
}
