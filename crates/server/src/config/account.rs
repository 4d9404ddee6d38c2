//! `[[account]]`, but for its agents.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use base::AccountId;
use callcenter::config::{
    AccountStatus, DialoutRingAt, Edition, HoldRecording, NumberGroup, RecordingMode, TransferSound,
    WithoutCustomer,
};
use secrecy::ExposeSecret;
use switch::config::TrunkChoice;
use url::{Host, Url};

use super::agents;
use super::convert::made_id;
use super::inbound;
use super::limits;
use super::model::{Account, Agent, PushAddress, Server, Trunk};
use super::problem::{At, Report, Span};
use super::recordings;
use super::section::{Section, suggest};
use super::server;
use super::values::{self, SecretKind, Unique};
use crate::contract::push::{ConnectedShape, PushKind, PushNames};
use crate::http::ports::{HeaderEcho, HttpStatus, RequestLimits};

const STATUSES: [(&str, AccountStatus); 3] = [
    ("enabled", AccountStatus::Enabled),
    ("disabled", AccountStatus::Disabled),
    ("removed", AccountStatus::Removed),
];
const HTTP_STATUSES: [(&str, HttpStatus); 2] =
    [("always_200", HttpStatus::Always200), ("semantic", HttpStatus::Semantic)];
const HEADER_ECHOES: [(&str, HeaderEcho); 3] = [
    ("without_sign", HeaderEcho::WithoutSign),
    ("with_sign", HeaderEcho::WithSign),
    ("omit", HeaderEcho::Omit),
];
const RECORDINGS: [(&str, RecordingMode); 3] = [
    ("normal", RecordingMode::Normal),
    ("dual_track", RecordingMode::DualTrack),
    ("off", RecordingMode::Off),
];
const DIALOUT_RINGS: [(&str, DialoutRingAt); 2] =
    [("customer", DialoutRingAt::Customer), ("agent", DialoutRingAt::Agent)];
const TRANSFER_SOUNDS: [(&str, TransferSound); 2] =
    [("ringback", TransferSound::RingBack), ("music", TransferSound::Music)];
const WITHOUT_CUSTOMER: [(&str, WithoutCustomer); 2] =
    [("end", WithoutCustomer::End), ("go_on", WithoutCustomer::GoOn)];
const HOLD_RECORDINGS: [(&str, HoldRecording); 2] =
    [("silence", HoldRecording::Silence), ("music", HoldRecording::Music)];
const SHAPES: [(&str, ConnectedShape); 3] =
    [("flat", ConnectedShape::Flat), ("nested", ConnectedShape::Nested), ("both", ConnectedShape::Both)];
/// Realm of an account that names none; phones may call it by any name while no other account has phones.
const SIP_DOMAIN_DEFAULT: &str = "cordboard";
/// Longest ring the API knows (contract §2).
pub(super) const RING_S: RangeInclusive<u64> = 1..=300;
const CALLS_MAX: usize = 500;

pub(super) fn read<'t>(
    sections: Vec<Section<'t>>,
    server: &Server,
    trunks: &[Trunk],
    report: &'t Report<'t>,
) -> Vec<Account> {
    let only_one = sections.len() == 1;
    let (ids, routes) = (Unique::new("account id"), Unique::new("inbound route"));
    let mut all = Shared { ids, routes, domains: BTreeMap::new(), only_one };
    sections.into_iter().map(|section| account(section, &mut all, server, trunks, report)).collect()
}

/// What accounts must not have in common.
struct Shared {
    ids: Unique,
    /// What is called, and by which trunk.
    routes: Unique,
    /// Where the domains stand of those that have phones.
    domains: BTreeMap<String, Span>,
    only_one: bool,
}

fn account(
    mut section: Section<'_>,
    all: &mut Shared,
    server: &Server,
    trunks: &[Trunk],
    report: &Report<'_>,
) -> Account {
    let id = account_id(&mut section, all, report);
    let numbers = numbers(&mut section, report);
    let editions = editions(&mut section, report);
    let recording = section.choice("recording", &RECORDINGS);
    let agent_ring = seconds(&mut section, "agent_ring_s", RING_S, 60);
    let as_account = (recording, agent_ring);
    let inbound = inbound::read(&mut section, (server, trunks), as_account, &mut all.routes, report);
    let trunks = trunk_choices(&mut section, trunks, report);
    let agents = agents::read(&mut section, id, &numbers, &editions, report);
    if trunks.is_empty()
        && let Some(agent) = agents.iter().find(|agent| agent.center.mobile.is_some())
    {
        let message = format!("agent \"{}\" has a mobile, but no [[trunk]] can call it", agent.center.number);
        report.if_readable(section.span(), message, "add a [[trunk]], or remove the mobile");
    }
    let account = Account {
        id,
        status: section.choice("status", &STATUSES),
        secrets: secrets(&mut section, report),
        zone: section.parsed("zone", values::zone).map(|zone| zone.value).unwrap_or_default(),
        sip_domain: sip_domain(&mut section, &agents, all, report),
        limits: request_limits(&mut section),
        http_status: section.choice("http_status", &HTTP_STATUSES),
        header_echo: section.choice("header_echo", &HEADER_ECHOES),
        calls_max: section.number("calls_max", 1..=100_000).map_or(CALLS_MAX, |at| count(at.value)),
        calls_per_s_max: section
            .number("calls_per_s_max", limits::CALLS_PER_S)
            .map(|at| count(at.value))
            .filter(|max| *max > 0),
        number_calls_max: number_calls_max(&mut section, &numbers, report),
        agent_ring,
        customer_ring: seconds(&mut section, "customer_ring_s", RING_S, 120),
        call_age_max: seconds(&mut section, "call_age_max_s", 60..=86_400, 4 * 3600),
        recording,
        recording_format: recordings::format(&mut section).unwrap_or(server.recordings.format),
        recording_keep_days: recordings::keep_days(&mut section).unwrap_or(server.recordings.keep_days),
        inbound,
        dialout_ring_at: section.choice("dialout_ring_at", &DIALOUT_RINGS),
        music: server::path(&mut section, "music"),
        g729: section.flag("g729", false),
        transfer_sound: section.choice("transfer_sound", &TRANSFER_SOUNDS),
        consult_without_customer: section.choice("consult_without_customer", &WITHOUT_CUSTOMER),
        conference_without_customer: section.choice("conference_without_customer", &WITHOUT_CUSTOMER),
        hold_recording: section.choice("hold_recording", &HOLD_RECORDINGS),
        push_names: push_names(&mut section, report),
        connected: section.choice("connected_shape", &SHAPES),
        default_number: default_number(&mut section, &numbers, report),
        trunks,
        busy_reasons: busy_reasons(&mut section, report),
        groups: groups(&mut section, id, &numbers, report),
        pushes: pushes(&mut section, server, report),
        numbers: numbers.into_iter().map(|number| number.value).collect(),
        editions,
        agents,
    };
    section.finish();
    account
}

fn account_id(section: &mut Section<'_>, all: &mut Shared, report: &Report<'_>) -> AccountId {
    let id = section.number("id", limits::ACCOUNT_ID);
    let id = section.required("id", id, "add id = 2000103, the appkey of 7 or 8 digits");
    if let Some(id) = &id {
        all.ids.add(&id.value.to_string(), &id.span, report);
    }
    AccountId(id.map(|id| id.value).unwrap_or_default())
}

fn secrets(section: &mut Section<'_>, report: &Report<'_>) -> Vec<secrecy::SecretString> {
    let remedy = "add secrets = [\"env:CORDBOARD_SECRET\"], or the secret itself";
    let given = section.filled_list("secrets", limits::SECRETS_MAX, values::any, remedy);
    let mut secrets: Vec<secrecy::SecretString> = Vec::new();
    for text in given {
        let span = text.span.clone();
        let Some(secret) = values::secret(text, "secrets", SecretKind::Api, report) else { continue };
        if secrets.iter().any(|other| other.expose_secret() == secret.expose_secret()) {
            report.wrong(&span, "\"secrets\" holds the same secret twice", "remove one");
        }
        secrets.push(secret);
    }
    secrets
}

/// Each account with SIP phones has a domain of its own; it need not be given while there is no other account.
fn sip_domain(section: &mut Section<'_>, agents: &[Agent], all: &mut Shared, report: &Report<'_>) -> String {
    let given = section.parsed("sip_domain", values::host_name);
    let has_phones = agents.iter().any(|agent| agent.center.sip_user.is_some());
    if has_phones && !all.only_one {
        let domain = section.required(
            "sip_domain",
            given.as_ref(),
            "add sip_domain = \"calls.example.com\": it tells the phones of several accounts apart",
        );
        if let Some(domain) = domain
            && let Some(first) = all.domains.insert(domain.value.clone(), domain.span.clone())
        {
            let message = format!(
                "the sip_domain \"{}\" is that of another account with SIP phones, in line {}",
                domain.value,
                report.position(&first).0
            );
            report.wrong(&domain.span, message, "give each its own: it tells their phones apart");
        }
    }
    given.map_or_else(|| SIP_DOMAIN_DEFAULT.to_owned(), |domain| domain.value)
}

fn request_limits(section: &mut Section<'_>) -> RequestLimits {
    let mut limit = |key| section.number(key, 0..=1_000_000).and_then(|at| u32::try_from(at.value).ok());
    let unless_zero = |limit: u32| (limit > 0).then_some(limit);
    RequestLimits {
        per_minute: limit("requests_per_minute").map_or(RequestLimits::default().per_minute, unless_zero),
        per_route_per_minute: limit("requests_per_route_per_minute").and_then(unless_zero),
    }
}

fn seconds(
    section: &mut Section<'_>,
    key: &'static str,
    range: RangeInclusive<u64>,
    default: u64,
) -> Duration {
    Duration::from_secs(section.number(key, range).map_or(default, |at| at.value))
}

fn numbers(section: &mut Section<'_>, report: &Report<'_>) -> Vec<At<String>> {
    let numbers = section.list("numbers", limits::NUMBERS_MAX, values::phone_number);
    let mut unique = Unique::new("number");
    numbers.iter().for_each(|number| unique.add(&number.value, &number.span, report));
    numbers
}

/// Reports a number that is not one of the account's.
pub(super) fn check_own(number: &At<String>, key: &str, numbers: &[At<String>], report: &Report<'_>) {
    if !numbers.iter().any(|own| own.value == number.value) {
        let message = format!("\"{key}\" is not one of the account's numbers: \"{}\"", number.value);
        report.if_readable(
            &number.span,
            message,
            "add it to \"numbers\" of the account, or write one of them",
        );
    }
}

fn default_number(section: &mut Section<'_>, numbers: &[At<String>], report: &Report<'_>) -> Option<String> {
    let number = section.parsed("default_number", values::phone_number)?;
    check_own(&number, "default_number", numbers, report);
    Some(number.value)
}

/// `trunks = ["a", "b"]`, in this order, and `[[account.trunk]]`, each with its own priority and weight; all trunks in the
/// order of the file where neither stands.
fn trunk_choices(section: &mut Section<'_>, trunks: &[Trunk], report: &Report<'_>) -> Vec<TrunkChoice> {
    let names = trunks.iter().map(|trunk| trunk.name.as_str());
    let known: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let mut unique = Unique::new("trunk of the account");
    let listed = section.list("trunks", limits::TRUNKS_MAX, values::handle);
    for name in &listed {
        unique.add(&name.value, &name.span, report);
        check_trunk(name, "trunks", &known, report);
    }
    let mut choices = TrunkChoice::in_order(listed.iter().map(|name| name.value.as_str()));
    for section in section.sections("trunk", "[[account.trunk]]", limits::TRUNKS_MAX) {
        choices.push(weighed_trunk(section, &known, &mut unique, report));
    }
    match section.has("trunks") || section.has("trunk") {
        true => choices,
        false => TrunkChoice::in_order(known),
    }
}

fn weighed_trunk(
    mut section: Section<'_>,
    known: &[&str],
    unique: &mut Unique,
    report: &Report<'_>,
) -> TrunkChoice {
    let name = section.parsed("name", values::handle);
    let name = section.required("name", name, "add name = \"carrier\", that of a [[trunk]]");
    if let Some(name) = &name {
        unique.add(&name.value, &name.span, report);
        check_trunk(name, "name", known, report);
    }
    let mut number = |key, default: u16| {
        let given = section.number(key, limits::TRUNK_PRIORITY);
        given.and_then(|at| u16::try_from(at.value).ok()).unwrap_or(default)
    };
    let (priority, weight) = (number("priority", 0), number("weight", 1));
    section.finish();
    TrunkChoice { trunk: name.map(|name| name.value).unwrap_or_default(), priority, weight }
}

/// Reports a trunk that there is not.
pub(super) fn check_trunk(name: &At<String>, key: &str, known: &[&str], report: &Report<'_>) {
    if !known.contains(&name.value.as_str()) {
        let message = format!("\"{key}\" names \"{}\", but there is no such [[trunk]]", name.value);
        report.if_readable(&name.span, message, suggest(&name.value, known));
    }
}

fn editions(section: &mut Section<'_>, report: &Report<'_>) -> Vec<Edition> {
    let mut names = Unique::new("edition");
    let sections = section.sections("edition", "[[account.edition]]", limits::EDITIONS_MAX);
    let read = |mut section: Section<'_>| {
        let name = section.parsed("name", values::name);
        let name = section.required("name", name, "add name = \"standard\"");
        if let Some(name) = &name {
            names.add(&name.value, &name.span, report);
        }
        let licences = section.number("licences", 0..=1_000_000);
        let licences =
            section.required("licences", licences, "add licences = 10: how many agents may be signed in");
        let calls = section.flag("calls", true);
        section.finish();
        Edition {
            name: name.map(|name| name.value).unwrap_or_default(),
            licences: licences.map(|at| count(at.value)).unwrap_or_default(),
            calls,
        }
    };
    sections.into_iter().map(read).collect()
}

fn busy_reasons(section: &mut Section<'_>, report: &Report<'_>) -> BTreeMap<u16, String> {
    let mut states = Unique::new("busy reason");
    let mut reasons = BTreeMap::new();
    for mut section in section.sections("busy_reason", "[[account.busy_reason]]", limits::BUSY_REASONS_MAX) {
        let state = section.number("state", limits::BUSY_REASON);
        let state = section.required("state", state, "add state = 100, the number agents show");
        let name = section.parsed("name", values::name);
        let name = section.required("name", name, "add name = \"lunch\"");
        if let Some(state) = state {
            states.add(&state.value.to_string(), &state.span, report);
            let state = u16::try_from(state.value).expect("at most 999");
            reasons.insert(state, name.map(|name| name.value).unwrap_or_default());
        }
        section.finish();
    }
    reasons
}

/// `[[account.number]]`: what is said of single numbers.
fn number_calls_max(
    section: &mut Section<'_>,
    own: &[At<String>],
    report: &Report<'_>,
) -> BTreeMap<String, usize> {
    let mut unique = Unique::new("[[account.number]]");
    let sections = section.sections("number", "[[account.number]]", limits::NUMBERS_MAX);
    let read = |mut section: Section<'_>| {
        let number = section.parsed("number", values::phone_number);
        let number = section.required("number", number, "add number = \"…\", one of the account's");
        if let Some(number) = &number {
            unique.add(&number.value, &number.span, report);
            check_own(number, "number", own, report);
        }
        let concurrency = section.number("concurrency", 1..=100_000);
        let concurrency = section.required(
            "concurrency",
            concurrency,
            "add concurrency = 30: how many calls may show the number at once",
        );
        section.finish();
        Some((number?.value, count(concurrency?.value)))
    };
    sections.into_iter().filter_map(read).collect()
}

fn groups(
    section: &mut Section<'_>,
    account: AccountId,
    own: &[At<String>],
    report: &Report<'_>,
) -> Vec<NumberGroup> {
    let (mut names, mut ids) = (Unique::new("group name"), Unique::new("group id"));
    let sections = section.sections("group", "[[account.group]]", limits::GROUPS_MAX);
    let read = |mut section: Section<'_>| {
        let name = section.parsed("name", values::name);
        let name = section.required("name", name, "add name = \"sales\"");
        if let Some(name) = &name {
            names.add(&name.value, &name.span, report);
        }
        let id = section.parsed("id", values::id);
        if let Some(id) = &id {
            ids.add(&id.value, &id.span, report);
        }
        let numbers = section.filled_list(
            "numbers",
            limits::NUMBERS_MAX,
            values::phone_number,
            "add numbers = [\"…\"], some of the account's",
        );
        numbers.iter().for_each(|number| check_own(number, "numbers", own, report));
        section.finish();
        let name = name.map(|name| name.value).unwrap_or_default();
        NumberGroup {
            id: id.map_or_else(|| made_id("group", account, &name), |id| id.value),
            numbers: numbers.into_iter().map(|number| number.value).collect(),
            name,
        }
    };
    sections.into_iter().map(read).collect()
}

fn push_names(section: &mut Section<'_>, report: &Report<'_>) -> PushNames {
    let mut section = section.section("push_names", "[account.push_names]");
    let mut names = Unique::new("push name");
    let mut name = |key, default: String| match section.parsed(key, values::handle) {
        Some(name) => {
            names.add(&name.value, &name.span, report);
            name.value
        }
        None => default,
    };
    let default = PushNames::default();
    let names = PushNames {
        incoming_ring: name("incoming_ring", default.incoming_ring),
        incoming_hangup: name("incoming_hangup", default.incoming_hangup),
        customer_link: name("customer_link", default.customer_link),
    };
    section.finish();
    names
}

fn pushes(section: &mut Section<'_>, server: &Server, report: &Report<'_>) -> Vec<PushAddress> {
    let mut urls = Unique::new("push url");
    let sections = section.sections("push", "[[account.push]]", limits::PUSH_ADDRESSES_MAX);
    sections.into_iter().filter_map(|section| push_address(section, &mut urls, server, report)).collect()
}

fn push_address(
    mut section: Section<'_>,
    urls: &mut Unique,
    server: &Server,
    report: &Report<'_>,
) -> Option<PushAddress> {
    let url = section.parsed("url", values::push_url);
    let url = section.required("url", url, "add url = \"https://crm.example.com/calls\"");
    if let Some(url) = &url {
        urls.add(url.value.as_str(), &url.span, report);
        if !server.allow_private_push && is_private(&url.value) {
            let message = format!("\"url\" is inside your own network: \"{}\"", url.value);
            report.wrong(
                &url.span,
                message,
                "write a public address, or set allow_private_push = true in [server]",
            );
        }
    }
    let kinds = section.list("types", PushKind::ALL.len(), values::push_kind);
    let mut unique = Unique::new("push type");
    kinds.iter().for_each(|kind| unique.add(&kind.value.to_string(), &kind.span, report));
    let secret = section.parsed("secret", values::any);
    let secret = secret.and_then(|text| values::secret(text, "secret", SecretKind::Push, report));
    section.finish();
    let kinds = kinds.into_iter().map(|kind| kind.value).collect();
    url.map(|url| PushAddress { url: url.value, kinds, secret })
}

/// Whether an address, as far as its text tells, is not of the public Internet. A name that resolves to such an
/// address is found out at delivery.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_private_ip(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_private_ip(IpAddr::V6(ip)),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn is_private_ip(ip: IpAddr) -> bool {
    let v4 = |ip: Ipv4Addr| ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
    let v6 = |ip: Ipv6Addr| {
        ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified()
    };
    match ip.to_canonical() {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    }
}

pub(super) fn count(number: u64) -> usize {
    usize::try_from(number).expect("ranges of counts end far below 2³²")
}
