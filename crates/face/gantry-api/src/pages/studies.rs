//! Studies: the newest, and those that somebody looks for.

use axum::{extract::State, http::StatusCode, response::Response};
use gantry_ports::intake::StudySearch;
use gantry_types::instant::Instant;
use serde::Deserialize;

use super::{
    html::{Html, encoded},
    layout::{Place, page, shown},
    parts,
};
use crate::{
    access::Person,
    problem::Problem,
    routes::{Asked, Reader, Shared, read},
    story::Story,
    studies::{self, Listed},
    view::View,
};

/// Rows of a page.
const ROWS: usize = 50;

/// What somebody looks for.
#[derive(Deserialize)]
pub(super) struct Sought {
    #[serde(default)]
    q: String,
    #[serde(default)]
    date: String,
    before: Option<String>,
}

pub(super) async fn show(
    State(api): Shared,
    Reader(person): Reader,
    Asked(sought): Asked<Sought>,
) -> Result<Response, Problem> {
    let body = read(api, move |interface| write(&interface.view, &person, &sought)).await?;
    Ok(shown(StatusCode::OK, body))
}

/// A study with the outcome of each workflow.
struct Row {
    listed: Listed,
    outcomes: Vec<(String, &'static str)>,
}

fn rows(view: &View, sought: &Sought) -> Result<Vec<Row>, Problem> {
    let before = match &sought.before {
        Some(uid) => studies::find(view, uid)?.first_received,
        None => Instant(i64::MAX),
    };
    let date = Some(&*sought.date).filter(|date| !date.is_empty());
    let found = studies::found(view, &StudySearch::new(&sought.q, date), before, ROWS)?;
    let mut rows = Vec::with_capacity(found.len());
    for listed in found {
        let story = Story::read(view, &listed.study.uid)?;
        let mut outcomes = Vec::new();
        for workflow in story.workflows(view)? {
            outcomes.push((workflow.to_string(), story.told(view, &workflow)?.outcome));
        }
        rows.push(Row { listed, outcomes });
    }
    Ok(rows)
}

fn write(view: &View, person: &Person, sought: &Sought) -> Result<String, Problem> {
    let rows = rows(view, sought)?;
    Ok(page(Some(person), Place::Studies, "Studies", |html| {
        search(html, sought);
        let is_search = !sought.q.is_empty() || !sought.date.is_empty();
        if rows.is_empty() {
            let none = match (is_search, &sought.before) {
                (true, _) => {
                    "No study is found. Each word is looked for in patient name, patient ID, accession number and UID."
                }
                (false, Some(_)) => "There are no older ones.",
                (false, None) => "There are no studies yet: send one to this node.",
            };
            html.leaf("p", &[("class", "card")], none);
            return;
        }
        let caption = if is_search { "Studies that were found, newest first" } else { "The newest studies" };
        let heads = [
            "Received",
            "Patient",
            "Patient ID",
            "Study date",
            "Accession",
            "Description",
            "Objects",
            "Outcome",
        ];
        parts::table(html, caption, &heads, |html| {
            rows.iter().for_each(|row| write_row(html, row));
        });
        if let Some(last) = rows.last().filter(|_| rows.len() == ROWS) {
            let before = encoded(last.listed.study.uid.as_str());
            let (q, date) = (encoded(&sought.q), encoded(&sought.date));
            html.tag("p", &[("class", "pages")], |html| {
                html.link(&format!("/studies?q={q}&date={date}&before={before}"), "Older");
            });
        }
    }))
}

fn search(html: &mut Html, sought: &Sought) {
    html.tag(
        "form",
        &[("class", "search"), ("method", "get"), ("action", "/studies"), ("role", "search")],
        |html| {
            html.tag("label", &[], |html| {
                html.text("Patient name or ID, accession number, UID");
                html.void(
                    "input",
                    &[("type", "search"), ("name", "q"), ("value", &sought.q), ("autofocus", "")],
                );
            });
            html.tag("label", &[], |html| {
                html.text("Study date");
                html.void(
                    "input",
                    &[("type", "date"), ("name", "date"), ("value", &parts::date(&sought.date))],
                );
            });
            html.leaf("button", &[("type", "submit"), ("class", "main")], "Search");
        },
    );
}

fn write_row(html: &mut Html, Row { listed: Listed { study, objects }, outcomes }: &Row) {
    let to = format!("/studies/{}", encoded(study.uid.as_str()));
    html.tag("tr", &[], |html| {
        html.tag("td", &[], |html| parts::time(html, study.first_received));
        html.tag("th", &[("scope", "row")], |html| {
            let name = parts::name(&study.patient_name);
            html.link(&to, if name.is_empty() { "without a name" } else { &name });
        });
        html.leaf("td", &[("class", "time")], &study.patient_id);
        html.leaf("td", &[("class", "time")], &parts::date(&study.study_date));
        html.leaf("td", &[("class", "time")], &study.accession_number);
        parts::cell(html, &study.description);
        html.leaf("td", &[("class", "number")], &objects.to_string());
        html.tag("td", &[], |html| {
            html.tag("div", &[("class", "states")], |html| {
                for (workflow, outcome) in outcomes {
                    html.tag("span", &[("class", "of")], |html| {
                        html.text(workflow).text(" ");
                        parts::state(html, outcome);
                    });
                }
            });
        });
    });
}
