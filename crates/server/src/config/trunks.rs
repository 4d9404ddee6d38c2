//! `[[trunk]]`.

use std::time::Duration;

use switch::limits::TRUNK_HEALTH_CHECK;

use super::account::count;
use super::limits;
use super::model::{SipLogin, Trunk};
use super::problem::Report;
use super::section::Section;
use super::values::{self, SecretKind, Unique};

pub(super) fn read<'t>(sections: Vec<Section<'t>>, report: &'t Report<'t>) -> Vec<Trunk> {
    let mut names = Unique::new("trunk name");
    sections.into_iter().map(|section| trunk(section, &mut names, report)).collect()
}

fn trunk(mut section: Section<'_>, names: &mut Unique, report: &Report<'_>) -> Trunk {
    let name = section.parsed("name", values::handle);
    let name = section.required("name", name, "add name = \"carrier\"");
    if let Some(name) = &name {
        names.add(&name.value, &name.span, report);
    }
    let remedy = "add addresses = [\"sip.example.com:5060\"]";
    let addresses = section.filled_list("addresses", limits::TRUNK_ADDRESSES_MAX, values::host_port, remedy);
    let domain = section.parsed("domain", values::host_name);
    let user = section.parsed("user", values::handle);
    let password = section.parsed("password", values::any);
    let login = match (user, password) {
        (Some(user), Some(password)) => values::secret(password, "password", SecretKind::Trunk, report)
            .map(|password| SipLogin { user: user.value, password }),
        (Some(_), None) => {
            section.required("password", None, "add the password the carrier gave, or remove user")
        }
        (None, Some(_)) => {
            section.required("user", None, "add the user name the carrier gave, or remove password")
        }
        (None, None) => None,
    };
    let channels_max = section.number("channels_max", limits::TRUNK_CHANNELS).map(|at| count(at.value));
    let health_check_s = section.number("health_check_s", limits::TRUNK_HEALTH_CHECK_S);
    let health_check = match health_check_s.map(|at| at.value) {
        None => Some(TRUNK_HEALTH_CHECK),
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
    };
    section.finish();
    Trunk {
        name: name.map(|name| name.value).unwrap_or_default(),
        addresses: addresses.into_iter().map(|address| address.value).collect(),
        domain: domain.map(|domain| domain.value),
        login,
        channels_max,
        health_check,
    }
}
