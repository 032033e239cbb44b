//! What every page has around it.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::html::Html;
use crate::access::Person;

/// Where a page stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// What needs a person.
    Attention,
    /// Studies, and one of them.
    Studies,
    /// Runs, and one of them.
    Runs,
    /// Where results go.
    Destinations,
    /// Senders that were not let in.
    Refused,
    /// Room.
    Disk,
    /// Signing in.
    Login,
    /// Nowhere: something went wrong.
    Nowhere,
}

const PLACES: [(Place, &str, &str); 6] = [
    (Place::Attention, "/", "Needs attention"),
    (Place::Studies, "/studies", "Studies"),
    (Place::Runs, "/runs", "Runs"),
    (Place::Destinations, "/destinations", "Destinations"),
    (Place::Refused, "/refused", "Refused senders"),
    (Place::Disk, "/disk", "Disk"),
];

/// A page, for whoever looks at it.
pub(crate) fn page(
    person: Option<&Person>,
    place: Place,
    title: &str,
    inside: impl FnOnce(&mut Html),
) -> String {
    let mut html = Html::document();
    html.tag("html", &[("lang", "en")], |html| {
        html.tag("head", &[], |html| {
            html.void("meta", &[("charset", "utf-8")]);
            html.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            html.leaf("title", &[], &format!("{title} - Gantry"));
            html.void("link", &[("rel", "stylesheet"), ("href", "/style.css")]);
            html.void("link", &[("rel", "icon"), ("href", "/icon.svg"), ("type", "image/svg+xml")]);
        });
        html.tag("body", &[], |html| {
            html.leaf("a", &[("class", "skip"), ("href", "#main")], "Skip to the content");
            top(html, person, place);
            html.tag("main", &[("id", "main")], |html| {
                html.leaf("h1", &[], title);
                inside(html);
            });
            html.tag("footer", &[], |html| {
                html.text(
                    "All times are UTC (+00:00). Gantry is no medical device; its results are for research.",
                );
            });
        });
    });
    html.finish()
}

fn top(html: &mut Html, person: Option<&Person>, place: Place) {
    html.tag("header", &[("class", "top")], |html| {
        html.leaf("a", &[("class", "brand"), ("href", "/")], "Gantry");
        let Some(person) = person else { return };
        html.tag("nav", &[("aria-label", "Pages")], |html| {
            for (of, to, words) in PLACES {
                let here: &[_] = if of == place { &[("aria-current", "page")] } else { &[] };
                html.leaf("a", &[&[("href", to)], here].concat(), words);
            }
        });
        html.tag("form", &[("class", "who"), ("method", "post"), ("action", "/logout")], |html| {
            html.leaf("span", &[], &format!("{} ({})", person.actor, person.role.as_str()));
            html.leaf("button", &[("type", "submit"), ("class", "plain")], "Sign out");
        });
    });
}

/// A page as an answer.
pub(crate) fn shown(status: StatusCode, page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
