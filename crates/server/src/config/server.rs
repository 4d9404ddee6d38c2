//! `[server]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use switch::config::Algorithm;

use switch::config::{Bans, Codec};

use super::model::{Server, SipListen};
use super::problem::At;
use super::section::Section;
use super::values;
use super::{limits, listeners, recordings, trunks};

const STRONGEST_FIRST: [Algorithm; 3] = [Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];
const DAY_S: u64 = 86_400;
pub(super) const MEGABYTE: u64 = 1_000_000;
/// A call has two legs, and a leg two ports.
const RTP_PORTS_MIN: u16 = 4;

pub(super) fn read(mut section: Section<'_>) -> Server {
    let http_listen = section.parsed("http_listen", values::socket_addr);
    let http_listen = http_listen.map_or(SocketAddr::from(([127, 0, 0, 1], 8080)), |at| at.value);
    let (sip, media_addresses) = listeners::read(&mut section);
    let (rtp_port_min, rtp_port_max) = rtp_ports(&mut section, &sip);
    let pairs = usize::from(rtp_port_max.saturating_sub(rtp_port_min) / 2) + 1;
    let disk_free_min_bytes = number(&mut section, "disk_free_min_mb", 0..=1_000_000_000, 1000) * MEGABYTE;
    let legs_max = legs_max(&mut section, pairs);
    let server = Server {
        http_listen,
        sip,
        media_addresses,
        rtp_port_min,
        rtp_port_max,
        phone_digests: phone_digests(&mut section),
        phone_codecs: phone_codecs(&mut section),
        bans: bans(&mut section),
        media_threads: media_threads(&mut section),
        nat_keep_alive: Some(number(&mut section, "nat_keep_alive_s", 0..=600, 25))
            .filter(|s| *s > 0)
            .map(Duration::from_secs),
        data_dir: path(&mut section, "data_dir").unwrap_or_else(|| PathBuf::from("data")),
        public_url: public_url(&mut section, http_listen),
        allow_private_push: section.flag("allow_private_push", false),
        shutdown_grace: Duration::from_secs(number(&mut section, "shutdown_grace_s", 0..=3600, 30)),
        silence_max: Some(number(&mut section, "silence_max_s", 0..=3600, 30))
            .filter(|s| *s > 0)
            .map(Duration::from_secs),
        trunk_silent_max: Duration::from_secs(number(&mut section, "trunk_silent_max_s", 1..=30, 2)),
        nameserver: section.parsed("nameserver", values::socket_addr).map(|at| at.value),
        journal_keep: Duration::from_secs(number(&mut section, "journal_keep_days", 1..=3650, 7) * DAY_S),
        disk_free_min_bytes,
        recordings: recordings::read(&mut section, disk_free_min_bytes),
        number_data: path(&mut section, "number_data"),
        legs_max,
        legs_reserved: legs_reserved(&mut section, legs_max),
        worker: u16::try_from(number(&mut section, "worker", limits::WORKER, 0)).unwrap_or(0),
    };
    section.finish();
    server
}

fn number(
    section: &mut Section<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u64>,
    default: u64,
) -> u64 {
    section.number(key, range).map_or(default, |at| at.value)
}

fn bans(section: &mut Section<'_>) -> Bans {
    let defaults = Bans::default();
    let after = number(section, "ban_after", 0..=100_000, u64::from(defaults.wrong_max));
    let longest_s = number(section, "ban_max_s", 60..=86_400, defaults.longest.as_secs());
    Bans {
        wrong_max: u32::try_from(after).unwrap_or(defaults.wrong_max),
        longest: Duration::from_secs(longest_s),
        ..defaults
    }
}

/// MD5 alone unless told otherwise: some phones give up when they see anything else beside it.
fn phone_digests(section: &mut Section<'_>) -> Vec<Algorithm> {
    let given = section.one_or_more("phone_digest", STRONGEST_FIRST.len(), values::digests);
    let wanted = |one: &Algorithm| given.iter().any(|at| at.value.contains(one));
    match given.is_empty() {
        true => vec![Algorithm::Md5],
        false => STRONGEST_FIRST.into_iter().filter(wanted).collect(),
    }
}

fn phone_codecs(section: &mut Section<'_>) -> Vec<Codec> {
    let report = section.report();
    trunks::codecs(section, "phone_codecs", values::phone_codec, report)
}

/// A path of the machine, as it is written.
pub(super) fn path(section: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    let text = section.text(key)?;
    if text.value.is_empty() {
        let message = format!("\"{key}\" must not be empty");
        section.report().wrong(&text.span, message, "write a path, relative to this file or absolute");
    }
    Some(PathBuf::from(text.value))
}

fn rtp_ports(section: &mut Section<'_>, sip: &[SipListen]) -> (u16, u16) {
    let min = section.number("rtp_port_min", 1024..=65_534);
    let max = section.number("rtp_port_max", 1025..=65_535);
    let report = section.report();
    if let Some(min) = min.as_ref().filter(|min| min.value % 2 == 1) {
        let message = format!("\"rtp_port_min\" is odd: {}", min.value);
        report.wrong(
            &min.span,
            message,
            format!("write {}: sound takes the even port, its control the odd one after it", min.value - 1),
        );
    }
    if let Some(max) = max.as_ref().filter(|max| max.value % 2 == 0) {
        let message = format!("\"rtp_port_max\" is even: {}", max.value);
        report.wrong(
            &max.span,
            message,
            format!("write {}: the last pair ends with an odd port", max.value + 1),
        );
    }
    let spot = max.as_ref().or(min.as_ref()).map_or(section.span().clone(), |at| at.span.clone());
    let port =
        |at: Option<At<u64>>, default: u16| at.and_then(|at| u16::try_from(at.value).ok()).unwrap_or(default);
    let (min, max) = (port(min, 20_000), port(max, 29_999));
    if u32::from(max) + 1 < u32::from(min) + u32::from(RTP_PORTS_MIN) {
        let message = format!("the RTP ports {min} to {max} are too few for one call");
        report.wrong(&spot, message, format!("leave at least {RTP_PORTS_MIN} ports: two for each leg"));
    }
    if let Some(port) = sip.iter().map(|one| one.bind.port()).find(|port| (min..=max).contains(port)) {
        let message = format!("the RTP ports {min} to {max} contain the port of sip_listen, {port}");
        report.wrong(&spot, message, "move one of them");
    }
    (min, max)
}

fn public_url(section: &mut Section<'_>, http_listen: SocketAddr) -> String {
    let given = section.parsed("public_url", values::base_url);
    if http_listen.ip().is_unspecified() && !section.has("public_url") {
        let message = "[server] lacks \"public_url\", and \"http_listen\" is every address: links to recordings need one";
        section.report().if_readable(
            section.span(),
            message,
            "add public_url = \"https://calls.example.com\"",
        );
    }
    given.map_or_else(|| format!("http://{http_listen}"), |at| at.value)
}

/// A tenth, unless told otherwise: outgoing calls leave it to those that come in.
fn legs_reserved(section: &mut Section<'_>, legs_max: usize) -> usize {
    let Some(given) = section.number("legs_reserved", 0..=32_768) else { return legs_max / 10 };
    let reserved = usize::try_from(given.value).expect("at most 32,768");
    if reserved + 2 > legs_max {
        let message = format!("\"legs_reserved\" is {reserved}, which leaves no call of {legs_max} legs");
        let remedy = format!("write at most {}", legs_max.saturating_sub(2));
        section.report().wrong(&given.span, message, remedy);
    }
    reserved
}

/// One per processor but one, which is left to the control thread; at least one.
fn media_threads(section: &mut Section<'_>) -> usize {
    let own = || std::thread::available_parallelism().map_or(1, |n| n.get().saturating_sub(1).max(1));
    let given = section.number("media_threads", limits::MEDIA_THREADS);
    given.and_then(|at| usize::try_from(at.value).ok()).unwrap_or_else(own)
}

fn legs_max(section: &mut Section<'_>, pairs: usize) -> usize {
    let Some(given) = section.number("legs_max", 2..=32_768) else { return pairs };
    let legs = usize::try_from(given.value).expect("at most 32,768");
    if legs > pairs {
        let message = format!("\"legs_max\" is {legs}, but the RTP ports carry {pairs} legs");
        section.report().wrong(
            &given.span,
            message,
            format!("write at most {pairs}, or widen rtp_port_min to rtp_port_max"),
        );
    }
    legs
}
