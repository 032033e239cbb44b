//! What goes wrong, as a page.

use axum::{http::StatusCode, response::Response};

use super::layout::{Place, page, shown};
use crate::{access::Person, problem::Told};

/// A problem, for whoever caused it with a browser.
pub(crate) fn show(person: Option<&Person>, status: StatusCode, told: &Told) -> Response {
    let title = match status {
        StatusCode::NOT_FOUND => "This is not here",
        StatusCode::UNAUTHORIZED => "Your session is over",
        StatusCode::FORBIDDEN => "This is not allowed",
        StatusCode::CONFLICT => "Nothing was changed",
        _ => "This did not work",
    };
    let body = page(person, Place::Nowhere, title, |html| {
        html.tag("div", &[("class", "card")], |html| {
            html.leaf("p", &[("class", "sentence")], &format!("{}.", capital(&told.sentence)));
            for problem in &told.problems {
                html.leaf("pre", &[], problem);
            }
            if let Some(hint) = &told.hint {
                html.leaf("p", &[], &format!("{}.", capital(hint)));
            }
            html.tag("p", &[("class", "quiet")], |html| {
                html.text("Code ");
                html.leaf("code", &[], told.code);
                html.text(". Back to ");
                html.link("/", "what needs attention");
                html.text(".");
            });
        });
    });
    shown(status, body)
}

/// A sentence that begins with a capital letter.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
