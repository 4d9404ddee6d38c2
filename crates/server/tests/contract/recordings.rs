//! Links of recordings: the token is the permission, parts can be fetched, nothing else can.

use std::sync::Arc;

use super::fakes::{World, file, text};
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response};
use server::http::ports::Found;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn fetch(world: &Arc<World>, path: &str, range: Option<&str>) -> Response<Body> {
    let mut request = Request::get(path);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    world.response(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_finished_file_is_sent_whole_and_in_parts() {
    let world = World::new();
    let (_dir, path) = file(b"0123456789");
    *world.found.lock().unwrap() = Found::Ready(path);
    let link = format!("/recordings/{TOKEN}/2000103/normal/20261122/a%2Bb-normal.wav");

    let whole = fetch(&world, &link, None).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert_eq!(whole.headers()["content-type"], "audio/wav");
    assert_eq!(whole.headers()["cache-control"], "private");
    assert_eq!(text(whole).await, "0123456789");
    let asked = world.looked_for.lock().unwrap()[0].clone();
    assert_eq!(asked, (TOKEN.to_owned(), "2000103/normal/20261122/a+b-normal.wav".to_owned()));

    let part = fetch(&world, &link, Some("bytes=2-4")).await;
    assert_eq!(
        (part.status().as_u16(), &part.headers()["content-range"]),
        (206, &HeaderValue::from_static("bytes 2-4/10"))
    );
    assert_eq!(text(part).await, "234");
    assert_eq!(fetch(&world, &link, Some("bytes=10-")).await.status(), 416);
    for ignored in ["seconds=1-2", "bytes=0-1,4-5"] {
        assert_eq!(fetch(&world, &link, Some(ignored)).await.status(), 200, "{ignored}");
    }

    let head = Request::builder().method(Method::HEAD).uri(&link).body(Body::empty()).unwrap();
    let head = world.response(head).await;
    assert_eq!(head.headers()["content-length"], "10");
    assert_eq!(text(head).await, "");
}

#[tokio::test]
async fn the_type_is_that_of_the_sound_whatever_the_name() {
    let world = World::new();
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, kind) in [
        ("a.mp3", &b"\xff\xe3\x38\xc4"[..], "audio/mpeg"),
        ("b.mp3", b"RIFF\0\0\0\0WAVE", "audio/wav"),
        ("c.mp3", b"", "audio/mpeg"),
        ("d.wav", b"RIFF\0\0\0\0WAVE", "audio/wav"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        *world.found.lock().unwrap() = Found::Ready(path);
        let link = format!("/recordings/{TOKEN}/{name}");
        assert_eq!(fetch(&world, &link, None).await.headers()["content-type"], kind, "{name}");
        if bytes.len() > 3 {
            let part = fetch(&world, &link, Some("bytes=1-2")).await;
            assert_eq!(
                (part.status().as_u16(), &part.headers()["content-type"]),
                (206, &kind.parse().unwrap())
            );
        }
    }
}

#[tokio::test]
async fn an_unfinished_file_says_when_to_come_again() {
    let world = World::new();
    let link = format!("/recordings/{TOKEN}/a.wav");
    assert!(!fetch(&world, &link, None).await.headers().contains_key("retry-after"));
    *world.found.lock().unwrap() = Found::Unfinished;
    let response = fetch(&world, &link, None).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (404, &HeaderValue::from_static("5"))
    );
}

#[tokio::test]
async fn nothing_outside_of_the_recordings_is_even_looked_for() {
    let world = World::new();
    let (_dir, path) = file(b"secret");
    *world.found.lock().unwrap() = Found::Ready(path);
    for link in [
        format!("/recordings/{TOKEN}/../../etc/passwd"),
        format!("/recordings/{TOKEN}/%2e%2e/%2e%2e/etc/passwd"),
        format!("/recordings/{TOKEN}/a/..%2f..%2fetc%2fpasswd"),
        format!("/recordings/{TOKEN}/%2fetc%2fpasswd"),
        format!("/recordings/{TOKEN}/a%5c..%5cb"),
        format!("/recordings/{TOKEN}/a%00.wav"),
        format!("/recordings/{}/a.wav", &TOKEN[1..]),
        format!("/recordings/{}/a.wav", TOKEN.to_uppercase()),
        "/recordings/../a.wav".to_owned(),
        "/recordings/%2e%2e/a.wav".to_owned(),
    ] {
        assert_eq!(fetch(&world, &link, None).await.status(), 404, "{link}");
    }
    assert!(world.looked_for.lock().unwrap().is_empty());
}
