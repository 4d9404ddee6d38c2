//! `cordboard demo`: a whole call center on loopback, a pretend telephone network beside it, and one call before the
//! user's eyes.
//!
//! Nothing is staged: the call is asked for over HTTP with a signature, goes over SIP to phones with sockets of their
//! own, and what is shown arrives as pushes.
#![allow(clippy::print_stdout, reason = "the demo talks to the person at the terminal")]

use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::Context;
use axum::Json;
use axum::extract::State;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;

use super::{Node, Sockets, secret_random, told_to_stop};
use crate::cli::{DemoArgs, LabArgs, ask};
use crate::config::{Config, DEMO_APPKEY, DEMO_SECRET, HostPort, PushAddress};
use crate::control::SipSockets;
use crate::lab_host::LabHost;

/// Where the lab listens when the port is free.
const LAB_SIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5070);
/// RTP ports of the lab's phones.
const LAB_RTP: std::ops::RangeInclusive<u16> = 30_000..=30_999;
const AGENT: &str = "8000";
const CUSTOMER: &str = "13900000001";
/// How long the two talk before the agent hangs up.
const TALK: Duration = Duration::from_secs(5);
/// Each step of the first call comes within this, or the demo says what is missing.
const STEP_MAX: Duration = Duration::from_secs(15);
/// Pushes shown at most at a time; a screen that cannot keep up loses the rest.
const SHOWN_MAX: usize = 1_024;

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut config = args.config()?;
    let stop = told_to_stop();
    let temporary = match args.kept_dir() {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("cordboard-demo-").tempdir()?),
    };
    if let Some(folder) = &temporary {
        config.server.data_dir = folder.path().to_owned();
    }
    let sockets = open_or_free(&mut config, &args).await?;
    let data = config.server.data_dir.clone();
    let lab = start_lab(&mut config)?;
    let mut shown = watch_pushes(&mut config).await?;
    let node = Node::start(config, sockets).await?;
    banner(&node, &args, &data);
    let watch = async {
        if !args.no_call {
            first_call(&node, &mut shown).await?;
        }
        println!("\nIt stays up. Ctrl-C ends it. Every event is shown as it is pushed:");
        while let Some(push) = shown.recv().await {
            show(&push);
        }
        Ok(())
    };
    let ended: anyhow::Result<()> = tokio::select! {
        watched = watch => watched,
        stopped = stop => stopped,
    };
    node.shut_down(Duration::ZERO).await;
    drop(lab);
    ended
}

/// What `cordboard lab` is made of.
pub(super) fn lab_config(args: &LabArgs) -> lab::Config {
    let mut config = lab::Config::new(args.listen, LAB_RTP);
    config.sip_advertised = args.advertise.unwrap_or(args.listen);
    config.agents_mobiles = mobiles(&Config::demo());
    let ports = (args.listen.port() + 1)..;
    config.phones = args
        .phone
        .iter()
        .zip(ports)
        .map(|(phone, port)| lab::PhoneConfig {
            user: phone.user.clone(),
            password: secrecy::ExposeSecret::expose_secret(&phone.password).to_owned(),
            local: SocketAddr::new(args.listen.ip(), port),
            registrar: args.server,
            domain: args.server.ip().to_string(),
        })
        .collect();
    config
}

fn mobiles(config: &Config) -> Vec<String> {
    let agents = config.accounts.iter().flat_map(|account| &account.agents);
    agents.filter_map(|agent| agent.center.mobile.clone()).collect()
}

/// Opens the listeners. A default port that is in use gives way to a free one; one that was asked for does not.
async fn open_or_free(config: &mut Config, args: &DemoArgs) -> anyhow::Result<Sockets> {
    if args.http.is_none() && TcpListener::bind(config.server.http_listen).await.is_err() {
        config.server.http_listen.set_port(0);
    }
    for listen in config.server.sip.iter_mut().filter(|_| args.sip.is_none()) {
        if UdpSocket::bind(listen.bind).is_err() {
            listen.bind.set_port(0);
        }
    }
    let sockets = Sockets::open(config).await?;
    config.server.public_url = format!("http://{}", sockets.http.local_addr()?);
    Ok(sockets)
}

fn start_lab(config: &mut Config) -> anyhow::Result<LabHost> {
    let free = SocketAddr::new(LAB_SIP.ip(), 0);
    let sockets = SipSockets::bind(LAB_SIP).or_else(|_| SipSockets::bind(free));
    let sockets = sockets.context("the lab finds no port for SIP")?;
    let local = sockets.local_addr()?;
    for trunk in &mut config.trunks {
        trunk.addresses = vec![HostPort { host: local.ip().to_string(), port: Some(local.port()) }];
    }
    let mut network = lab::Config::new(local, LAB_RTP);
    network.agents_mobiles = mobiles(config);
    Ok(LabHost::start_on(sockets, Vec::new(), network, secret_random()?, |event| {
        tracing::debug!(?event, "in the lab");
    })?)
}

/// A push address of the demo's own, so that what is shown has gone the whole way.
async fn watch_pushes(config: &mut Config) -> anyhow::Result<mpsc::Receiver<Value>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = Url::parse(&format!("http://{}/demo", listener.local_addr()?))?;
    for account in &mut config.accounts {
        account.pushes.push(PushAddress { url: url.clone(), kinds: Vec::new(), secret: None });
    }
    let (seen, shown) = mpsc::channel(SHOWN_MAX);
    let take = |State(seen): State<mpsc::Sender<Value>>, Json(push): Json<Value>| async move {
        let _ = seen.try_send(push);
    };
    let router = axum::Router::new().route("/demo", post(take)).with_state(seen);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(shown)
}

fn banner(node: &Node, args: &DemoArgs, data: &std::path::Path) {
    println!("Cordboard demo: a call center and a pretend telephone network, on this machine only.\n");
    println!("  HTTP     http://{}", node.http);
    println!("  SIP      {} (UDP and TCP)", node.sip);
    println!("  appkey   {DEMO_APPKEY}");
    println!("  secret   {DEMO_SECRET}   (public: everybody knows it, use it for nothing else)");
    println!("  agents   8000-8004 mobiles in the lab, 8005-8009 SIP phones (password demo-<agent number>)");
    println!("  data     {}{}", data.display(), if args.kept_dir().is_none() { " (temporary)" } else { "" });
    for url in &args.push {
        println!("  pushes   {url}");
    }
    println!(
        "\n  another call:  cordboard call dialOut --server http://{} --agent {AGENT} --to {CUSTOMER}",
        node.http
    );
    let _ = std::io::stdout().flush();
}

async fn first_call(node: &Node, shown: &mut mpsc::Receiver<Value>) -> anyhow::Result<()> {
    println!("\nAgent {AGENT} signs in and calls {CUSTOMER}, who speaks until hung up:\n");
    request(node, &["online", "--agent", AGENT]).await?;
    request(node, &["dialOut", "--agent", AGENT, "--to", CUSTOMER, "--extras", r#"{"order":42}"#]).await?;
    until(shown, |push| push["callEvent"] == "link" && push["statusNumber"] == "4").await?;
    println!("      … they talk for {} s …", TALK.as_secs());
    let talk = tokio::time::sleep(TALK);
    tokio::pin!(talk);
    loop {
        tokio::select! {
            () = &mut talk => break,
            Some(push) = shown.recv() => show(&push),
        }
    }
    request(node, &["hangup", "--agent", AGENT]).await?;
    let record = until(shown, |push| push["pushType"] == "cdr").await?;
    let ready = until(shown, |push| push["pushType"] == "recordingReady").await?;
    let call = text(&record, "callUniqueId");
    println!(
        "\nThe record:    cordboard call cdr/list --server http://{} --field uniqueId={call}",
        node.http
    );
    println!("               status {}, talked {} s", text(&record, "status"), record["bridgeDuration"]);
    println!("The recording: {}", text(&ready, "recordFileUrl"));
    Ok(())
}

async fn request(node: &Node, words: &[&str]) -> anyhow::Result<()> {
    let server = format!("http://{}", node.http);
    let answer = ask(words, &server).await?;
    println!("  ->  {} {}", words[0], text(&answer, "message"));
    anyhow::ensure!(answer["success"] == true, "{} was refused: {answer}", words[0]);
    Ok(())
}

/// Shows pushes until one fits.
async fn until(shown: &mut mpsc::Receiver<Value>, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let wait = async {
        while let Some(push) = shown.recv().await {
            show(&push);
            if fits(&push) {
                return Some(push);
            }
        }
        None
    };
    let found = tokio::time::timeout(STEP_MAX, wait).await.ok().flatten();
    found.context("the first call did not go on: see the log above")
}

fn show(push: &Value) {
    // "User connected" carries its fields twice; the flat ones are enough for a person.
    let mut line = format!("  <-  {:<14}", text(push, "pushType"));
    for (label, field) in [
        ("event", "callEvent"),
        ("agent", "agentNumber"),
        ("state", "statusName"),
        ("customer", "customerNumber"),
        ("shown", "displayNumber"),
        ("extras", "extras"),
        ("status", "status"),
    ] {
        let value = text(push, field);
        if !value.is_empty() {
            line.push_str(&format!(" {label}={value}"));
        }
    }
    println!("{line}");
    let _ = std::io::stdout().flush();
}

fn text(from: &Value, field: &str) -> String {
    match &from[field] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
