//! Two labs that call each other: what a phone does by itself, and what the other one hears of it.
#![allow(clippy::unwrap_used, reason = "test code outside test functions")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random, StreamId, Wall};
use bytes::Bytes;
use lab::behaviour::Behaviour;
use lab::{Caller, Config, Heard, Lab, LabEvent, PhoneId, PhoneWish, Step, Tone};
use media::api::Command;
use media::engine::{Engine, EngineConfig};
use media::sdp::Direction;
use sip::api::{Ended, Flow, Referral, Transport};

const DELAY: Duration = Duration::from_millis(1);
const PHONE: PhoneId = PhoneId(1);
const CALLER: &[Step] = &[Step::Say(Tone::of(0))];
const CALLED: &[Behaviour] =
    &[Behaviour { ending: "1", steps: &[Step::Ring, Step::Answer, Step::Say(Tone::of(1))] }];

/// A lab, its engine and its sockets.
struct Place {
    at: SocketAddr,
    lab: Lab,
    engine: Engine,
    ports: BTreeMap<u16, StreamId>,
    /// What happened, with milliseconds.
    happened: Vec<(u64, LabEvent)>,
}

struct World {
    now: Now,
    places: [Place; 2],
    wire: BTreeMap<(Mono, u64), (SocketAddr, SocketAddr, Bytes)>,
    posted: u64,
}

impl World {
    fn new() -> World {
        World {
            now: Now { mono: Mono::ZERO, wall: Wall::from_millis(0) },
            places: [2u8, 3].map(Place::new),
            wire: BTreeMap::new(),
            posted: 0,
        }
    }

    /// The first lab's phone calls this number of the other's, and says the first tone.
    fn calling(number: &str) -> World {
        let mut world = World::new();
        let switch = world.places[1].at;
        let from = Caller::Customer { number: "100".to_owned(), switch };
        world.wish(0, PhoneWish::Dial { from, to: number.to_owned(), then: CALLER });
        world.run_ms(1_000);
        world
    }

    fn wish(&mut self, place: usize, wish: PhoneWish) {
        self.places[place].lab.handle_input(self.now, lab::Input::Phone(wish));
        self.drain();
    }

    fn run_ms(&mut self, ms: u64) {
        let until = self.now.mono + Duration::from_millis(ms);
        loop {
            let wire = self.wire.keys().next().map(|(at, _)| *at);
            let places = self.places.iter().filter_map(Place::next);
            let Some(at) = wire.into_iter().chain(places).min().filter(|at| *at <= until) else { break };
            self.now = self.now.later(at.since(self.now.mono));
            while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= at) {
                let (from, to, data) = entry.remove();
                if let Some(place) = self.places.iter_mut().find(|place| place.at.ip() == to.ip()) {
                    let answer = place.receive(self.now, from, to, &data);
                    self.post(answer);
                }
                self.drain();
            }
            for place in &mut self.places {
                place.wake(self.now);
            }
            self.drain();
        }
        self.now = self.now.later(until.since(self.now.mono));
    }

    fn drain(&mut self) {
        for place in 0..2 {
            let sent = self.places[place].drain(self.now);
            self.post(sent);
        }
    }

    fn post(&mut self, datagrams: impl IntoIterator<Item = (SocketAddr, SocketAddr, Bytes)>) {
        for datagram in datagrams {
            self.posted += 1;
            self.wire.insert((self.now.mono + DELAY, self.posted), datagram);
        }
    }

    /// What a place's phone hears at the moment.
    fn hears(&self, place: usize) -> Heard {
        let heard = |(_, event): &(u64, LabEvent)| match event {
            LabEvent::Hears { heard, .. } => Some(*heard),
            _ => None,
        };
        self.places[place].happened.iter().rev().find_map(heard).unwrap_or_default()
    }

    fn told(&self, place: usize, event: &LabEvent) -> bool {
        self.places[place].happened.iter().any(|(_, told)| told == event)
    }

    fn come_to_rest(mut self) {
        self.wish(0, PhoneWish::HangUp { phone: PHONE });
        self.run_ms(100_000);
        for place in &self.places {
            assert_eq!(place.lab.counts(), lab::Counts::default());
            assert_eq!(place.lab.next_timeout(), None);
        }
    }
}

impl Place {
    fn new(host: u8) -> Place {
        let at = SocketAddr::from(([127, 0, 0, host], 5060));
        let config = Config { behaviours: CALLED, ..Config::new(at, 30_000..=30_099) };
        let engine = EngineConfig { sounds: lab::sounds(), streams_max: 8 };
        Place {
            at,
            lab: Lab::new(config, Random::from_number(u64::from(host))),
            engine: Engine::new(engine, Random::from_number(10 + u64::from(host))),
            ports: BTreeMap::new(),
            happened: Vec::new(),
        }
    }

    fn next(&self) -> Option<Mono> {
        let lab = self.lab.next_timeout().map(|(at, _)| at);
        lab.into_iter().chain(self.engine.next_timeout().map(|(at, _)| at)).min()
    }

    fn wake(&mut self, now: Now) {
        if self.lab.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
            self.lab.handle_input(now, lab::Input::Timeout);
        }
        self.engine.handle_timeout(now);
    }

    fn receive(
        &mut self,
        now: Now,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
    ) -> Option<(SocketAddr, SocketAddr, Bytes)> {
        if to == self.at {
            let flow = Flow { transport: Transport::Udp, local: to, remote: from };
            self.lab.handle_input(now, lab::Input::Datagram { flow, data });
            return None;
        }
        let stream = *self.ports.get(&to.port())?;
        self.lab.handle_input(now, lab::Input::Sound { phone: PhoneId(stream.0), packet: data });
        let mut packet = data.to_vec();
        let forward = self.engine.handle_rtp(now, stream, from, &mut packet)?;
        packet.truncate(forward.len);
        Some((self.address(forward.stream)?, forward.to, packet.into()))
    }

    fn address(&self, stream: StreamId) -> Option<SocketAddr> {
        let (port, _) = self.ports.iter().find(|(_, of)| **of == stream)?;
        Some(SocketAddr::new(self.at.ip(), *port))
    }

    fn drain(&mut self, now: Now) -> Vec<(SocketAddr, SocketAddr, Bytes)> {
        let mut sent = Vec::new();
        loop {
            while let Some(output) = self.lab.poll_output() {
                match output {
                    lab::Output::Transmit { flow, data } => sent.push((flow.local, flow.remote, data)),
                    lab::Output::Media(command) => {
                        if let Command::Open { stream, port, .. } = &command {
                            self.ports.insert(*port, *stream);
                        }
                        self.engine.handle_command(now, command);
                    }
                    lab::Output::Happened(event) => {
                        let ms = now.mono.since(Mono::ZERO).as_millis();
                        self.happened.push((u64::try_from(ms).unwrap(), event));
                    }
                    lab::Output::Connect { .. } | lab::Output::Close { .. } => panic!("no streams here"),
                }
            }
            match self.engine.poll_output() {
                None => return sent,
                Some(media::engine::Output::Send { stream, to, data }) => {
                    sent.extend(self.address(stream).map(|from| (from, to, data)));
                }
                Some(media::engine::Output::Signal(signal)) => {
                    self.lab.handle_input(now, lab::Input::Media(signal));
                }
                Some(_) => {}
            }
        }
    }
}

#[test]
fn each_hears_the_others_tone_until_the_line_is_closed() {
    let mut world = World::calling("1");
    assert_eq!(
        [0, 1].map(|place| world.hears(place)),
        [Heard::only([Tone::of(1)]), Heard::only([Tone::of(0)])]
    );
    world.wish(1, PhoneWish::Say { phone: PHONE, tone: Tone::of(7) });
    world.run_ms(200);
    assert_eq!(world.hears(0), Heard::only([Tone::of(7)]));
    world.wish(0, PhoneWish::HangUp { phone: PHONE });
    world.run_ms(500);
    assert!(world.told(1, &LabEvent::Ended { phone: PHONE, how: Ended::ByFar }));
    world.come_to_rest();
}

#[test]
fn who_holds_is_heard_and_hears_nothing_until_it_takes_back() {
    let mut world = World::calling("1");
    for direction in [Direction::SendOnly, Direction::Inactive] {
        world.wish(0, PhoneWish::Turn { phone: PHONE, direction });
        world.run_ms(1_000);
        assert!(world.told(0, &LabEvent::Reoffered { phone: PHONE, refused: None }));
        let heard = if direction == Direction::SendOnly { vec![Tone::of(0)] } else { vec![] };
        assert_eq!([0, 1].map(|place| world.hears(place)), [Heard::NOTHING, Heard::only(heard)]);
        world.wish(0, PhoneWish::Turn { phone: PHONE, direction: Direction::SendRecv });
        world.run_ms(1_000);
        let both = [Heard::only([Tone::of(1)]), Heard::only([Tone::of(0)])];
        assert_eq!([0, 1].map(|place| world.hears(place)), both, "after {direction:?}");
    }
    world.come_to_rest();
}

#[test]
fn a_wish_to_hand_the_call_on_is_refused_by_a_phone() {
    let mut world = World::calling("1");
    world.wish(0, PhoneWish::Refer { phone: PHONE, to: "2".to_owned(), replaces: None });
    world.run_ms(100);
    let standing = Referral::Done { status: 603 };
    assert!(world.told(0, &LabEvent::ReferralTold { phone: PHONE, standing }));
    world.wish(0, PhoneWish::Refer { phone: PHONE, to: "2".to_owned(), replaces: Some(PhoneId(9)) });
    world.run_ms(100);
    let told = |(_, event): &&(u64, LabEvent)| matches!(event, LabEvent::ReferralTold { .. });
    assert_eq!(world.places[0].happened.iter().filter(told).count(), 1, "there is no such other call");
    world.come_to_rest();
}

#[test]
fn keys_are_told_in_the_sound_or_in_signalling() {
    let mut world = World::calling("1");
    world.wish(0, PhoneWish::SendDigits { phone: PHONE, digits: "7".to_owned() });
    world.run_ms(500);
    world.wish(0, PhoneWish::PressByInfo { phone: PHONE, keys: "8#".to_owned() });
    world.run_ms(500);
    for digit in "78#".chars() {
        assert!(world.told(1, &LabEvent::DigitHeard { phone: PHONE, digit }), "{digit}");
    }
    world.come_to_rest();
}
