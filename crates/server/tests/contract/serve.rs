//! The listener over real sockets: answers, limits on headers, graceful stop.

use std::net::SocketAddr;
use std::time::Duration;

use super::fakes::World;
use server::http::serve::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

async fn listening() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel();
    let stopped = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(serve(listener, World::new().router(), stopped, Duration::from_secs(5)));
    (address, stop, serving)
}

async fn converse(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered and closed");
    answer
}

#[tokio::test]
async fn requests_are_answered_and_too_many_headers_are_not() {
    let (address, stop, serving) = listening().await;
    let answer = converse(address, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"), "{answer}");
    let large = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let answer = converse(address, &large).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    stop.send(()).expect("it still serves");
    serving.await.expect("it stops");
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_stop() {
    let (address, stop, serving) = listening().await;
    let mut idle = TcpStream::connect(address).await.expect("it listens");
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("taken");
    let mut some = [0; 64];
    assert!(idle.read(&mut some).await.expect("answered") > 0);
    stop.send(()).expect("it still serves");
    serving.await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_its_headers_is_cut_off() {
    let (address, _stop, _serving) = listening().await;
    let answer = converse(address, "GET /healthz HTTP/1.1\r\nHost: a\r\n").await;
    assert!(!answer.contains("200 OK"), "{answer}");
}
