//! `gantry delivery`: what went where, and sending it once more.

use gantry_api::{deliveries, story::delivery_word};
use gantry_flow::{
    delivery::{Event, step},
    names::Actor,
};
use gantry_ports::{
    definitions,
    state::delivery as form,
    store::{AuditRow, Change, CommitError, DocumentKind, Expectation, MachineRow, Row},
};
use gantry_types::uid::SopInstanceUid;
use serde_json::{Value, json};

use crate::{
    cli::{Delivery, Listing},
    commands::rows,
    node::{Access, Node},
    report::{Exit, Failure, broken, print, say, unreadable},
};

/// `gantry delivery`.
pub(crate) fn run(command: &Delivery) -> Result<(), Failure> {
    match command {
        Delivery::List { listing, count } => list(listing, *count),
        Delivery::Resend { listing, object, destination } => {
            let node = Node::open(&listing.data, Access::Read)?;
            let row = machine_of(&node, object, destination.as_deref())?;
            let state = form::state(&row).map_err(broken)?;
            send_anew(&node, &row)?;
            let sent = [json!({
                "sopInstance": state.key.sop_instance.as_str(),
                "destination": state.key.destination.as_str(),
            })];
            if listing.json {
                return print(&json!({ "resent": sent }).to_string());
            }
            print(&format!("{} deliveries are queued again: the same bytes, the same UID", sent.len()))
        }
    }
}

/// The delivery of an object.
fn machine_of(node: &Node, object: &str, destination: Option<&str>) -> Result<MachineRow, Failure> {
    let unknown = || {
        let sentence = format!("Gantry made no object `{object}`");
        Failure::new(Exit::NotFound, "delivery/unknown", sentence)
            .hint("`gantry delivery list` shows the newest")
    };
    let uid = SopInstanceUid::from_peer(object).ok_or_else(unknown)?;
    let evidence = node.runs.evidence(&node.site, &uid).map_err(unreadable)?.ok_or_else(unknown)?;
    let row = deliveries::of_evidence(&node.view(), &evidence)?;
    row.filter(|_| destination.is_none_or(|named| evidence.destination.as_str() == named)).ok_or_else(|| {
        let sentence = match destination {
            Some(named) => format!("object {object} does not go to a destination `{named}`"),
            None => format!("object {object} goes nowhere"),
        };
        Failure::new(Exit::NotFound, "delivery/unknown", sentence)
    })
}

/// Has an object sent once more: what was stored, under its UID.
pub(crate) fn send_anew(node: &Node, row: &MachineRow) -> Result<(), Failure> {
    let state = form::state(row).map_err(broken)?;
    let document = node
        .definitions
        .newest_documents(&node.site, DocumentKind::Destination)
        .map_err(unreadable)?
        .into_iter()
        .find(|document| document.name == state.key.destination.as_str());
    // How patient it is later, its destination says; to queue it no rule is asked.
    let rules = match document.as_ref().map(definitions::body) {
        Some(Ok(gantry_definition::document::Body::Destination(destination))) => destination.rules,
        Some(_) | None => gantry_flow::delivery::Rules::default(),
    };
    let now = node.outside.clock.now();
    let step = step(&rules, &state, Event::Send { by: Actor::from("command") }, now);
    if step.state == state {
        return Ok(()); // it is on its way already
    }
    let change = Change {
        expect: vec![Expectation::Machine { key: row.key.clone(), version: row.version }],
        rows: vec![Row::Machine(form::row(row.key.clone(), &step, row.version + 1))],
        audit: vec![AuditRow {
            at: now,
            actor: "command".to_owned(),
            action: "delivery/sent-anew".to_owned(),
            subject: state.key.sop_instance.to_string(),
            detail: format!("to {}, was {}", state.key.destination, delivery_word(&state)),
        }],
    };
    match node.outside.store.commit(&change) {
        Ok(_) => Ok(()),
        Err(CommitError::Conflict(_)) => {
            let sentence = "the delivery went on at the same time: nothing was changed";
            Err(Failure::new(Exit::Failed, "delivery/conflict", sentence).hint("look at it, and try again"))
        }
        Err(CommitError::Store(error)) => Err(Failure::unexpected("store/unwritable", &error)),
    }
}

fn list(listing: &Listing, count: usize) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let document = deliveries::list(&node.view(), count)?;
    if listing.json {
        return print(&document.to_string());
    }
    let all = rows(&document, "deliveries");
    if all.is_empty() {
        say("there are no deliveries yet");
        return Ok(());
    }
    print(&format!("{:<4}  {:<12}  {:<11}  {:<60}  object", "kind", "destination", "state", "detail"))?;
    all.iter().try_for_each(|row| {
        let cell = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        print(&format!(
            "{:<4}  {:<12}  {:<11}  {:<60}  {}",
            cell("kind"),
            cell("destination"),
            cell("state"),
            cell("detail"),
            cell("sopInstance")
        ))
    })
}
