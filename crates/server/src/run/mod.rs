//! What the binary does: serve, demo, lab. Joins the parts and reads top to bottom.

mod demo;
mod housekeeping;
pub mod limits;
mod names;
mod node;
mod open_files;
mod pusher;
mod wires;

use base::Random;
use tokio::signal::unix::{SignalKind, signal};

pub use node::{Node, Sockets};

use crate::cli::{DemoArgs, LabArgs, Roles, ServeArgs};
use crate::config::Config;
use crate::lab_host::LabHost;

/// The commands of the `cordboard` binary that run until they are stopped.
pub struct Cordboard;

impl Roles for Cordboard {
    async fn serve(args: ServeArgs) -> anyhow::Result<()> {
        let config = Config::load(&args.config)?;
        let stop = told_to_stop();
        let sockets = Sockets::open(&config).await?;
        let grace = config.server.shutdown_grace;
        let node = Node::start(config, sockets).await?;
        stop.await?;
        node.shut_down(grace).await;
        Ok(())
    }

    async fn demo(args: DemoArgs) -> anyhow::Result<()> {
        demo::run(args).await
    }

    async fn lab(args: LabArgs) -> anyhow::Result<()> {
        let stop = told_to_stop();
        let lab = LabHost::start(demo::lab_config(&args), secret_random()?, |event| {
            tracing::debug!(?event, "in the lab");
        })?;
        for phone in &args.phone {
            lab.wish(lab::PhoneWish::SignIn { user: phone.user.clone() });
        }
        tracing::info!(sip = %args.listen, "the pretend telephone network is there");
        stop.await
    }
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
