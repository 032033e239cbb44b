//! Destinations: where results go, what waits for each, and what went wrong last.

use std::collections::BTreeMap;

use gantry_definition::document::{Body, Destination};
use gantry_flow::delivery;
use gantry_ports::{
    definitions, state,
    store::{DocumentKind, MachineKind, MachineRow},
};
use gantry_types::instant::Instant;
use serde_json::{Value, json};

use crate::{
    deliveries, metrics, quarantine,
    story::delivery_word,
    view::{View, ViewError},
};

/// Of how many of the newest objects it is looked up what arrived last.
const RECENT: usize = 200;

/// A destination with its queue.
#[derive(Default)]
pub struct Queue {
    /// What its document says; nothing if there is none any more, or it cannot be read.
    pub document: Option<Destination>,
    /// Unfinished deliveries and those in quarantine, by state.
    pub counts: BTreeMap<&'static str, usize>,
    /// Since when the oldest of those that were not sent waits.
    pub oldest: Option<Instant>,
    /// What went wrong with one that is not sent yet.
    pub error: Option<String>,
    /// When something was sent last, of what was made last.
    pub sent: Option<Instant>,
}

impl Queue {
    /// How many have not been sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let unsent = ["queued", "sending", "retrying"];
        unsent.iter().filter_map(|word| self.counts.get(word)).sum()
    }

    fn take(&mut self, state: &delivery::State) {
        *self.counts.entry(delivery_word(state)).or_default() += 1;
        match &state.stage {
            delivery::Stage::Retrying { why, .. } => {
                self.error = Some(why.to_string());
                self.waits_since(state.since);
            }
            delivery::Stage::Queued | delivery::Stage::Sending { .. } => self.waits_since(state.since),
            delivery::Stage::Quarantined { why, .. } => {
                self.error.get_or_insert_with(|| why.to_string());
            }
            delivery::Stage::Sent { .. }
            | delivery::Stage::Confirming { .. }
            | delivery::Stage::Confirmed { .. } => {}
        }
    }

    fn waits_since(&mut self, since: Instant) {
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
    }
}

/// All destinations by name: those that have a document, and those that something waits for.
///
/// # Errors
/// [`ViewError::Store`].
pub fn all(view: &View) -> Result<BTreeMap<String, Queue>, ViewError> {
    let mut queues: BTreeMap<String, Queue> = BTreeMap::new();
    for row in view.definitions.newest_documents(&view.site, DocumentKind::Destination)? {
        let document = match definitions::body(&row) {
            Ok(Body::Destination(destination)) => Some(destination),
            Ok(Body::Workflow(_) | Body::Source(_) | Body::Door(_)) | Err(_) => None,
        };
        queues.insert(row.name, Queue { document, ..Queue::default() });
    }
    let mut rows: BTreeMap<_, MachineRow> = metrics::live(view, MachineKind::Delivery)?;
    let stopped = quarantine::waiting(view)?.into_iter();
    let stopped = stopped.filter(|row| row.key.kind == MachineKind::Delivery);
    rows.extend(stopped.map(|row| (row.key.clone(), row)));
    // What another version left cannot be told; the metrics count it.
    for state in rows.values().filter_map(|row| state::delivery::state(row).ok()) {
        queues.entry(state.key.destination.to_string()).or_default().take(&state);
    }
    for evidence in view.runs.newest_evidence(&view.site, RECENT)? {
        let Some(queue) = queues.get_mut(evidence.destination.as_str()) else { continue };
        let Some(row) = deliveries::of_evidence(view, &evidence)? else { continue };
        if let Ok(state) = state::delivery::state(&row)
            && let Some(at) = sent(&state)
        {
            queue.sent = queue.sent.max(Some(at));
        }
    }
    Ok(queues)
}

fn sent(state: &delivery::State) -> Option<Instant> {
    match state.stage {
        delivery::Stage::Sent { at, .. } => Some(at),
        delivery::Stage::Confirming { sent, .. } | delivery::Stage::Confirmed { sent, .. } => Some(sent),
        delivery::Stage::Queued
        | delivery::Stage::Sending { .. }
        | delivery::Stage::Retrying { .. }
        | delivery::Stage::Quarantined { .. } => None,
    }
}

/// Their document.
#[must_use]
pub fn json(queues: &BTreeMap<String, Queue>) -> Value {
    let one = |(name, queue): (&String, &Queue)| {
        let document = queue.document.as_ref();
        json!({
            "name": name,
            "aeTitle": document.map(|document| document.ae_title.to_string()),
            "address": document.map(|document| document.address.to_string()),
            "class": document.map(|document| document.class.as_str()),
            "takes": document.map(kinds),
            "deliveries": queue.counts,
            "waitingSince": queue.oldest.map(|since| since.to_string()),
            "lastError": queue.error,
            "lastSent": queue.sent.map(|at| at.to_string()),
        })
    };
    json!({ "destinations": queues.iter().map(one).collect::<Vec<_>>() })
}

/// The kinds of evidence that a destination takes.
#[must_use]
pub fn kinds(destination: &Destination) -> Vec<&'static str> {
    destination.what.iter().map(|kind| kind.as_str()).collect()
}
