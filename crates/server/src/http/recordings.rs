//! `GET /recordings/<token>/<name>` (contract §6). The token is the permission: nothing else is asked.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tower_http::services::ServeFile;

use super::Border;
use super::ports::Found;

/// Seconds after which an unfinished file may be asked for again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
const TOKEN_CHARS: usize = 32;
const NAME_BYTES_MAX: usize = 512;

/// Sends a file or the wanted part of it.
pub(super) async fn file(
    State(border): State<Arc<Border>>,
    Path((token, name)): Path<(String, String)>,
    mut request: Request,
) -> Response {
    if request.headers().get(header::RANGE).is_some_and(|range| !is_one_range_of_bytes(range)) {
        request.headers_mut().remove(header::RANGE);
    }
    if !is_token(&token) || !stays_below_its_root(&name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match border.ports.recordings.find(&token, &name).await {
        Found::Ready(path) => match ServeFile::new(&path).try_call(request).await {
            Ok(response) => private(as_what_it_is(response.map(Body::new), &path).await),
            Err(error) => {
                tracing::error!(%error, "a finished recording could not be read");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        },
        Found::Unfinished => (StatusCode::NOT_FOUND, [(header::RETRY_AFTER, RETRY_AFTER)]).into_response(),
        Found::Unknown => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Where mp3 files cannot be made, the sound is a WAV file under the name that was given out.
async fn as_what_it_is(mut response: Response, path: &FilePath) -> Response {
    let is_mp3 = path.extension().is_some_and(|extension| extension == "mp3");
    if is_mp3 && begins_like_wav(path).await {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    }
    response
}

async fn begins_like_wav(path: &FilePath) -> bool {
    let mut begin = [0; 4];
    let Ok(mut file) = File::open(path).await else { return false };
    file.read_exact(&mut begin).await.is_ok() && begin == *b"RIFF"
}

/// Recordings are nobody's but the link holder's.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Other ranges may be ignored, those of unknown units must be (RFC 9110 §14.2): the whole file is sent.
fn is_one_range_of_bytes(range: &HeaderValue) -> bool {
    range.to_str().is_ok_and(|range| range.starts_with("bytes=") && !range.contains(','))
}

fn is_token(token: &str) -> bool {
    token.len() == TOKEN_CHARS && token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Checked after percent-decoding: no step up, no absolute path, no hidden file, nothing another system would split.
fn stays_below_its_root(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.contains(|c: char| c == '\\' || c == ':' || c.is_control())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_their_root() {
        assert!(stays_below_its_root("2000103/normal/20261122/2000103-1-2-normal.wav"));
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/./b",
            "a//b",
            "a/.hidden",
            "a\\..\\b",
            "c:x",
            "a\0b",
            "a/",
        ] {
            assert!(!stays_below_its_root(name), "{name:?}");
        }
    }
}
