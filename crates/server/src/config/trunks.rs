//! `[[trunk]]`.

use std::time::Duration;

use switch::config::{Codec, Form, NumberFormat, PrefixRule, ShownBy, Transport, TrunkRegistration};
use switch::limits::TRUNK_HEALTH_CHECK;

use super::account::count;
use super::limits;
use super::model::{HostPort, Server, SipLogin, Trunk};
use super::problem::{At, Report};
use super::section::Section;
use super::values::{self, SecretKind, Unique, Wrong};

const TRANSPORTS: [(&str, Way); 2] = [("udp", Way::Udp), ("tcp", Way::Tcp)];
const FORMS: [(&str, Form); 5] = [
    ("as_is", Form::AsIs),
    ("national", Form::National),
    ("local", Form::Local),
    ("e164", Form::E164),
    ("plus", Form::Plus),
];
const SHOWN_BY: [(&str, ShownBy); 3] =
    [("from", ShownBy::From), ("asserted", ShownBy::Asserted), ("preferred", ShownBy::Preferred)];

/// A transport, with the default of the file.
#[derive(Clone, Copy, Default)]
enum Way {
    #[default]
    Udp,
    Tcp,
}

pub(super) fn read<'t>(sections: Vec<Section<'t>>, server: &Server, report: &'t Report<'t>) -> Vec<Trunk> {
    let mut names = Unique::new("trunk name");
    sections.into_iter().map(|section| trunk(section, &mut names, server, report)).collect()
}

fn trunk(mut section: Section<'_>, names: &mut Unique, server: &Server, report: &Report<'_>) -> Trunk {
    let name = section.parsed("name", values::handle);
    let name = section.required("name", name, "add name = \"carrier\"");
    if let Some(name) = &name {
        names.add(&name.value, &name.span, report);
    }
    let remedy = "add addresses = [\"sip.example.com:5060\"]";
    let addresses = section.filled_list("addresses", limits::TRUNK_ADDRESSES_MAX, values::host_port, remedy);
    addresses.iter().for_each(|address| check_address(address, server, report));
    let addresses: Vec<HostPort> = addresses.into_iter().map(|address| address.value).collect();
    let domain = section.parsed("domain", values::host_name).map(|domain| domain.value);
    let login = login(&mut section, report);
    let host = domain.clone().or_else(|| addresses.first().map(HostPort::host_in_uri));
    let trunk = Trunk {
        name: name.map(|name| name.value).unwrap_or_default(),
        registration: registration(&mut section, login.as_ref(), &host.unwrap_or_default(), report),
        addresses,
        domain,
        login,
        channels_max: section.number("channels_max", limits::TRUNK_CHANNELS).map(|at| count(at.value)),
        health_check: health_check(&mut section),
        transport: match section.choice("transport", &TRANSPORTS) {
            Way::Udp => Transport::Udp,
            Way::Tcp => Transport::Tcp,
        },
        codecs: codecs(&mut section, "codecs", values::codec, report),
        numbers: numbers(&mut section, report),
        shown_by: section.choice("shown_by", &SHOWN_BY),
        withheld: section.flag("withheld", false),
        diverted_from: section.parsed("diverted_from", values::phone_number).map(|number| number.value),
        trusted: section.flag("trusted", true),
    };
    section.finish();
    trunk
}

/// An address that is no name is only of use where something can be sent to it.
fn check_address(at: &At<HostPort>, server: &Server, report: &Report<'_>) {
    let Some(ip) = at.value.literal().map(|remote| remote.ip()) else { return };
    if ip.is_unspecified() || ip.is_multicast() {
        let message = format!("\"addresses\" has {ip}: nobody can be called there");
        report.wrong(&at.span, message, "write the address that the carrier gave");
    } else if !server.sip.iter().any(|listen| listen.bind.is_ipv4() == ip.is_ipv4()) {
        let (family, any) = if ip.is_ipv4() { ("IPv4", "0.0.0.0:5060") } else { ("IPv6", "[::]:5060") };
        let message = format!("\"addresses\" has {ip}, but \"sip_listen\" no {family} address");
        let remedy = format!("add one to sip_listen, such as \"{any}\", or remove this one");
        report.if_readable(&at.span, message, remedy);
    }
}

fn login(section: &mut Section<'_>, report: &Report<'_>) -> Option<SipLogin> {
    let user = section.parsed("user", values::handle);
    let password = section.parsed("password", values::any);
    match (user, password) {
        (Some(user), Some(password)) => values::secret(password, "password", SecretKind::Trunk, report)
            .map(|password| SipLogin { user: user.value, password }),
        (Some(_), None) => {
            section.required("password", None, "add the password the carrier gave, or remove user")
        }
        (None, Some(_)) => {
            section.required("user", None, "add the user name the carrier gave, or remove password")
        }
        (None, None) => None,
    }
}

/// `host` is the trunk's, where nothing else is said.
fn registration(
    section: &mut Section<'_>,
    login: Option<&SipLogin>,
    host: &str,
    report: &Report<'_>,
) -> Option<TrunkRegistration> {
    let wanted = section.flag("register", false);
    let registrar = section.parsed("registrar", values::host_name);
    let aor = section.parsed("aor", values::address_of_record);
    let expires = section.number("register_s", limits::TRUNK_REGISTER_S);
    if !wanted {
        let spans = [registrar.map(|at| at.span), aor.map(|at| at.span), expires.map(|at| at.span)];
        if let Some(span) = spans.into_iter().flatten().next() {
            let message = "that is for a trunk with which this server registers";
            report.if_readable(&span, message, "add register = true, or remove it");
        }
        return None;
    }
    if login.is_none() && !section.has("user") && !section.has("password") {
        let message = "[[trunk]] is to be registered with, but has no \"user\" and \"password\"";
        report.if_readable(section.span(), message, "add those that the carrier gave");
    }
    let user = login.map_or("", |login| login.user.as_str());
    let registrar = registrar.map_or_else(|| host.to_owned(), |registrar| registrar.value);
    Some(TrunkRegistration {
        aor: aor.map_or_else(|| format!("sip:{user}@{registrar}"), |aor| aor.value),
        registrar,
        expires: Duration::from_secs(expires.map_or(limits::TRUNK_REGISTER_S_DEFAULT, |at| at.value)),
    })
}

fn health_check(section: &mut Section<'_>) -> Option<Duration> {
    match section.number("health_check_s", limits::TRUNK_HEALTH_CHECK_S).map(|at| at.value) {
        None => Some(TRUNK_HEALTH_CHECK),
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
    }
}

/// A list of codecs; without it those that every carrier and phone speaks.
pub(super) fn codecs(
    section: &mut Section<'_>,
    key: &'static str,
    read: fn(&str) -> Result<Codec, Wrong>,
    report: &Report<'_>,
) -> Vec<Codec> {
    if !section.has(key) {
        section.list(key, 0, read);
        return vec![Codec::Pcma, Codec::Pcmu];
    }
    let remedy = "write them like [\"pcma\", \"pcmu\"], the one that is liked best first";
    let given = section.filled_list(key, limits::CODECS_MAX, read, remedy);
    let mut unique = Unique::new("codec");
    given.iter().for_each(|codec| unique.add(codec.value.name(), &codec.span, report));
    given.into_iter().map(|codec| codec.value).collect()
}

fn numbers(section: &mut Section<'_>, report: &Report<'_>) -> NumberFormat {
    let form = section.choice("format", &FORMS);
    let default = NumberFormat::default();
    let country = section.parsed("country", values::country_code).map_or(default.country, |at| at.value);
    let area_code = section.parsed("area_code", values::area_code).map_or(default.area_code, |at| at.value);
    if form == Form::Local && area_code.is_empty() && !section.has("area_code") {
        let message = "[[trunk]] has format = \"local\", but no \"area_code\"";
        report.if_readable(section.span(), message, "add area_code = \"010\", that of the trunk");
    }
    NumberFormat {
        form,
        country,
        area_code,
        called_out: rules(section, "called_out", "[[trunk.called_out]]", report),
        shown_out: rules(section, "shown_out", "[[trunk.shown_out]]", report),
        called_in: rules(section, "called_in", "[[trunk.called_in]]", report),
        caller_in: rules(section, "caller_in", "[[trunk.caller_in]]", report),
    }
}

fn rules(
    section: &mut Section<'_>,
    key: &'static str,
    title: &'static str,
    report: &Report<'_>,
) -> Vec<PrefixRule> {
    let sections = section.sections(key, title, limits::TRUNK_RULES_MAX);
    sections.into_iter().map(|section| rule(section, title, report)).collect()
}

fn rule(mut section: Section<'_>, title: &str, report: &Report<'_>) -> PrefixRule {
    let prefix = section.parsed("prefix", values::number_part);
    let add = section.parsed("add", values::number_part);
    let strip = section.number("strip", limits::RULE_DIGITS);
    let min = section.number("digits_min", limits::RULE_DIGITS);
    let max = section.number("digits_max", limits::RULE_DIGITS);
    if add.is_none() && strip.is_none() && !section.has("add") && !section.has("strip") {
        let message = format!("{title} changes nothing");
        report.if_readable(section.span(), message, "add strip = 1, add = \"9\", or both");
    }
    let number = |at: &Option<At<u64>>, default| at.as_ref().map_or(default, |at| count(at.value));
    let (digits_min, digits_max) = (number(&min, 0), number(&max, count(*limits::RULE_DIGITS.end())));
    if let Some(at) = min.as_ref().or(max.as_ref())
        && digits_min > digits_max
    {
        let message = format!("no number has at least {digits_min} and at most {digits_max} digits");
        report.wrong(&at.span, message, "exchange digits_min and digits_max");
    }
    let rule = PrefixRule {
        prefix: prefix.map(|at| at.value).unwrap_or_default(),
        strip: number(&strip, 0),
        add: add.map(|at| at.value).unwrap_or_default(),
        digits_min,
        digits_max,
    };
    section.finish();
    rule
}
