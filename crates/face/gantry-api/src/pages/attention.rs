//! The first page: what needs a person, and how the node is doing.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gantry_conductor::{Decision, Use};
use gantry_ports::store::MachineKind;
use gantry_types::instant::Instant;

use super::{
    Said,
    html::{Html, encoded},
    layout::{Place, page, shown},
    parts::{self, Button, Look, Order},
};
use crate::{
    access::{Person, Role},
    attention::{self, Need, Remedy, Urgency},
    destinations,
    disk::{self, Disk},
    metrics,
    problem::Problem,
    routes::{Api, Asked, Interface, Reader, Shared, read},
    view::ViewError,
};

/// More of them are a list for a command.
const SHOWN_MAX: usize = 100;

pub(super) async fn show(
    State(api): Shared,
    Reader(person): Reader,
    Asked(Said { said }): Asked<Said>,
) -> Result<Response, Problem> {
    let api: Arc<Api> = api;
    let body = read(api, move |interface| Ok(write(interface, &person, said.as_deref())?)).await?;
    Ok(shown(StatusCode::OK, body))
}

fn write(interface: &Interface, person: &Person, said: Option<&str>) -> Result<String, ViewError> {
    let Interface { view, pulses, clock, .. } = interface;
    let now = clock.now();
    let needs = attention::all(view, pulses, now)?;
    let facts = facts(interface, now)?;
    let mut accessions = Vec::new();
    for need in needs.iter().take(SHOWN_MAX) {
        let study = match &need.study {
            Some(study) => view.intake.study(&view.site, study)?,
            None => None,
        };
        accessions.push(study.map(|study| study.accession_number).filter(|number| !number.is_empty()));
    }
    let title = match needs.len() {
        0 => "Nothing needs you".to_owned(),
        1 => "One thing needs you".to_owned(),
        many => format!("{many} things need you"),
    };
    Ok(page(Some(person), Place::Attention, &title, |html| {
        parts::said(html, said);
        if needs.is_empty() {
            html.tag("div", &[("class", "card calm")], |html| {
                parts::state(html, "nothing waits");
                html.leaf(
                    "p",
                    &[],
                    "No study is held, no run has failed, no evidence is stopped, every destination answers.",
                );
            });
        }
        for (need, accession) in needs.iter().zip(&accessions) {
            write_need(html, person, need, accession.as_deref(), now);
        }
        if let Some(more) = needs.len().checked_sub(SHOWN_MAX).filter(|more| 0 < *more) {
            html.leaf("p", &[], &format!("And {more} more: gantry quarantine list tells all of them."));
        }
        html.leaf("h2", &[], "At this moment");
        html.tag("div", &[("class", "card")], |html| {
            let facts: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (*name, &**value)).collect();
            parts::facts(html, &facts);
        });
    }))
}

/// What somebody wants to know who has nothing to do.
fn facts(interface: &Interface, now: Instant) -> Result<Vec<(&'static str, String)>, ViewError> {
    let view = &interface.view;
    let newest = view.intake.newest_objects(1)?;
    let received = match newest.first() {
        Some(object) => view.intake.receipts(object.id)?.first().map(|receipt| receipt.received),
        None => None,
    };
    let received = received.map_or("never".to_owned(), |at| format!("{} ago", parts::age(now, at)));
    let running = metrics::live(view, MachineKind::Run)?.len();
    let waiting: usize = destinations::all(view)?.values().map(destinations::Queue::waiting).sum();
    let free = Disk::read(view).map_or("unknown".to_owned(), |disk| disk::shown(disk.room.free));
    Ok(vec![
        ("The newest image came", received),
        ("Runs under way", running.to_string()),
        ("Deliveries on their way", waiting.to_string()),
        ("Free on disk", free),
        ("Version", interface.version.to_owned()),
    ])
}

/// `accession` is that of its study, if it is about one that has one.
fn write_need(html: &mut Html, person: &Person, need: &Need, accession: Option<&str>, now: Instant) {
    let (class, word) = match need.urgency {
        Urgency::Now => ("card bad", "now"),
        Urgency::Stopped => ("card bad", "stopped"),
        Urgency::Watch => ("card warn", "watch"),
    };
    html.tag("section", &[("class", class)], |html| {
        html.tag("div", &[("class", "head")], |html| {
            parts::state(html, word);
            html.leaf("h2", &[], &title(need));
            if let Some(since) = need.since {
                html.tag("span", &[("class", "end")], |html| {
                    html.text(&format!("for {}, since ", parts::age(now, since)));
                    parts::time(html, since);
                });
            }
        });
        html.tag("p", &[("class", "sentence long")], |html| parts::words(html, &need.sentence));
        if let Some(study) = &need.study {
            html.tag("p", &[("class", "meta")], |html| {
                html.text("Study ");
                let to = format!("/studies/{}", encoded(study.as_str()));
                match accession {
                    Some(accession) => html.link(&to, accession),
                    None => html.leaf("a", &[("href", &to), ("class", "uid")], study.as_str()),
                };
            });
        }
        write_remedy(html, person, need);
    });
}

/// Where it was to go: what the quarantine calls it ends so.
fn destination(need: &Need) -> &str {
    need.what.rsplit('/').next().unwrap_or_default()
}

fn title(need: &Need) -> String {
    match (need.kind, &need.remedy) {
        (_, Remedy::Decide { workflow, .. }) => format!("A study is held for {workflow}"),
        ("run", _) => format!("Run {} has failed", need.what),
        ("delivery", _) => format!("A delivery to {} was stopped", destination(need)),
        ("evidence", _) => format!("Evidence for {} was not let out", destination(need)),
        ("destination", _) => format!("{} does not take what is sent", need.what),
        ("sender", _) => format!("{} was refused", need.what),
        ("disk", _) => "The disk".to_owned(),
        _ => "This node".to_owned(),
    }
}

fn write_remedy(html: &mut Html, person: &Person, need: &Need) {
    match &need.remedy {
        Remedy::Decide { study, workflow, choices } => {
            let to = format!("/studies/{}/decide", encoded(study.as_str()));
            decide(html, person, &to, workflow, choices, "/");
        }
        Remedy::Retry { what } => {
            let buttons = [Button { sends: ("back", "/"), says: "Try again", look: Look::Usual }];
            let order = Order {
                to: "/quarantine/retry",
                with: &[("what", what)],
                buttons: &buttons,
                needs: Role::Operate,
            };
            parts::order(html, person, &order);
        }
        Remedy::Accept { calling, address } => accept(html, person, calling, address),
        Remedy::Elsewhere(what) => {
            html.tag("p", &[("class", "meta")], |html| {
                html.text("To do: ").text(what).text(".");
            });
        }
    }
}

/// What can be decided about a study; nothing, if nothing would apply.
pub(super) fn decide(
    html: &mut Html,
    person: &Person,
    to: &str,
    workflow: &str,
    choices: &[Decision],
    back: &str,
) {
    let button = |choice: &Decision| match choice {
        Decision::Go => {
            Button { sends: ("decision", "go"), says: "Run with what is there", look: Look::Usual }
        }
        Decision::Skip => Button { sends: ("decision", "skip"), says: "Do not run", look: Look::Other },
        Decision::Again => Button { sends: ("decision", "again"), says: "Run once more", look: Look::Usual },
        Decision::Use(Use::First) => {
            Button { sends: ("decision", "use-first"), says: "Use what came first", look: Look::Usual }
        }
        Decision::Use(Use::Newest) => {
            Button { sends: ("decision", "use-newest"), says: "Use what came last", look: Look::Usual }
        }
    };
    let buttons: Vec<Button> = choices.iter().map(button).collect();
    if buttons.is_empty() {
        return;
    }
    let order = Order {
        to,
        with: &[("workflow", workflow), ("back", back)],
        buttons: &buttons,
        needs: Role::Operate,
    };
    parts::order(html, person, &order);
}

/// Whether a sender is let in.
pub(super) fn accept(html: &mut Html, person: &Person, calling: &str, address: &str) {
    let buttons = [Button { sends: ("back", "/refused"), says: "Let it in", look: Look::Usual }];
    let order = Order {
        to: "/refused/accept",
        with: &[("calling", calling), ("address", address)],
        buttons: &buttons,
        needs: Role::Admin,
    };
    parts::order(html, person, &order);
}
