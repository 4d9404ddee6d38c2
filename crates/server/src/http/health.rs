use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Border;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 when new calls are taken, with what is wrong all the same, else 503 with every reason; on a line each.
pub(super) async fn ready(State(border): State<Arc<Border>>) -> Response {
    match border.ports.health.ready() {
        Ok(()) => {
            let warnings = border.ports.health.warnings().into_iter();
            warnings.fold("ready\n".to_owned(), |text, one| text + "warning: " + &one + "\n").into_response()
        }
        Err(reasons) => (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n").into_response(),
    }
}

/// Prometheus text.
pub(super) async fn metrics(State(border): State<Arc<Border>>) -> Response {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (text, border.ports.health.metrics()).into_response()
}
