//! One step of a script.

use std::time::Duration;

use sip::api::{Credentials, DialogId, Identity, Input, Invite, Register, Transport};
use sip::message::{Message, Method, Request};
use sip::{Domain, User};

use super::far;
use super::script::Script;
use super::world::{World, remember};

/// Carries out step `kind`; the script says how.
pub(super) fn step(world: &mut World, kind: u8, script: &mut Script<'_>) {
    match kind % 20 {
        0 | 1 => asks(world, script),
        2 | 3 => answers(world, script),
        4 | 5 => asks_inside(world, script),
        6 => follows(world, script),
        7 => says_bytes(world, script),
        8 => says_again_damaged(world, script),
        9 => says_again(world, script),
        10 => world.waits(Duration::from_millis(u64::from(script.byte()) * 20)),
        11 => waits_for_the_next(world, script),
        12 => world.waits(Duration::from_secs(u64::from(script.byte()) * 8)),
        13..16 => wishes(world, script),
        16 => makes_a_call(world, script),
        17 => streams(world, script),
        18 => resumes(world, script),
        _ => registers(world, script),
    }
}

fn asks(world: &mut World, script: &mut Script<'_>) {
    let flow = world.flow(script.byte());
    world.serial += 1;
    let mut request = far::request(script, flow, world.serial);
    if request.method == Method::Register
        && script.byte() & 1 == 0
        && let Some(challenge) = &world.challenge
    {
        far::prove(&mut request, challenge);
    }
    says_request(world, flow, request);
}

fn says_request(world: &mut World, flow: sip::api::Flow, request: Request) {
    let data = request.encode();
    remember(&mut world.asks, (flow, request));
    world.hears(flow, &data);
}

fn answers(world: &mut World, script: &mut Script<'_>) {
    let which = script.below(4);
    let Some((flow, request)) = world.asked.get(which).cloned() else { return };
    if request.method == Method::Ack {
        return;
    }
    let response = far::answer(script, &request);
    let lines = response.headers.get(&NAMES[0]).zip(response.headers.get(&NAMES[1]));
    if let (Some((ours, far)), Ok(call_id)) = (lines, response.headers.call_id())
        && request.method == Method::Invite
    {
        let (call_id, far, ours) = (call_id.to_owned(), far.to_owned(), ours.to_owned());
        remember(&mut world.known, far::Known { call_id, far, ours });
    }
    world.hears(flow, &Message::from(response).encode());
}

const NAMES: [sip::message::HeaderName; 2] = [sip::message::HeaderName::From, sip::message::HeaderName::To];

fn asks_inside(world: &mut World, script: &mut Script<'_>) {
    let which = script.below(4);
    let Some(known) = world.known.get(which).cloned() else { return };
    let flow = world.flow(script.byte());
    world.serial += 1;
    let request = far::inside(script, flow, &known, world.serial);
    says_request(world, flow, request);
}

fn follows(world: &mut World, script: &mut Script<'_>) {
    let which = script.below(3);
    let invites: Vec<_> = world.asks.iter().filter(|(_, request)| request.method == Method::Invite).collect();
    let Some((flow, invite)) = invites.get(which).copied().cloned() else { return };
    let follow = far::follow(script, &invite, world.answered.as_ref());
    world.hears(flow, &follow.encode());
}

fn says_bytes(world: &mut World, script: &mut Script<'_>) {
    let flow = world.flow(script.byte());
    world.hears(flow, script.bytes());
}

fn says_again(world: &mut World, script: &mut Script<'_>) {
    if let Some((flow, data)) = world.said.get(script.below(8)).cloned() {
        world.hears(flow, &data);
    }
}

fn says_again_damaged(world: &mut World, script: &mut Script<'_>) {
    let Some((flow, data)) = world.said.get(script.below(8)).cloned() else { return };
    let flow = if script.rarely() { world.flow(script.byte()) } else { flow };
    let damaged = damage(&data, script);
    world.hears(flow, &damaged);
}

fn damage(data: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let mut damaged = data.to_vec();
    for _ in 0..=script.below(4) {
        let place = usize::from(u16::from_le_bytes([script.byte(), script.byte()]));
        let at = place % (damaged.len() + 1);
        let byte = script.byte();
        match script.below(4) {
            0 => damaged.insert(at, byte),
            1 if at < damaged.len() => damaged[at] = byte,
            2 => drop(damaged.drain(at..(at + usize::from(byte)).min(damaged.len()))),
            _ => {
                let piece = damaged[at..(at + usize::from(byte)).min(damaged.len())].to_vec();
                damaged.splice(at..at, piece);
            }
        }
    }
    damaged
}

fn waits_for_the_next(world: &mut World, script: &mut Script<'_>) {
    for _ in 0..=script.below(8) {
        let Some((at, _)) = world.endpoint.next_timeout() else { return };
        world.waits(at.since(world.now.mono));
    }
}

fn wishes(world: &mut World, script: &mut Script<'_>) {
    let wish = script.byte();
    let back = script.below(4);
    let Some(dialog) = world.seen.len().checked_sub(1 + back).map(|at| world.seen[at]) else { return };
    let sdp = || bytes::Bytes::from_static(far::SDP.as_bytes());
    let now = world.now;
    match wish % 16 {
        0 => world.endpoint.ring(now, dialog, script.pick(&[180, 183, 181, 199]), None),
        1 => world.endpoint.ring(now, dialog, 183, Some(sdp())),
        2..5 => world.endpoint.accept(now, dialog, sdp()),
        5 => world.endpoint.reject(now, dialog, script.pick(&[486, 302, 603, 480])),
        6 => accepts_twice(world, dialog),
        7 => world.endpoint.end(now, dialog),
        8 => world.endpoint.answer_offer(now, dialog, sdp()),
        9 => world.endpoint.refuse_offer(now, dialog, script.pick(&[488, 491])),
        10 | 11 => world.endpoint.offer(now, dialog, sdp()),
        12 => world.endpoint.accept_refer(now, dialog),
        13 => world.endpoint.refuse_refer(now, dialog, 603),
        14 => world.endpoint.notify_refer(now, dialog, script.pick(&[100, 180, 200, 486])),
        _ => world.endpoint.end(now, DialogId(u64::from(script.byte()))),
    }
    world.drain();
}

fn accepts_twice(world: &mut World, dialog: DialogId) {
    let (now, sdp) = (world.now, bytes::Bytes::from_static(far::SDP.as_bytes()));
    if let Some(other) = world.endpoint.accept_twice(now, dialog, sdp.clone(), sdp) {
        world.begins(other);
    }
}

fn makes_a_call(world: &mut World, script: &mut Script<'_>) {
    let flow = world.flow(script.byte());
    let user = script.byte();
    let uri = match user & 7 {
        0 => "not a uri".to_owned(),
        1 => format!("sip:{}@198.51.100.9;transport=tcp", "9".repeat(1200)),
        _ => "sip:139@198.51.100.9:5070".to_owned(),
    };
    let credentials =
        (user & 8 == 0).then(|| Credentials { user: "trunk".to_owned(), password: "secret".to_owned() });
    let dialog = world.endpoint.invite(
        world.now,
        Invite {
            flow,
            uri,
            from_user: "1001@pbx.example".to_owned(),
            from_name: (user & 16 == 0).then(|| "One \"1\"\r\n".to_owned()),
            to_uri: "sip:139@198.51.100.9".to_owned(),
            sdp: far::SDP.into(),
            credentials,
            answer_any_within: (user & 32 == 0).then(|| Duration::from_secs(2)),
            answer_mode: Default::default(),
            registration: world.registrations.first().copied().filter(|_| user & 64 != 0),
            identity: identity(user),
        },
    );
    world.begins(dialog);
    // Its user may think better of it before anything has left.
    if user & 192 == 192 {
        world.endpoint.end(world.now, dialog);
    }
    world.drain();
}

fn streams(world: &mut World, script: &mut Script<'_>) {
    let flow = world.flow(script.byte() | 4);
    match script.below(5) {
        0 => world.connects(flow),
        1 => world.closes(flow),
        2 => opens_at_last(world),
        // Told twice, or of one that is not there.
        3 if world.open.contains(&flow) => world.endpoint.handle_input(world.now, Input::Connected { flow }),
        _ => {
            let data = script.bytes();
            let cut = 1 + script.below(40);
            if world.open.contains(&flow) {
                for piece in data.chunks(cut) {
                    world.endpoint.handle_input(world.now, Input::Stream { flow, data: piece });
                }
            }
        }
    }
    world.drain();
}

fn opens_at_last(world: &mut World) {
    if let Some(flow) = world.opening.first().copied() {
        assert_eq!(flow.transport, Transport::Tcp);
        world.connects(flow);
    }
}

fn resumes(world: &mut World, script: &mut Script<'_>) {
    let Some(token) = world.tokens.get(script.below(8)).cloned() else { return };
    let token = if script.byte() & 1 == 0 { damage(&token, script) } else { token.to_vec() };
    // Only after what is out has left, as after a restart.
    world.drain();
    if let Some(dialog) = world.endpoint.resume(world.now, &token) {
        world.begins(dialog);
    }
    world.drain();
}

fn registers(world: &mut World, script: &mut Script<'_>) {
    let what = script.byte();
    match what & 3 {
        0 | 1 => {
            let registration = world.endpoint.register(
                world.now,
                Register {
                    flow: world.flow(script.byte()),
                    uri: "sip:registrar.example".to_owned(),
                    aor: if what & 4 == 0 { "sip:1001@registrar.example" } else { "<broken" }.to_owned(),
                    credentials: Credentials { user: "1001".to_owned(), password: "secret".to_owned() },
                    expires: Duration::from_secs(u64::from(what) * 4),
                    contact_user: (what & 8 == 0).then(|| format!("token{}", world.registrations.len())),
                    others: Vec::new(),
                },
            );
            world.registrations.push(registration);
        }
        2 => {
            if let Some(registration) = world.registrations.get(script.below(4)).copied() {
                world.endpoint.unregister(world.now, registration);
            }
        }
        _ => {
            let users = vec![User { name: "user".to_owned(), password: format!("secret{}", what & 4) }];
            world.endpoint.set_domains(vec![Domain { name: "example.com".to_owned(), users }]);
        }
    }
    world.drain();
}

/// Who calls: as it should be, or with what must not get into a message.
fn identity(user: u8) -> Identity {
    let name = |bit: u8| match user & bit {
        0 => None,
        _ if user & 8 == 0 => Some("02258834811@pbx.example".to_owned()),
        _ => Some("139\r\nInjected: header".to_owned()),
    };
    Identity { asserted: name(1), preferred: name(2), withheld: user & 128 != 0, diverted_from: name(4) }
}
