//! Who may ask, in exactly the order of contract §1.

use std::sync::{Arc, PoisonError};

use axum::http::HeaderMap;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::Border;
use super::ports::{AccountAccess, UseError};
use crate::contract::auth::{self, Claim, Headers};
use crate::contract::codes::Code;
use crate::contract::limits::STORE_MAX;

/// 50012 … 50002: who asks. The use is remembered whatever comes later.
pub(super) async fn identify(border: &Border, headers: &HeaderMap) -> Result<Arc<AccountAccess>, Code> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let headers = Headers {
        appkey: text("m7-appkey"),
        timestamp: text("m7-timestamp"),
        nonce: text("m7-nonce"),
        sign: text("m7-sign"),
    };
    let claim = Claim::read(headers, border.ports.clock.now().wall)?;
    let account = border.ports.accounts.account(claim.account).ok_or(Code::NoSecret)?;
    claim.verify(account.secrets.iter().map(ExposeSecret::expose_secret))?;
    // A log that is stalled keeps the use waiting: it will be remembered, and the request is refused meanwhile.
    let remembered = border.ports.uses.remember(account.id, claim.timestamp, claim.nonce);
    timeout(STORE_MAX, remembered).await.unwrap_or(Err(UseError::Unavailable)).map_err(
        |error| match error {
            UseError::Replayed => Code::SignatureWrong,
            UseError::Full | UseError::Unavailable => Code::PresenceUnavailable,
        },
    )?;
    Ok(account)
}

/// 50010 and 50020: whether the account asks too often.
pub(super) fn limit(border: &Border, account: &AccountAccess, route: &'static str) -> Result<(), Code> {
    let now = border.ports.clock.now().wall;
    let mut rates = border.rates.lock().unwrap_or_else(PoisonError::into_inner);
    rates.admit(now, account.id, route, account.limits)
}

/// The account a request names, whoever sent it: its refusals are in the form that account wants.
pub(super) fn named(border: &Border, headers: &HeaderMap) -> Option<Arc<AccountAccess>> {
    let appkey = headers.get("m7-appkey")?.to_str().ok()?;
    border.ports.accounts.account(auth::account_of(appkey)?)
}
