//! Runs: the newest, and one with its tasks, its times and what came of it.

use std::str::FromStr as _;

use axum::{extract::State, http::StatusCode, response::Response};
use gantry_flow::run;
use gantry_ports::store::{ResultRow, RunRow};
use gantry_types::ids::RunId;
use serde::Deserialize;

use super::{
    Said,
    html::{Html, encoded},
    layout::{Place, page, shown},
    parts::{self, Button, Look, Order},
};
use crate::{
    access::{Person, Role},
    problem::Problem,
    routes::{Asked, Named, Reader, Shared, read},
    runs,
    story::{Story, run_word, task_words},
    view::View,
};

/// Rows of a page.
const ROWS: usize = 50;

/// Where a page begins.
#[derive(Deserialize)]
pub(super) struct From {
    before: Option<String>,
}

pub(super) async fn list(
    State(api): Shared,
    Reader(person): Reader,
    Asked(From { before }): Asked<From>,
) -> Result<Response, Problem> {
    let body = read(api, move |interface| {
        let before = before.as_deref().and_then(|before| RunId::from_str(before).ok());
        write_list(&interface.view, &person, before.as_ref())
    });
    Ok(shown(StatusCode::OK, body.await?))
}

fn write_list(view: &View, person: &Person, before: Option<&RunId>) -> Result<String, Problem> {
    let runs = view.runs.newest_runs(&view.site, before, ROWS).map_err(crate::view::ViewError::from)?;
    let mut rows = Vec::with_capacity(runs.len());
    for run in runs {
        let word = runs::state_of(view, &run)?.as_ref().map_or("unknown", run_word);
        let study = view.intake.study(&view.site, &run.study).map_err(crate::view::ViewError::from)?;
        rows.push((run, word, study));
    }
    Ok(page(Some(person), Place::Runs, "Runs", |html| {
        if rows.is_empty() {
            html.leaf(
                "p",
                &[("class", "card")],
                "There are no runs here: a workflow runs when a study is ready for it.",
            );
            return;
        }
        let heads = ["Began", "Run", "State", "Workflow", "Lane", "Payload", "Study"];
        parts::table(html, "The newest runs", &heads, |html| {
            for (run, word, study) in &rows {
                html.tag("tr", &[], |html| {
                    html.tag("td", &[], |html| parts::time(html, run.began.at));
                    html.tag("th", &[("scope", "row")], |html| {
                        html.link(&format!("/runs/{}", encoded(run.id.as_str())), run.id.as_str());
                    });
                    html.tag("td", &[], |html| parts::state(html, word));
                    parts::cell(html, &format!("{} (version {})", run.workflow, run.version));
                    parts::cell(html, &run.lane.to_string());
                    html.leaf("td", &[("class", "number")], &run.ordinal.to_string());
                    html.tag("td", &[], |html| {
                        let to = format!("/studies/{}", encoded(run.study.as_str()));
                        let known =
                            study.as_ref().map(|study| (&*study.accession_number, &*study.description));
                        match known {
                            Some((accession, description))
                                if !accession.is_empty() || !description.is_empty() =>
                            {
                                html.link(&to, format!("{accession} {description}").trim());
                            }
                            Some(_) | None => {
                                html.leaf("a", &[("href", &to), ("class", "uid")], run.study.as_str());
                            }
                        }
                    });
                });
            }
        });
        if let Some((last, ..)) = rows.last().filter(|_| rows.len() == ROWS) {
            html.tag("p", &[("class", "pages")], |html| {
                html.link(&format!("/runs?before={}", encoded(last.id.as_str())), "Older");
            });
        }
    }))
}

pub(super) async fn one(
    State(api): Shared,
    Reader(person): Reader,
    Named(named): Named<String>,
    Asked(Said { said }): Asked<Said>,
) -> Result<Response, Problem> {
    let body =
        read(api, move |interface| write_one(&interface.view, &person, &named, said.as_deref())).await?;
    Ok(shown(StatusCode::OK, body))
}

fn write_one(view: &View, person: &Person, named: &str, said: Option<&str>) -> Result<String, Problem> {
    let run = runs::find(view, named)?;
    let state = runs::state_of(view, &run)?;
    let story = Story::read(view, &run.study)?;
    let times = story.times(view, &run)?;
    let done = match &state {
        Some(state) => story.of_run(view, &run, state)?,
        None => Vec::new(),
    };
    let results = view.runs.results(&run.id).map_err(crate::view::ViewError::from)?;
    Ok(page(Some(person), Place::Runs, &format!("Run {}", run.id), |html| {
        parts::said(html, said);
        html.tag("div", &[("class", "card")], |html| {
            html.tag("div", &[("class", "head")], |html| {
                parts::state(html, state.as_ref().map_or("unknown", run_word));
                html.leaf("h2", &[], &format!("{} (version {})", run.workflow, run.version));
            });
            html.tag("p", &[("class", "meta")], |html| {
                html.text("Began ");
                parts::time(html, run.began.at);
                html.text(&format!(", lane {}, payload {} of study ", run.lane, run.ordinal));
                let to = format!("/studies/{}", encoded(run.study.as_str()));
                html.leaf("a", &[("href", &to), ("class", "uid")], run.study.as_str());
            });
            orders(html, person, &run, state.as_ref(), "");
        });
        if let Some(state) = &state {
            html.leaf("h2", &[], "Tasks");
            parts::table(html, "The tasks of the run", &["Task", "How far"], |html| {
                for (name, task) in &state.tasks {
                    html.tag("tr", &[], |html| {
                        html.leaf("th", &[("scope", "row")], name.as_str());
                        html.tag("td", &[], |html| parts::words(html, &task_words(task)));
                    });
                }
            });
        }
        html.leaf("h2", &[], "Where the time went");
        html.tag("div", &[("class", "card")], |html| stages(html, &times));
        html.leaf("h2", &[], "What was done");
        html.tag("div", &[("class", "card")], |html| {
            html.tag("ul", &[("class", "done")], |html| {
                for line in &done {
                    html.tag("li", &[], |html| parts::words(html, line));
                }
            });
        });
        pinned(html, &run, &results);
    }))
}

/// What a person can do about a run.
pub(super) fn orders(html: &mut Html, person: &Person, run: &RunRow, state: Option<&run::State>, back: &str) {
    let is_over = state.is_none_or(|state| state.outcome().is_some());
    let id = encoded(run.id.as_str());
    let (to, says) = if is_over {
        (format!("/runs/{id}/rerun"), "Run once more")
    } else {
        (format!("/runs/{id}/cancel"), "Cancel the run")
    };
    let buttons = [Button { sends: ("order", "given"), says, look: Look::Usual }];
    let order = Order { to: &to, with: &[("back", back)], buttons: &buttons, needs: Role::Operate };
    parts::order(html, person, &order);
}

/// Where the time of a run went: a bar of its four stages, and what the workers said.
pub(super) fn stages(html: &mut Html, times: &[(String, f64)]) {
    const STAGES: [(&str, &str, &str); 4] = [
        ("claim", "s0", "waiting for a slot"),
        ("run", "s1", "computing"),
        ("publish", "s2", "making evidence"),
        ("deliver", "s3", "delivering"),
    ];
    let of = |name: &str| times.iter().find(|(stage, _)| stage == name).map(|(_, seconds)| *seconds);
    let known: Vec<_> =
        STAGES.into_iter().filter_map(|(name, class, words)| Some((class, words, of(name)?))).collect();
    if known.is_empty() {
        html.leaf("p", &[], "No stage is over yet.");
        return;
    }
    let whole: f64 = known.iter().map(|(.., seconds)| seconds).sum();
    html.tag(
        "svg",
        &[
            ("class", "stages"),
            ("viewBox", "0 0 1000 10"),
            ("preserveAspectRatio", "none"),
            ("role", "img"),
            ("aria-label", "Times by stage"),
        ],
        |html| {
            let mut from = 0.0;
            for (class, _, seconds) in &known {
                let wide = 1000.0 * seconds / whole.max(1e-9);
                let (x, width) = (format!("{from:.1}"), format!("{wide:.1}"));
                html.tag(
                    "rect",
                    &[("class", class), ("x", &x), ("y", "0"), ("width", &width), ("height", "10")],
                    |_| (),
                );
                from += wide;
            }
        },
    );
    html.tag("ul", &[("class", "legend")], |html| {
        for (class, words, seconds) in &known {
            html.leaf("li", &[("class", class)], &format!("{words} {seconds:.2} s"));
        }
    });
    if let Some(total) = of("ready to delivered") {
        html.leaf("p", &[("class", "quiet")], &format!("From readiness to the last delivery: {total:.2} s."));
    }
    let inner: Vec<_> = times.iter().filter(|(stage, _)| stage.contains('.')).collect();
    if !inner.is_empty() {
        html.tag("details", &[], |html| {
            html.leaf("summary", &[], "Stages within the workers");
            parts::table(html, "Seconds by task and stage", &["Stage", "Seconds"], |html| {
                for (stage, seconds) in inner {
                    html.tag("tr", &[], |html| {
                        parts::cell(html, stage);
                        html.leaf("td", &[("class", "number")], &format!("{seconds:.3}"));
                    });
                }
            });
        });
    }
}

/// What the run is pinned to (DC2), and what it gave.
fn pinned(html: &mut Html, run: &RunRow, results: &[ResultRow]) {
    html.leaf("h2", &[], "What it used and gave");
    parts::table(html, "Digests", &["What", "Digest"], |html| {
        let mut row = |what: &str, digest: &str| {
            html.tag("tr", &[], |html| {
                html.leaf("th", &[("scope", "row")], what);
                html.leaf("td", &[("class", "uid")], digest);
            });
        };
        row(&format!("workflow {}, version {}", run.workflow, run.version), &run.digest.to_string());
        for package in &run.packages {
            row(
                &format!("application {} of task {}", package.app, package.task),
                &package.digest.to_string(),
            );
        }
        for result in results {
            for file in &result.files {
                row(&format!("{} of task {}", file.name, result.task), &file.digest.to_string());
            }
        }
    });
}
