//! The story of a study on one page: how it came, what each workflow made of it and why, what was run, what was
//! delivered, and what a person can do now.

use std::collections::BTreeMap;

use axum::{extract::State, http::StatusCode, response::Response};
use gantry_conductor::Decision;
use gantry_definition::expression::{Judgement, Truth};
use gantry_evidence::object::Kind;
use gantry_flow::{delivery, run};
use gantry_ports::store::Standing;
use gantry_ports::{
    lineage::Lineage,
    state,
    store::{AssociationRow, EvidenceRow, RunRow, StudyRow},
};
use gantry_types::instant::Instant;

use super::{
    Said, attention,
    html::{Html, encoded},
    layout::{Place, page, shown},
    parts::{self, Button, Look, Order},
    runs as run_pages,
};
use crate::{
    access::{Person, Role},
    deliveries,
    problem::Problem,
    routes::{Asked, Named, Reader, Shared, read},
    runs,
    story::{Story, Told, delivery_detail, delivery_word, kind_word, run_word},
    studies::{self, Shown, is_in_force},
    trail::{self, Entry},
    view::{View, ViewError},
    why::{self, OfWorkflow, Why},
};

/// Entries of the trail.
const TRAIL: usize = 100;

/// All that the page tells.
struct Whole {
    shown: Shown,
    why: Why,
    came: Vec<Came>,
    deviations: BTreeMap<String, usize>,
    runs: Vec<RunTold>,
    evidence: Vec<EvidenceTold>,
    trail: Vec<Entry>,
}

/// What one association brought.
struct Came {
    association: Option<AssociationRow>,
    objects: usize,
    first: Instant,
    last: Instant,
}

struct RunTold {
    run: RunRow,
    state: Option<run::State>,
    times: Vec<(String, f64)>,
}

struct EvidenceTold {
    evidence: EvidenceRow,
    delivery: Option<delivery::State>,
    superseded: bool,
}

pub(super) async fn show(
    State(api): Shared,
    Reader(person): Reader,
    Named(named): Named<String>,
    Asked(Said { said }): Asked<Said>,
) -> Result<Response, Problem> {
    let body = read(api, move |interface| {
        let view = &interface.view;
        let whole = whole(view, studies::find(view, &named)?)?;
        Ok(write(&person, &whole, said.as_deref()))
    });
    Ok(shown(StatusCode::OK, body.await?))
}

fn whole(view: &View, study: StudyRow) -> Result<Whole, ViewError> {
    let why = why::explain(view, &study)?;
    let trail = trail::of_study(view, &study, None, TRAIL)?;
    let story = Story::read(view, &study.uid)?;
    let shown = studies::show(view, study)?;
    let runs = view.runs.runs_of_study(&view.site, &shown.study.uid)?;
    let objects = view.runs.evidence_of_study(&view.site, &shown.study.uid)?;
    let lineage = Lineage::of(&runs, &objects);
    let mut evidence = Vec::new();
    for one in objects {
        let row = deliveries::of_evidence(view, &one)?;
        let delivery = row.as_ref().map(state::delivery::state).transpose()?;
        let superseded = lineage.superseded_by(&one).is_some();
        evidence.push(EvidenceTold { evidence: one, delivery, superseded });
    }
    let mut told = Vec::new();
    // The newest first.
    for run in runs.into_iter().rev() {
        let (state, times) = (runs::state_of(view, &run)?, story.times(view, &run)?);
        told.push(RunTold { run, state, times });
    }
    let (came, deviations) = (came(view, &shown)?, shown.deviations(view)?);
    Ok(Whole { shown, why, came, deviations, runs: told, evidence, trail })
}

/// How the objects came, by association, the first first.
fn came(view: &View, shown: &Shown) -> Result<Vec<Came>, ViewError> {
    let mut all: BTreeMap<u64, Came> = BTreeMap::new();
    for object in &shown.objects {
        for receipt in view.intake.receipts(object.id)? {
            let at = receipt.received;
            if let Some(came) = all.get_mut(&receipt.association) {
                came.objects += 1;
                (came.first, came.last) = (came.first.min(at), came.last.max(at));
            } else {
                let association = view.intake.association(receipt.association)?;
                all.insert(receipt.association, Came { association, objects: 1, first: at, last: at });
            }
        }
    }
    Ok(all.into_values().collect())
}

fn write(person: &Person, whole: &Whole, said: Option<&str>) -> String {
    let study = &whole.shown.study;
    let title = if study.description.is_empty() { "Study" } else { &study.description };
    let pictures = pictures(whole);
    page(Some(person), Place::Studies, title, |html| {
        parts::said(html, said);
        html.tag("div", &[("class", "card")], |html| head(html, study, whole.shown.objects.len()));
        let class = if pictures.is_empty() { "split" } else { "split pictured" };
        html.tag("div", &[("class", class)], |html| {
            html.tag("div", &[], |html| {
                html.leaf("h2", &[], "What became of it");
                outcomes(html, person, whole);
            });
            if !pictures.is_empty() {
                html.tag("div", &[], |html| {
                    html.leaf(
                        "h2",
                        &[],
                        if pictures.len() == 1 { "Summary picture" } else { "Summary pictures" },
                    );
                    for (workflow, evidence) in pictures {
                        show_picture(html, study, workflow, evidence);
                    }
                });
            }
        });
        write_runs(html, person, whole);
        write_evidence(html, person, whole);
        write_receipts(html, whole);
        write_trail(html, &whole.trail);
    })
}

/// The newest picture of each workflow that is in force.
fn pictures(whole: &Whole) -> BTreeMap<&str, &EvidenceRow> {
    let mut pictures = BTreeMap::new();
    for one in whole.evidence.iter().filter(|one| !one.superseded) {
        let kind = Kind::of_sop_class(one.evidence.sop_class.as_str());
        let run = whole.runs.iter().find(|told| told.run.id == one.evidence.run);
        if let (Some(Kind::SecondaryCapture), Some(told)) = (kind, run) {
            pictures.insert(told.run.workflow.as_str(), &one.evidence);
        }
    }
    pictures
}

fn head(html: &mut Html, study: &StudyRow, objects: usize) {
    let (name, date) = (parts::name(&study.patient_name), parts::date(&study.study_date));
    let received = study.first_received.to_string();
    let received = received.get(..19).unwrap_or(&received).replace('T', " ");
    parts::facts(
        html,
        &[
            ("Patient", parts::or_none(&name)),
            ("Patient ID", parts::or_none(&study.patient_id)),
            ("Study date", parts::or_none(&date)),
            ("Accession number", parts::or_none(&study.accession_number)),
            ("Received", &received),
            ("Objects", &objects.to_string()),
        ],
    );
    html.tag("p", &[("class", "meta")], |html| {
        html.text("Study Instance UID ");
        html.leaf("span", &[("class", "uid")], study.uid.as_str());
    });
}

fn outcomes(html: &mut Html, person: &Person, whole: &Whole) {
    if whole.shown.told.is_empty() {
        html.leaf("p", &[("class", "card")], "No workflow is in use: gantry apply takes one into use.");
    }
    for (workflow, told) in &whole.shown.told {
        let class = match told.outcome {
            "failed" => "card bad",
            "held" => "card warn",
            _ => "card",
        };
        html.tag("section", &[("class", class)], |html| {
            html.tag("div", &[("class", "head")], |html| {
                html.leaf("h3", &[], workflow.as_str());
                parts::state(html, told.outcome);
            });
            if !told.sentence.is_empty() {
                html.tag("p", &[("class", "sentence long")], |html| parts::words(html, &told.sentence));
            }
            if !told.done.is_empty() {
                html.tag("ul", &[("class", "done")], |html| {
                    for line in &told.done {
                        html.tag("li", &[], |html| parts::words(html, line));
                    }
                });
            }
            let judged = whole.why.workflows.iter().find(|of| of.pinned.workflow.name == *workflow);
            if let Some(judged) = judged {
                clauses(html, judged);
            }
            let to = format!("/studies/{}/decide", encoded(whole.shown.study.uid.as_str()));
            can_do(html, person, &to, workflow.as_str(), told);
        });
    }
}

/// What a person can do now about an outcome. A run that is under way is cancelled where it stands.
fn can_do(html: &mut Html, person: &Person, to: &str, workflow: &str, told: &Told) {
    match &*told.choices {
        [Decision::Again] => {
            html.tag("details", &[], |html| {
                html.leaf("summary", &[], "Run once more with all that is there now");
                attention::decide(html, person, to, workflow, &told.choices, "");
            });
        }
        choices => attention::decide(html, person, to, workflow, choices, ""),
    }
}

/// Each clause with the values seen (DC1).
fn clauses(html: &mut Html, OfWorkflow { pinned, explanation, .. }: &OfWorkflow) {
    html.tag("details", &[], |html| {
        html.leaf(
            "summary",
            &[],
            &format!("Why: the clauses of version {}, with the values seen", pinned.version),
        );
        let heads = ["Of", "Clause", "Is", "Seen"];
        parts::table(html, "Clauses as they are judged now", &heads, |html| {
            judgement(html, "the study", &explanation.applies);
            for (input, judged) in &explanation.inputs {
                for (series, one) in judged {
                    judgement(html, &format!("input {input}, series {series}"), one);
                }
            }
        });
    });
}

fn judgement(html: &mut Html, of: &str, judgement: &Judgement) {
    for clause in &judgement.clauses {
        let seen: Vec<String> =
            clause.seen.iter().map(|(name, value)| format!("{name} is {value}")).collect();
        html.tag("tr", &[], |html| {
            html.leaf("td", &[("class", "long")], of);
            html.tag("td", &[("class", "long")], |html| {
                html.leaf("code", &[], &clause.text);
            });
            html.tag("td", &[], |html| {
                let class = match clause.truth {
                    Truth::True => "state good",
                    Truth::False => "state",
                    Truth::Unknown => "state warn",
                };
                html.leaf("span", &[("class", class)], why::word(clause.truth));
            });
            html.leaf("td", &[("class", "long")], &seen.join(", "));
        });
    }
}

fn show_picture(html: &mut Html, study: &StudyRow, workflow: &str, evidence: &EvidenceRow) {
    html.tag("figure", &[("class", "picture")], |html| {
        let source = format!(
            "/studies/{}/pictures/{}",
            encoded(study.uid.as_str()),
            encoded(evidence.sop_instance.as_str())
        );
        let alt = format!("Summary of run {}, as the secondary capture shows it", evidence.run);
        html.tag("a", &[("href", &source)], |html| {
            html.void("img", &[("src", &source), ("alt", &alt), ("width", "800"), ("height", "800")]);
        });
        html.tag("figcaption", &[], |html| {
            html.text(&format!("{workflow}: the secondary capture of "));
            html.link(&format!("/runs/{}", encoded(evidence.run.as_str())), &format!("run {}", evidence.run));
            html.text(", as it is stored. An AI result that nobody has confirmed.");
        });
    });
}

fn write_runs(html: &mut Html, person: &Person, whole: &Whole) {
    if whole.runs.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Runs, and where their time went");
    for RunTold { run, state, times } in &whole.runs {
        html.tag("section", &[("class", "card")], |html| {
            html.tag("div", &[("class", "head")], |html| {
                html.tag("h3", &[], |html| {
                    html.link(&format!("/runs/{}", encoded(run.id.as_str())), &format!("Run {}", run.id));
                });
                parts::state(html, state.as_ref().map_or("unknown", run_word));
                html.text(&format!("{} (version {}), payload {}", run.workflow, run.version, run.ordinal));
                html.tag("span", &[("class", "end")], |html| {
                    html.text("began ");
                    parts::time(html, run.began.at);
                });
            });
            run_pages::stages(html, times);
            if state.as_ref().is_some_and(|state| state.outcome().is_none()) {
                let back = format!("/studies/{}", encoded(run.study.as_str()));
                run_pages::orders(html, person, run, state.as_ref(), &back);
            }
        });
    }
}

fn write_evidence(html: &mut Html, person: &Person, whole: &Whole) {
    if whole.evidence.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Evidence and deliveries");
    let heads = ["Made", "Kind", "Object", "To", "State", "How far", "Once more"];
    let back = format!("/studies/{}", encoded(whole.shown.study.uid.as_str()));
    parts::table(html, "What Gantry made of the study, and where it went", &heads, |html| {
        for EvidenceTold { evidence, delivery, superseded } in whole.evidence.iter().rev() {
            html.tag("tr", &[], |html| {
                html.tag("td", &[], |html| parts::time(html, evidence.made));
                parts::cell(html, &kind_word(evidence).to_uppercase());
                html.tag("td", &[], |html| {
                    html.leaf("span", &[("class", "uid")], evidence.sop_instance.as_str());
                    if *superseded {
                        html.text(" superseded by a newer one");
                    }
                });
                parts::cell(html, evidence.destination.as_str());
                html.tag("td", &[], |html| {
                    parts::state(html, delivery.as_ref().map_or("not sent", delivery_word));
                });
                let far = delivery.as_ref().map(delivery_detail).unwrap_or_default();
                html.tag("td", &[], |html| parts::words(html, &far));
                html.tag("td", &[], |html| {
                    html.tag("details", &[], |html| {
                        html.leaf("summary", &[], "Send again");
                        let to = format!("/deliveries/{}/resend", encoded(evidence.sop_instance.as_str()));
                        let buttons =
                            [Button { sends: ("order", "given"), says: "Send again", look: Look::Usual }];
                        let with = [("back", &*back)];
                        let order = Order { to: &to, with: &with, buttons: &buttons, needs: Role::Operate };
                        parts::order(html, person, &order);
                    });
                });
            });
        }
    });
}

fn write_receipts(html: &mut Html, whole: &Whole) {
    html.leaf("h2", &[], "How it came");
    let heads = ["From", "Address", "Called", "Objects", "First", "Last", "How it ended"];
    parts::table(html, "Receipts, by association", &heads, |html| {
        for Came { association, objects, first, last } in &whole.came {
            html.tag("tr", &[], |html| {
                let of = association.as_ref();
                html.leaf("th", &[("scope", "row")], of.map_or("unknown", |row| &*row.calling));
                parts::cell(html, of.map_or("", |row| &*row.address));
                parts::cell(html, &of.map(|row| row.called.to_string()).unwrap_or_default());
                html.leaf("td", &[("class", "number")], &objects.to_string());
                html.tag("td", &[], |html| parts::time(html, *first));
                html.tag("td", &[], |html| parts::time(html, *last));
                parts::cell(html, of.map_or("", ended));
            });
        }
    });
    let shown = &whole.shown;
    parts::table(html, "Series", &["Number", "Modality", "Description", "Objects", "UID"], |html| {
        for row in &shown.series {
            let objects =
                shown.objects.iter().filter(|object| object.series == row.uid && is_in_force(object));
            html.tag("tr", &[], |html| {
                html.leaf("th", &[("scope", "row")], &row.number);
                parts::cell(html, &row.modality);
                parts::cell(html, &row.description);
                html.leaf("td", &[("class", "number")], &objects.count().to_string());
                html.leaf("td", &[("class", "uid")], row.uid.as_str());
            });
        }
    });
    for standing in Standing::ALL.iter().filter(|standing| **standing != Standing::InForce) {
        let count = shown.objects.iter().filter(|object| object.standing == *standing).count();
        if 0 < count {
            let words = format!(
                "{count} revisions of objects are kept beside those in force: {}.",
                studies::standing(*standing)
            );
            html.leaf("p", &[("class", "card warn")], &words);
        }
    }
    let odd = [(shown.late.len(), "times an object came too late for a payload")];
    for (count, words) in odd.into_iter().filter(|(count, _)| 0 < *count) {
        html.leaf("p", &[("class", "card warn")], &format!("{count} {words}."));
    }
    for (deviation, count) in &whole.deviations {
        html.leaf("p", &[("class", "quiet long")], &format!("{deviation} ({count} objects)"));
    }
}

fn ended(row: &AssociationRow) -> &'static str {
    use gantry_ports::store::AssociationEnd;
    match row.ended {
        None => "not yet",
        Some((_, AssociationEnd::Released)) => "released",
        Some((_, AssociationEnd::Aborted)) => "aborted",
        Some((_, AssociationEnd::Lost)) => "lost with the server's process",
    }
}

fn write_trail(html: &mut Html, trail: &[Entry]) {
    html.leaf("h2", &[], "Audit trail");
    html.tag("details", &[], |html| {
        let (count, newest) = (trail.len(), if trail.len() == TRAIL { "newest " } else { "" });
        html.leaf("summary", &[], &format!("The {newest}{count} entries about it, newest first"));
        parts::table(html, "Audit trail", &["When", "Who", "What", "Of", "Detail"], |html| {
            for Entry { row, .. } in trail {
                html.tag("tr", &[], |html| {
                    html.tag("td", &[], |html| parts::time(html, row.at));
                    html.leaf("th", &[("scope", "row")], &row.actor);
                    html.leaf("td", &[("class", "time")], &row.action);
                    html.leaf("td", &[("class", "uid")], &row.subject);
                    html.leaf("td", &[("class", "long")], &row.detail);
                });
            }
        });
    });
}
