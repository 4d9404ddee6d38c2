//! What the binary does: serve, demo, lab. Joins the parts and reads top to bottom.

mod demo;
mod housekeeping;
pub mod limits;
mod node;
mod open_files;
mod pusher;
mod wires;

use base::Random;

pub use node::{Node, Sockets};

use crate::cli::{DemoArgs, LabArgs, Roles, ServeArgs};
use crate::config::Config;
use crate::lab_host::LabHost;

/// The commands of the `cordboard` binary that run until they are stopped.
pub struct Cordboard;

impl Roles for Cordboard {
    async fn serve(args: ServeArgs) -> anyhow::Result<()> {
        let config = Config::load(&args.config)?;
        let sockets = Sockets::open(&config).await?;
        let grace = config.server.shutdown_grace;
        let node = Node::start(config, sockets).await?;
        told_to_stop().await?;
        node.shut_down(grace).await;
        Ok(())
    }

    async fn demo(args: DemoArgs) -> anyhow::Result<()> {
        demo::run(args).await
    }

    async fn lab(args: LabArgs) -> anyhow::Result<()> {
        let lab = LabHost::start(demo::lab_config(&args), secret_random()?, |event| {
            tracing::debug!(?event, "in the lab");
        })?;
        for phone in &args.phone {
            lab.wish(lab::PhoneWish::SignIn { user: phone.user.clone() });
        }
        tracing::info!(sip = %args.listen, "the pretend telephone network is there");
        told_to_stop().await
    }
}

/// Resolves on Ctrl-C or SIGTERM.
async fn told_to_stop() -> anyhow::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = term.recv() => {}
    }
    Ok(())
}

fn secret_random() -> anyhow::Result<Random> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| anyhow::anyhow!("the operating system gives no randomness: {error}"))?;
    Ok(Random::new(seed))
}
