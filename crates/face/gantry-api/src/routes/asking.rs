//! What requests say: pages of lists, names in paths, and orders in bodies.

use std::sync::Arc;

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequestParts, Path, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use gantry_conductor::Decision;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    access::{Person, Role},
    orders::{By, Reason, ReasonError},
    problem::Problem,
    routes::Api,
};

/// The most rows of a list.
pub(super) const COUNT_MAX: usize = 1000;

/// The most bytes of an order.
pub(super) const ORDER_BYTES_MAX: usize = 16 << 10;

/// The most bytes of documents that are applied at once.
pub(super) const DOCUMENTS_BYTES_MAX: usize = 1 << 20;

/// A page of a list: so many rows, of those behind one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) count: Option<usize>,
    pub(super) before: Option<String>,
}

/// How many rows, `usual` if nothing else is wanted.
pub(super) fn count(asked: Option<usize>, usual: usize) -> Result<usize, Problem> {
    match asked.unwrap_or(usual) {
        count @ 1..=COUNT_MAX => Ok(count),
        other => Err(Problem::bad_query(format!("count is {other}: it is a number from 1 to {COUNT_MAX}"))),
    }
}

/// What stands behind the `?`.
pub(crate) struct Asked<T>(pub(crate) T);

/// What stands at the places of the path.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let asked = Query::from_request_parts(parts, api).await;
        asked.map(|Query(asked)| Self(asked)).map_err(|rejection| Problem::bad_query(rejection.body_text()))
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let named = Path::from_request_parts(parts, api).await;
        named.map(|Path(named)| Self(named)).map_err(|rejection| Problem::bad_query(rejection.body_text()))
    }
}

/// Somebody who may look.
pub(crate) struct Reader(pub(crate) Person);

/// Somebody who may operate.
pub(crate) struct Operator(pub(crate) Person);

/// Somebody who may administer.
pub(crate) struct Admin(pub(crate) Person);

impl FromRequestParts<Arc<Api>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Result<Self, Problem> {
        with_role(parts, Role::Read).map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Result<Self, Problem> {
        with_role(parts, Role::Operate).map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Result<Self, Problem> {
        with_role(parts, Role::Admin).map(Self)
    }
}

fn with_role(parts: &Parts, needed: Role) -> Result<Person, Problem> {
    // The guard puts it there; without it nobody is known.
    let person: &Person = parts.extensions.get().ok_or_else(Problem::unauthorised)?;
    if needed <= person.role { Ok(person.clone()) } else { Err(Problem::forbidden(person, needed)) }
}

/// Who orders, and why.
pub(crate) fn by(person: &Person, reason: &str) -> Result<By, Problem> {
    let reason = Reason::parse(reason).map_err(|error: ReasonError| Problem::bad_body(error.to_string()))?;
    Ok(By { actor: person.actor.clone(), reason: Some(reason) })
}

/// The bytes of a body.
pub(crate) async fn body(request: Request, max: usize) -> Result<Bytes, Problem> {
    to_bytes(request.into_body(), max).await.map_err(|_cut| {
        let sentence = format!("the body is longer than {max} bytes, or broke off");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "http/too-large", sentence)
    })
}

/// The decision of a word.
pub(crate) fn decision_of(word: &str) -> Result<Decision, Problem> {
    let words = Decision::ALL.iter().map(|decision| decision.as_str()).collect::<Vec<_>>().join(", ");
    Decision::parse(word).ok_or_else(|| Problem::bad_body(format!("`{word}` is no decision: {words}")))
}

/// An order, as JSON.
pub(super) async fn ordered<T: DeserializeOwned>(request: Request, max: usize) -> Result<T, Problem> {
    if media_type(request.headers()) != Some("application/json") {
        let sentence = "an order is a JSON document";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "http/media-type", sentence)
            .hint("send `Content-Type: application/json`"));
    }
    let body = body(request, max).await?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad_body(error.to_string()))
}

/// The media type of a body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let written = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    written.split(';').next().map(str::trim)
}
