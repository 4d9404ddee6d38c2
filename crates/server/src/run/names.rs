//! The hosts of trunks that are names: looked up in the background, again and again as the answers expire. Nothing waits
//! for it: a trunk without addresses is passed over until it has some.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use switch::config::{Transport, TrunkAddress};
use switch::limits::TRUNK_ADDRESSES_MAX;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::{NAME_AGAIN_MAX, NAME_AGAIN_MIN, NAME_RETRY, SRV_RECORDS_MAX};
use super::node::until_true;
use crate::config::{Config, Found, HostPort, Trunk};
use crate::control::Control;

/// Where SIP is spoken when nothing else is said.
const SIP_PORT: u16 = 5060;

/// The trunks whose hosts are looked up, each by a task of its own. They end with it, or when `stopped` becomes true.
pub(super) struct Names {
    nameserver: Option<SocketAddr>,
    control: Control,
    stopped: watch::Receiver<bool>,
    resolver: Option<TokioResolver>,
    lookups: BTreeMap<String, Lookups>,
}

/// One trunk's.
struct Lookups {
    trunk: Trunk,
    task: JoinSet<()>,
}

impl Names {
    /// Looks up the hosts of a configuration.
    ///
    /// # Errors
    /// As [`Names::prepare`].
    pub(super) fn start(
        config: &Config,
        control: Control,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Names> {
        let nameserver = config.server.nameserver;
        let mut names = Names { nameserver, control, stopped, resolver: None, lookups: BTreeMap::new() };
        names.prepare(&config.trunks)?;
        names.follow(&config.trunks);
        Ok(names)
    }

    /// Gets ready to look up the hosts of these trunks.
    ///
    /// # Errors
    /// When the system's configuration of name servers cannot be read, and names are to be looked up.
    pub(super) fn prepare(&mut self, trunks: &[Trunk]) -> anyhow::Result<()> {
        if self.resolver.is_none() && trunks.iter().any(has_names) {
            self.resolver = Some(resolver(self.nameserver)?);
        }
        Ok(())
    }

    /// Ends the lookups of trunks that are not among these, or have other hosts now. Nothing of theirs is told after it.
    pub(super) async fn leave(&mut self, trunks: &[Trunk]) {
        let stays = |lookups: &Lookups| trunks.iter().any(|trunk| has_same_hosts(&lookups.trunk, trunk));
        let (stay, mut go): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.lookups).into_iter().partition(|(_, lookups)| stays(lookups));
        self.lookups = stay;
        for lookups in go.values_mut() {
            lookups.task.shutdown().await;
        }
    }

    /// Begins the lookups of those of these trunks that have none.
    pub(super) fn follow(&mut self, trunks: &[Trunk]) {
        let Some(resolver) = &self.resolver else { return };
        for trunk in trunks.iter().filter(|trunk| has_names(trunk)) {
            let (control, stopped) = (self.control.clone(), self.stopped.clone());
            self.lookups.entry(trunk.name.clone()).or_insert_with(|| {
                let lookups = keep_up(resolver.clone(), trunk.clone(), control);
                let mut task = JoinSet::new();
                task.spawn(async move {
                    tokio::select! {
                        () = lookups => {}
                        () = until_true(stopped) => {}
                    }
                });
                Lookups { trunk: trunk.clone(), task }
            });
        }
    }
}

/// Whether what was found for the one trunk holds for the other.
pub(super) fn has_same_hosts(one: &Trunk, other: &Trunk) -> bool {
    let hosts = |trunk: &Trunk| (trunk.name.clone(), trunk.addresses.clone(), trunk.domain.clone());
    hosts(one) == hosts(other) && one.transport == other.transport
}

fn has_names(trunk: &Trunk) -> bool {
    trunk.addresses.iter().any(|address| address.literal().is_none())
}

/// What a lookup brought.
struct Answer {
    found: Vec<Found>,
    /// How long it holds.
    until: Instant,
}

/// Why a lookup brought nothing.
enum Failed {
    /// There is no such name, or no address for it.
    NotThere,
    /// Nobody who knows could be asked: what was known before may still hold.
    Unknown(NetError),
}

async fn keep_up(resolver: TokioResolver, trunk: Trunk, control: Control) {
    let names: Vec<&HostPort> =
        trunk.addresses.iter().filter(|address| address.literal().is_none()).collect();
    let mut known: BTreeMap<HostPort, Vec<Found>> = BTreeMap::new();
    let mut told: Option<Vec<TrunkAddress>> = None;
    loop {
        let mut again = NAME_AGAIN_MAX;
        for name in &names {
            match look_up(&resolver, name, trunk.transport, known.contains_key(*name)).await {
                Ok(answer) => {
                    again = again.min(answer.until.saturating_duration_since(Instant::now()));
                    known.insert((*name).clone(), answer.found);
                }
                Err(failed) => {
                    again = again.min(NAME_RETRY);
                    report(&trunk.name, &name.host, &failed);
                    if let Failed::NotThere = failed {
                        known.remove(*name);
                    }
                }
            }
        }
        let addresses = trunk.addresses_from(|name| known.get(name).cloned().unwrap_or_default());
        if told.as_ref() != Some(&addresses) {
            tracing::info!(trunk = trunk.name, addresses = addresses.len(), "a trunk's hosts were looked up");
            control.trunk_resolved(&trunk.name, addresses.clone());
            told = Some(addresses);
        }
        tokio::time::sleep(again.max(NAME_AGAIN_MIN)).await;
    }
}

fn report(trunk: &str, host: &str, failed: &Failed) {
    match failed {
        Failed::NotThere => tracing::warn!(trunk, host, "a trunk's host has no address"),
        Failed::Unknown(error) => tracing::warn!(trunk, host, %error, "a trunk's host cannot be looked up"),
    }
}

/// SRV, unless a port was given (RFC 3263 §4.2); A and AAAA where there is none. `known`: it was found before.
async fn look_up(
    resolver: &TokioResolver,
    at: &HostPort,
    transport: Transport,
    known: bool,
) -> Result<Answer, Failed> {
    let host = by_host(resolver, &at.host, at.port.unwrap_or(SIP_PORT), (0, 1));
    if at.port.is_some() {
        return host.await;
    }
    match by_srv(resolver, &at.host, transport).await {
        Ok(answer) => Ok(answer),
        Err(Failed::NotThere) => host.await,
        Err(Failed::Unknown(error)) if known => Err(Failed::Unknown(error)),
        // There are name servers that fail when they are asked for SRV. For a while the host itself will do.
        Err(Failed::Unknown(_)) => {
            let until = Instant::now() + NAME_RETRY;
            host.await.map(|answer| Answer { until: answer.until.min(until), ..answer })
        }
    }
}

async fn by_srv(resolver: &TokioResolver, host: &str, transport: Transport) -> Result<Answer, Failed> {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
    };
    let lookup = resolver.srv_lookup(format!("{service}.{host}.")).await.map_err(Failed::of)?;
    let mut answer = Answer { found: Vec::new(), until: lookup.valid_until() };
    let records = lookup.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(srv) => Some(srv),
        _ => None,
    });
    let mut records: Vec<_> = records.collect();
    // They come in any order, and the best are to be among those that are used.
    records.sort_by_key(|srv| srv.priority);
    for srv in records.into_iter().take(SRV_RECORDS_MAX) {
        let rank = (srv.priority, srv.weight);
        match by_host(resolver, &srv.target.to_string(), srv.port, rank).await {
            Ok(hosts) => {
                answer.found.extend(hosts.found);
                answer.until = answer.until.min(hosts.until);
            }
            // The others may do.
            Err(Failed::NotThere) => {}
            Err(unknown @ Failed::Unknown(_)) => return Err(unknown),
        }
    }
    Ok(answer)
}

async fn by_host(
    resolver: &TokioResolver,
    host: &str,
    port: u16,
    (priority, weight): (u16, u16),
) -> Result<Answer, Failed> {
    let lookup = resolver.lookup_ip(host).await.map_err(Failed::of)?;
    let found = usable(lookup.iter(), port).into_iter().map(|remote| Found { remote, priority, weight });
    Ok(Answer { found: found.collect(), until: lookup.valid_until() })
}

/// What can be sent to, in an order that does not depend on the answer's, so that the same answer is the same; not more of a
/// family than a trunk may have.
fn usable(ips: impl Iterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let broadcast = |ip: &IpAddr| *ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    let fits = |ip: &IpAddr| port != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast(ip);
    let ips: BTreeSet<IpAddr> = ips.map(|ip| ip.to_canonical()).filter(fits).collect();
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = ips.into_iter().partition(IpAddr::is_ipv4);
    let kept = v4.into_iter().take(TRUNK_ADDRESSES_MAX).chain(v6.into_iter().take(TRUNK_ADDRESSES_MAX));
    kept.map(|ip| SocketAddr::new(ip, port)).collect()
}

impl Failed {
    fn of(error: NetError) -> Failed {
        match error.is_nx_domain() || error.is_no_records_found() {
            true => Failed::NotThere,
            false => Failed::Unknown(error),
        }
    }
}

/// Asks the name server that is configured, else those of the system.
fn resolver(nameserver: Option<SocketAddr>) -> anyhow::Result<TokioResolver> {
    let builder = match nameserver {
        None => TokioResolver::builder_tokio()?,
        Some(at) => {
            let mut server = NameServerConfig::udp_and_tcp(at.ip());
            server.connections.iter_mut().for_each(|connection| connection.port = at.port());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let mut builder = builder;
    let options = builder.options_mut();
    // Whoever says that nothing is to be remembered is not asked all the time.
    (options.positive_min_ttl, options.positive_max_ttl) = (Some(NAME_AGAIN_MIN), Some(NAME_AGAIN_MAX));
    options.negative_max_ttl = Some(Duration::from_secs(1));
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_where_nobody_can_be() {
        let ips =
            ["192.0.2.2", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:192.0.2.1"];
        let ips: Vec<IpAddr> = ips.map(|ip| ip.parse().expect("an address")).into();
        let shown: Vec<String> =
            usable(ips.iter().copied(), 5060).iter().map(SocketAddr::to_string).collect();
        assert_eq!(shown, ["192.0.2.1:5060", "192.0.2.2:5060"]);
        assert_eq!(usable(ips.into_iter(), 0), []);
    }

    #[test]
    fn of_thousands_of_addresses_the_same_few_are_kept_whatever_their_order() {
        let many: Vec<IpAddr> = (0..4_000u32).map(|n| IpAddr::V4(Ipv4Addr::from(0x0a00_0001 + n))).collect();
        let one: IpAddr = "2001:db8::1".parse().expect("an address");
        let kept = usable(many.iter().copied().chain([one]), 5060);
        assert_eq!(kept.len(), TRUNK_ADDRESSES_MAX + 1, "some of each family");
        assert_eq!(usable([one].into_iter().chain(many.into_iter().rev()), 5060), kept);
    }
}
