//! `[[account.agent]]`.

use std::time::Duration;

use base::AccountId;
use callcenter::config::{Agent as CenterAgent, AgentStatus, Edition};

use super::account::check_own;
use super::convert::made_id;
use super::limits;
use super::model::{Agent, Role};
use super::problem::{At, Report};
use super::section::{Section, suggest};
use super::values::{self, SecretKind, Unique};

const STATUSES: [(&str, AgentStatus); 4] = [
    ("enabled", AgentStatus::Enabled),
    ("disabled", AgentStatus::Disabled),
    ("deleted", AgentStatus::Deleted),
    ("locked", AgentStatus::Locked),
];

pub(super) fn read(
    account: &mut Section<'_>,
    id: AccountId,
    own_numbers: &[At<String>],
    editions: &[Edition],
    report: &Report<'_>,
) -> Vec<Agent> {
    let mut reader = Reader {
        account: id,
        own_numbers,
        editions,
        report,
        numbers: Unique::new("agent number"),
        ids: Unique::new("agent id"),
        mobiles: Unique::new("mobile"),
        sip_users: Unique::new("sip_user"),
    };
    let sections = account.sections("agent", "[[account.agent]]", limits::AGENTS_MAX);
    sections.into_iter().map(|section| reader.agent(section)).collect()
}

/// Reads the agents of one account.
struct Reader<'a> {
    account: AccountId,
    own_numbers: &'a [At<String>],
    editions: &'a [Edition],
    report: &'a Report<'a>,
    numbers: Unique,
    ids: Unique,
    mobiles: Unique,
    sip_users: Unique,
}

impl Reader<'_> {
    fn agent(&mut self, mut section: Section<'_>) -> Agent {
        let number = section.parsed("number", values::handle);
        let number = section.required("number", number, "add number = \"8000\"");
        if let Some(number) = &number {
            self.numbers.add(&number.value, &number.span, self.report);
        }
        let number = number.map(|number| number.value).unwrap_or_default();
        let name = section.parsed("name", values::name).map_or_else(|| number.clone(), |name| name.value);
        let (sip_user, sip_password) = self.phone(&mut section);
        let center = CenterAgent {
            id: self.id(&mut section).unwrap_or_else(|| made_id("agent", self.account, &number)),
            status: section.choice("status", &STATUSES),
            mobile: self.mobile(&mut section),
            sip_user,
            bound_number: self.bound_number(&mut section),
            edition: self.edition(&mut section),
            wrap_up: Duration::from_secs(section.number("wrap_up_s", 0..=3600).map_or(0, |at| at.value)),
            supervisor: self.roles(&mut section).contains(&Role::Supervisor),
            number,
            name,
        };
        section.finish();
        Agent { center, sip_password }
    }

    fn id(&mut self, section: &mut Section<'_>) -> Option<String> {
        let id = section.parsed("id", values::id)?;
        self.ids.add(&id.value, &id.span, self.report);
        Some(id.value)
    }

    fn mobile(&mut self, section: &mut Section<'_>) -> Option<String> {
        let mobile = section.parsed("mobile", values::phone_number)?;
        self.mobiles.add(&mobile.value, &mobile.span, self.report);
        Some(mobile.value)
    }

    fn roles(&self, section: &mut Section<'_>) -> Vec<Role> {
        let given = section.list("roles", limits::ROLES_MAX, values::role);
        let mut unique = Unique::new("role of the agent");
        given.iter().for_each(|role| unique.add(role.value.name(), &role.span, self.report));
        given.into_iter().map(|role| role.value).collect()
    }

    fn bound_number(&self, section: &mut Section<'_>) -> Option<String> {
        let number = section.parsed("bound_number", values::phone_number)?;
        check_own(&number, "bound_number", self.own_numbers, self.report);
        Some(number.value)
    }

    fn phone(&mut self, section: &mut Section<'_>) -> (Option<String>, Option<secrecy::SecretString>) {
        let user = section.parsed("sip_user", values::handle);
        let password = section.parsed("sip_password", values::any);
        if let Some(user) = &user {
            self.sip_users.add(&user.value, &user.span, self.report);
        }
        if section.has("sip_user") || section.has("sip_password") {
            section.required("sip_user", user.as_ref(), "add sip_user = \"8005\", or remove sip_password");
            section.required("sip_password", password.as_ref(), "add a sip_password, or remove sip_user");
        }
        let password =
            password.and_then(|text| values::secret(text, "sip_password", SecretKind::Sip, self.report));
        (user.map(|user| user.value), password)
    }

    /// The agent's edition; needs not be named when the account has but one.
    fn edition(&self, section: &mut Section<'_>) -> String {
        let known: Vec<&str> = self.editions.iter().map(|edition| edition.name.as_str()).collect();
        match (section.parsed("edition", values::name), known.as_slice()) {
            (Some(edition), known) => {
                if !known.contains(&edition.value.as_str()) {
                    let message = format!("there is no [[account.edition]] \"{}\"", edition.value);
                    self.report.if_readable(&edition.span, message, suggest(&edition.value, known));
                }
                edition.value
            }
            (None, [only]) => (*only).to_owned(),
            (None, []) => {
                section.required("edition", None::<()>, "add an [[account.edition]] with name and licences");
                String::new()
            }
            (None, [..]) => {
                section.required("edition", None::<()>, "add edition = …: the account has several");
                String::new()
            }
        }
    }
}
