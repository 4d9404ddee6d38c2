//! One attempt: a signed POST that takes no detours.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, redirect};
use url::Host;

use super::destination::is_public;
use super::limits::{ANSWER_READ_MAX, IN_FLIGHT_PER_ADDRESS_MAX, REASON_CHARS_MAX};
use super::sign::Key;

/// Which networks pushes may go to (`allow_private_push`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Destinations {
    /// The public Internet only.
    #[default]
    Public,
    /// Anywhere, also this host and the networks around it.
    Any,
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for pushes: {0}")]
pub struct CourierError(#[from] reqwest::Error);

/// Sends pushes.
#[derive(Clone, Debug)]
pub struct Courier {
    client: Client,
    destinations: Destinations,
}

impl Courier {
    /// `answer_within`: how long one attempt may take in all (contract §7: 5 s).
    ///
    /// # Errors
    /// The client cannot be made: no trusted certificates, for example.
    pub fn new(destinations: Destinations, answer_within: Duration) -> Result<Courier, CourierError> {
        // An error says that the process has chosen a provider already.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("Cordboard/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(answer_within)
            .pool_max_idle_per_host(IN_FLIGHT_PER_ADDRESS_MAX)
            .dns_resolver(Arc::new(Resolver { destinations }))
            .build()?;
        Ok(Courier { client, destinations })
    }

    /// POSTs `body` to `address`, signed when there is a key.
    ///
    /// # Errors
    /// Why it was not delivered, for people: anything but a 2xx in time.
    pub async fn send(
        &self,
        address: &str,
        key: Option<&Key>,
        now_s: i64,
        id: &str,
        body: String,
    ) -> Result<(), String> {
        let url = self.checked(address)?;
        let mut request = self
            .client
            .post(url)
            .header("content-type", "application/json; charset=utf-8")
            .header("webhook-id", id)
            .header("webhook-timestamp", now_s);
        if let Some(key) = key {
            request = request.header("webhook-signature", key.sign(id, now_s, &body));
        }
        let mut answer = request.body(body).send().await.map_err(|error| reason(&error.without_url()))?;
        let status = answer.status();
        let mut left = ANSWER_READ_MAX;
        // Read so that the connection can be used again; what it says does not matter any more.
        while let Ok(Some(bytes)) = answer.chunk().await {
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                break;
            }
        }
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("answered with HTTP status {}", status.as_u16())),
        }
    }

    /// Addresses written as numbers never reach the resolver.
    fn checked(&self, address: &str) -> Result<Url, String> {
        let url = Url::parse(address).map_err(|error| format!("not a URL: {error}"))?;
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) | None => None,
        };
        match ip.is_none_or(|ip| self.destinations.allow(ip)) {
            true => Ok(url),
            false => Err(Private.to_string()),
        }
    }
}

impl Destinations {
    fn allow(self, ip: IpAddr) -> bool {
        match self {
            Destinations::Public => is_public(ip),
            Destinations::Any => true,
        }
    }
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the address is in a private network, and allow_private_push is off")]
struct Private;

/// Resolves names and forgets the answers that pushes must not go to: what is left is what is connected to.
struct Resolver {
    destinations: Destinations,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let destinations = self.destinations;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| destinations.allow(address.ip())).collect();
            match allowed.is_empty() {
                true => Err(Private.into()),
                false => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// An error and its causes in one line.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn private_addresses_are_refused_however_they_are_written() {
        let courier = Courier::new(Destinations::Public, Duration::from_secs(5)).unwrap();
        for address in [
            "http://127.0.0.1:9/",
            "http://2130706433:9/",
            "http://0x7f.1:9/",
            "http://[::1]:9/",
            "http://[::ffff:10.0.0.1]:9/",
            "http://localhost:9/",
            "http://169.254.169.254/latest/meta-data",
        ] {
            let error = courier.send(address, None, 0, "id", String::new()).await.unwrap_err();
            assert!(
                error.ends_with("the address is in a private network, and allow_private_push is off"),
                "{error}"
            );
        }
    }
}
