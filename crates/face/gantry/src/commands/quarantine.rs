//! `gantry quarantine`: what was stopped and waits for a person, why, and what can be done (DL3): evidence that a gate did
//! not let out, deliveries that were refused, runs that failed, studies that are held.

use gantry_api::story::{delivery_detail, publication_words, task_words};
use gantry_flow::{
    case,
    names::Actor,
    publication::{Event, step},
    run,
};
use gantry_ports::{
    state::{self, StateError, delivery as delivery_form, publication as form},
    store::{AuditRow, Change, CommitError, Expectation, MachineKind, MachineRow, Row},
};
use serde_json::{Value, json};

use super::delivery::send_anew;
use crate::{
    cli::{Listing, Quarantine},
    node::{Access, Node},
    report::{Exit, Failure, broken, print, say, unreadable},
    serving,
};

/// More than a person looks through.
const LISTED_MAX: usize = 10_000;

/// `gantry quarantine`.
pub(crate) fn run(command: &Quarantine) -> Result<(), Failure> {
    match command {
        Quarantine::List(listing) => list(listing),
        Quarantine::Retry { listing, what } => retry(listing, what),
    }
}

/// What `retry` calls it: spaces part words on a command line, and none of the parts can hold a slash.
fn name(row: &MachineRow) -> String {
    match row.key.kind {
        MachineKind::Case => format!("{}/{}", row.key.study, row.key.name),
        MachineKind::Run | MachineKind::Delivery | MachineKind::Publication => row.key.name.replace(' ', "/"),
    }
}

fn kind(row: &MachineRow) -> &'static str {
    match row.key.kind {
        MachineKind::Case => "study",
        MachineKind::Run => "run",
        MachineKind::Delivery => "delivery",
        MachineKind::Publication => "evidence",
    }
}

/// Why it waits. What cannot be read is said too: one such row must not hide the others.
fn why(row: &MachineRow) -> String {
    let told = || -> Result<String, StateError> {
        Ok(match row.key.kind {
            MachineKind::Delivery => delivery_detail(&delivery_form::state(row)?),
            MachineKind::Publication => publication_words(&form::state(row)?),
            MachineKind::Run => failed(&state::run::state(row)?),
            MachineKind::Case => held(&state::case::state(row)?),
        })
    };
    told().unwrap_or_else(|error| format!("{error}: it was written by another version of Gantry"))
}

fn failed(state: &run::State) -> String {
    let failed = state.tasks.iter().filter(|(_, task)| matches!(task.stage, run::Stage::Failed { .. }));
    failed.map(|(name, task)| format!("task {name}: {}", task_words(task))).collect::<Vec<_>>().join("; ")
}

fn held(state: &case::State) -> String {
    match &state.stage {
        case::Stage::Held { why: case::HeldWhy::MaxWait, at, .. } => {
            format!("held since {at}: the longest wait was over, and the workflow says to hold then")
        }
        case::Stage::Held { why: case::HeldWhy::Missing(missing), at, .. } => {
            let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
            format!("held since {at}: nothing is selected for {}", names.join(", "))
        }
        case::Stage::Held { why: case::HeldWhy::Contradiction(why), at, .. } => {
            format!("held since {at}: {why}")
        }
        case::Stage::Frozen { ordinal, amendment: case::Amendment::Asked(at), late, .. } => {
            let late: u32 = late.values().sum();
            format!(
                "held since {at}: {late} objects came too late for payload {ordinal}; --go runs anew with them, --skip \
                 ignores them"
            )
        }
        case::Stage::NotMatched { .. }
        | case::Stage::Waiting { .. }
        | case::Stage::Frozen { .. }
        | case::Stage::Expired { .. }
        | case::Stage::Cancelled { .. } => "its workflow cannot be read any more".to_owned(),
    }
}

/// The command that does something about it.
fn remedy(listing: &Listing, row: &MachineRow) -> String {
    let data = listing.data.display();
    match row.key.kind {
        MachineKind::Case => format!(
            "gantry study decide --data {data} {} --workflow {} --go|--skip --reason TEXT",
            row.key.study, row.key.name
        ),
        MachineKind::Run | MachineKind::Delivery | MachineKind::Publication => {
            format!("gantry quarantine retry --data {data} {}", name(row))
        }
    }
}

fn waiting(node: &Node) -> Result<Vec<MachineRow>, Failure> {
    node.cases.waiting_for_person(&node.site, LISTED_MAX).map_err(unreadable)
}

fn list(listing: &Listing) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let rows = waiting(&node)?;
    if listing.json {
        let one = |row: &MachineRow| {
            json!({
                "what": name(row),
                "kind": kind(row),
                "study": row.key.study.as_str(),
                "since": row.person.map(|since| since.to_string()),
                "why": why(row),
            })
        };
        let all: Vec<Value> = rows.iter().map(one).collect();
        return print(&json!({ "quarantine": all }).to_string());
    }
    if rows.is_empty() {
        say("nothing waits for a person");
        return Ok(());
    }
    for row in &rows {
        print(&format!("{} {}", kind(row), name(row)))?;
        print(&format!("  study  {}", row.key.study))?;
        print(&format!("  why    {}", why(row)))?;
        print(&format!("  do     {}", remedy(listing, row)))?;
    }
    Ok(())
}

fn retry(listing: &Listing, what: &str) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let rows = waiting(&node)?;
    let is_named = |row: &&MachineRow| match what {
        // Whether a held study is to run is a decision of its own.
        "all" => row.key.kind != MachineKind::Case,
        what => name(row) == what,
    };
    let named: Vec<&MachineRow> = rows.iter().filter(is_named).collect();
    if named.is_empty() {
        let sentence = format!("nothing that waits for a person is called `{what}`");
        return Err(Failure::new(Exit::NotFound, "quarantine/unknown", sentence)
            .hint("`gantry quarantine list` shows what does; `all` means all of it"));
    }
    let mut retried = Vec::new();
    for row in &named {
        match retry_one(&node, listing, row) {
            Ok(()) => retried.push(name(row)),
            Err(failure) if named.len() == 1 => return Err(failure),
            Err(failure) => say(&format!("warning: {} is left: {}", name(row), failure.sentence)),
        }
    }
    if listing.json {
        return print(&json!({ "retried": retried }).to_string());
    }
    print(&format!("{} are tried again", retried.len()))
}

fn retry_one(node: &Node, listing: &Listing, row: &MachineRow) -> Result<(), Failure> {
    match row.key.kind {
        MachineKind::Delivery => send_anew(node, row),
        MachineKind::Publication => publish_anew(node, row),
        MachineKind::Run => {
            let again = serving::conductor(node).try_again(row, &Actor::from("command"));
            match again {
                Ok(true) => Ok(()),
                Ok(false) => {
                    let sentence = format!("nothing of run {} has failed", row.key.name);
                    Err(Failure::new(Exit::Failed, "quarantine/nothing-failed", sentence))
                }
                Err(error) => Err(Failure::new(Exit::Failed, "quarantine/run", error.to_string())),
            }
        }
        MachineKind::Case => {
            let sentence = "whether a held study is to run is a decision";
            Err(Failure::new(Exit::Input, "quarantine/held", sentence).hint(remedy(listing, row)))
        }
    }
}

/// Has a result rendered and judged once more.
fn publish_anew(node: &Node, row: &MachineRow) -> Result<(), Failure> {
    let state = form::state(row).map_err(broken)?;
    let now = node.outside.clock.now();
    let step = step(&state, Event::Retry { by: Actor::from("command") }, now);
    let change = Change {
        expect: vec![Expectation::Machine { key: row.key.clone(), version: row.version }],
        rows: vec![Row::Machine(form::row(row.key.clone(), &step, row.version + 1))],
        audit: vec![AuditRow {
            at: now,
            actor: "command".to_owned(),
            action: "publication/retried".to_owned(),
            subject: row.key.name.clone(),
            detail: format!("was {}", publication_words(&state)),
        }],
    };
    match node.outside.store.commit(&change) {
        Ok(_) => Ok(()),
        Err(CommitError::Conflict(_)) => {
            let sentence = "it went on at the same time: nothing was changed";
            Err(Failure::new(Exit::Failed, "quarantine/conflict", sentence))
        }
        Err(CommitError::Store(error)) => Err(Failure::unexpected("store/unwritable", &error)),
    }
}
