//! Starts the delivery of pushes.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::PUSH_ANSWER_MAX;
use crate::clock::Clock;
use crate::config::Config;
use crate::push::schedule::Pace;
use crate::push::{Addresses, Courier, Delivery, Destinations, Key};
use crate::store::Store;

/// Starts it; it ends when `stopped` becomes true.
///
/// # Errors
/// When a push secret cannot be read or the HTTP client cannot be made.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    config: &Config,
    store: &Store,
    clock: Clock,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut addresses = Addresses::new();
    for account in &config.accounts {
        for address in &account.pushes {
            let key = address.secret.as_ref().map(|secret| Key::parse(secret.expose_secret())).transpose()?;
            addresses.insert((account.id, address.url.to_string()), key);
        }
    }
    let destinations = match config.server.allow_private_push {
        true => Destinations::Any,
        false => Destinations::Public,
    };
    // The sender lives as long as the delivery: addresses change only with a restart.
    let (known, addresses) = watch::channel(Arc::new(addresses));
    let delivery = Delivery::new(
        store.reader(),
        store.writer(),
        Courier::new(destinations, PUSH_ANSWER_MAX)?,
        addresses,
        Arc::new(clock),
        Pace::default(),
    );
    tasks.spawn(async move {
        delivery.run(async { stopped.wait_for(|stop| *stop).await.map(|_| ()).unwrap_or_default() }).await;
        drop(known);
    });
    Ok(())
}
