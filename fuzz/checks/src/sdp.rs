//! Session descriptions: what is answered is an answer to what was offered (RFC 3264 §6).

use std::net::{IpAddr, Ipv4Addr};

use media::api::Terms;
use media::codec::Codec;
use media::limits::{SDP_FORMATS_MAX, SDP_MEDIA_MAX};
use media::sdp::{Description, Direction, LocalMedia, Media, SdpError, answer, offer, parse, read_answer};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PORT: u16 = 30_000;

/// Reads `data` as an offer, and as an answer to ours. Its first byte says what we can and want.
pub fn check(data: &[u8]) {
    let Some((wish, text)) = data.split_first() else { return };
    let local = local(*wish);
    match parse(text) {
        Ok(description) => look_into(&description),
        Err(fault) => assert_eq!((answer(text, local), fault.status()), (Err(fault), 400)),
    }
    if let Ok((ours, terms)) = answer(text, local) {
        let theirs = parse(text).expect("it was understood");
        let ours = parse(&ours).expect("we write what can be read");
        answers(&theirs, &ours, &terms, local);
    }
    match read_answer(local, text) {
        Ok(terms) => are_possible(&terms, local),
        Err(fault) => assert!([400, 488].contains(&fault.status()) && !fault.to_string().is_empty()),
    }
    // Nobody can have offered what cannot be read.
    let own = offer(local);
    assert!(parse(&own).is_ok_and(|own| own.media.len() == 1));
}

fn local(wish: u8) -> LocalMedia<'static> {
    let codecs: &[Codec] = match wish & 3 {
        0 => &[Codec::Pcma, Codec::Pcmu],
        1 => &[Codec::Pcmu, Codec::Pcma],
        2 => &[Codec::Pcma],
        _ => &[Codec::Pcmu, Codec::G729],
    };
    let direction = Direction::new(wish & 4 == 0, wish & 8 == 0);
    LocalMedia { address: ADDRESS, port: PORT, origin_id: 7, version: 1, codecs, direction }
}

fn look_into(description: &Description) {
    assert!(description.media.len() <= SDP_MEDIA_MAX);
    for media in &description.media {
        assert!((1..=SDP_FORMATS_MAX).contains(&media.formats.len()));
        assert!(media.maps.iter().all(|map| map.payload < 128));
    }
    let text = description.to_string();
    match parse(text.as_bytes()) {
        Ok(again) => assert_eq!(&again, description),
        // Tabs and bare line feeds are written as more than they were.
        Err(fault) => assert!(matches!(fault, SdpError::TooLong { .. }), "{fault}: {text}"),
    }
}

fn answers(theirs: &Description, ours: &Description, terms: &Terms, local: LocalMedia<'_>) {
    are_possible(terms, local);
    assert_eq!(ours.media.len(), theirs.media.len(), "as many streams as were offered");
    let taken: Vec<usize> = (0..ours.media.len()).filter(|at| ours.media[*at].port != 0).collect();
    assert_eq!(taken.len(), 1, "one stream is taken");
    for (at, (offered, answered)) in theirs.media.iter().zip(&ours.media).enumerate() {
        assert_eq!((&offered.kind, &offered.protocol), (&answered.kind, &answered.protocol));
        match taken[0] == at {
            true => is_taken(theirs, offered, answered, terms),
            false => assert!(!answered.formats.is_empty()),
        }
    }
}

fn is_taken(theirs: &Description, offered: &Media, answered: &Media, terms: &Terms) {
    assert!(offered.kind == "audio" && offered.port != 0 && answered.port == PORT);
    assert!(
        matches!(offered.protocol.as_str(), "RTP/AVP" | "RTP/AVPF"),
        "no secured stream is answered in the clear"
    );
    assert!(
        answered.formats.iter().all(|format| offered.formats.contains(format)),
        "nothing that was not offered"
    );
    assert!(answered.formats.contains(&terms.payload.to_string()));
    let asked = offered.direction.or(theirs.direction).unwrap_or_default();
    let said = answered.direction.expect("we always say it");
    assert!(asked.sends() || !said.receives(), "nothing is received from one who does not send");
    assert!(asked.receives() || !said.sends(), "nothing is sent to one who does not receive");
    assert_eq!((said.sends(), said.receives()), (terms.send, terms.receive));
}

fn are_possible(terms: &Terms, local: LocalMedia<'_>) {
    assert!(local.codecs.contains(&terms.codec) && terms.payload < 128);
    assert!(terms.events.is_none_or(|events| events < 128 && events != terms.payload));
    assert!(!terms.send || (local.direction.sends() && terms.remote.is_some()));
    assert!(!terms.receive || local.direction.receives());
    let remote = terms.remote.map(|remote| (remote.ip(), remote.port()));
    assert!(remote.is_none_or(|(ip, port)| !ip.is_unspecified() && !ip.is_multicast() && port != 0));
}
