//! Pages for the people who operate a node: server-rendered, without script, in the words of the commands.
//!
//! Invariants
//! - Everything that comes from rows is escaped ([`html`]); the policy of every answer allows no script at all.
//! - A page tells and orders through the same functions as commands and REST.
//! - Nothing is ordered without a reason, and by nobody whose role does not allow it; buttons that somebody may not
//!   press are not shown, and refused all the same.

mod attention;
mod html;
mod layout;
pub(crate) mod login;
mod orders;
mod parts;
mod picture;
mod problem;
mod rest;
mod runs;
mod studies;
mod study;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Deserialize;

use crate::routes::Api;
pub(crate) use problem::show as show_problem;

/// What browsers may have without being signed in: nothing of it tells of the node.
pub(crate) const OPEN: &[&str] = &["/login", "/style.css", "/icon.svg"];

/// What was just ordered, for the page after it.
#[derive(Deserialize)]
struct Said {
    said: Option<String>,
}

/// Whether a path is for people and not for programs.
pub(crate) fn is_page(path: &str) -> bool {
    !path.starts_with("/api/") && path != "/metrics" && path != "/healthz"
}

pub(crate) fn router() -> Router<Arc<Api>> {
    Router::new()
        .route("/login", get(login::form).post(login::begin))
        .route("/logout", post(login::end))
        .route("/", get(attention::show))
        .route("/studies", get(studies::show))
        .route("/studies/{study}", get(study::show))
        .route("/studies/{study}/pictures/{object}", get(picture::show))
        .route("/studies/{study}/decide", post(orders::decide))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(runs::one))
        .route("/runs/{run}/cancel", post(orders::cancel))
        .route("/runs/{run}/rerun", post(orders::rerun))
        .route("/deliveries/{object}/resend", post(orders::resend))
        .route("/quarantine/retry", post(orders::retry))
        .route("/destinations", get(rest::show_destinations))
        .route("/refused", get(rest::show_refused))
        .route("/refused/accept", post(orders::accept))
        .route("/disk", get(rest::show_disk))
        .route("/style.css", get(async || asset("text/css; charset=utf-8", include_str!("pages/style.css"))))
        .route("/icon.svg", get(async || asset("image/svg+xml", include_str!("pages/icon.svg"))))
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // It changes with the program alone, and the program has no other name for it.
    let kept = HeaderValue::from_static("private, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    response
}

/// Sends a browser on to a page.
fn see_other(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
