//! A publication.

use gantry_flow::{
    publication::{Effect, Stage, State},
    step::Step,
};
use gantry_types::{
    ids::{DestinationName, RunId, SiteId, TaskName},
    instant::Instant,
    uid::StudyInstanceUid,
};
use serde::{Deserialize, Serialize};

use super::StateError;
use crate::store::{MachineKey, MachineKind, MachineRow};

const WHAT: &str = "publication";

#[derive(Serialize, Deserialize)]
struct Form {
    stage: WireStage,
    troubles: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireStage {
    Queued { at: i64 },
    Published { at: i64, objects: u32 },
    Quarantined { at: i64, why: String },
}

/// What a publication is of, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationKey {
    /// The run.
    pub run: RunId,
    /// The task whose result it is.
    pub task: TaskName,
    /// The destination.
    pub destination: DestinationName,
}

/// The machine of a publication for a study.
#[must_use]
pub fn key(site: &SiteId, study: &StudyInstanceUid, publication: &PublicationKey) -> MachineKey {
    let PublicationKey { run, task, destination } = publication;
    MachineKey {
        site: site.clone(),
        kind: MachineKind::Publication,
        study: study.clone(),
        name: format!("{run} {task} {destination}"),
    }
}

/// What the machine's publication is of.
///
/// # Errors
/// [`StateError`].
pub fn of(key: &MachineKey) -> Result<PublicationKey, StateError> {
    let words: Vec<&str> = key.name.split(' ').collect();
    match *words {
        [run, task, destination] => Ok(PublicationKey {
            run: super::name(WHAT, run)?,
            task: super::name(WHAT, task)?,
            destination: super::name(WHAT, destination)?,
        }),
        _ => Err(StateError::Value { what: WHAT, value: key.name.clone() }),
    }
}

/// The row of a state, in this version.
#[must_use]
pub fn row(key: MachineKey, step: &Step<State, Effect>, version: u64) -> MachineRow {
    let person = match step.state.stage {
        Stage::Quarantined { at, .. } => Some(at),
        Stage::Queued { .. } | Stage::Published { .. } => None,
    };
    let due = super::due(&step.timers);
    MachineRow { key, version, state: encode(&step.state), due, offered: None, person }
}

/// The state in a row.
///
/// # Errors
/// [`StateError`].
pub fn state(row: &MachineRow) -> Result<State, StateError> {
    decode(&row.state)
}

fn encode(state: &State) -> String {
    let stage = match &state.stage {
        Stage::Queued { at } => WireStage::Queued { at: at.0 },
        Stage::Published { at, objects } => WireStage::Published { at: at.0, objects: *objects },
        Stage::Quarantined { at, why } => WireStage::Quarantined { at: at.0, why: why.clone() },
    };
    super::write(&Form { stage, troubles: state.troubles })
}

fn decode(text: &str) -> Result<State, StateError> {
    let form: Form = super::read(WHAT, text)?;
    let stage = match form.stage {
        WireStage::Queued { at } => Stage::Queued { at: Instant(at) },
        WireStage::Published { at, objects } => Stage::Published { at: Instant(at), objects },
        WireStage::Quarantined { at, why } => Stage::Quarantined { at: Instant(at), why },
    };
    Ok(State { stage, troubles: form.troubles })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_read_back() {
        for stage in [
            Stage::Queued { at: Instant(-1) },
            Stage::Published { at: Instant(2), objects: 3 },
            Stage::Quarantined { at: Instant(i64::MAX), why: "\"ä\"\n".to_owned() },
        ] {
            let step = Step { state: State { stage, troubles: 4 }, effects: Vec::new(), timers: Vec::new() };
            let publication = PublicationKey {
                run: "1a".parse().unwrap(),
                task: "lungs".parse().unwrap(),
                destination: "pacs".parse().unwrap(),
            };
            let study = StudyInstanceUid::parse("1.2").unwrap();
            let mut row = row(super::key(&"site".parse().unwrap(), &study, &publication), &step, 3);
            assert_eq!(super::state(&row).unwrap(), step.state);
            assert_eq!(of(&row.key).unwrap(), publication);
            row.state.clear();
            row.key.name = "x".to_owned();
            assert!(super::state(&row).is_err() && of(&row.key).is_err());
        }
    }
}
