//! `gantry quarantine`: what was stopped before or on its way out, why, and trying again (DL3).

use gantry_api::story::{delivery_detail, publication_words};
use gantry_flow::{
    names::Actor,
    publication::{Event, step},
};
use gantry_ports::{
    state::{delivery as delivery_form, publication as form},
    store::{AuditRow, Change, CommitError, Expectation, MachineKind, MachineRow, Row},
};
use serde_json::{Value, json};

use super::delivery::{quarantined, send_anew};
use crate::{
    cli::{Listing, Quarantine},
    node::{Access, Node},
    report::{Exit, Failure, broken, print, say},
};

/// `gantry quarantine`.
pub(crate) fn run(command: &Quarantine) -> Result<(), Failure> {
    match command {
        Quarantine::List(listing) => list(listing),
        Quarantine::Retry { listing, what } => retry(listing, what),
    }
}

/// One thing in quarantine, for people.
struct Held {
    /// What `retry` calls it.
    name: String,
    /// What it is.
    kind: &'static str,
    why: String,
}

fn held(row: &MachineRow) -> Result<Held, Failure> {
    // Spaces part words on a command line; none of the parts can hold a slash.
    let name = row.key.name.replace(' ', "/");
    Ok(match row.key.kind {
        MachineKind::Delivery => {
            let state = delivery_form::state(row).map_err(broken)?;
            Held { name, kind: "delivery", why: delivery_detail(&state) }
        }
        MachineKind::Publication | MachineKind::Case | MachineKind::Run => {
            let state = form::state(row).map_err(broken)?;
            Held { name, kind: "evidence", why: publication_words(&state) }
        }
    })
}

fn list(listing: &Listing) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let mut rows = Vec::new();
    for row in quarantined(&node)? {
        rows.push((held(&row)?, row));
    }
    if listing.json {
        let all: Vec<Value> = rows
            .iter()
            .map(|(held, row)| {
                json!({
                    "what": held.name,
                    "kind": held.kind,
                    "study": row.key.study.as_str(),
                    "since": row.person.map(|since| since.to_string()),
                    "why": held.why,
                })
            })
            .collect();
        return print(&json!({ "quarantine": all }).to_string());
    }
    if rows.is_empty() {
        say("nothing is in quarantine");
        return Ok(());
    }
    for (held, row) in rows {
        print(&format!("{} {}", held.kind, held.name))?;
        print(&format!("  study  {}", row.key.study))?;
        print(&format!("  why    {}", held.why))?;
        print(&format!("  retry  gantry quarantine retry --data {} {}", listing.data.display(), held.name))?;
    }
    Ok(())
}

fn retry(listing: &Listing, what: &str) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let rows = quarantined(&node)?;
    let named: Vec<&MachineRow> =
        rows.iter().filter(|row| what == "all" || row.key.name.replace(' ', "/") == what).collect();
    if named.is_empty() {
        let sentence = format!("nothing in quarantine is called `{what}`");
        return Err(Failure::new(Exit::NotFound, "quarantine/unknown", sentence)
            .hint("`gantry quarantine list` shows what is; `all` means all of it"));
    }
    for row in &named {
        match row.key.kind {
            MachineKind::Delivery => send_anew(&node, row)?,
            MachineKind::Publication | MachineKind::Case | MachineKind::Run => publish_anew(&node, row)?,
        }
    }
    if listing.json {
        let names: Vec<String> = named.iter().map(|row| row.key.name.replace(' ', "/")).collect();
        return print(&json!({ "retried": names }).to_string());
    }
    print(&format!("{} are tried again", named.len()))
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
