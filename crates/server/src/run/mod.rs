//! What the binary does: serve, demo, lab. Joins the parts and reads top to bottom.

mod demo;
mod housekeeping;
pub mod limits;
mod names;
mod node;
mod open_files;
mod pusher;
mod reload;
mod wires;

use std::time::Duration;

use anyhow::Context;
use base::Random;
use lab::relay::Roughness;
use tokio::signal::unix::{SignalKind, signal};

pub use node::{Node, Sockets};
pub use reload::Reloaded;

use crate::cli::{BothWays, DemoArgs, LabArgs, RelayPath, Roles, ServeArgs};
use crate::config::Config;
use crate::control::bind_sip;
use crate::lab_host::LabHost;
use crate::relay_host::{RelayConfig, RelayHost};

/// The commands of the `cordboard` binary that run until they are stopped.
pub struct Cordboard;

impl Roles for Cordboard {
    async fn serve(args: ServeArgs) -> anyhow::Result<()> {
        let config = Config::load(&args.config)?;
        let stop = told_to_stop();
        let mut told_to_reload = signal(SignalKind::hangup())?;
        let sockets = Sockets::open(&config).await?;
        let mut node = Node::start(config, sockets).await?;
        tokio::pin!(stop);
        loop {
            tokio::select! {
                stopped = &mut stop => break stopped?,
                Some(()) = told_to_reload.recv() => reload::on_signal(&mut node, &args.config).await,
            }
        }
        let grace = node.config().server.shutdown_grace;
        node.shut_down(grace).await;
        Ok(())
    }

    async fn demo(args: DemoArgs) -> anyhow::Result<()> {
        demo::run(args).await
    }

    async fn lab(args: LabArgs) -> anyhow::Result<()> {
        let stop = told_to_stop();
        let relays = start_relays(&args)?;
        let lab = LabHost::start(demo::lab_config(&args), secret_random()?, |event| {
            tracing::debug!(?event, "in the lab");
        })?;
        for phone in &args.phone {
            lab.wish(lab::PhoneWish::SignIn { user: phone.user.clone() });
        }
        tracing::info!(sip = %args.listen, "the pretend telephone network is there");
        let stopped = stop.await;
        for (path, relay) in args.relay.iter().zip(relays) {
            tracing::info!(listen = %path.listen, target = %path.target, counts = ?relay.end(), "a bad path ends");
        }
        stopped
    }
}

/// The bad paths of `cordboard lab --relay`.
fn start_relays(args: &LabArgs) -> anyhow::Result<Vec<RelayHost>> {
    let rough = |of: fn(&BothWays) -> u64| Roughness {
        loss_percent: of(&args.loss),
        copy_percent: of(&args.copy),
        delay_max: Duration::from_millis(of(&args.delay_ms)),
    };
    let (forth, back) = (rough(|both| both.forth), rough(|both| both.back));
    let mut random = Random::from_number(args.seed);
    let start = |path: &RelayPath| {
        let listener =
            bind_sip(path.listen).with_context(|| format!("a relay cannot listen at {}", path.listen))?;
        let config = RelayConfig { target: path.target, forth, back };
        Ok(RelayHost::start_on(listener, config, random.fork())?)
    };
    args.relay.iter().map(start).collect()
}

/// Resolves on Ctrl-C or SIGTERM. It listens from the call on, so what comes before it is awaited is not lost.
fn told_to_stop() -> impl Future<Output = anyhow::Result<()>> {
    let listening = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [interrupt, terminate] = listening;
        let (mut interrupt, mut terminate) = (interrupt?, terminate?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    }
}

fn secret_random() -> anyhow::Result<Random> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| anyhow::anyhow!("the operating system gives no randomness: {error}"))?;
    Ok(Random::new(seed))
}
