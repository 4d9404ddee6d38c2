//! Somebody calls by a trunk and is put through, and the server dies: as soon as the caller heard anything at all it is
//! told that its call is over.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use crate::bare_phone::{BarePhone, sdp};
use crate::place::Place;

/// From what the caller heard to the kill.
const KILL_AFTER_US: [u64; 4] = [0, 200, 600, 2_000];

#[tokio::test]
async fn a_caller_who_was_just_answered_gets_its_bye_whether_it_acknowledged_or_not() {
    let place = Place::new(&[], &[]);
    let (caller, desk) = (BarePhone::new(place.carrier()).await, BarePhone::new(place.phone()).await);
    let mut server = place.start().await;
    for (n, after_us) in KILL_AFTER_US.into_iter().enumerate() {
        let call = format!("answered-{n}");
        caller.ask(place.sip(), &invite(&call, &caller, &place)).await;
        let invite = desk.request("INVITE", "").await;
        desk.answer(&invite, "180 Ringing", "").await;
        desk.answer(&invite, "200 OK", &sdp(place.phones_rtp().start() + 2)).await;
        let ok = caller.answered(200, &call).await;
        if n % 2 == 0 {
            let to = ok.header("To");
            caller.ask(place.sip(), &request("ACK", &call, &to, caller.address(), place.sip(), "")).await;
        }
        sleep(Duration::from_micros(after_us)).await;
        server.strike();
        server.gone().await;
        server = place.start().await;
        caller.request("BYE", &call).await;
    }
    assert_eq!(place.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_caller_who_heard_ringing_is_refused_and_the_desk_cancelled() {
    let place = Place::new(&[], &[]);
    let (caller, desk) = (BarePhone::new(place.carrier()).await, BarePhone::new(place.phone()).await);
    let mut server = place.start().await;
    caller.ask(place.sip(), &invite("ringing", &caller, &place)).await;
    let invite = desk.request("INVITE", "").await;
    desk.answer(&invite, "180 Ringing", "").await;
    caller.answered(180, "ringing").await;
    server.strike();
    server.gone().await;
    let _server = place.start().await;
    caller.answered(480, "ringing").await;
    desk.request("CANCEL", &invite.header("Call-ID")).await;
    assert_eq!(place.complaints(), Vec::<String>::new());
}

fn invite(call: &str, caller: &BarePhone, place: &Place) -> String {
    let sdp = sdp(place.phones_rtp().start() + 4);
    request("INVITE", call, "<sip:02258834811@127.0.0.1>", caller.address(), place.sip(), &sdp)
}

fn request(method: &str, call: &str, to: &str, from: SocketAddr, server: SocketAddr, sdp: &str) -> String {
    format!(
        "{method} sip:02258834811@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{method}{call}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:13912345678@{from}>;tag=caller\r\nTo: {to}\r\nCall-ID: {call}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:13912345678@{from}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}
