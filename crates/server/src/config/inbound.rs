//! `[[account.inbound]]`: who may call in, and where that leads.

use std::net::SocketAddr;
use std::time::Duration;

use callcenter::config::{InboundRoute, RecordingMode};
use sip::message::Uri;

use super::account::{RING_S, check_trunk};
use super::convert::SIP_PORT;
use super::limits;
use super::model::{Server, Trunk};
use super::problem::{At, Report};
use super::section::Section;
use super::values::{self, Unique};

/// The routes of one account. `taken` are those of all accounts so far; `recording` and `ring` are the account's.
pub(super) fn read(
    section: &mut Section<'_>,
    (server, trunks): (&Server, &[Trunk]),
    (recording, ring): (RecordingMode, Duration),
    taken: &mut Unique,
    report: &Report<'_>,
) -> Vec<InboundRoute> {
    let known: Vec<&str> =
        trunks.iter().map(|trunk| trunk.name.as_str()).filter(|name| !name.is_empty()).collect();
    let sections = section.sections("inbound", "[[account.inbound]]", limits::INBOUND_ROUTES_MAX);
    let read = |section| route(section, server, &known, (recording, ring), taken, report);
    sections.into_iter().map(read).collect()
}

fn route(
    mut section: Section<'_>,
    server: &Server,
    known: &[&str],
    (recording, ring): (RecordingMode, Duration),
    taken: &mut Unique,
    report: &Report<'_>,
) -> InboundRoute {
    let trunk = section.parsed("trunk", values::handle);
    let trunk = section.required("trunk", trunk, "add trunk = \"carrier\", the [[trunk]] that calls come by");
    if let Some(trunk) = &trunk {
        check_trunk(trunk, "trunk", known, report);
    }
    let called = section.parsed("called", values::called);
    let called =
        section.required("called", called, "add called = \"02258834811\", the number that is called");
    if let (Some(trunk), Some(called)) = (&trunk, &called) {
        taken.add(&format!("{} by {}", called.value, trunk.value), &called.span, report);
    }
    let to = section.parsed("to", values::sip_uri);
    let to =
        section.required("to", to, "add to = \"sip:1000@192.0.2.5:5060\", where calls are put through to");
    if let Some(to) = &to {
        check_address(to, server, report);
    }
    let is_recorded = section.flag("record", recording != RecordingMode::Off);
    let ring_s = section.number("ring_s", RING_S);
    section.finish();
    InboundRoute {
        trunk: trunk.map(|trunk| trunk.value).unwrap_or_default(),
        called: called.map(|called| called.value).unwrap_or_default(),
        to: to.map(|to| to.value.to_string()).unwrap_or_default(),
        recording: match (is_recorded, recording) {
            (false, _) => RecordingMode::Off,
            (true, RecordingMode::Off) => RecordingMode::Normal,
            (true, RecordingMode::Normal | RecordingMode::DualTrack) => recording,
        },
        ring: ring_s.map_or(ring, |ring_s| Duration::from_secs(ring_s.value)),
    }
}

/// Calls can be put through where something can be sent to, but not to ourselves.
fn check_address(to: &At<Uri>, server: &Server, report: &Report<'_>) {
    let Some(ip) = to.value.host.ip() else { return };
    let remote = SocketAddr::new(ip, to.value.port.unwrap_or(SIP_PORT));
    if ip.is_unspecified() || ip.is_multicast() {
        let message = format!("\"to\" has {ip}: nobody can be called there");
        report.wrong(&to.span, message, "write the address of whoever takes the calls");
    } else if server.sip.iter().any(|listen| listen.bind == remote || listen.advertised == Some(remote)) {
        let message = format!("\"to\" has {remote}, which is this server");
        report.if_readable(&to.span, message, "write the address of whoever takes the calls");
    } else if !server.sip.iter().any(|listen| listen.bind.is_ipv4() == ip.is_ipv4()) {
        let (family, any) = if ip.is_ipv4() { ("IPv4", "0.0.0.0:5060") } else { ("IPv6", "[::]:5060") };
        let message = format!("\"to\" has {ip}, but \"sip_listen\" no {family} address");
        report.if_readable(&to.span, message, format!("add one to sip_listen, such as \"{any}\""));
    }
}
