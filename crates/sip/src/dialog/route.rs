use std::net::{IpAddr, SocketAddr};

use crate::api::{Flow, Transport};
use crate::message::{HeaderName, NameAddr, Request, Uri};

/// The way of requests inside a dialog: remote target and route set (RFC 3261 §12.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) target: Uri,
    pub(super) set: Vec<NameAddr>,
}

/// Whether requests inside a dialog leave the path it began on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// They go where Route and Contact say, as the standard has it.
    Routed,
    /// The far end is a registered phone, perhaps behind NAT: what it says of itself is not to be trusted.
    Pinned,
}

impl Route {
    /// The Request-URI; the Route lines are put into `request`.
    pub(super) fn apply(&self, request: &mut Request) {
        let strict = self.set.first().filter(|first| !first.uri.params.has("lr"));
        let (uri, lines) = match strict {
            None => (self.target.clone(), self.set.clone()),
            // A strict router wants itself in the Request-URI and the target at the end.
            Some(first) => {
                let last = NameAddr::new(self.target.clone());
                (bare(&first.uri), self.set.iter().skip(1).cloned().chain([last]).collect())
            }
        };
        request.uri = uri;
        request.uri.headers = None;
        for line in lines {
            request.headers.push(HeaderName::Route, line.to_string());
        }
    }

    /// Where a request that begins a dialog goes: to the first router that is named, else where its user said.
    pub(super) fn first_hop(&self, flow: Flow, path: Path) -> Flow {
        match self.set.is_empty() {
            true => flow,
            false => self.next_hop(flow, path),
        }
    }

    /// Where a request goes. `flow` is the path the dialog began on; it stays when the next hop is a name (nothing is
    /// looked up here), another transport, or an address that cannot be meant for us.
    pub(super) fn next_hop(&self, flow: Flow, path: Path) -> Flow {
        let hop = self.set.first().map_or(&self.target, |first| &first.uri);
        let Some(ip) = hop.host.ip() else { return flow };
        let transport = hop.params.get("transport").unwrap_or(Transport::Udp.name());
        let other_transport = !transport.eq_ignore_ascii_case(flow.transport.name());
        if path == Path::Pinned || other_transport || !is_reachable(ip, flow.remote.ip()) {
            return flow;
        }
        Flow { remote: SocketAddr::new(ip, hop.port.unwrap_or(5060)), ..flow }
    }
}

/// A URI as it may stand in a Request-URI (RFC 3261 §19.1.1).
fn bare(uri: &Uri) -> Uri {
    let mut uri = uri.clone();
    uri.headers = None;
    uri.params.remove("method");
    uri
}

/// Whether `ip` can be meant by someone whom we see as `seen`: a private address told by someone who is seen with a
/// public one lies behind NAT.
fn is_reachable(ip: IpAddr, seen: IpAddr) -> bool {
    let same_family = ip.is_ipv4() == seen.is_ipv4();
    let possible = !ip.is_unspecified() && !ip.is_multicast();
    same_family && possible && ip.is_loopback() <= seen.is_loopback() && is_inner(ip) <= is_inner(seen)
}

/// Whether `ip` has no meaning outside its own network.
fn is_inner(ip: IpAddr) -> bool {
    match ip {
        // 100.64.0.0/10 is the inside of a carrier's NAT (RFC 6598).
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Method;

    fn route(target: &str, set: &[&str]) -> Route {
        let set = set.iter().map(|line| NameAddr::parse(line, "Route").unwrap()).collect();
        Route { target: Uri::parse(target).unwrap(), set }
    }

    fn flow(remote: &str) -> Flow {
        Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: remote.parse().unwrap(),
        }
    }

    fn applied(route: &Route) -> (String, Vec<String>) {
        let mut request = Request::new(Method::Bye, route.target.clone());
        route.apply(&mut request);
        let lines = request.headers.all(&HeaderName::Route).map(str::to_owned).collect();
        (request.uri.to_string(), lines)
    }

    #[test]
    fn loose_routers_leave_the_target_in_the_request_uri() {
        let (uri, lines) =
            applied(&route("sip:a@203.0.113.9", &["<sip:p1.example;lr>", "<sip:p2.example;lr>"]));
        assert_eq!(uri, "sip:a@203.0.113.9");
        assert_eq!(lines, ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
    }

    #[test]
    fn a_strict_router_gets_itself_and_the_target_last() {
        let (uri, lines) = applied(&route("sip:a@203.0.113.9", &["<sip:p1.example>", "<sip:p2.example;lr>"]));
        assert_eq!(uri, "sip:p1.example");
        assert_eq!(lines, ["<sip:p2.example;lr>", "<sip:a@203.0.113.9>"]);
    }

    #[test]
    fn the_next_hop_is_the_first_route_or_the_target_where_that_can_be_meant() {
        let hop = |target: &str, set: &[&str], seen: &str| {
            route(target, set).next_hop(flow(seen), Path::Routed).remote.to_string()
        };
        assert_eq!(hop("sip:a@203.0.113.9:5070", &[], "203.0.113.1:5060"), "203.0.113.9:5070");
        assert_eq!(
            hop("sip:a@203.0.113.9", &["<sip:203.0.113.7;lr>"], "203.0.113.1:5060"),
            "203.0.113.7:5060"
        );
        assert_eq!(hop("sip:a@phone.example", &[], "203.0.113.1:9"), "203.0.113.1:9");
        assert_eq!(hop("sip:a@10.0.0.4", &[], "203.0.113.1:9"), "203.0.113.1:9", "behind NAT");
        assert_eq!(hop("sip:a@10.0.0.4", &[], "192.168.7.1:9"), "10.0.0.4:5060");
        assert_eq!(hop("sip:a@127.0.0.1", &[], "10.0.0.4:9"), "10.0.0.4:9");
        assert_eq!(hop("sip:a@203.0.113.9;transport=tcp", &[], "203.0.113.1:9"), "203.0.113.1:9");
        let stream = |target: &str| {
            let flow = Flow { transport: Transport::Tcp, ..flow("203.0.113.1:9") };
            route(target, &[]).next_hop(flow, Path::Routed).remote.to_string()
        };
        assert_eq!(stream("sip:a@203.0.113.9:5070;transport=TCP"), "203.0.113.9:5070");
        assert_eq!(stream("sip:a@203.0.113.9:5070"), "203.0.113.1:9", "means UDP");
        let pinned = route("sip:a@203.0.113.9", &[]).next_hop(flow("203.0.113.1:9"), Path::Pinned);
        assert_eq!(pinned, flow("203.0.113.1:9"));
    }
}
