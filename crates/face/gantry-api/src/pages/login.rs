//! Signing in: a token for a session.

use axum::{
    Form,
    body::{Body, to_bytes},
    extract::{FromRequest as _, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    html::Html,
    layout::{Place, page, shown},
    see_other,
};
use crate::{
    access::{clear_cookie, set_cookie},
    routes::{Asked, Shared},
    server::HEADER_WAIT,
    token::Token,
};

/// The most bytes of what somebody types in.
const FORM_BYTES_MAX: usize = 4 << 10;

/// Where somebody wanted to go.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    next: Option<String>,
}

/// What somebody types in.
#[derive(Deserialize)]
pub(crate) struct Typed {
    token: String,
    next: Option<String>,
}

/// A place on this server: nothing that a browser could take for another.
pub(super) fn place(next: Option<String>) -> String {
    let is_here = |next: &String| {
        next.starts_with('/')
            && !next.starts_with("//")
            && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    };
    next.filter(is_here).unwrap_or_else(|| "/".to_owned())
}

pub(crate) async fn form(Asked(Wanted { next }): Asked<Wanted>) -> Response {
    sign_in(&place(next), StatusCode::OK, None)
}

fn sign_in(next: &str, status: StatusCode, wrong: Option<&str>) -> Response {
    let body = page(None, Place::Login, "Sign in", |html: &mut Html| {
        html.tag("div", &[("class", "narrow card")], |html| {
            if let Some(wrong) = wrong {
                html.leaf("p", &[("class", "said bad"), ("role", "alert")], wrong);
            }
            html.tag("form", &[("method", "post"), ("action", "/login")], |html| {
                // For what keeps passwords: it wants to know whose.
                html.void(
                    "input",
                    &[("type", "text"), ("autocomplete", "username"), ("value", "gantry"), ("hidden", "")],
                );
                html.tag("label", &[("for", "token")], |html| {
                    html.text("Your token");
                });
                html.void(
                    "input",
                    &[
                        ("type", "password"),
                        ("id", "token"),
                        ("name", "token"),
                        ("required", ""),
                        ("autocomplete", "current-password"),
                        ("autofocus", ""),
                    ],
                );
                html.void("input", &[("type", "hidden"), ("name", "next"), ("value", next)]);
                html.leaf("button", &[("type", "submit"), ("class", "main")], "Sign in");
            });
            html.tag("p", &[("class", "quiet")], |html| {
                html.text("Whoever runs this node hands out tokens: one for each person, in ");
                html.leaf("code", &[], "http.tokens");
                html.text(" in its data folder. A session lasts twelve hours.");
            });
            html.tag("p", &[("class", "quiet")], |html| {
                html.text("You came by a link and are signed in? ");
                html.link(next, "Go on");
            });
        });
    });
    shown(status, body)
}

/// Anybody may try: what they send is short, comes soon, and not from many at once, so that they keep nobody out.
pub(crate) async fn begin(State(api): Shared, request: Request) -> Response {
    let Ok(_place) = api.signing_in.try_acquire() else {
        let busy = "Too many sign in at the same time: try again in a moment.";
        return sign_in("/", StatusCode::SERVICE_UNAVAILABLE, Some(busy));
    };
    let headers = request.headers().clone();
    let typing = async {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, FORM_BYTES_MAX).await.ok()?;
        Form::<Typed>::from_request(Request::from_parts(parts, Body::from(body)), &api).await.ok()
    };
    let typed = timeout(HEADER_WAIT, typing).await.ok().flatten();
    let Some(Form(Typed { token, next })) = typed else {
        return sign_in("/", StatusCode::BAD_REQUEST, Some("What was sent is no form of ours."));
    };
    let next = place(next);
    let now = api.interface.clock.now();
    let Some(session) = api.interface.keys.session(&Token::new(token.trim()), now) else {
        return sign_in(&next, StatusCode::FORBIDDEN, Some("Nobody has this token."));
    };
    let mut response = see_other(&next);
    response.headers_mut().insert(header::SET_COOKIE, set_cookie(&session, &headers));
    response
}

pub(crate) async fn end(request: Request) -> Response {
    let mut response = see_other("/login");
    response.headers_mut().insert(header::SET_COOKIE, clear_cookie(request.headers()));
    response
}

/// Where somebody is sent who is not known.
pub(crate) fn first(path_and_query: &str) -> Response {
    let next = super::html::encoded(path_and_query);
    let to = if path_and_query == "/" { "/login".to_owned() } else { format!("/login?next={next}") };
    let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/login"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, want) in [
            (Some("/studies?q=a%20b"), "/studies?q=a%20b"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/a\r\nSet-Cookie: x"), "/"),
            (None, "/"),
        ] {
            assert_eq!(place(next.map(str::to_owned)), want, "{next:?}");
        }
    }
}
