//! A run.

use std::collections::BTreeMap;

use gantry_flow::{
    names::Actor,
    run::{Effect, Failure, Stage, State, Task},
    step::{Fence, Step},
};
use gantry_types::{
    digest::Digest,
    ids::{RunId, SiteId},
    instant::Instant,
    uid::StudyInstanceUid,
};
use serde::{Deserialize, Serialize};

use super::{StateError, WireLane};
use crate::{
    job::wire::Clause,
    store::{MachineKey, MachineKind, MachineRow, Offer},
};

const WHAT: &str = "run";

#[derive(Serialize, Deserialize)]
struct Form {
    lane: WireLane,
    tasks: BTreeMap<String, WireTask>,
}

#[derive(Serialize, Deserialize)]
struct WireTask {
    stage: WireStage,
    fence: u64,
    failures: u32,
    losses: u32,
    last_error: Option<WireFailure>,
}

#[derive(Serialize, Deserialize)]
struct WireFailure {
    code: String,
    sentence: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireStage {
    Blocked,
    Queued { since: i64 },
    Leased { node: String, began: i64, lease_until: i64, deadline: i64 },
    Backoff { until: i64 },
    Ran { result: String, at: i64 },
    Declined { clauses: Vec<Clause>, at: i64 },
    Failed { at: i64 },
    Cancelled { by: String, at: i64 },
    Skipped { because: String, at: i64 },
}

/// The machine of a run of a study.
#[must_use]
pub fn key(site: &SiteId, study: &StudyInstanceUid, run: &RunId) -> MachineKey {
    MachineKey { site: site.clone(), kind: MachineKind::Run, study: study.clone(), name: run.to_string() }
}

/// The row of a state, in this version. It is offered as long as a task waits to be claimed, and waits for a person once
/// it has failed.
#[must_use]
pub fn row(key: MachineKey, step: &Step<State, Effect>, version: u64) -> MachineRow {
    let since = |task: &Task| match task.stage {
        Stage::Queued { since } => Some(since),
        Stage::Blocked
        | Stage::Leased { .. }
        | Stage::Backoff { .. }
        | Stage::Ran { .. }
        | Stage::Declined { .. }
        | Stage::Failed { .. }
        | Stage::Cancelled { .. }
        | Stage::Skipped { .. } => None,
    };
    let offered = step.state.tasks.values().filter_map(since).min();
    let failed = |task: &Task| match task.stage {
        Stage::Failed { at } => Some(at),
        Stage::Blocked
        | Stage::Queued { .. }
        | Stage::Leased { .. }
        | Stage::Backoff { .. }
        | Stage::Ran { .. }
        | Stage::Declined { .. }
        | Stage::Cancelled { .. }
        | Stage::Skipped { .. } => None,
    };
    let person = step.state.outcome().and_then(|_| step.state.tasks.values().filter_map(failed).min());
    MachineRow {
        key,
        version,
        state: encode(&step.state),
        due: super::due(&step.timers),
        offered: offered.map(|since| Offer { lane: step.state.lane, since }),
        person,
    }
}

/// The state in a row.
///
/// # Errors
/// [`StateError`].
pub fn state(row: &MachineRow) -> Result<State, StateError> {
    decode(&row.state, super::name(WHAT, &row.key.name)?)
}

fn encode(state: &State) -> String {
    let task = |task: &Task| WireTask {
        stage: stage(&task.stage),
        fence: task.fence.0,
        failures: task.failures,
        losses: task.losses,
        last_error: task
            .last_error
            .as_ref()
            .map(|error| WireFailure { code: error.code.clone(), sentence: error.sentence.clone() }),
    };
    let tasks = state.tasks.iter().map(|(name, one)| (name.to_string(), task(one))).collect();
    super::write(&Form { lane: state.lane.into(), tasks })
}

fn stage(stage: &Stage) -> WireStage {
    match stage {
        Stage::Blocked => WireStage::Blocked,
        Stage::Queued { since } => WireStage::Queued { since: since.0 },
        Stage::Leased { node, began, lease_until, deadline } => WireStage::Leased {
            node: node.to_string(),
            began: began.0,
            lease_until: lease_until.0,
            deadline: deadline.0,
        },
        Stage::Backoff { until } => WireStage::Backoff { until: until.0 },
        Stage::Ran { result, at } => WireStage::Ran { result: result.to_string(), at: at.0 },
        Stage::Declined { clauses, at } => {
            WireStage::Declined { clauses: clauses.iter().map(Clause::from).collect(), at: at.0 }
        }
        Stage::Failed { at } => WireStage::Failed { at: at.0 },
        Stage::Cancelled { by, at } => WireStage::Cancelled { by: by.to_string(), at: at.0 },
        Stage::Skipped { because, at } => WireStage::Skipped { because: because.to_string(), at: at.0 },
    }
}

fn decode(text: &str, id: RunId) -> Result<State, StateError> {
    let form: Form = super::read(WHAT, text)?;
    let task = |(name, task): (String, WireTask)| {
        let last_error = task.last_error.map(|error| Failure { code: error.code, sentence: error.sentence });
        let task = Task {
            stage: stage_back(task.stage)?,
            fence: Fence(task.fence),
            failures: task.failures,
            losses: task.losses,
            last_error,
        };
        Ok((super::name(WHAT, &name)?, task))
    };
    let tasks = form.tasks.into_iter().map(task).collect::<Result<_, StateError>>()?;
    Ok(State { id, lane: form.lane.into(), tasks })
}

fn stage_back(stage: WireStage) -> Result<Stage, StateError> {
    Ok(match stage {
        WireStage::Blocked => Stage::Blocked,
        WireStage::Queued { since } => Stage::Queued { since: Instant(since) },
        WireStage::Leased { node, began, lease_until, deadline } => Stage::Leased {
            node: super::name(WHAT, &node)?,
            began: Instant(began),
            lease_until: Instant(lease_until),
            deadline: Instant(deadline),
        },
        WireStage::Backoff { until } => Stage::Backoff { until: Instant(until) },
        WireStage::Ran { result, at } => {
            let digest = Digest::parse(&result);
            let result = digest.ok_or(StateError::Value { what: WHAT, value: result })?;
            Stage::Ran { result, at: Instant(at) }
        }
        WireStage::Declined { clauses, at } => {
            Stage::Declined { clauses: clauses.into_iter().map(Into::into).collect(), at: Instant(at) }
        }
        WireStage::Failed { at } => Stage::Failed { at: Instant(at) },
        WireStage::Cancelled { by, at } => Stage::Cancelled { by: Actor::from(&*by), at: Instant(at) },
        WireStage::Skipped { because, at } => {
            Stage::Skipped { because: super::name(WHAT, &because)?, at: Instant(at) }
        }
    })
}

#[cfg(test)]
mod tests {
    use gantry_flow::step::Lane;

    use super::*;

    #[test]
    fn every_stage_is_read_back() {
        let (id, at): (RunId, Instant) = ("run-1".parse().unwrap(), Instant(7));
        let leased = Stage::Leased {
            node: "node-a".parse().unwrap(),
            began: at,
            lease_until: Instant(8),
            deadline: Instant(9),
        };
        for (lane, stage) in [
            (Lane::Urgent, Stage::Blocked),
            (Lane::Routine, Stage::Queued { since: at }),
            (Lane::Background, leased),
            (Lane::Routine, Stage::Backoff { until: at }),
            (Lane::Routine, Stage::Ran { result: Digest([9; 32]), at }),
            (Lane::Routine, Stage::Declined { clauses: vec![], at }),
            (Lane::Routine, Stage::Failed { at }),
            (Lane::Routine, Stage::Cancelled { by: Actor::from("anna"), at }),
            (Lane::Routine, Stage::Skipped { because: "lungs".parse().unwrap(), at }),
        ] {
            let task = Task {
                stage,
                fence: Fence(3),
                failures: 2,
                losses: 1,
                last_error: Some(Failure { code: "work/crashed".into(), sentence: "signal 11".into() }),
            };
            let tasks = BTreeMap::from([("lungs".parse().unwrap(), task)]);
            let state = State { id: id.clone(), lane, tasks };
            let offer = matches!(state.tasks.values().next().unwrap().stage, Stage::Queued { .. })
                .then_some(Offer { lane, since: at });
            let step = Step { state, effects: Vec::new(), timers: Vec::new() };
            let study = StudyInstanceUid::parse("1.2").unwrap();
            let mut row = row(key(&"site".parse().unwrap(), &study, &id), &step, 3);
            assert_eq!(super::state(&row).unwrap(), step.state);
            assert_eq!(row.offered, offer);
            row.state.clear();
            assert!(super::state(&row).is_err());
        }
    }
}
