use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base::Random;
use serde_json::Value;

use super::exchange::Exchange;
use super::{Border, HttpSettings, Ports, calls, health, recordings, records};
use crate::contract::codes::{Code, Fault};
use crate::contract::openapi::{self, path};
use crate::contract::verb::Verb;

/// Every path of the server. `random` makes request ids.
pub fn router(ports: Ports, settings: HttpSettings, random: Random) -> Router {
    let verbs = Verb::ALL.into_iter().fold(Router::new(), |router, verb| {
        let handler =
            move |State(border): State<Arc<Border>>, request: Request| calls::call(border, verb, request);
        router.route(&path(verb), post(handler).fallback(unknown_route_of))
    });
    verbs
        .route("/openapi/v1/call/cdr/list", post(records::list).fallback(unknown_route_of))
        .route("/openapi.json", get(document))
        .route("/recordings/{token}/{*name}", get(recordings::file))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(unknown_route_of)
        .with_state(Border::new(ports, settings, random))
}

/// The API as tools read it.
async fn document() -> Json<Value> {
    Json(openapi::document())
}

/// 50006 for a POST to a service we do not have, 50001 for everything else below `/openapi`; `None` elsewhere.
pub fn unknown_route(method: &Method, path: &str) -> Option<Code> {
    let rest = path.strip_prefix("/openapi").filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    let service = rest.strip_prefix("/v1/").and_then(|rest| rest.split('/').next());
    Some(match service {
        None | Some("" | "call" | "base") => Code::RouteUnknown,
        Some(_) if method == Method::POST => Code::ServiceUnknown,
        Some(_) => Code::RouteUnknown,
    })
}

async fn unknown_route_of(State(border): State<Arc<Border>>, request: Request) -> Response {
    match unknown_route(request.method(), request.uri().path()) {
        Some(code) => Exchange::begin(border, "unknown", &request).refuse(&Fault::from(code)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_paths_and_services_have_their_codes() {
        for (method, path, wanted) in [
            (Method::POST, "/openapi/v1/call/nothing", Some(Code::RouteUnknown)),
            (Method::GET, "/openapi/v1/call/online", Some(Code::RouteUnknown)),
            (Method::POST, "/openapi/v1/base/nothing", Some(Code::RouteUnknown)),
            (Method::POST, "/openapi/v1/mail/send", Some(Code::ServiceUnknown)),
            (Method::GET, "/openapi/v1/mail/send", Some(Code::RouteUnknown)),
            (Method::POST, "/openapi/v1/", Some(Code::RouteUnknown)),
            (Method::POST, "/openapi/v2/call/online", Some(Code::RouteUnknown)),
            (Method::POST, "/openapi", Some(Code::RouteUnknown)),
            (Method::POST, "/openapix/v1/mail", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(unknown_route(&method, path), wanted, "{method} {path}");
        }
    }
}
