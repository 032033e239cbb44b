//! What goes wrong, as an answer: a stable code, a sentence with the value, and a hint where something can be done.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::view::ViewError;

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    sentence: String,
    hint: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, sentence: impl Into<String>) -> Self {
        Self { status, code, sentence: sentence.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// A question that makes no sense.
    pub(crate) fn bad_query(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "http/bad-query", sentence)
    }

    pub(crate) fn unauthorised() -> Self {
        let sentence = "the request bears no token, or another";
        Self::new(StatusCode::UNAUTHORIZED, "http/unauthorised", sentence)
            .hint("send `Authorization: Bearer TOKEN`; the token is in http.token in the data folder")
    }

    /// What was asked for took too long, or too much is asked for at once.
    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "http/too-slow", "the store did not answer in time")
            .hint("ask again later, and for less")
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        let (status, hint) = match &error {
            ViewError::Store(_) | ViewError::State(_) | ViewError::Facts(_) | ViewError::Report(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, None)
            }
            ViewError::UnknownStudy(_) => {
                (StatusCode::NOT_FOUND, Some("GET /api/v1/studies lists the newest"))
            }
            ViewError::AmbiguousStudy { .. } => {
                (StatusCode::NOT_FOUND, Some("name it by Study Instance UID"))
            }
            ViewError::UnknownRun(_) => (StatusCode::NOT_FOUND, Some("GET /api/v1/runs lists the newest")),
        };
        Self { status, code: error.code().0, sentence: error.sentence(), hint }
    }
}

/// A JSON document as an answer.
pub(crate) fn document(status: StatusCode, document: &Value) -> Response {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, code, sentence, hint } = self;
        let mut response = document(status, &json!({ "code": code, "sentence": sentence, "hint": hint }));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
