//! What goes wrong, as an answer: a stable code, a sentence with the value, and a hint where something can be done.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    access::{Person, Role},
    documents::ApplyError,
    orders::OrderError,
    sources::AcceptError,
    view::ViewError,
};

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    told: Told,
}

/// What is said of a problem. It goes with the answer, so that a browser can be shown a page of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) code: &'static str,
    pub(crate) sentence: String,
    pub(crate) hint: Option<Cow<'static, str>>,
    /// What is wrong one by one, where it is more than one thing.
    pub(crate) problems: Vec<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, sentence: impl Into<String>) -> Self {
        Self { status, told: Told { code, sentence: sentence.into(), hint: None, problems: Vec::new() } }
    }

    pub(crate) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.told.hint = Some(hint.into());
        self
    }

    /// A question that makes no sense.
    pub(crate) fn bad_query(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "http/bad-query", sentence)
    }

    /// An order that makes no sense.
    pub(crate) fn bad_body(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "http/bad-body", sentence)
    }

    pub(crate) fn unauthorised() -> Self {
        let sentence = "the request bears no token, or another";
        Self::new(StatusCode::UNAUTHORIZED, "http/unauthorised", sentence).hint(
            "send `Authorization: Bearer TOKEN`; the tokens are in http.token and http.tokens in the data folder",
        )
    }

    /// A form that comes when its session is over.
    pub(crate) fn signed_out() -> Self {
        let sentence = "you are not signed in any more, and nothing was ordered";
        Self::new(StatusCode::UNAUTHORIZED, "http/unauthorised", sentence)
            .hint("go back, sign in on the page that comes, and order it again")
    }

    /// Somebody may not do what they ask for.
    pub(crate) fn forbidden(person: &Person, needed: Role) -> Self {
        let (may, needed) = (person.role.as_str(), needed.as_str());
        let sentence = format!("{} has the role {may}, and this needs {needed}", person.actor);
        Self::new(StatusCode::FORBIDDEN, "http/forbidden", sentence).hint(format!(
            "http.tokens in gantry.toml says who has which role; ask somebody who has {needed}"
        ))
    }

    /// A browser sends what no page of ours made it send.
    pub(crate) fn cross_origin() -> Self {
        let sentence = "the request comes with a session, and not from a page of this server";
        Self::new(StatusCode::FORBIDDEN, "http/cross-origin", sentence)
            .hint("programs send a token; a proxy in front must leave Host and Origin as they are")
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "http/no-such-path", "nothing is here")
    }

    /// What was asked for took too long, or too much is asked for at once.
    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "http/too-slow", "the store did not answer in time")
            .hint("ask again later, and for less")
    }

    /// Nobody knows whether an order was carried out.
    pub(crate) fn in_doubt() -> Self {
        let sentence = "the store did not answer in time: the order may have been carried out";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "http/in-doubt", sentence)
            .hint("look before you order it again; given twice, an order that was carried out does not apply")
    }

    /// Work that panicked.
    pub(crate) fn failed() -> Self {
        let sentence = "reading failed; the server's log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "http/failed", sentence)
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        let (status, hint) = match &error {
            ViewError::Store(_)
            | ViewError::State(_)
            | ViewError::Facts(_)
            | ViewError::Report(_)
            | ViewError::Disk(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
            ViewError::UnknownStudy(_) => {
                (StatusCode::NOT_FOUND, Some("GET /api/v1/studies lists the newest"))
            }
            ViewError::AmbiguousStudy { .. } => {
                (StatusCode::NOT_FOUND, Some("name it by Study Instance UID"))
            }
            ViewError::UnknownRun(_) => (StatusCode::NOT_FOUND, Some("GET /api/v1/runs lists the newest")),
            ViewError::UnknownObject(_) => {
                (StatusCode::NOT_FOUND, Some("GET /api/v1/deliveries lists the newest"))
            }
            ViewError::UnknownDocument(_) => {
                (StatusCode::NOT_FOUND, Some("GET /api/v1/documents lists those in use"))
            }
        };
        let mut problem = Self::new(status, error.code().0, error.sentence());
        problem.told.hint = hint.map(Cow::Borrowed);
        problem
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let (status, hint) = match &error {
            OrderError::UnknownWorkflow(_) => {
                (StatusCode::NOT_FOUND, "GET /api/v1/documents?kind=Workflow lists those in use")
            }
            OrderError::UnknownDelivery(_) => {
                (StatusCode::NOT_FOUND, "GET /api/v1/deliveries lists the newest")
            }
            OrderError::UnknownInQuarantine(_) => {
                (StatusCode::NOT_FOUND, "GET /api/v1/quarantine lists what waits for a person")
            }
            OrderError::DoesNotApply(_) => {
                (StatusCode::CONFLICT, "look at it: it is not so any more, or never was")
            }
            OrderError::Changed(_) => (StatusCode::CONFLICT, "look at it, and order it again"),
            OrderError::Failed(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "nothing was changed; the server's log may say more")
            }
            OrderError::View(_) => (StatusCode::INTERNAL_SERVER_ERROR, ""),
        };
        let (code, sentence) = (error.code().0, error.to_string());
        match error {
            OrderError::View(error) => error.into(),
            OrderError::UnknownWorkflow(_)
            | OrderError::UnknownDelivery(_)
            | OrderError::UnknownInQuarantine(_)
            | OrderError::DoesNotApply(_)
            | OrderError::Changed(_)
            | OrderError::Failed(_) => Self::new(status, code, sentence).hint(hint),
        }
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        let sentence = error.to_string();
        match error {
            ApplyError::Invalid(problems) => {
                let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "definition/invalid", sentence)
                    .hint("docs/documents.md lists every key and variable");
                problem.told.problems = problems;
                problem
            }
            ApplyError::Conflict => {
                Self::new(StatusCode::CONFLICT, "definition/conflict", sentence).hint("apply again")
            }
            ApplyError::View(error) => error.into(),
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        let (code, sentence) = (error.code().map_or("source/failed", |code| code.0), error.to_string());
        let (status, hint) = match error {
            AcceptError::Apply(error) => return error.into(),
            AcceptError::BadTitle(_) => {
                (StatusCode::BAD_REQUEST, "write it as GET /api/v1/refusals lists it")
            }
            AcceptError::BadAddress(_) => {
                (StatusCode::BAD_REQUEST, "an address, or a network such as 10.1.2.0/24")
            }
            AcceptError::NotRefused(_) => {
                (StatusCode::NOT_FOUND, "GET /api/v1/refusals lists who was; or name an address")
            }
            AcceptError::Several { .. } => (StatusCode::CONFLICT, "choose one by its address"),
        };
        Self::new(status, code, sentence).hint(hint)
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
        let Self { status, told } = self;
        let Told { code, sentence, hint, problems } = &told;
        let mut json = json!({ "code": code, "sentence": sentence, "hint": hint });
        if let (Some(json), false) = (json.as_object_mut(), problems.is_empty()) {
            json.insert("problems".to_owned(), json!(problems));
        }
        let mut response = document(status, &json);
        response.extensions_mut().insert(told);
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
