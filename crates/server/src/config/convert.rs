//! What the other parts are told, in their own words.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use base::AccountId;
use base64::Engine as _;
use callcenter::config::{Account as CenterAccount, RecordingFormat, RecordingMode};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use sip::api::Credentials;
use switch::config::{AccountConfig, SipListener, Trunk as SwitchTrunk, TrunkAddress, User};

use super::model::{Account, Config, HostPort, Trunk};
use super::recordings::Recordings;
use crate::contract::push::PushSettings;
use crate::contract::record::RecordSettings;
use crate::http::ports::AccountAccess;
use crate::sound::{Encoder, Keep, KeepDays};

/// Where SIP is spoken when nothing else is said.
pub(crate) const SIP_PORT: u16 = 5060;

impl Config {
    /// What the switch is told at its start, where it listens so; no RTP port is known to be somebody else's.
    pub fn switch(&self, sip_listeners: Vec<SipListener>) -> switch::config::Config {
        switch::config::Config {
            accounts: self.switch_accounts(),
            trunks: self.switch_trunks(),
            sip_listeners,
            media_addresses: self.server.media_addresses.clone(),
            rtp_port_min: self.server.rtp_port_min,
            rtp_port_max: self.server.rtp_port_max,
            rtp_ports_foreign: BTreeSet::new(),
            phone_digests: self.server.phone_digests.clone(),
            phone_codecs: self.server.phone_codecs.clone(),
            bans: self.server.bans,
            nat_keep_alive: self.server.nat_keep_alive,
            user_agent: concat!("Cordboard/", env!("CARGO_PKG_VERSION")).to_owned(),
            silence_max: self.server.silence_max,
            trunk_answer_any_max: self.server.trunk_silent_max,
            log_backlog_max: switch::limits::LOG_BACKLOG_MAX,
            legs_max: self.server.legs_max,
            legs_reserved: self.server.legs_reserved,
            worker: self.server.worker,
        }
    }

    /// The accounts as the switch needs them, but for their music.
    pub fn switch_accounts(&self) -> Vec<AccountConfig> {
        let account = |account: &Account| AccountConfig {
            account: account.center(),
            sip_domain: account.sip_domain.clone(),
            trunks: account.trunks.clone(),
            users: account.users(),
            music: 0,
            g729: account.g729,
        };
        self.accounts.iter().map(account).collect()
    }

    /// Looks for the program that makes mp3 files. Where there is none, recordings become WAV: the accounts are changed,
    /// which must be before their names are given out.
    pub fn find_encoder(&mut self) -> Option<Encoder> {
        let Recordings { encoder, kbps, .. } = &self.server.recordings;
        let found = Encoder::find(encoder, *kbps);
        if found.is_none() {
            self.without_mp3();
        }
        found
    }

    /// Recordings become WAV, whatever accounts want.
    pub fn without_mp3(&mut self) {
        self.accounts.iter_mut().for_each(|account| account.recording_format = RecordingFormat::Wav);
    }

    /// How long recordings are kept.
    pub fn keep_recordings(&self) -> Keep {
        let days = |account: &Account| KeepDays {
            days: account.recording_keep_days,
            utc_offset_s: account.zone.utc_offset_s(),
        };
        Keep {
            accounts: self.accounts.iter().map(|account| (account.id, days(account))).collect(),
            others: KeepDays { days: self.server.recordings.keep_days, utc_offset_s: 0 },
            free_bytes: self.server.recordings.keep_free_bytes,
        }
    }

    /// Whether any account wants mp3 files.
    pub fn wants_mp3(&self) -> bool {
        let wants = |account: &Account| {
            account.recording != RecordingMode::Off && account.recording_format == RecordingFormat::Mp3
        };
        self.accounts.iter().any(wants)
    }

    /// The trunks as the switch needs them; those whose hosts are names have no address yet.
    pub fn switch_trunks(&self) -> Vec<SwitchTrunk> {
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
            inbound: self.inbound.clone(),
            recording_format: self.recording_format,
            dialout_ring_at: self.dialout_ring_at,
            calls_max: self.calls_max,
            calls_per_s_max: self.calls_per_s_max,
            number_calls_max: self.number_calls_max.clone(),
            transfer_sound: self.transfer_sound,
            consult_without_customer: self.consult_without_customer,
            conference_without_customer: self.conference_without_customer,
            hold_recording: self.hold_recording,
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
    /// As the switch needs it, with the addresses that need no looking up.
    fn for_switch(&self) -> SwitchTrunk {
        let credentials = self.login.as_ref().map(|login| Credentials {
            user: login.user.clone(),
            password: login.password.expose_secret().to_owned(),
        });
        SwitchTrunk {
            name: self.name.clone(),
            addresses: self.addresses_from(|_| Vec::new()),
            credentials,
            channels_max: self.channels_max,
            health_check: self.health_check,
            transport: self.transport,
            registration: self.registration.clone(),
            codecs: self.codecs.clone(),
            numbers: self.numbers.clone(),
            shown_by: self.shown_by,
            withheld: self.withheld,
            diverted_from: self.diverted_from.clone(),
            trusted: self.trusted,
        }
    }

    /// Its addresses, `found` being what names were found to be: the first of the file before the others.
    pub fn addresses_from(&self, found: impl Fn(&HostPort) -> Vec<Found>) -> Vec<TrunkAddress> {
        let mut all = Vec::new();
        for (place, address) in (0u32..).zip(&self.addresses) {
            let found = match address.literal() {
                Some(remote) => vec![Found { remote, priority: 0, weight: 0 }],
                None => found(address),
            };
            let domain = self.domain.clone().unwrap_or_else(|| address.host_in_uri());
            all.extend(found.into_iter().map(|one| TrunkAddress {
                remote: one.remote,
                domain: domain.clone(),
                // A priority of SRV has 16 bits.
                priority: place << 16 | u32::from(one.priority),
                weight: one.weight,
            }));
        }
        all
    }
}

/// What stands for a secret that is not known: one of every form, and another one for each name.
pub(super) fn made_secret(name: &str) -> String {
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(name)))
}

/// What a name was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub remote: SocketAddr,
    /// The lowest comes first (RFC 2782).
    pub priority: u16,
    /// How often it is taken among equals (RFC 2782).
    pub weight: u16,
}

impl HostPort {
    /// The address, if it is one and not a name.
    pub fn literal(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port.unwrap_or(SIP_PORT)))
    }

    /// The host as it stands in a URI.
    pub fn host_in_uri(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => self.host.clone(),
        }
    }
}

/// The id of something that was given none: 24 hex digits that stay the same from start to start.
///
/// The first 12 bytes of SHA-256 over `kind/account/name`.
pub(super) fn made_id(kind: &str, account: AccountId, name: &str) -> String {
    let digest = Sha256::digest(format!("{kind}/{account}/{name}"));
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
