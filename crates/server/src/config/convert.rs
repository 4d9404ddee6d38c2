//! What the other parts are told, in their own words.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use base::AccountId;
use callcenter::config::Account as CenterAccount;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use sip::api::Credentials;
use switch::config::{AccountConfig, Trunk as SwitchTrunk, TrunkAddress, User};

use super::model::{Account, Config, HostPort, Trunk};
use crate::contract::push::PushSettings;
use crate::contract::record::RecordSettings;
use crate::http::ports::AccountAccess;

impl Config {
    /// The accounts as the switch needs them.
    pub fn switch_accounts(&self) -> Vec<AccountConfig> {
        let account = |account: &Account| AccountConfig {
            account: account.center(),
            sip_domain: account.sip_domain.clone(),
            trunks: account.trunks.clone(),
            users: account.users(),
        };
        self.accounts.iter().map(account).collect()
    }

    /// The trunks as the switch needs them. Looks up their host names, so it may block.
    ///
    /// # Errors
    /// When the name of a trunk's host cannot be looked up; the message names it.
    pub fn switch_trunks(&self) -> io::Result<Vec<SwitchTrunk>> {
        self.trunks.iter().map(Trunk::for_switch).collect()
    }
}

impl Account {
    /// What decisions need.
    pub fn center(&self) -> CenterAccount {
        CenterAccount {
            id: self.id,
            status: self.status,
            utc_offset_s: self.zone.utc_offset_s(),
            agents: self.agents.iter().map(|agent| agent.center.clone()).collect(),
            numbers: self.numbers.clone(),
            default_number: self.default_number.clone(),
            groups: self.groups.clone(),
            editions: self.editions.clone(),
            busy_reasons: self.busy_reasons.iter().map(|(state, name)| (*state, name.clone())).collect(),
            agent_ring: self.agent_ring,
            customer_ring: self.customer_ring,
            call_age_max: self.call_age_max,
            recording: self.recording,
            dialout_ring_at: self.dialout_ring_at,
            calls_max: self.calls_max,
        }
    }

    /// What the HTTP border needs.
    pub fn access(&self) -> AccountAccess {
        AccountAccess {
            id: self.id,
            secrets: self.secrets.clone(),
            status: self.status,
            limits: self.limits,
            zone: self.zone,
            http_status: self.http_status,
            header_echo: self.header_echo,
        }
    }

    /// What pushes and records need.
    pub fn push_settings(&self, public_url: &str) -> PushSettings {
        PushSettings {
            record: RecordSettings { public_url: public_url.to_owned(), zone: self.zone },
            names: self.push_names.clone(),
            connected: self.connected,
            busy_reasons: self.busy_reasons.clone(),
        }
    }

    /// The SIP phones.
    fn users(&self) -> Vec<User> {
        let user = |agent: &super::model::Agent| {
            let (name, password) = (agent.center.sip_user.clone()?, agent.sip_password.as_ref()?);
            Some(User { name, password: password.expose_secret().to_owned() })
        };
        self.agents.iter().filter_map(user).collect()
    }
}

impl Trunk {
    fn for_switch(&self) -> io::Result<SwitchTrunk> {
        let credentials = self.login.as_ref().map(|login| Credentials {
            user: login.user.clone(),
            password: login.password.expose_secret().to_owned(),
        });
        let address = |(priority, address): (u32, &HostPort)| {
            let domain = self.domain.clone().unwrap_or_else(|| address.host.clone());
            Ok(TrunkAddress { remote: address.resolve()?, domain, priority, weight: 1 })
        };
        Ok(SwitchTrunk {
            name: self.name.clone(),
            addresses: (0..).zip(&self.addresses).map(address).collect::<io::Result<_>>()?,
            credentials,
            channels_max: self.channels_max,
            health_check: self.health_check,
        })
    }
}

impl HostPort {
    /// The first address of the host; blocks while the name is looked up.
    ///
    /// # Errors
    /// When the name has no address.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        let failed = |why: String| io::Error::other(format!("the trunk host {}: {why}", self.host));
        let mut found =
            (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| failed(error.to_string()))?;
        found.next().ok_or_else(|| failed("it has no address".to_owned()))
    }
}

/// The id of something that was given none: 24 hex digits that stay the same from start to start.
///
/// The first 12 bytes of SHA-256 over `kind/account/name`.
pub(super) fn made_id(kind: &str, account: AccountId, name: &str) -> String {
    let digest = Sha256::digest(format!("{kind}/{account}/{name}"));
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
