//! Who is let in, and what every answer says to browsers.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Api, HEALTH, Shared};
use crate::{
    access::{Person, is_same_origin},
    pages,
    problem::{Problem, Told},
    token::Token,
};

/// What browsers may do with our pages: show them, with our own style and pictures, and send our forms to us. Nothing
/// is run, nothing comes from elsewhere, nobody frames it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Said with every answer. The referrer is told to ourselves alone: with none at all, browsers would hide the origin of
/// our own forms from us too.
const SAID: &[(HeaderName, &str)] = &[
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Nobody is answered without a token or a session, not even that a path does not exist; and nobody between keeps
/// answers. What a browser sends with a session must come from one of our own pages.
pub(super) async fn guard(State(api): Shared, mut request: Request, next: Next) -> Response {
    let is_for_browser = pages::is_page(request.uri().path()) && accepts_pages(request.headers());
    let (person, mut response) = match admitted(&api, &request) {
        Ok(person) => {
            if let Some(person) = &person {
                request.extensions_mut().insert(person.clone());
            }
            (person, next.run(request).await)
        }
        Err(Refused::Unknown) if is_for_browser && is_safe(request.method()) => {
            let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            (None, pages::login::first(wanted))
        }
        Err(Refused::Unknown) if is_for_browser => (None, Problem::signed_out().into_response()),
        Err(Refused::Unknown) => (None, Problem::unauthorised().into_response()),
        Err(Refused::CrossOrigin) => (None, Problem::cross_origin().into_response()),
    };
    if is_for_browser && let Some(told) = response.extensions_mut().remove::<Told>() {
        response = pages::show_problem(person.as_ref(), response.status(), &told);
    }
    let headers = response.headers_mut();
    for (name, value) in SAID {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Why somebody is not let in.
enum Refused {
    /// Nobody knows them.
    Unknown,
    /// Their browser is known, and what made it ask is not.
    CrossOrigin,
}

/// Whoever asks, if that must be known.
fn admitted(api: &Api, request: &Request) -> Result<Option<Person>, Refused> {
    let (headers, path) = (request.headers(), request.uri().path());
    if path == HEALTH {
        return Ok(None);
    }
    if pages::OPEN.contains(&path) {
        // Nor does another site sign anybody in.
        let is_ours = is_safe(request.method()) || is_same_origin(headers);
        return if is_ours { Ok(None) } else { Err(Refused::CrossOrigin) };
    }
    let keys = &api.interface.keys;
    if let Some(person) = Token::borne(headers).and_then(|token| keys.whose(&token).cloned()) {
        return Ok(Some(person));
    }
    // A token that is wrong is wrong, whatever session comes with it.
    let bears_another = headers.contains_key(header::AUTHORIZATION);
    let session = keys.of_session(headers, api.interface.clock.now());
    match session.filter(|_| !bears_another) {
        Some(person) if is_safe(request.method()) || is_same_origin(headers) => Ok(Some(person)),
        Some(_) => Err(Refused::CrossOrigin),
        None => Err(Refused::Unknown),
    }
}

/// Whether somebody looks at it with a browser.
fn accepts_pages(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("text/html"))
}

/// Whether a method changes nothing.
fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}
