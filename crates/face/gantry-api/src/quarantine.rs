//! What was stopped and waits for a person, and why (DL3): evidence that a gate did not let out, deliveries that were
//! refused, runs that failed, studies that are held.

use gantry_flow::{case, run};
use gantry_ports::{
    state::{self, StateError},
    store::{MachineKind, MachineRow},
};
use serde_json::{Value, json};

use crate::{
    story::{delivery_detail, publication_words, task_words},
    view::{View, ViewError},
};

/// More than a person looks through.
pub(crate) const LISTED_MAX: usize = 10_000;

/// All that waits, the longest waiting first.
///
/// # Errors
/// [`ViewError::Store`].
pub fn waiting(view: &View) -> Result<Vec<MachineRow>, ViewError> {
    Ok(view.cases.waiting_for_person(&view.site, LISTED_MAX)?)
}

/// The document of what waits.
#[must_use]
pub fn list_json(rows: &[MachineRow]) -> Value {
    let one = |row: &MachineRow| {
        json!({
            "what": name(row),
            "kind": kind(row),
            "study": row.key.study.as_str(),
            "since": row.person.map(|since| since.to_string()),
            "why": why(row),
        })
    };
    json!({ "quarantine": rows.iter().map(one).collect::<Vec<_>>() })
}

/// What `retry` calls it: spaces part words on a command line, and none of the parts can hold a slash.
#[must_use]
pub fn name(row: &MachineRow) -> String {
    match row.key.kind {
        MachineKind::Case => format!("{}/{}", row.key.study, row.key.name),
        MachineKind::Run | MachineKind::Delivery | MachineKind::Publication => row.key.name.replace(' ', "/"),
    }
}

/// What kind of thing it is.
#[must_use]
pub fn kind(row: &MachineRow) -> &'static str {
    match row.key.kind {
        MachineKind::Case => "study",
        MachineKind::Run => "run",
        MachineKind::Delivery => "delivery",
        MachineKind::Publication => "evidence",
    }
}

/// Why it waits. What cannot be read is said too: one such row must not hide the others.
#[must_use]
pub fn why(row: &MachineRow) -> String {
    let told = || -> Result<String, StateError> {
        Ok(match row.key.kind {
            MachineKind::Delivery => delivery_detail(&state::delivery::state(row)?),
            MachineKind::Publication => publication_words(&state::publication::state(row)?),
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
        case::Stage::Frozen { ordinal, amendment: case::Amendment::Contested(at), .. } => {
            format!("held since {at}: an object of payload {ordinal} came again and shows something else")
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
