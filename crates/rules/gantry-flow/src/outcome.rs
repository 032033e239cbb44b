//! The one outcome that a case has for a workflow and ordinal (DC1): what the case says until its payload is frozen,
//! what the run says from then on.

use alloc::string::String;

use gantry_types::{findings::JudgedClause, ids::TaskName, instant::Instant};

use crate::{
    case,
    names::{Actor, InputName},
    run,
};

/// The outcome of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The workflow does not apply.
    NotMatched {
        /// By these clauses.
        clauses: &'a [JudgedClause],
    },
    /// It applies and is not ready.
    Waiting {
        /// Inputs that have nothing.
        missing: &'a [InputName],
        /// How many objects are there.
        objects: u64,
        /// When it is decided, if nothing more comes.
        until: Option<Instant>,
    },
    /// A person must decide whether it is to run.
    Held(&'a case::HeldWhy),
    /// The workflow gave it up.
    Expired {
        /// When.
        at: Instant,
    },
    /// Somebody did not want it.
    Cancelled {
        /// Who.
        by: &'a Actor,
    },
    /// The run is under way.
    Running,
    /// The run gave a result.
    Ran,
    /// An application declined.
    Declined {
        /// Which task.
        task: &'a TaskName,
        /// By these clauses.
        clauses: &'a [JudgedClause],
    },
    /// A task failed.
    Failed {
        /// Which.
        task: &'a TaskName,
        /// Stable code and sentence of the last attempt.
        error: Option<(&'a String, &'a String)>,
        /// How many attempts failed or were lost.
        attempts: u32,
    },
}

/// The outcome of a case whose payload, if it is frozen, became `run`.
#[must_use]
pub fn outcome<'a>(case: &'a case::State, run: Option<&'a run::State>) -> Outcome<'a> {
    match &case.stage {
        case::Stage::NotMatched { clauses } => Outcome::NotMatched { clauses },
        case::Stage::Waiting { missing, selected, until, .. } => {
            Outcome::Waiting { missing, objects: case::objects(selected), until: *until }
        }
        case::Stage::Held { why, .. } => Outcome::Held(why),
        case::Stage::Expired { at, .. } => Outcome::Expired { at: *at },
        case::Stage::Cancelled { by, .. } => Outcome::Cancelled { by },
        case::Stage::Frozen { .. } => run.map_or(Outcome::Running, of_run),
    }
}

fn of_run(run: &run::State) -> Outcome<'_> {
    let Some(ended) = run.outcome() else { return Outcome::Running };
    // The first task that decided; `run::State::outcome` says that there is one, so `Ran` stands for itself.
    let deciding = run.tasks.iter().find_map(|(task, state)| match (ended, &state.stage) {
        (run::Outcome::Failed, run::Stage::Failed { .. }) => {
            let error = state.last_error.as_ref().map(|error| (&error.code, &error.sentence));
            let attempts = state.failures.saturating_add(state.losses);
            Some(Outcome::Failed { task, error, attempts })
        }
        (run::Outcome::Cancelled, run::Stage::Cancelled { by, .. }) => Some(Outcome::Cancelled { by }),
        (run::Outcome::Declined, run::Stage::Declined { clauses, .. }) => {
            Some(Outcome::Declined { task, clauses })
        }
        (
            run::Outcome::Ran | run::Outcome::Failed | run::Outcome::Cancelled | run::Outcome::Declined,
            run::Stage::Blocked
            | run::Stage::Queued { .. }
            | run::Stage::Leased { .. }
            | run::Stage::Backoff { .. }
            | run::Stage::Ran { .. }
            | run::Stage::Declined { .. }
            | run::Stage::Failed { .. }
            | run::Stage::Cancelled { .. }
            | run::Stage::Skipped { .. },
        ) => None,
    });
    deciding.unwrap_or(Outcome::Ran)
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};
    use core::time::Duration;

    use expect_test::expect;
    use gantry_types::{ids::TaskName, uid::StudyInstanceUid};

    use super::*;
    use crate::{
        names::{CaseKey, Subject},
        run::{AttemptResult, Event, Failure, Plan, Remedy, Retry, TaskPlan},
        step::{Fence, Lane},
    };

    #[test]
    fn dc1_a_frozen_case_has_the_outcome_of_its_run() {
        let now = Instant(0);
        let key =
            CaseKey::Study { site: "site".parse().unwrap(), study: StudyInstanceUid::parse("1").unwrap() };
        let mut case = case::State::new(Subject { case: key, workflow: "chest-ct".parse().unwrap() });
        let mut lines = String::new();
        lines += &format!("{:?}\n", outcome(&case, None));
        case.stage = case::Stage::Frozen {
            ordinal: 1,
            signal: case::Signal::Quiet,
            at: now,
            selected: case::Selection::new(),
            late: Default::default(),
            amendment: case::Amendment::None,
            ignored: 0,
            amended: 0,
        };
        lines += &format!("{:?}\n", outcome(&case, None));
        let task: TaskName = "lungs".parse().unwrap();
        let retry = Retry { attempts: 1, backoff: Duration::from_secs(1) };
        let plan = TaskPlan { name: task.clone(), after: vec![], timeout: Duration::from_secs(60), retry };
        let plan = Plan::new(vec![plan]).unwrap();
        let begun = run::begin(&plan, "run-1".parse().unwrap(), Lane::Routine, now).state;
        lines += &format!("{:?}\n", outcome(&case, Some(&begun)));
        let node = "node-a".parse().unwrap();
        let claimed = Event::Claimed { task: task.clone(), node, lease: Duration::from_secs(10) };
        let leased = run::step(&plan, &begun, claimed, now).state;
        let failure = Failure { code: "worker/crashed".into(), sentence: "signal 11".into() };
        for result in [
            AttemptResult::Ran { result: gantry_types::digest::Digest([0; 32]) },
            AttemptResult::Declined { clauses: vec![] },
            AttemptResult::Failed { failure, remedy: Remedy::Retry },
        ] {
            let finished = Event::Finished { task: task.clone(), fence: Fence(1), result };
            let ended = run::step(&plan, &leased, finished, now).state;
            lines += &format!("{:?}\n", outcome(&case, Some(&ended)));
        }
        let cancelled = run::step(&plan, &leased, Event::Cancel { by: "anna".into() }, now).state;
        lines += &format!("{:?}\n", outcome(&case, Some(&cancelled)));
        expect![[r#"
            NotMatched { clauses: [] }
            Running
            Running
            Ran
            Declined { task: TaskName("lungs"), clauses: [] }
            Failed { task: TaskName("lungs"), error: Some(("worker/crashed", "signal 11")), attempts: 1 }
            Cancelled { by: Actor("anna") }
        "#]]
        .assert_eq(&lines);
    }
}
