//! Starts the delivery of pushes.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::PUSH_ANSWER_MAX;
use super::node::until_true;
use crate::clock::Clock;
use crate::config::Config;
use crate::push::schedule::Pace;
use crate::push::{Addresses, Courier, Delivery, Destinations, Key};
use crate::store::Store;

/// The addresses of a configuration, with their keys.
///
/// # Errors
/// When a push secret cannot be read.
pub(super) fn addresses(config: &Config) -> anyhow::Result<Addresses> {
    let mut addresses = Addresses::new();
    for account in &config.accounts {
        for address in &account.pushes {
            let key = address.secret.as_ref().map(|secret| Key::parse(secret.expose_secret())).transpose()?;
            addresses.insert((account.id, address.url.to_string()), key);
        }
    }
    Ok(addresses)
}

/// Starts it; it ends when `stopped` becomes true. Pushes go to the `addresses` of the moment.
///
/// # Errors
/// When the HTTP client cannot be made.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    config: &Config,
    store: &Store,
    clock: Clock,
    addresses: watch::Receiver<Arc<Addresses>>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let destinations = match config.server.allow_private_push {
        true => Destinations::Any,
        false => Destinations::Public,
    };
    let courier = Courier::new(destinations, PUSH_ANSWER_MAX)?;
    let (reader, writer, clock) = (store.reader(), store.writer(), Arc::new(clock));
    tasks.spawn(async move {
        loop {
            let delivery = Delivery::new(
                reader.clone(),
                writer.clone(),
                courier.clone(),
                addresses.clone(),
                clock.clone(),
                Pace::default(),
            );
            match tokio::spawn(delivery.run(until_true(stopped.clone()))).await {
                Ok(()) => break,
                // What was under way is unsettled in the outbox: the next one sends it again.
                Err(error) => tracing::error!(%error, "the delivery of pushes failed and begins anew"),
            }
        }
    });
    Ok(())
}
