use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base::{AccountId, Wall};
use bytes::Bytes;
use callcenter::config::AccountStatus;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::ports::{AccountAccess, HeaderEcho, HttpStatus};
use super::{Border, guard};
use crate::contract::codes::{Code, Fault, Language, Wrong};
use crate::contract::envelope::{self, RequestInfo, Span};
use crate::contract::limits::{BODY_BYTES_MAX, BODY_READ_MAX};
use crate::contract::time::Zone;

/// One request on its way through the border: what its answer must echo, measure and obey.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) border: Arc<Border>,
    /// 32 hex digits.
    pub(super) id: String,
    /// `actionId`, once it is read.
    pub(super) action_id: Option<String>,
    route: &'static str,
    url: String,
    headers: HeaderMap,
    body: Option<Box<RawValue>>,
    account: Option<AccountId>,
    zone: Zone,
    http_status: HttpStatus,
    header_echo: HeaderEcho,
    begun: Wall,
    passed_on: Option<Wall>,
    answered: Option<Wall>,
}

/// An answer before it is a response: its text and, for a refusal, its code.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) refused: Option<Code>,
}

impl Exchange {
    /// A request arrived.
    pub(super) fn begin(border: Arc<Border>, route: &'static str, request: &Request) -> Exchange {
        let named = guard::named(&border, request.headers());
        Exchange {
            id: border.request_id(),
            action_id: None,
            route,
            url: request.uri().path().to_owned(),
            headers: request.headers().clone(),
            body: None,
            account: None,
            zone: Zone::default(),
            http_status: named.as_ref().map_or(border.settings.http_status, |named| named.http_status),
            header_echo: named.as_ref().map_or(border.settings.header_echo, |named| named.header_echo),
            begun: border.ports.clock.now().wall,
            passed_on: None,
            answered: None,
            border,
        }
    }

    /// Everything before the call service: 50012 … 50020, then 6717 and 6718, then the body.
    pub(super) async fn admit(&mut self, body: Body) -> Result<(Arc<AccountAccess>, Bytes), Fault> {
        let account = guard::identify(&self.border, &self.headers).await?;
        self.account = Some(account.id);
        self.zone = account.zone;
        guard::limit(&self.border, &account, self.route)?;
        self.passed_on = Some(self.now());
        match account.status {
            AccountStatus::Enabled => {}
            AccountStatus::Disabled => return Err(Code::AccountDisabled.into()),
            AccountStatus::Removed => return Err(Code::AccountUnknown.into()),
        }
        let body = read(body).await?;
        self.body = envelope::echoed(&body);
        self.passed_on = Some(self.now());
        Ok((account, body))
    }

    /// The call service answered.
    pub(super) fn answered(&mut self) {
        self.answered = Some(self.now());
    }

    pub(super) fn zone(&self) -> Zone {
        self.zone
    }

    pub(super) fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.headers.get(name)
    }

    /// What the answer says about the request, as of now.
    pub(super) fn info(&self) -> RequestInfo {
        let now = self.now();
        let answered = self.answered.unwrap_or(now);
        RequestInfo {
            id: self.id.clone(),
            action_id: self.action_id.clone(),
            url: self.url.clone(),
            proxy_base: self.border.settings.proxy_base.clone(),
            body: self.body.clone(),
            headers: echo(&self.headers, self.header_echo),
            account: self.account,
            span: Span {
                begun: self.begun,
                passed_on: self.passed_on.unwrap_or(answered),
                answered,
                ended: now,
            },
        }
    }

    /// The text of a refusal.
    pub(super) fn refusal(&self, fault: &Fault) -> Answer {
        let language = self.header("accept-language").and_then(|value| value.to_str().ok());
        let text = envelope::refusal(fault, Language::preferred(language), &self.info());
        Answer { text, refused: Some(fault.code) }
    }

    /// Refuses the request.
    pub(super) fn refuse(&self, fault: &Fault) -> Response {
        self.respond(self.refusal(fault))
    }

    /// Sends an answer.
    pub(super) fn respond(&self, answer: Answer) -> Response {
        self.report(answer.refused);
        let status = match (answer.refused, self.http_status) {
            (None, _) | (Some(_), HttpStatus::Always200) => StatusCode::OK,
            (Some(code), HttpStatus::Semantic) => {
                StatusCode::from_u16(code.semantic_status()).expect("the codes' table has only statuses")
            }
        };
        json(status, Body::from(answer.text))
    }

    /// The one line and the one count of every request, written when its answer is decided.
    pub(super) fn report(&self, refused: Option<Code>) {
        let code = refused.map_or(200, Code::number);
        let ms = (self.now().as_millis() - self.begun.as_millis()).max(0);
        let account = self.account.map(|id| id.0);
        match account {
            Some(account) => {
                tracing::info!(request = self.id, route = self.route, account, code, ms, "answered");
            }
            // Whoever is not known must not fill the log; the counter tells that they are there.
            None => {
                tracing::debug!(request = self.id, route = self.route, code, ms, "a stranger was refused")
            }
        }
        metrics::counter!("cordboard_http_requests_total", "route" => self.route, "code" => code.to_string())
            .increment(1);
    }

    fn now(&self) -> Wall {
        self.border.ports.clock.now().wall
    }
}

/// A JSON response.
pub(super) fn json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The whole body, or 40000 when it is too large or comes too slowly (hyper then closes the connection).
async fn read(body: Body) -> Result<Bytes, Fault> {
    let limited = Limited::new(body, BODY_BYTES_MAX);
    let too_slow = Fault::field("body", Wrong::SlowerThan(BODY_READ_MAX));
    match timeout(BODY_READ_MAX, limited.collect()).await.map_err(|_| too_slow)? {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Fault::field("body", Wrong::MoreBytesThan(BODY_BYTES_MAX)))
        }
        Err(_) => Err(Fault::field("body", Wrong::NotAnObject)),
    }
}

fn echo(headers: &HeaderMap, how: HeaderEcho) -> Option<Vec<(String, String)>> {
    let shown = |name: &str| match how {
        HeaderEcho::WithoutSign => name != "m7-sign",
        HeaderEcho::WithSign => true,
        HeaderEcho::Omit => false,
    };
    if how == HeaderEcho::Omit {
        return None;
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let shown = headers.iter().filter(|(name, _)| shown(name.as_str()));
    Some(shown.map(|(name, value)| (name.to_string(), text(value))).collect())
}
