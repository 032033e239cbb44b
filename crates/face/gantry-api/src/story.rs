//! The story of a study: per workflow the one outcome, and what was done, in the words that people read (DC1).
//!
//! `why`, `study show`, `runs show` and the REST interface tell the same story from here.

mod choices;
mod times;

use std::collections::{BTreeMap, BTreeSet};

use gantry_conductor::Decision;
use gantry_flow::{
    case::{self, Amendment, HeldWhy, Signal},
    delivery,
    names::{CaseKey, Subject, WorkflowName},
    outcome::{Outcome, outcome},
    publication, run,
};
use gantry_ports::{
    lineage::Lineage,
    state,
    store::{DocumentKind, EvidenceRow, LateRow, MachineKind, MachineRow, RunRow},
};
use gantry_types::{findings::JudgedClause, ids::RunId, uid::StudyInstanceUid};

pub use choices::choices;

use crate::view::{View, ViewError};

/// What became of a study for one workflow.
pub struct Told {
    /// One word: `waiting`, `ran`, `held` ...
    pub outcome: &'static str,
    /// The rest of the sentence; empty if the word says it all.
    pub sentence: String,
    /// What was done, one after the other.
    pub done: Vec<String>,
    /// What a person can decide now.
    pub choices: Vec<Decision>,
}

/// Everything that was done about a study, read once.
pub struct Story {
    study: StudyInstanceUid,
    cases: Vec<MachineRow>,
    runs: Vec<RunRow>,
    run_machines: Vec<MachineRow>,
    publications: Vec<MachineRow>,
    deliveries: Vec<MachineRow>,
    evidence: Vec<EvidenceRow>,
    lineage: Lineage,
    /// What came too late.
    pub late: Vec<LateRow>,
}

impl Story {
    /// Reads it.
    ///
    /// # Errors
    /// [`ViewError::Store`].
    pub fn read(view: &View, study: &StudyInstanceUid) -> Result<Self, ViewError> {
        let machines = |kind| view.cases.machines(&view.site, kind, study);
        let runs = view.runs.runs_of_study(&view.site, study)?;
        let evidence = view.runs.evidence_of_study(&view.site, study)?;
        Ok(Self {
            study: study.clone(),
            cases: machines(MachineKind::Case)?,
            lineage: Lineage::of(&runs, &evidence),
            runs,
            run_machines: machines(MachineKind::Run)?,
            publications: machines(MachineKind::Publication)?,
            deliveries: machines(MachineKind::Delivery)?,
            evidence,
            late: view.runs.late(&view.site, study)?,
        })
    }

    /// The workflows in use, and those that the study was judged by.
    ///
    /// # Errors
    /// [`ViewError::Store`].
    pub fn workflows(&self, view: &View) -> Result<BTreeSet<WorkflowName>, ViewError> {
        let rows = view.definitions.newest_documents(&view.site, DocumentKind::Workflow)?;
        let names = rows.iter().map(|row| &row.name).chain(self.cases.iter().map(|row| &row.key.name));
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Whether everything that was made has been sent.
    ///
    /// # Errors
    /// [`ViewError::State`].
    pub fn is_delivered(&self) -> Result<bool, ViewError> {
        for row in &self.deliveries {
            let state = state::delivery::state(row)?;
            if !["sent", "confirming", "confirmed"].contains(&delivery_word(&state)) {
                return Ok(false);
            }
        }
        Ok(!self.deliveries.is_empty())
    }

    /// What became of the study for a workflow.
    ///
    /// # Errors
    /// [`ViewError::Store`], [`ViewError::State`].
    pub fn told(&self, view: &View, workflow: &WorkflowName) -> Result<Told, ViewError> {
        let case = CaseKey::Study { site: view.site.clone(), study: self.study.clone() };
        let key = state::case::key(&Subject { case, workflow: workflow.clone() });
        let Some(row) = self.cases.iter().find(|row| row.key == key) else {
            let sentence = "it was not looked at yet: `gantry serve` looks when something comes, and at the studies of the last day when a workflow is applied";
            let (sentence, done) = (sentence.to_owned(), Vec::new());
            return Ok(Told { outcome: "waiting", sentence, done, choices: Vec::new() });
        };
        let case = state::case::state(row)?;
        let runs = self.runs.iter().filter(|run| run.workflow == *workflow);
        let mut done = Vec::new();
        let mut newest = None;
        // Oldest first; the newest payload's says how it is now.
        for run in runs {
            if let Some(state) = self.run_state(&run.id)? {
                done.extend(self.of_run(view, run, &state)?);
                newest = Some(state);
            }
        }
        done.splice(0..0, frozen(&case));
        let (word, sentence) = words(&outcome(&case, newest.as_ref()));
        done.extend(self.late_words(workflow, &case));
        let choices = choices(&case, newest.as_ref().is_some_and(|run| run.outcome().is_none()));
        Ok(Told { outcome: word, sentence, done, choices })
    }

    /// What came too late for each payload, and what is to become of it.
    fn late_words(&self, workflow: &WorkflowName, case: &case::State) -> Vec<String> {
        let mut by_payload: BTreeMap<u32, usize> = BTreeMap::new();
        for late in self.late.iter().filter(|late| late.workflow == *workflow) {
            *by_payload.entry(late.ordinal).or_default() += 1;
        }
        let now = match &case.stage {
            case::Stage::Frozen { ordinal, amendment, .. } => Some((*ordinal, *amendment)),
            case::Stage::NotMatched { .. }
            | case::Stage::Waiting { .. }
            | case::Stage::Held { .. }
            | case::Stage::Expired { .. }
            | case::Stage::Cancelled { .. } => None,
        };
        let words = |(payload, objects): (u32, usize)| {
            let then = match now {
                Some((ordinal, _)) if payload < ordinal => {
                    format!("payload {} was frozen with them there", payload + 1)
                }
                Some((_, Amendment::At(at))) => {
                    format!("payload {} is frozen with them at {at}, if nothing more comes", payload + 1)
                }
                Some((_, Amendment::Asked(at))) => format!("HELD since {at}: a person decides"),
                Some((_, Amendment::None | Amendment::Contested(_))) | None => "they are ignored".to_owned(),
            };
            format!("LATE: {objects} objects came too late for payload {payload}; {then}")
        };
        let mut all: Vec<String> = by_payload.into_iter().map(words).collect();
        if let Some((ordinal, Amendment::Contested(at))) = now {
            all.push(format!(
                "HELD since {at}: an object of payload {ordinal} came again and shows something else: a person decides"
            ));
        }
        all
    }

    fn run_state(&self, run: &RunId) -> Result<Option<run::State>, ViewError> {
        let row = self.run_machines.iter().find(|row| row.key.name == run.as_str());
        Ok(row.map(state::run::state).transpose()?)
    }

    /// What a run did, and what came of it.
    ///
    /// # Errors
    /// [`ViewError::Store`], [`ViewError::State`].
    pub fn of_run(&self, view: &View, run: &RunRow, state: &run::State) -> Result<Vec<String>, ViewError> {
        let mut done = vec![format!(
            "run {} of payload {} began at {} by version {} of the workflow",
            run.id, run.ordinal, run.began.at, run.version
        )];
        for (name, task) in &state.tasks {
            done.push(format!("task {name}: {}", task_words(task)));
        }
        for result in view.runs.results(&run.id)? {
            let seconds = result.ended.since(result.began).as_secs_f64();
            done.push(format!(
                "task {} gave its result after {seconds:.1} s on {}",
                result.task, result.node
            ));
        }
        for row in &self.publications {
            let of = state::publication::of(&row.key)?;
            if of.run == run.id {
                let state = state::publication::state(row)?;
                done.push(format!("evidence for {}: {}", of.destination, publication_words(&state)));
            }
        }
        for evidence in self.evidence.iter().filter(|evidence| evidence.run == run.id) {
            for row in &self.deliveries {
                let state = state::delivery::state(row)?;
                if state.key.sop_instance == evidence.sop_instance {
                    let kind = kind_word(evidence);
                    let successor = self.lineage.superseded_by(evidence);
                    let superseded = successor
                        .map(|row| format!("; superseded by {}", row.sop_instance))
                        .unwrap_or_default();
                    let to = &state.key.destination;
                    done.push(format!("{kind} to {to}: {}{superseded}", delivery_words(&state)));
                }
            }
        }
        Ok(done)
    }
}

/// The kind of an evidence object, as documents call it.
#[must_use]
pub fn kind_word(evidence: &EvidenceRow) -> &'static str {
    gantry_evidence::object::Kind::of_sop_class(evidence.sop_class.as_str())
        .map_or("object", |kind| kind.name())
}

fn clauses(clauses: &[JudgedClause]) -> String {
    let one = |clause: &JudgedClause| {
        if clause.seen.is_empty() {
            clause.name.clone()
        } else {
            format!("{} ({})", clause.name, clause.seen)
        }
    };
    clauses.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Word and sentence of an outcome.
fn words(outcome: &Outcome<'_>) -> (&'static str, String) {
    match outcome {
        Outcome::NotMatched { clauses: against } => ("not matched", clauses(against)),
        Outcome::Waiting { missing, objects, until } => {
            let mut parts = Vec::new();
            if !missing.is_empty() {
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                parts.push(format!("nothing is selected yet for {}", names.join(", ")));
            }
            parts.push(format!("{objects} objects are selected"));
            parts.extend(until.map(|until| format!("decided at {until} if nothing more comes")));
            ("waiting", parts.join("; "))
        }
        Outcome::Held(HeldWhy::MaxWait) => {
            ("held", "the longest wait is over, and the workflow says to hold then".to_owned())
        }
        Outcome::Held(HeldWhy::Contradiction(why)) => ("held", why.to_string()),
        Outcome::Held(HeldWhy::Missing(missing)) => {
            let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
            let names = names.join(", ");
            (
                "held",
                format!(
                    "the longest wait is over and nothing is selected for {names}; it goes on by itself when it comes"
                ),
            )
        }
        Outcome::Expired { at } => ("expired", format!("given up at {at}")),
        Outcome::Cancelled { by } => ("cancelled", format!("by {by}")),
        Outcome::Running => ("running", String::new()),
        Outcome::Ran => ("ran", String::new()),
        Outcome::Declined { task, clauses: against } => {
            ("declined", format!("by the application of task {task}: {}", clauses(against)))
        }
        Outcome::Failed { task, error, attempts } => {
            let why = error.map_or_else(String::new, |(code, sentence)| format!(": {sentence} [{code}]"));
            ("failed", format!("task {task} after {attempts} attempts{why}"))
        }
    }
}

/// Word of a run's state, for lists.
#[must_use]
pub fn run_word(state: &run::State) -> &'static str {
    match state.outcome() {
        None => "running",
        Some(run::Outcome::Ran) => "ran",
        Some(run::Outcome::Declined) => "declined",
        Some(run::Outcome::Failed) => "failed",
        Some(run::Outcome::Cancelled) => "cancelled",
    }
}

fn frozen(case: &case::State) -> Vec<String> {
    match &case.stage {
        case::Stage::Frozen { ordinal, signal, at, selected, .. } => {
            let signal = match signal {
                Signal::AssociationEnd => "the association that brought it had ended".to_owned(),
                Signal::Quiet => "nothing more came".to_owned(),
                Signal::MaxWait => "the longest wait was over".to_owned(),
                Signal::Late => "objects had come late, and then nothing more".to_owned(),
                Signal::Revised => "what had been frozen was corrected or set aside".to_owned(),
                Signal::Person(by) => format!("{by} said so"),
            };
            let objects = case::objects(selected);
            vec![format!("payload {ordinal} was frozen at {at} from {objects} selected objects: {signal}")]
        }
        case::Stage::NotMatched { .. }
        | case::Stage::Waiting { .. }
        | case::Stage::Held { .. }
        | case::Stage::Expired { .. }
        | case::Stage::Cancelled { .. } => Vec::new(),
    }
}

/// What a task does, or did.
#[must_use]
pub fn task_words(task: &run::Task) -> String {
    let error = || match &task.last_error {
        Some(error) => format!("{} [{}]", error.sentence, error.code),
        None => "no error is known".to_owned(),
    };
    match &task.stage {
        run::Stage::Blocked => "waits for the tasks before it".to_owned(),
        run::Stage::Queued { since } => format!("queued since {since}"),
        run::Stage::Leased { node, began, .. } => format!("runs on {node} since {began}"),
        run::Stage::Backoff { until } => format!("tried again at {until}, because {}", error()),
        run::Stage::Ran { at, .. } => format!("ran, accepted at {at}"),
        run::Stage::Declined { clauses: against, at } => format!("declined at {at}: {}", clauses(against)),
        run::Stage::Failed { at } => format!("failed at {at}: {}", error()),
        run::Stage::Cancelled { by, at } => format!("cancelled at {at} by {by}"),
        run::Stage::Skipped { because, .. } => format!("skipped, because {because} has not run"),
    }
}

/// How far a publication is.
#[must_use]
pub fn publication_words(state: &publication::State) -> String {
    match &state.stage {
        publication::Stage::Queued { at } if 0 < state.troubles => {
            format!("tried again at {at} after {} troubles", state.troubles)
        }
        publication::Stage::Queued { .. } => "being made".to_owned(),
        publication::Stage::Published { at, objects } => {
            format!("{objects} objects passed both gates at {at}")
        }
        publication::Stage::Quarantined { at, why } => format!("QUARANTINED at {at}: {why}"),
    }
}

/// Word of a delivery's state, for lists.
#[must_use]
pub fn delivery_word(state: &delivery::State) -> &'static str {
    match &state.stage {
        delivery::Stage::Queued => "queued",
        delivery::Stage::Sending { .. } => "sending",
        delivery::Stage::Retrying { .. } => "retrying",
        delivery::Stage::Sent { .. } => "sent",
        delivery::Stage::Confirming { .. } => "confirming",
        delivery::Stage::Confirmed { .. } => "confirmed",
        delivery::Stage::Quarantined { .. } => "quarantined",
    }
}

/// What is known of a delivery beyond its word.
#[must_use]
pub fn delivery_detail(state: &delivery::State) -> String {
    match &state.stage {
        delivery::Stage::Queued => format!("since {}", state.since),
        delivery::Stage::Sending { node, .. } => format!("by {node}"),
        delivery::Stage::Retrying { at, why } => format!("at {at}: {why}"),
        delivery::Stage::Sent { at, status, confirmation } => {
            let asked = match confirmation {
                delivery::Confirmation::NotAsked => "not asked for confirmation",
                delivery::Confirmation::NotAnswered => "the destination does not answer queries",
            };
            format!("at {at} with status {status:04X}; {asked}")
        }
        delivery::Stage::Confirming { sent, status, .. } => {
            format!("sent at {sent} with status {status:04X}; the destination is asked for it")
        }
        delivery::Stage::Confirmed { sent, at } => format!("sent at {sent}, found there at {at}"),
        delivery::Stage::Quarantined { at, why } => format!("at {at}: {why}"),
    }
}

fn delivery_words(state: &delivery::State) -> String {
    format!("{} {}", delivery_word(state), delivery_detail(state))
}
