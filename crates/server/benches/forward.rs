//! What one forwarded RTP packet costs the kernel: epoll (recv + send) against io_uring (multishot receive + send).
//!
//!     cargo bench -p server --bench forward -- [calls] [seconds]
//!
//! One thread forwards between pairs of sockets on loopback, another plays both phones of every call at 50 packets a
//! second each, spread evenly over the 20 ms. Printed: processor time of the forwarding thread per packet and per
//! bridged call-second, and how many packets a wake-up carried. Nothing but forwarding happens, so this is the floor.
#![allow(
    unsafe_code,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark; io_uring's queue is unsafe to fill"
)]

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use io_uring::{IoUring, cqueue, opcode, types};

const PACKET: usize = 172;

struct Floor {
    packets: u64,
    wakeups: u64,
    cpu: Duration,
}

fn main() {
    let mut numbers = std::env::args().filter_map(|a| a.parse::<usize>().ok());
    let calls = numbers.next().unwrap_or(100);
    let seconds = numbers.next().unwrap_or(5);
    println!("{calls} calls, {seconds} s, packets of {PACKET} bytes, 50 a second and side");
    for round in 1..=3 {
        for (name, forward) in [("epoll", epoll as Forwarder), ("io_uring", uring as Forwarder)] {
            let (floor, sent) = measure(calls, seconds, forward);
            println!(
                "{round} {name:9} {:>7} packets ({} lost)  {:>5.2} µs/packet  {:>5.2} ms/call-second  {:.2} packets/wake-up",
                floor.packets,
                sent.saturating_sub(floor.packets),
                floor.cpu.as_secs_f64() * 1e6 / floor.packets.max(1) as f64,
                floor.cpu.as_secs_f64() * 1e3 / (calls * seconds) as f64,
                floor.packets as f64 / floor.wakeups.max(1) as f64,
            );
        }
    }
}

type Forwarder = fn(Vec<UdpSocket>, Vec<SocketAddr>, Arc<AtomicBool>) -> Floor;

fn measure(calls: usize, seconds: usize, forward: Forwarder) -> (Floor, u64) {
    let legs: Vec<UdpSocket> = (0..calls * 2).map(|_| bind("127.0.0.1:0")).collect();
    let phones: Vec<UdpSocket> = (0..calls * 2).map(|_| bind("127.0.0.2:0")).collect();
    // A packet on leg i goes out of leg i^1 to the phone behind it.
    let to: Vec<SocketAddr> = phones.iter().map(|p| p.local_addr().expect("bound")).collect();
    let at: Vec<SocketAddr> = legs.iter().map(|l| l.local_addr().expect("bound")).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let (flag, count) = (stop.clone(), sent.clone());
    let generator = std::thread::spawn(move || {
        let begin = Instant::now();
        let mut packet = [0x55u8; PACKET];
        let mut sink = [0u8; 2048];
        for tick in 0..seconds * 50 {
            for (i, phone) in phones.iter().enumerate() {
                let due = Duration::from_micros((tick * 20_000 + i * 20_000 / phones.len()) as u64);
                while begin.elapsed() < due {
                    std::hint::spin_loop();
                }
                packet[0] = 0x80;
                if phone.send_to(&packet, at[i]).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                while phone.recv(&mut sink).is_ok() {}
            }
        }
        std::thread::sleep(Duration::from_millis(200));
        flag.store(true, Ordering::Relaxed);
        let _ = phones[0].send_to(&packet, at[0]); // wakes a blocked forwarder
    });
    let floor = forward(legs, to, stop);
    generator.join().expect("the generator ends by itself");
    (floor, sent.load(Ordering::Relaxed))
}

fn bind(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).expect("a free port on loopback");
    socket.set_nonblocking(true).expect("a socket can be non-blocking");
    socket
}

fn thread_cpu() -> Duration {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

fn epoll(legs: Vec<UdpSocket>, to: Vec<SocketAddr>, stop: Arc<AtomicBool>) -> Floor {
    let ep = unsafe { libc::epoll_create1(0) };
    for (i, leg) in legs.iter().enumerate() {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: i as u64 };
        unsafe { libc::epoll_ctl(ep, libc::EPOLL_CTL_ADD, leg.as_raw_fd(), &mut event) };
    }
    let (mut floor, begin) = (Floor { packets: 0, wakeups: 0, cpu: Duration::ZERO }, thread_cpu());
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 256];
    let mut packet = [0u8; 2048];
    while !stop.load(Ordering::Relaxed) {
        let n = unsafe { libc::epoll_wait(ep, events.as_mut_ptr(), 256, -1) };
        floor.wakeups += 1;
        for event in &events[..n.max(0) as usize] {
            let i = event.u64 as usize;
            // Level-triggered: a second packet, almost never there, wakes us again.
            if let Ok((len, _from)) = legs[i].recv_from(&mut packet) {
                let _ = legs[i ^ 1].send_to(&packet[..len], to[i ^ 1]);
                floor.packets += 1;
            }
        }
    }
    unsafe { libc::close(ep) };
    floor.cpu = thread_cpu() - begin;
    floor
}

fn uring(legs: Vec<UdpSocket>, to: Vec<SocketAddr>, stop: Arc<AtomicBool>) -> Floor {
    const BUFFERS: u16 = 1024;
    const SIZE: usize = 2048;
    const GROUP: u16 = 7;
    let mut ring: IoUring = IoUring::builder()
        .setup_cqsize(8192)
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(2048)
        .expect("io_uring is there");
    let mut pool = vec![0u8; SIZE * usize::from(BUFFERS)];
    let give = opcode::ProvideBuffers::new(pool.as_mut_ptr(), SIZE as i32, BUFFERS, GROUP, 0)
        .build()
        .user_data(u64::MAX);
    let raw: Vec<libc::sockaddr_in> = to.iter().map(|a| sockaddr(*a)).collect();
    let mut queue: Vec<io_uring::squeue::Entry> = vec![give];
    let mut msg: libc::msghdr = unsafe { std::mem::zeroed() };
    msg.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
    let receive = |i: usize, msg: &libc::msghdr| {
        opcode::RecvMsgMulti::new(types::Fd(legs[i].as_raw_fd()), msg, GROUP).build().user_data(i as u64)
    };
    queue.extend((0..legs.len()).map(|i| receive(i, &msg)));
    let (mut floor, begin) = (Floor { packets: 0, wakeups: 0, cpu: Duration::ZERO }, thread_cpu());
    let mut done: Vec<(u64, i32, u32)> = Vec::with_capacity(4096);
    while !stop.load(Ordering::Relaxed) {
        for entry in queue.drain(..) {
            while unsafe { ring.submission().push(&entry) }.is_err() {
                ring.submit().expect("the ring takes what it was given");
            }
        }
        ring.submit_and_wait(1).expect("the ring answers");
        floor.wakeups += 1;
        done.extend(ring.completion().map(|c| (c.user_data(), c.result(), c.flags())));
        for (user, result, flags) in done.drain(..) {
            if user >= 1 << 32 {
                if user != u64::MAX {
                    // A send is over: its buffer goes back.
                    let id = (user >> 32) as u16 - 1;
                    let at = unsafe { pool.as_mut_ptr().add(usize::from(id) * SIZE) };
                    queue.push(
                        opcode::ProvideBuffers::new(at, SIZE as i32, 1, GROUP, id)
                            .build()
                            .user_data(u64::MAX)
                            .flags(io_uring::squeue::Flags::SKIP_SUCCESS),
                    );
                }
                continue;
            }
            let i = user as usize;
            if !cqueue::more(flags) {
                queue.push(receive(i, &msg));
            }
            if result < 0 {
                continue;
            }
            let Some(id) = cqueue::buffer_select(flags) else { continue };
            let whole = &pool[usize::from(id) * SIZE..][..result as usize];
            let Ok(out) = types::RecvMsgOut::parse(whole, &msg) else { continue };
            let data = out.payload_data();
            let send =
                opcode::Send::new(types::Fd(legs[i ^ 1].as_raw_fd()), data.as_ptr(), data.len() as u32)
                    .dest_addr((&raw const raw[i ^ 1]).cast())
                    .dest_addr_len(size_of::<libc::sockaddr_in>() as u32)
                    .build()
                    .user_data((u64::from(id) + 1) << 32);
            queue.push(send);
            floor.packets += 1;
        }
    }
    floor.cpu = thread_cpu() - begin;
    floor
}

fn sockaddr(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(v4) = address else { unreachable!("the bench binds IPv4 only") };
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: v4.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
        sin_zero: [0; 8],
    }
}
