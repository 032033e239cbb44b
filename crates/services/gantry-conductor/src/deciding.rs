//! What a person decides: about a case that is held or waits, and about a run that has failed.

use gantry_flow::{
    case::{self, step},
    names::{Actor, CaseKey, Subject, WorkflowName},
    run,
};
use gantry_ports::{
    state::{case as form, run as run_form},
    store::{Change, DocumentKind, Expectation, MachineKind, MachineRow, Row},
};
use gantry_types::uid::StudyInstanceUid;

use crate::{
    conductor::{Conductor, TurnError, chain},
    revising::Use,
    workflows::Workflows,
};

/// A decision about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Run with what is there now.
    Go,
    /// Do not run.
    Skip,
    /// Run once more with what is there now: a new run, whose evidence replaces the earlier.
    Again,
    /// Of objects that contradict each other, use these.
    Use(Use),
}

impl Decision {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Go, Self::Skip, Self::Again, Self::Use(Use::First), Self::Use(Use::Newest)];

    /// As machines say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Skip => "skip",
            Self::Again => "again",
            Self::Use(Use::First) => "use-first",
            Self::Use(Use::Newest) => "use-newest",
        }
    }

    /// The decision of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|decision| decision.as_str() == word)
    }
}

/// Why a decision changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such workflow.
    #[error("there is no workflow `{0}`")]
    UnknownWorkflow(String),
    /// There is no such study.
    #[error("there is no study {0}")]
    UnknownStudy(String),
    /// It does not apply to the case as it is: it was frozen already, inputs are missing, or it contradicts itself.
    #[error("the study is {0}: the decision does not apply to that")]
    DoesNotApply(&'static str),
    /// No object that the workflow selects is contested.
    #[error("no object that the workflow selects contradicts another: there is nothing to choose between")]
    NoConflict,
    /// Something came in between.
    #[error("the study changed at the same time: nothing was decided")]
    Changed,
    /// It could not be read or written.
    #[error("{0}")]
    Failed(String),
}

impl From<TurnError> for DecideError {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Changed => Self::Changed,
            TurnError::Store(_) | TurnError::State(_) | TurnError::Facts(_) | TurnError::Impossible(_) => {
                Self::Failed(chain(&error))
            }
        }
    }
}

impl Conductor {
    /// Decides about a study for one workflow. Who and why go into the audit trail.
    ///
    /// # Errors
    /// [`DecideError`]; then nothing was changed.
    pub fn decide(
        &self,
        study: &StudyInstanceUid,
        workflow: &WorkflowName,
        decision: Decision,
        by: &Actor,
        reason: &str,
    ) -> Result<(), DecideError> {
        let failed = |error: gantry_ports::store::StoreError| DecideError::from(TurnError::from(error));
        let site = &self.settings.site;
        let unknown = || DecideError::UnknownWorkflow(workflow.to_string());
        let rows = self.outside.definitions.newest_documents(site, DocumentKind::Workflow).map_err(failed)?;
        let workflows = Workflows::of(&rows);
        let pinned = workflows.live.iter().find(|pinned| pinned.workflow.name == *workflow);
        let pinned = pinned.ok_or_else(unknown)?;
        let mark = self.outside.cases.mark(site, study).map_err(failed)?;
        let row = self.outside.intake.study(site, study).map_err(failed)?;
        let known = self.know(row.ok_or_else(|| DecideError::UnknownStudy(study.to_string()))?)?;
        let subject = Subject {
            case: CaseKey::Study { site: site.clone(), study: study.clone() },
            workflow: workflow.clone(),
        };
        let key = form::key(&subject);
        let machine = self.outside.cases.machine(&key).map_err(failed)?;
        let state = match &machine {
            Some(row) => form::state(row).map_err(TurnError::from)?,
            None => case::State::new(subject),
        };
        // What is late for a payload, the version says that froze it.
        let frozen_by = match &state.stage {
            case::Stage::Frozen { ordinal, .. } => self.frozen_by(&known.study, pinned, *ordinal)?,
            case::Stage::NotMatched { .. }
            | case::Stage::Waiting { .. }
            | case::Stage::Held { .. }
            | case::Stage::Expired { .. }
            | case::Stage::Cancelled { .. } => None,
        };
        let pinned = frozen_by.as_ref().unwrap_or(pinned);
        let mut look = known.look(pinned);
        if decision != Decision::Skip && known.is_open(&look) {
            return Err(DecideError::DoesNotApply("waiting for revisions to be told apart"));
        }
        if matches!(state.stage, case::Stage::Frozen { .. }) {
            look.renewed = self.compared(&known, pinned, &state, &look)?;
        }
        let event = match decision {
            Decision::Go => case::Event::Run { by: by.clone(), look },
            Decision::Again => case::Event::Again { by: by.clone(), look },
            Decision::Skip => case::Event::Cancel { by: by.clone() },
            Decision::Use(which) => return self.decide_conflicts(&known, pinned, mark, which, (by, reason)),
        };
        let step = step(&pinned.workflow.rules, &state, event, self.outside.clock.now());
        if step.state == state {
            return Err(DecideError::DoesNotApply(crate::looking::stage_word(&state.stage)));
        }
        let version = machine.map_or(0, |row| row.version);
        let word = crate::looking::stage_word(&step.state.stage);
        let detail = format!("workflow {workflow}: {word}, by {by}: {reason}");
        let mut change = Change {
            expect: vec![
                Expectation::Mark { site: site.clone(), study: study.clone(), mark },
                Expectation::Machine { key, version },
            ],
            rows: vec![Row::Machine(form::row(&step, version + 1))],
            audit: vec![self.audit_of(by, "case/decided", study.as_str(), detail)],
        };
        self.follow(&known, pinned, step.effects, by, &mut change)?;
        self.outside.store.commit(&change).map_err(TurnError::from)?;
        Ok(())
    }

    /// Ends a run before its end; says whether there was anything to end. Who and why go into the audit trail.
    ///
    /// # Errors
    /// [`DecideError`]; then nothing was changed.
    pub fn cancel(&self, row: &MachineRow, by: &Actor, reason: &str) -> Result<bool, DecideError> {
        self.order_run(row, run::Event::Cancel { by: by.clone() }, "run/cancelled", (by, reason))
    }

    /// Has what failed of a run tried again; says whether anything had failed. Who and why go into the audit trail.
    ///
    /// # Errors
    /// [`DecideError`]; then nothing was changed.
    pub fn try_again(&self, row: &MachineRow, by: &Actor, reason: &str) -> Result<bool, DecideError> {
        self.order_run(row, run::Event::Again { by: by.clone() }, "run/tried-again", (by, reason))
    }

    fn order_run(
        &self,
        row: &MachineRow,
        event: run::Event,
        action: &str,
        (by, reason): (&Actor, &str),
    ) -> Result<bool, DecideError> {
        debug_assert_eq!(row.key.kind, MachineKind::Run);
        let state = run_form::state(row).map_err(TurnError::from)?;
        let (run, pinned) = self.run_of(&state.id)?;
        let step = run::step(&pinned.workflow.plan, &state, event, self.outside.clock.now());
        if step.state == state {
            return Ok(false);
        }
        let mut change = self.change_of(row, &step, &run);
        let detail = format!("by {by}: {reason}");
        change.audit.push(self.audit_of(by, action, run.id.as_str(), detail));
        self.outside.store.commit(&change).map_err(TurnError::from)?;
        Ok(true)
    }
}
