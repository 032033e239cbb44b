//! What people order: a decision about a study, the end of a run or a new one, another try.
//!
//! Commands, REST and pages order from here, so that there is one way to do each. Every order says who gave it and
//! why; both stand in the audit trail, from the change that it made (RD1).
//!
//! An order that finds something else than what it is about changes nothing: [`OrderError::DoesNotApply`]. Given
//! twice, the second finds that.

use std::sync::Arc;

use gantry_conductor::{Conductor, DecideError, Decision};
use gantry_definition::document::Body;
use gantry_flow::{delivery, names::Actor, publication};
use gantry_ports::{
    clock::Clock,
    definitions, state,
    store::{
        AuditRow, Change, CommitError, DocumentKind, EvidenceRow, Expectation, MachineKind, MachineRow, Row,
        RunRow, Store,
    },
};
use gantry_types::{
    error_code::ErrorCode,
    ids::{RunId, WorkflowName},
    uid::StudyInstanceUid,
};
use serde_json::{Value, json};

use crate::{
    deliveries, quarantine, runs,
    story::{delivery_word, publication_words},
    studies,
    view::{View, ViewError},
};

/// How often an order is tried while others change what it is about.
const TRIES: usize = 5;

/// The most characters of a reason.
pub const REASON_MAX: usize = 500;

/// Why somebody orders something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Box<str>);

/// A reason that says nothing, or too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason is 1 to {REASON_MAX} characters of one line: it goes into the audit trail")]
pub struct ReasonError;

impl Reason {
    /// The reason of a text.
    ///
    /// # Errors
    /// [`ReasonError`].
    pub fn parse(text: &str) -> Result<Self, ReasonError> {
        let text = text.trim();
        let fits = (1..=REASON_MAX).contains(&text.chars().count()) && !text.contains(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(ReasonError) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who orders something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// Why. Over HTTP nothing is ordered without; some commands do not ask for it.
    pub reason: Option<Reason>,
}

impl By {
    /// Why, for the audit trail.
    #[must_use]
    pub fn why(&self) -> &str {
        self.reason.as_ref().map_or("no reason was given", Reason::as_str)
    }
}

/// Why an order was not carried out. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// What it is about cannot be read, or is not there.
    #[error(transparent)]
    View(#[from] ViewError),
    /// There is no such workflow.
    #[error("there is no workflow `{0}`")]
    UnknownWorkflow(String),
    /// The object does not go there.
    #[error("{0}")]
    UnknownDelivery(String),
    /// Nothing of this name waits for a person.
    #[error("nothing that waits for a person is called `{0}`")]
    UnknownInQuarantine(String),
    /// It is not so any more, or never was.
    #[error("{0}")]
    DoesNotApply(String),
    /// It went on at the same time, each time.
    #[error("{0} changed at the same time: nothing was ordered")]
    Changed(String),
    /// It could not be written.
    #[error("{0}")]
    Failed(String),
}

impl OrderError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::View(error) => error.code(),
            Self::UnknownWorkflow(_) => ErrorCode("study/unknown-workflow"),
            Self::UnknownDelivery(_) => ErrorCode("delivery/unknown"),
            Self::UnknownInQuarantine(_) => ErrorCode("quarantine/unknown"),
            Self::DoesNotApply(_) => ErrorCode("order/does-not-apply"),
            Self::Changed(_) => ErrorCode("order/conflict"),
            Self::Failed(_) => ErrorCode("order/failed"),
        }
    }
}

/// What gives orders to the machines of a site.
#[derive(Clone)]
pub struct Orders {
    /// What is read.
    pub view: View,
    /// Where it is written.
    pub store: Arc<dyn Store>,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// What decides about studies and runs.
    pub conductor: Arc<Conductor>,
}

/// What became of one of several that were to be tried again.
#[derive(Debug)]
pub struct Retried {
    /// Which, as the quarantine calls it.
    pub what: String,
    /// Why it is left as it was, if it is.
    pub left: Option<OrderError>,
}

/// Which of what waits for a person is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// Everything but held studies: whether those are to run is a decision of its own.
    All,
    /// This one, as the quarantine calls it.
    Named(&'a str),
}

impl<'a> Which<'a> {
    /// What somebody means by a word: `all`, or a name.
    #[must_use]
    pub fn of(word: &'a str) -> Self {
        if word == "all" { Self::All } else { Self::Named(word) }
    }
}

/// The document of what was tried again.
#[must_use]
pub fn retried_json(all: &[Retried]) -> Value {
    let (mut retried, mut left) = (Vec::new(), Vec::new());
    for one in all {
        match &one.left {
            None => retried.push(json!(one.what)),
            Some(why) => left.push(json!({ "what": one.what, "why": why.to_string() })),
        }
    }
    json!({ "retried": retried, "left": left })
}

/// The document of what is sent once more.
#[must_use]
pub fn resent_json(evidence: &EvidenceRow) -> Value {
    let sent = json!({
        "sopInstance": evidence.sop_instance.as_str(),
        "destination": evidence.destination.as_str(),
    });
    json!({ "resent": [sent] })
}

impl Orders {
    /// Decides about a study that a workflow holds, waits for, or ran on.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn decide(
        &self,
        study: &str,
        workflow: &str,
        decision: Decision,
        by: &By,
    ) -> Result<StudyInstanceUid, OrderError> {
        let study = studies::find(&self.view, study)?.uid;
        let named: WorkflowName =
            workflow.parse().map_err(|_bad| OrderError::UnknownWorkflow(workflow.to_owned()))?;
        self.decide_of(&study, &named, decision, by)?;
        Ok(study)
    }

    fn decide_of(
        &self,
        study: &StudyInstanceUid,
        workflow: &WorkflowName,
        decision: Decision,
        by: &By,
    ) -> Result<(), OrderError> {
        again(|| {
            let decided = self.conductor.decide(study, workflow, decision, &by.actor, by.why());
            decided.map_err(|error| order_error(error, "the study"))
        })
    }

    /// Ends a run that is not over.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn cancel(&self, named: &str, by: &By) -> Result<RunId, OrderError> {
        let run = runs::find(&self.view, named)?;
        again(|| {
            let is_cancelled = match self.machine_of(&run)? {
                Some(row) => self.conductor.cancel(&row, &by.actor, by.why()),
                None => Ok(false),
            };
            match is_cancelled {
                Ok(true) => Ok(()),
                Ok(false) => Err(OrderError::DoesNotApply(format!("run {} is over already", run.id))),
                Err(error) => Err(order_error(error, "the run")),
            }
        })?;
        Ok(run.id)
    }

    /// Has a workflow run once more with all that is there of the study now; gives the new run.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn rerun(&self, named: &str, by: &By) -> Result<RunId, OrderError> {
        let run = runs::find(&self.view, named)?;
        self.decide_of(&run.study, &run.workflow, Decision::Again, by)?;
        let all = self.view.runs.runs_of_study(&run.site, &run.study).map_err(ViewError::from)?;
        let newest = all.into_iter().rev().find(|other| other.workflow == run.workflow);
        Ok(newest.map_or(run.id, |newest| newest.id))
    }

    fn machine_of(&self, run: &RunRow) -> Result<Option<MachineRow>, OrderError> {
        let key = state::run::key(&run.site, &run.study, &run.id);
        Ok(self.view.cases.machine(&key).map_err(ViewError::from)?)
    }

    /// Tries again what waits for a person: what was not let out is judged anew, what was refused is sent anew, what
    /// failed is run anew.
    ///
    /// # Errors
    /// [`OrderError`]: of the only one, or if there is none of this name.
    pub fn retry(&self, which: Which<'_>, by: &By) -> Result<Vec<Retried>, OrderError> {
        let rows = quarantine::waiting(&self.view)?;
        let is_meant = |row: &&MachineRow| match which {
            Which::All => row.key.kind != MachineKind::Case,
            Which::Named(what) => quarantine::name(row) == what,
        };
        let meant: Vec<&MachineRow> = rows.iter().filter(is_meant).collect();
        match (which, &*meant) {
            (Which::Named(what), []) => Err(OrderError::UnknownInQuarantine(what.to_owned())),
            (_, [only]) => {
                self.retry_one(only, by)?;
                Ok(vec![Retried { what: quarantine::name(only), left: None }])
            }
            (_, all) => {
                let one = |row: &&MachineRow| Retried {
                    what: quarantine::name(row),
                    left: self.retry_one(row, by).err(),
                };
                Ok(all.iter().map(one).collect())
            }
        }
    }

    fn retry_one(&self, row: &MachineRow, by: &By) -> Result<(), OrderError> {
        match row.key.kind {
            MachineKind::Delivery => self.send_anew(row, by),
            MachineKind::Publication => self.publish_anew(row, by),
            MachineKind::Run => match self.conductor.try_again(row, &by.actor, by.why()) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    Err(OrderError::DoesNotApply(format!("nothing of run {} has failed", row.key.name)))
                }
                Err(error) => Err(order_error(error, "the run")),
            },
            MachineKind::Case => Err(OrderError::DoesNotApply(format!(
                "whether study {} is to run for {} is a decision: go or skip",
                row.key.study, row.key.name
            ))),
        }
    }

    /// Has an object sent once more: the stored bytes, under their UID. One that is on its way already is left on it.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn resend(
        &self,
        object: &str,
        destination: Option<&str>,
        by: &By,
    ) -> Result<EvidenceRow, OrderError> {
        let evidence = deliveries::find(&self.view, object)?;
        let row = deliveries::of_evidence(&self.view, &evidence)?;
        let is_meant = destination.is_none_or(|named| evidence.destination.as_str() == named);
        let row = row.filter(|_| is_meant).ok_or_else(|| {
            OrderError::UnknownDelivery(match destination {
                Some(named) => format!("object {object} does not go to a destination `{named}`"),
                None => format!("object {object} goes nowhere"),
            })
        })?;
        self.send_anew(&row, by)?;
        Ok(evidence)
    }

    fn send_anew(&self, row: &MachineRow, by: &By) -> Result<(), OrderError> {
        let state = state::delivery::state(row).map_err(ViewError::from)?;
        let documents = self.view.definitions.newest_documents(&self.view.site, DocumentKind::Destination);
        let documents = documents.map_err(ViewError::from)?;
        let document = documents.iter().find(|document| document.name == state.key.destination.as_str());
        // How patient it is later, its destination says; to queue it no rule is asked.
        let rules = match document.map(definitions::body) {
            Some(Ok(Body::Destination(destination))) => destination.rules,
            Some(_) | None => delivery::Rules::default(),
        };
        let event = delivery::Event::Send { by: by.actor.clone() };
        let step = delivery::step(&rules, &state, event, self.clock.now());
        if step.state == state {
            return Ok(()); // it is on its way already
        }
        let detail = format!("to {}, was {}", state.key.destination, delivery_word(&state));
        let subject = state.key.sop_instance.to_string();
        let changed = state::delivery::row(row.key.clone(), &step, row.version + 1);
        self.commit(row, changed, self.audit("delivery/sent-anew", subject, &detail, by), "the delivery")
    }

    /// Has a result rendered and judged once more.
    fn publish_anew(&self, row: &MachineRow, by: &By) -> Result<(), OrderError> {
        let state = state::publication::state(row).map_err(ViewError::from)?;
        let event = publication::Event::Retry { by: by.actor.clone() };
        let step = publication::step(&state, event, self.clock.now());
        let detail = format!("was {}", publication_words(&state));
        let changed = state::publication::row(row.key.clone(), &step, row.version + 1);
        let audit = self.audit("publication/retried", row.key.name.clone(), &detail, by);
        self.commit(row, changed, audit, "the evidence")
    }

    fn audit(&self, action: &str, subject: String, detail: &str, by: &By) -> AuditRow {
        AuditRow {
            at: self.clock.now(),
            actor: by.actor.to_string(),
            action: action.to_owned(),
            subject,
            detail: format!("{detail}: {}", by.why()),
        }
    }

    fn commit(
        &self,
        before: &MachineRow,
        after: MachineRow,
        audit: AuditRow,
        what: &str,
    ) -> Result<(), OrderError> {
        let expect = Expectation::Machine { key: before.key.clone(), version: before.version };
        let change = Change { expect: vec![expect], rows: vec![Row::Machine(after)], audit: vec![audit] };
        match self.store.commit(&change) {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict(_)) => Err(OrderError::Changed(what.to_owned())),
            Err(CommitError::Store(error)) => Err(OrderError::Failed(ViewError::from(error).sentence())),
        }
    }
}

/// Tries as long as others change what an order is about, a few times: each try reads anew, and judges anew whether the
/// order applies.
fn again(mut order: impl FnMut() -> Result<(), OrderError>) -> Result<(), OrderError> {
    let mut last = order();
    for _ in 1..TRIES {
        match last {
            Err(OrderError::Changed(_)) => last = order(),
            Ok(()) | Err(_) => break,
        }
    }
    last
}

fn order_error(error: DecideError, what: &str) -> OrderError {
    match error {
        DecideError::UnknownWorkflow(name) => OrderError::UnknownWorkflow(name),
        DecideError::UnknownStudy(study) => ViewError::UnknownStudy(study).into(),
        DecideError::DoesNotApply(_) | DecideError::NoConflict => OrderError::DoesNotApply(error.to_string()),
        DecideError::Changed => OrderError::Changed(what.to_owned()),
        DecideError::Failed(sentence) => OrderError::Failed(sentence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_in_one_line() {
        assert_eq!(Reason::parse("  wrong series ").unwrap().as_str(), "wrong series");
        let long = "x".repeat(REASON_MAX + 1);
        for text in ["", "  ", "a\nb", &long] {
            assert_eq!(Reason::parse(text), Err(ReasonError), "{text:?}");
        }
        assert!(Reason::parse(&long[1..]).is_ok());
    }

    #[test]
    fn an_order_is_tried_again_only_while_others_change_what_it_is_about() {
        let mut tries = 0;
        let mut give = |errors: usize, error: fn() -> OrderError| {
            tries = 0;
            let result = again(|| {
                tries += 1;
                if errors < tries { Ok(()) } else { Err(error()) }
            });
            (result.is_ok(), tries)
        };
        let changed = || OrderError::Changed("it".to_owned());
        assert_eq!(give(2, changed), (true, 3));
        assert_eq!(give(99, changed), (false, TRIES));
        assert_eq!(give(99, || OrderError::DoesNotApply("no".to_owned())), (false, 1));
    }
}
