use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::{Connection, Description, Direction, Map, Media, SdpError, parse};
use crate::api::{Ptime, Terms};
use crate::codec::Codec;

/// The payload number under which our offers list RFC 4733 events.
pub const EVENTS_PAYLOAD: u8 = 101;

const EVENTS_NAME: &str = "telephone-event";
/// The user of our descriptions' origins. `-` would do (RFC 4566 §5.2), but there are programs that look for letters.
const USER: &str = "cordboard";
const CLOCK_HZ: u32 = 8000;
const PACKET_MS: u16 = 20;

/// Our side of an offer or an answer.
#[derive(Clone, Copy, Debug)]
pub struct LocalMedia<'a> {
    /// The address the far end is to send to.
    pub address: IpAddr,
    /// Our RTP port; RTCP is the next one.
    pub port: u16,
    /// Identifies the session in `o=`: the same in every description of one leg.
    pub origin_id: u64,
    /// Version in `o=`: one more for every description of the leg that differs from the last.
    pub version: u64,
    /// What we can speak, best first.
    pub codecs: &'a [Codec],
    /// Which way we want sound to flow.
    pub direction: Direction,
}

/// An offer of one audio stream with `local.codecs` and RFC 4733 events.
pub fn offer(local: LocalMedia<'_>) -> Bytes {
    let mut audio = local.audio("RTP/AVP", local.direction);
    for codec in local.codecs {
        add_codec(&mut audio, codec.payload(), *codec);
    }
    add_events(&mut audio, EVENTS_PAYLOAD);
    print(local.describe(vec![audio]))
}

/// Reads the answer to an offer made from `local`.
///
/// # Errors
/// The far end refused the stream, or answered with something that was not offered or cannot be read.
pub fn read_answer(local: LocalMedia<'_>, answer: &[u8]) -> Result<Terms, SdpError> {
    let description = parse(answer)?;
    let audio = description.media.iter().find(|media| media.kind == "audio").ok_or(SdpError::NoAudio)?;
    if audio.port == 0 {
        return Err(SdpError::Refused);
    }
    if !is_plain_rtp(audio) {
        return Err(SdpError::NoAudio);
    }
    terms(&description, audio, local)
}

/// Answers an offer: the first codec of the offer that we can speak, on the first audio stream that allows it; every
/// other stream is refused with port 0 (RFC 3264 §6).
///
/// # Errors
/// The offer cannot be read, or no stream of it is acceptable.
pub fn answer(remote_offer: &[u8], local: LocalMedia<'_>) -> Result<(Bytes, Terms), SdpError> {
    let description = parse(remote_offer)?;
    let mut verdict = Err(SdpError::NoAudio);
    for (index, media) in description.media.iter().enumerate() {
        if media.kind == "audio" && media.port != 0 && is_plain_rtp(media) {
            verdict = terms(&description, media, local).map(|terms| (index, terms));
        }
        if verdict.is_ok() {
            break;
        }
    }
    let (chosen, terms) = verdict?;
    let media = description.media.into_iter().enumerate();
    let media = media.map(|(index, media)| match index == chosen {
        true => accept(&media, &terms, local),
        false => refuse(media),
    });
    Ok((print(local.describe(media.collect())), terms))
}

impl LocalMedia<'_> {
    fn describe(&self, media: Vec<Media>) -> Description {
        let connection = Connection::Address(self.address);
        Description {
            origin: format!("{USER} {} {} {connection}", self.origin_id, self.version),
            connection: Some(connection),
            direction: None,
            media,
        }
    }

    fn audio(&self, protocol: &str, direction: Direction) -> Media {
        Media {
            kind: "audio".to_owned(),
            port: self.port,
            protocol: protocol.to_owned(),
            packet_ms: Some(PACKET_MS),
            rtcp_port: self.port.checked_add(1),
            direction: Some(direction),
            ..Media::default()
        }
    }
}

fn print(description: Description) -> Bytes {
    Bytes::from(description.to_string())
}

fn add_format(media: &mut Media, payload: u8, name: &str) {
    media.formats.push(payload.to_string());
    media.maps.push(Map { payload, encoding: name.to_owned(), clock_hz: CLOCK_HZ });
}

fn add_codec(media: &mut Media, payload: u8, codec: Codec) {
    add_format(media, payload, codec.name());
    if let Some(parameters) = codec.parameters() {
        media.parameters.push((payload, parameters.to_owned()));
    }
}

fn add_events(media: &mut Media, payload: u8) {
    add_format(media, payload, EVENTS_NAME);
    media.parameters.push((payload, "0-16".to_owned()));
}

/// Plain RTP only: answering an offer of SRTP in the clear would be worse than refusing it.
fn is_plain_rtp(media: &Media) -> bool {
    matches!(media.protocol.as_str(), "RTP/AVP" | "RTP/AVPF")
}

fn accept(offered: &Media, terms: &Terms, local: LocalMedia<'_>) -> Media {
    let mut audio = local.audio(&offered.protocol, Direction::new(terms.send, terms.receive));
    // There are phones that cannot send other packets than they receive.
    audio.packet_ms = Some(terms.ptime.ms);
    add_codec(&mut audio, terms.payload, terms.codec);
    if let Some(payload) = terms.events {
        add_events(&mut audio, payload);
    }
    audio
}

fn refuse(offered: Media) -> Media {
    Media { kind: offered.kind, protocol: offered.protocol, formats: offered.formats, ..Media::default() }
}

/// What `theirs` and `local` have in common.
fn terms(description: &Description, theirs: &Media, local: LocalMedia<'_>) -> Result<Terms, SdpError> {
    let remote = remote(description, theirs)?;
    let (payload, codec) = theirs
        .formats
        .iter()
        .filter_map(|format| codec_of(theirs, format))
        .find(|(_, codec)| local.codecs.contains(codec))
        .ok_or(SdpError::NoCommonCodec)?;
    let direction = theirs.direction.or(description.direction).unwrap_or_default();
    Ok(Terms {
        remote,
        peer: None,
        codec,
        payload,
        events: events(theirs),
        ptime: Ptime::new(theirs.packet_ms, theirs.packet_ms_max),
        send: remote.is_some() && direction.receives() && local.direction.sends(),
        receive: direction.sends() && local.direction.receives(),
    })
}

fn remote(description: &Description, media: &Media) -> Result<Option<SocketAddr>, SdpError> {
    match media.connection.as_ref().or(description.connection.as_ref()) {
        Some(Connection::Address(address)) if address.is_unspecified() => Ok(None),
        Some(Connection::Address(address)) if is_one_host(*address) => {
            Ok(Some(SocketAddr::new(*address, media.port)))
        }
        Some(Connection::Address(_) | Connection::Other(_)) | None => Err(SdpError::UnusableAddress),
    }
}

fn is_one_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !address.is_multicast() && !broadcast
}

/// The payload number that a format is. Only as numbers are written: what we answer must be what was offered, to the
/// letter.
fn payload_of(format: &str) -> Option<u8> {
    let payload: u8 = format.parse().ok().filter(|payload| *payload < 128)?;
    let is_plain = match format.as_bytes() {
        [b'0'] => true,
        [first, ..] => (b'1'..=b'9').contains(first),
        [] => false,
    };
    is_plain.then_some(payload)
}

/// What a payload number means; of several maps the first one counts.
fn map_of(media: &Media, payload: u8) -> Option<&Map> {
    media.maps.iter().find(|map| map.payload == payload)
}

/// The codec of a format: by its `a=rtpmap`, or by its number when that is a static one (RFC 3551 §6).
fn codec_of(media: &Media, format: &str) -> Option<(u8, Codec)> {
    let payload = payload_of(format)?;
    let codec = match map_of(media, payload) {
        Some(map) if map.clock_hz == CLOCK_HZ => Codec::of_name(&map.encoding),
        Some(_) => None,
        None => Codec::of_payload(payload),
    };
    codec.map(|codec| (payload, codec))
}

/// The first format that is RFC 4733 events.
fn events(media: &Media) -> Option<u8> {
    let is_events = |map: &Map| map.clock_hz == CLOCK_HZ && map.encoding.eq_ignore_ascii_case(EVENTS_NAME);
    let mut payloads = media.formats.iter().filter_map(|format| payload_of(format));
    payloads.find(|payload| map_of(media, *payload).is_some_and(is_events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const BOTH: &[Codec] = &[Codec::Pcma, Codec::Pcmu];

    fn local() -> LocalMedia<'static> {
        LocalMedia {
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            port: 30_000,
            origin_id: 7,
            version: 1,
            codecs: BOTH,
            direction: Direction::SendRecv,
        }
    }

    fn their(lines: &str) -> String {
        format!("v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n{lines}")
    }

    fn answered(lines: &str) -> (String, Terms) {
        let (text, terms) = answer(their(lines).as_bytes(), local()).expect("acceptable");
        (String::from_utf8(text.to_vec()).expect("printed as text"), terms)
    }

    #[test]
    fn an_offer_reads_as_it_is_meant() {
        let text = offer(local());
        assert_eq!(
            std::str::from_utf8(&text).unwrap(),
            "v=0\r\no=cordboard 7 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n\
             m=audio 30000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp:30001\r\na=sendrecv\r\n"
        );
    }

    #[test]
    fn the_offers_order_decides_and_static_payloads_need_no_map() {
        let (text, terms) = answered("m=audio 4000 RTP/AVP 18 0 8\r\n");
        assert_eq!((terms.codec, terms.payload, terms.events), (Codec::Pcmu, 0, None));
        assert_eq!(terms.remote, Some("10.0.0.9:4000".parse().unwrap()));
        assert!(text.contains("m=audio 30000 RTP/AVP 0\r\n"), "{text}");
    }

    #[test]
    fn a_format_is_answered_as_it_was_written_or_not_at_all() {
        let (text, terms) = answered("m=audio 4000 RTP/AVP 00 +8 08 8\r\n");
        assert_eq!((terms.codec, terms.payload), (Codec::Pcma, 8));
        assert!(text.contains("m=audio 30000 RTP/AVP 8\r\n"), "{text}");
        assert_eq!(
            answer(their("m=audio 4000 RTP/AVP 00\r\n").as_bytes(), local()),
            Err(SdpError::NoCommonCodec)
        );
    }

    #[test]
    fn of_two_maps_of_a_number_the_first_counts() {
        let maps = "a=rtpmap:8 PCMA/8000\r\na=rtpmap:8 telephone-event/8000\r\n";
        let (_, terms) = answered(&format!("m=audio 4000 RTP/AVP 8\r\n{maps}"));
        assert_eq!((terms.payload, terms.events), (8, None), "a number is a codec or events, not both");
    }

    #[test]
    fn a_remapped_number_means_what_its_map_says() {
        let (text, terms) = answered(
            "m=audio 4000 RTP/AVP 0 96 97\r\na=rtpmap:0 L16/8000\r\na=rtpmap:96 pcma/8000\r\n\
             a=rtpmap:97 telephone-event/8000\r\n",
        );
        assert_eq!((terms.codec, terms.payload, terms.events), (Codec::Pcma, 96, Some(97)));
        assert!(text.contains("RTP/AVP 96 97\r\na=rtpmap:96 PCMA/8000\r\n"), "{text}");
        assert!(text.contains("a=fmtp:97 0-16\r\n"), "{text}");
    }

    #[test]
    fn other_streams_are_refused_in_their_places() {
        let (text, terms) = answered(
            "m=video 5000 RTP/AVP 96\r\nm=audio 4000 RTP/SAVP 8\r\nm=audio 4002 RTP/AVP 8\r\nm=audio 4004 RTP/AVP 8\r\n",
        );
        assert_eq!(terms.remote, Some("10.0.0.9:4002".parse().unwrap()));
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(
            lines,
            [
                "m=video 0 RTP/AVP 96",
                "m=audio 0 RTP/SAVP 8",
                "m=audio 30000 RTP/AVP 8",
                "m=audio 0 RTP/AVP 8"
            ]
        );
    }

    #[test]
    fn g722_has_a_clock_of_8_khz_and_is_taken_in_the_offers_order() {
        let all = LocalMedia { codecs: &[Codec::Pcma, Codec::G722, Codec::Pcmu], ..local() };
        let text = offer(all);
        let text = std::str::from_utf8(&text).unwrap();
        assert!(
            text.contains("RTP/AVP 8 9 0 101\r\n") && text.contains("a=rtpmap:9 G722/8000\r\n"),
            "{text}"
        );
        for (lines, codec, payload) in [
            ("m=audio 4000 RTP/AVP 9 8 0\r\n", Codec::G722, 9),
            ("m=audio 4000 RTP/AVP 0 9 8\r\n", Codec::Pcmu, 0),
            ("m=audio 4000 RTP/AVP 18 111 8\r\na=rtpmap:111 g722/8000\r\n", Codec::G722, 111),
            ("m=audio 4000 RTP/AVP 111 8\r\na=rtpmap:111 G722/16000\r\n", Codec::Pcma, 8),
        ] {
            let (answer, terms) = answer(their(lines).as_bytes(), all).expect("acceptable");
            assert_eq!((terms.codec, terms.payload), (codec, payload), "{lines}");
            let map = format!("a=rtpmap:{payload} {}/8000\r\n", codec.name());
            assert!(std::str::from_utf8(&answer).unwrap().contains(&map), "{lines}");
        }
        // Who does not speak it is not answered in it.
        assert_eq!(answered("m=audio 4000 RTP/AVP 9 8\r\n").1.codec, Codec::Pcma);
    }

    #[test]
    fn g729_is_offered_and_answered_without_comfort_noise_and_only_by_those_who_speak_it() {
        let all = LocalMedia { codecs: &[Codec::Pcma, Codec::G729], ..local() };
        let text = offer(all);
        let text = std::str::from_utf8(&text).unwrap();
        let lines = "RTP/AVP 8 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\n";
        assert!(text.contains(lines) && text.contains("a=fmtp:18 annexb=no\r\n"), "{text}");
        for (lines, payload) in [
            ("m=audio 4000 RTP/AVP 18 8\r\n", 18),
            ("m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=yes\r\n", 18),
            ("m=audio 4000 RTP/AVP 99 8\r\na=rtpmap:99 g729/8000\r\n", 99),
        ] {
            let (answer, terms) = answer(their(lines).as_bytes(), all).expect("acceptable");
            assert_eq!((terms.codec, terms.payload), (Codec::G729, payload), "{lines}");
            let answer = std::str::from_utf8(&answer).unwrap();
            let map = format!("a=rtpmap:{payload} G729/8000\r\na=fmtp:{payload} annexb=no\r\n");
            assert!(answer.contains(&map), "{lines} gave {answer}");
        }
        // Who does not speak it is not answered in it.
        assert_eq!(answered("m=audio 4000 RTP/AVP 18 8\r\n").1.codec, Codec::Pcma);
    }

    #[test]
    fn the_length_of_packets_is_read_and_answered() {
        for (lines, ms, ms_max, answered_ms) in [
            ("", 20, None, "20"),
            ("a=ptime:30\r\n", 30, None, "30"),
            ("a=ptime:30\r\na=maxptime:20\r\n", 20, Some(20), "20"),
            ("a=maxptime:150\r\n", 20, Some(150), "20"),
            ("a=ptime:5\r\na=maxptime:0\r\n", 10, None, "10"),
            ("a=ptime:240\r\n", 60, None, "60"),
            ("a=ptime:many\r\n", 20, None, "20"),
        ] {
            let (text, terms) = answered(&format!("m=audio 4000 RTP/AVP 8\r\n{lines}"));
            assert_eq!((terms.ptime.ms, terms.ptime.ms_max), (ms, ms_max), "{lines}");
            assert!(text.contains(&format!("a=ptime:{answered_ms}\r\n")), "{lines} gave {text}");
        }
    }

    #[test]
    fn every_kind_of_hold_is_understood_and_mirrored() {
        let audio = "m=audio 4000 RTP/AVP 8\r\n";
        for (lines, send, receive, mirrored) in [
            (audio.to_owned(), true, true, "a=sendrecv"),
            (format!("{audio}a=sendonly\r\n"), false, true, "a=recvonly"),
            (format!("a=sendonly\r\n{audio}"), false, true, "a=recvonly"),
            (format!("a=sendonly\r\n{audio}a=sendrecv\r\n"), true, true, "a=sendrecv"),
            (format!("{audio}a=recvonly\r\n"), true, false, "a=sendonly"),
            (format!("{audio}a=inactive\r\n"), false, false, "a=inactive"),
            (format!("{audio}c=IN IP4 0.0.0.0\r\n"), false, true, "a=recvonly"),
        ] {
            let (text, terms) = answered(&lines);
            assert_eq!((terms.send, terms.receive), (send, receive), "{lines}");
            assert!(text.contains(mirrored), "{lines} gave {text}");
        }
        assert_eq!(answered(&format!("{audio}c=IN IP4 0.0.0.0\r\n")).1.remote, None);
    }

    #[test]
    fn ipv6_works_in_both_directions() {
        let local = LocalMedia { address: IpAddr::V6(Ipv6Addr::LOCALHOST), ..local() };
        let text = offer(local);
        let (answer, terms) = answer(&text, LocalMedia { port: 40_000, ..local }).expect("acceptable");
        assert_eq!(terms.remote, Some("[::1]:30000".parse().unwrap()));
        let back = read_answer(local, &answer).expect("our own answer");
        assert_eq!(back.remote, Some("[::1]:40000".parse().unwrap()));
        assert_eq!((back.codec, back.payload, back.events), (Codec::Pcma, 8, Some(101)));
    }

    #[test]
    fn verdicts_say_whose_fault_it_is() {
        let verdict = |lines: &str| answer(their(lines).as_bytes(), local()).expect_err("not acceptable");
        assert_eq!(verdict(""), SdpError::NoAudio);
        assert_eq!(verdict("m=audio 0 RTP/AVP 8\r\n"), SdpError::NoAudio);
        assert_eq!(verdict("m=audio 4000 RTP/SAVP 8\r\n"), SdpError::NoAudio);
        assert_eq!(verdict("m=audio 4000 RTP/AVP 18\r\n"), SdpError::NoCommonCodec);
        assert_eq!(verdict("m=audio 4 RTP/AVP 8\r\nc=IN IP4 a.example\r\n"), SdpError::UnusableAddress);
        assert_eq!(verdict("m=audio 4 RTP/AVP 8\r\nc=IN IP4 224.2.1.1/127\r\n"), SdpError::UnusableAddress);
        assert_eq!(verdict("m=audio 4 RTP/AVP 8\r\nc=IN IP4 255.255.255.255\r\n").status(), 488);
        assert_eq!(answer(b"hello", local()).expect_err("not SDP").status(), 400);
        let refused = read_answer(local(), their("m=audio 0 RTP/AVP 8\r\n").as_bytes());
        assert_eq!(refused, Err(SdpError::Refused));
    }

    #[test]
    fn an_answer_in_another_codec_than_offered_is_not_accepted() {
        let only_a = LocalMedia { codecs: &[Codec::Pcma], ..local() };
        let text = their("m=audio 4000 RTP/AVP 0\r\n");
        assert_eq!(read_answer(only_a, text.as_bytes()), Err(SdpError::NoCommonCodec));
    }

    fn codecs() -> impl Strategy<Value = Vec<Codec>> {
        prop::sample::select(vec![
            vec![Codec::Pcma],
            vec![Codec::Pcma, Codec::Pcmu],
            vec![Codec::Pcmu, Codec::Pcma],
            vec![Codec::G722, Codec::Pcmu, Codec::Pcma],
            vec![Codec::G729, Codec::Pcma],
        ])
    }

    fn direction() -> impl Strategy<Value = Direction> {
        prop::sample::select(vec![
            Direction::SendRecv,
            Direction::SendOnly,
            Direction::RecvOnly,
            Direction::Inactive,
        ])
    }

    proptest! {
        #[test]
        fn both_ends_agree_on_the_same(
            a in codecs(), b in codecs(), going in direction(), coming in direction(), port in 1u16..65_000,
        ) {
            let caller = LocalMedia { codecs: &a, direction: going, ..local() };
            let callee = LocalMedia { codecs: &b, direction: coming, port, ..local() };
            let (text, theirs) = answer(&offer(caller), callee).expect("PCMA is common");
            let ours = read_answer(caller, &text).expect("it was offered");
            prop_assert_eq!((ours.codec, ours.payload, ours.events), (theirs.codec, theirs.payload, theirs.events));
            prop_assert_eq!((ours.send, ours.receive), (theirs.receive, theirs.send));
            prop_assert_eq!(ours.remote.map(|at| at.port()), Some(port));
        }

        #[test]
        fn a_damaged_offer_never_makes_it_panic(cut in 0usize..200, byte in any::<u8>()) {
            let mut text = offer(local()).to_vec();
            let at = cut % text.len();
            text[at] = byte;
            let _ = answer(&text, local());
            let _ = read_answer(local(), &text[..at]);
        }
    }
}
