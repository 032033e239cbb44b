//! Running: claiming a task, having it performed, and taking its answer.

use std::{error::Error, time::Duration};

use gantry_flow::{
    names::AttemptKey,
    run::{AttemptResult, Effect, Event, Failure, Outcome as RunOutcome, Remedy, Stage, State, step},
    step::{Fence, Lane, Step},
};
use gantry_ports::{
    job::{Outcome, names, result},
    news::{News, Seen, Woken},
    performer::{News as Heard, PerformError, Performed, Performer, Wish},
    state::{
        publication::{self, PublicationKey},
        run as form,
    },
    store::{
        Change, CommitError, DocumentKind, Expectation, MachineKind, MachineRow, ResultFile, ResultRow, Row,
        RunRow,
    },
};
use gantry_types::{
    digest::Digest,
    ids::{NodeId, RunId, SiteId, TaskName, WorkflowName},
    instant::Instant,
};
use sha2::{Digest as _, Sha256};

use crate::{
    conductor::{Conductor, TURN_MAX, TurnError, chain},
    lease::Lease,
    workflows::{self, Pinned},
};

/// How long an idle slot sleeps when nobody tells it of work.
const IDLE: Duration = Duration::from_secs(1);
/// Before a result that could not be kept is tried again, and how often its lease is looked at meanwhile.
const KEEP_PAUSE: Duration = Duration::from_secs(5);
const KEEP_LOOK: Duration = Duration::from_millis(100);
/// How often a step is taken anew when others keep changing the run.
const CONFLICTS_MAX: usize = 20;

/// Which work a slot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// That of every lane, the urgent one first.
    Any,
    /// That of the urgent lane alone: it never waits for a slot that something else has taken (UR1).
    Urgent,
}

/// Who carries out jobs, by lane.
#[derive(Clone, Copy)]
pub struct Performers<'a> {
    /// Those of the urgent lane.
    pub urgent: &'a dyn Performer,
    /// Those of all others, which leave the processor to the urgent ones.
    pub other: &'a dyn Performer,
}

impl<'a> Performers<'a> {
    /// The same for every lane.
    #[must_use]
    pub const fn all(performer: &'a dyn Performer) -> Self {
        Self { urgent: performer, other: performer }
    }

    fn of(self, lane: Lane) -> &'a dyn Performer {
        match lane {
            Lane::Urgent => self.urgent,
            Lane::Routine | Lane::Background => self.other,
        }
    }
}

/// An attempt that this slot has leased.
pub(crate) struct Attempt {
    pub(crate) run: RunRow,
    pub(crate) pinned: Pinned,
    pub(crate) key: AttemptKey,
    /// As it was after the claim.
    pub(crate) machine: MachineRow,
    began: Instant,
}

/// The first attempt of a run that a node has leased.
pub(crate) fn leased(state: &State, by: &NodeId) -> Option<(TaskName, Fence)> {
    state.tasks.iter().find_map(|(name, task)| match &task.stage {
        Stage::Leased { node, .. } => (node == by).then(|| (name.clone(), task.fence)),
        Stage::Blocked
        | Stage::Queued { .. }
        | Stage::Backoff { .. }
        | Stage::Ran { .. }
        | Stage::Declined { .. }
        | Stage::Failed { .. }
        | Stage::Cancelled { .. }
        | Stage::Skipped { .. } => None,
    })
}

fn queued(state: &State) -> Option<TaskName> {
    let is_queued =
        |(_, task): &(&TaskName, &gantry_flow::run::Task)| matches!(task.stage, Stage::Queued { .. });
    state.tasks.iter().find(is_queued).map(|(name, _)| name.clone())
}

impl Conductor {
    /// A slot: takes one task after the other, until told to stop. As many tasks run at once as there are slots.
    pub fn run_slot(&self, slot: Slot, performers: Performers<'_>, news: &News) {
        let mut seen = Seen::default();
        loop {
            if news.is_over() {
                return;
            }
            match self.run_next(slot, performers, news) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => self.trouble("slot", &format!("a run slot cannot go on: {error}")),
            }
            match news.wait(seen, IDLE) {
                Woken::Over => return,
                Woken::Look(now) => seen = now,
            }
        }
    }

    /// Runs the next task that is offered to such a slot; says whether there was one.
    ///
    /// # Errors
    /// [`gantry_ports::store::StoreError`].
    pub fn run_next(
        &self,
        slot: Slot,
        performers: Performers<'_>,
        news: &News,
    ) -> Result<bool, gantry_ports::store::StoreError> {
        // Without room nothing could be kept of what is computed.
        if let Err(error) = self.outside.blob.check_room() {
            self.trouble("room", &format!("no run is begun: {}", chain(&error)));
            return Ok(false);
        }
        // By lane, the urgent one first.
        for row in self.outside.cases.offered(MachineKind::Run, TURN_MAX)? {
            if slot == Slot::Urgent && row.offered.is_none_or(|offer| offer.lane != Lane::Urgent) {
                break;
            }
            match self.claim(&row) {
                Ok(Some(attempt)) => {
                    self.carry_out(&attempt, performers.of(attempt.run.lane), news);
                    return Ok(true);
                }
                Ok(None) | Err(TurnError::Changed) => {}
                Err(error) => self.stumbled(&row, &error),
            }
        }
        Ok(false)
    }

    /// A run that cannot be stepped: what passes is waited out, what does not waits for a person with its state as it is.
    pub(crate) fn stumbled(&self, row: &MachineRow, error: &TurnError) {
        let run = &row.key.name;
        self.trouble(run, &format!("run {run}: {}", chain(error)));
        match error {
            TurnError::Changed | TurnError::Store(_) | TurnError::Facts(_) => return,
            TurnError::State(_) | TurnError::Impossible(_) => {}
        }
        let person = Some(self.outside.clock.now());
        let aside = MachineRow { version: row.version + 1, due: None, offered: None, person, ..row.clone() };
        let change = Change {
            expect: vec![Expectation::Machine { key: row.key.clone(), version: row.version }],
            rows: vec![Row::Machine(aside)],
            audit: vec![self.audit("run/set-aside", run, chain(error))],
        };
        match self.outside.store.commit(&change) {
            // Should it not be written, it comes again with the next turn.
            Ok(_) | Err(CommitError::Conflict(_) | CommitError::Store(_)) => {}
        }
    }

    /// Leases the queued task of a run.
    fn claim(&self, row: &MachineRow) -> Result<Option<Attempt>, TurnError> {
        let state = form::state(row)?;
        let Some(task) = queued(&state) else { return Ok(None) };
        let (run, pinned) = self.run_of(&state.id)?;
        let began = self.outside.clock.now();
        let (node, lease) = (self.settings.node.clone(), self.settings.lease);
        let claimed = Event::Claimed { task: task.clone(), node, lease };
        let step = step(&pinned.workflow.plan, &state, claimed, began);
        let machine = form::row(row.key.clone(), &step, row.version + 1);
        let started = step.effects.into_iter().find_map(|effect| match effect {
            Effect::Start(key) => Some(key),
            Effect::Offer { .. } | Effect::Stop(_) | Effect::Accept { .. } | Effect::End { .. } => None,
        });
        let Some(key) = started else { return Ok(None) };
        let detail = format!("task {task}, fence {}, on {}", key.fence.0, self.settings.node);
        let change = Change {
            expect: vec![Expectation::Machine { key: row.key.clone(), version: row.version }],
            rows: vec![Row::Machine(machine.clone())],
            audit: vec![self.audit("run/attempt-began", run.id.as_str(), detail)],
        };
        self.outside.store.commit(&change)?;
        Ok(Some(Attempt { run, pinned, key, machine, began }))
    }

    /// A run and the version of its workflow.
    pub(crate) fn run_of(&self, id: &RunId) -> Result<(RunRow, Pinned), TurnError> {
        let run = self.outside.runs.run(id)?;
        let run = run.ok_or_else(|| TurnError::Impossible(format!("run {id} has no row")))?;
        let pinned = self.pinned(&run.site, &run.workflow, run.version)?;
        Ok((run, pinned))
    }

    /// A version of a workflow.
    pub(crate) fn pinned(
        &self,
        site: &SiteId,
        name: &WorkflowName,
        version: u32,
    ) -> Result<Pinned, TurnError> {
        let gone = |what: String| TurnError::Impossible(what);
        let row = self.outside.definitions.document(site, DocumentKind::Workflow, name.as_str(), version)?;
        let row = row.ok_or_else(|| gone(format!("workflow {name} has no version {version}")))?;
        match workflows::pinned(&row) {
            Ok(Some(pinned)) => Ok(pinned),
            Ok(None) => Err(gone(format!("document {name} is no workflow"))),
            Err(unreadable) => Err(gone(unreadable.to_string())),
        }
    }

    /// Has the task performed and hands in the answer.
    fn carry_out(&self, attempt: &Attempt, performer: &dyn Performer, news: &News) {
        let mut lease = Lease::of(self, attempt);
        let performed = match self.job(attempt) {
            Ok(job) => performer.perform(&job, &mut |_: Heard| {
                if news.is_over() { Wish::Stop } else { lease.keep() }
            }),
            Err(failure) => return self.hand_in(attempt, failed(failure, Remedy::Retry), None),
        };
        match performed {
            // Nobody waits for it: the run says why, or this process ends and its lease is given back below.
            Err(PerformError::Cancelled) => self.give_back(attempt),
            Err(error) => {
                let failure = Failure { code: error.code().0.to_owned(), sentence: chain(&error) };
                self.hand_in(attempt, failed(failure, Remedy::Retry), None);
            }
            Ok(performed) => self.answered(attempt, performed, &mut lease, news),
        }
    }

    fn answered(&self, attempt: &Attempt, performed: Performed, lease: &mut Lease<'_>, news: &News) {
        let complaint = |why: &gantry_ports::job::Complaint| Failure {
            code: why.code.clone(),
            sentence: why.sentence.clone(),
        };
        match &performed.report.outcome {
            Outcome::Ran => {
                if let Some(row) = self.keep_patiently(attempt, &performed, lease, news) {
                    let report = row.files.iter().find(|file| file.name == names::RESULT);
                    let digest = report.map_or(Digest([0; 32]), |file| file.digest);
                    self.hand_in(attempt, AttemptResult::Ran { result: digest }, Some(row));
                }
            }
            Outcome::Declined(clauses) => {
                self.hand_in(attempt, AttemptResult::Declined { clauses: clauses.clone() }, None);
            }
            // The same images would be refused again.
            Outcome::Refused(why) => self.hand_in(attempt, failed(complaint(why), Remedy::GiveUp), None),
            Outcome::Failed(why) => self.hand_in(attempt, failed(complaint(why), Remedy::Retry), None),
        }
    }

    /// Makes the answer durable. A disk that is full, or fails, is no fault of the application: the answer waits for it,
    /// as long as it is wanted. Nothing if it is not any more.
    fn keep_patiently(
        &self,
        attempt: &Attempt,
        performed: &Performed,
        lease: &mut Lease<'_>,
        news: &News,
    ) -> Option<ResultRow> {
        loop {
            match self.keep(attempt, performed) {
                Ok(row) => return Some(row),
                Err(failure) => {
                    let run = &attempt.run.id;
                    let sentence =
                        format!("the result of run {run} cannot be kept yet: {}", failure.sentence);
                    self.trouble(run.as_str(), &sentence);
                }
            }
            let until = self.outside.clock.monotonic().after(KEEP_PAUSE);
            while self.outside.clock.monotonic() < until {
                if news.is_over() || lease.keep() == Wish::Stop {
                    self.give_back(attempt);
                    return None;
                }
                std::thread::sleep(KEEP_LOOK);
            }
        }
    }

    /// The attempt ends without an answer, and without being to blame.
    fn give_back(&self, attempt: &Attempt) {
        let (task, fence) = (attempt.key.task.clone(), attempt.key.fence);
        self.settle(attempt, None, &|| Event::Lost { task: task.clone(), fence });
    }

    /// Makes the answer durable; it counts only once its row is committed.
    fn keep(&self, attempt: &Attempt, performed: &Performed) -> Result<ResultRow, Failure> {
        let trouble = |error: &dyn Error| Failure { code: "run/not-kept".to_owned(), sentence: chain(error) };
        let report = result::encode(&performed.report).map_err(|error| trouble(&error))?;
        let files = performed.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let mut kept = Vec::new();
        for (name, bytes) in files.chain([(names::RESULT, report.as_slice())]) {
            let label = format!("run {}\n{} {name}", attempt.run.id, attempt.key.task);
            let appended = self.outside.blob.append(&mut &*bytes, label.as_bytes());
            let appended = appended.map_err(|error| trouble(&error))?;
            // What was announced for the report's file was compared by the performer.
            debug_assert_eq!(appended.digest, Digest(Sha256::digest(bytes).into()));
            let (blob, digest) = (appended.reference, appended.digest);
            kept.push(ResultFile { name: name.to_owned(), blob, digest });
        }
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        let references: Vec<_> = kept.iter().map(|file| file.blob).collect();
        self.outside.blob.sync(&references).map_err(|error| trouble(&error))?;
        Ok(ResultRow {
            run: attempt.run.id.clone(),
            task: attempt.key.task.clone(),
            fence: attempt.key.fence.0,
            node: self.settings.node.clone(),
            began: attempt.began,
            ended: self.outside.clock.now(),
            files: kept,
        })
    }

    fn hand_in(&self, attempt: &Attempt, result: AttemptResult, row: Option<ResultRow>) {
        let (task, fence) = (attempt.key.task.clone(), attempt.key.fence);
        self.settle(attempt, row.as_ref(), &|| Event::Finished {
            task: task.clone(),
            fence,
            result: result.clone(),
        });
    }

    /// Steps the run by what became of its attempt, until that is written or does not count.
    fn settle(&self, attempt: &Attempt, row: Option<&ResultRow>, event: &dyn Fn() -> Event) {
        let mut machine = attempt.machine.clone();
        for _ in 0..CONFLICTS_MAX {
            match self.try_settle(attempt, &machine, row, event()) {
                Ok(Settled::Counts) => return,
                Ok(Settled::DoesNotCount) => break,
                Err(TurnError::Changed) => match self.reload(&machine) {
                    Ok(fresh) => machine = fresh,
                    Err(error) => return self.lose(attempt, &error),
                },
                // It may have been written all the same: the bytes stay.
                Err(error) => return self.lose(attempt, &error),
            }
        }
        for file in row.iter().flat_map(|row| &row.files) {
            // Space that is not given back now goes with its segment.
            let _later = self.outside.blob.free(file.blob);
        }
    }

    /// The attempt's end could not be written: its lease runs out, and the task is offered again.
    fn lose(&self, attempt: &Attempt, error: &TurnError) {
        let run = &attempt.run.id;
        self.trouble(run.as_str(), &format!("the end of an attempt of run {run} is lost: {error}"));
    }

    fn try_settle(
        &self,
        attempt: &Attempt,
        machine: &MachineRow,
        row: Option<&ResultRow>,
        event: Event,
    ) -> Result<Settled, TurnError> {
        let state = form::state(machine)?;
        let now = self.outside.clock.now();
        let step = step(&attempt.pinned.workflow.plan, &state, event, now);
        if step.state == state {
            return Ok(Settled::DoesNotCount);
        }
        let mut change = self.change_of(machine, &step, &attempt.run);
        let accepted = step.effects.iter().any(|effect| match effect {
            Effect::Accept { attempt: accepted, .. } => *accepted == attempt.key,
            Effect::Offer { .. } | Effect::Start(_) | Effect::Stop(_) | Effect::End { .. } => false,
        });
        let counts = match row.filter(|_| accepted) {
            Some(row) => {
                self.publish(attempt, row, &mut change);
                Settled::Counts
            }
            None if row.is_some() => Settled::DoesNotCount,
            None => Settled::Counts,
        };
        self.outside.store.commit(&change)?;
        self.say_failed(&attempt.run.id, &step);
        Ok(counts)
    }

    /// A run that has failed is told at once, not only when somebody asks.
    fn say_failed(&self, run: &RunId, step: &Step<State, Effect>) {
        let is_failed = |effect: &Effect| match effect {
            Effect::End { outcome, .. } => *outcome == RunOutcome::Failed,
            Effect::Offer { .. } | Effect::Start(_) | Effect::Stop(_) | Effect::Accept { .. } => false,
        };
        if step.effects.iter().any(is_failed) {
            (self.outside.say)(&format!("run {run} has failed: `gantry runs show {run}` says why"));
        }
    }

    /// The result's row, and a publication for each destination.
    fn publish(&self, attempt: &Attempt, row: &ResultRow, change: &mut Change) {
        change.rows.push(Row::Result(row.clone()));
        let RunRow { site, study, id, .. } = &attempt.run;
        for delivery in &attempt.pinned.workflow.deliver {
            let of = PublicationKey {
                run: id.clone(),
                task: attempt.key.task.clone(),
                destination: delivery.to.clone(),
            };
            let key = publication::key(site, study, &of);
            let begun = gantry_flow::publication::begin(self.outside.clock.now());
            change.expect.push(Expectation::Machine { key: key.clone(), version: 0 });
            change.rows.push(Row::Machine(publication::row(key, &begun, 1)));
        }
    }

    /// Machine row and audit of a step.
    pub(crate) fn change_of(&self, machine: &MachineRow, step: &Step<State, Effect>, run: &RunRow) -> Change {
        let subject = run.id.as_str();
        let mut audit = Vec::new();
        for (name, task) in &step.state.tasks {
            let detail = format!("task {name}, fence {}: {}", task.fence.0, said(task));
            audit.push(self.audit("run/task", subject, detail));
        }
        audit.extend(step.effects.iter().filter_map(|effect| match effect {
            Effect::End { outcome, .. } => Some(self.audit("run/ended", subject, word(*outcome).to_owned())),
            Effect::Offer { .. } | Effect::Start(_) | Effect::Stop(_) | Effect::Accept { .. } => None,
        }));
        Change {
            expect: vec![Expectation::Machine { key: machine.key.clone(), version: machine.version }],
            rows: vec![Row::Machine(form::row(machine.key.clone(), step, machine.version + 1))],
            audit,
        }
    }

    /// Steps a run by the event that its state asks for; says whether that changed anything.
    pub(crate) fn step_run(
        &self,
        row: &MachineRow,
        event: &mut dyn FnMut(&State) -> Option<Event>,
    ) -> Result<bool, TurnError> {
        let state = form::state(row)?;
        let Some(event) = event(&state) else { return Ok(false) };
        let (run, pinned) = self.run_of(&state.id)?;
        let step = step(&pinned.workflow.plan, &state, event, self.outside.clock.now());
        if step.state == state {
            return Ok(false);
        }
        self.outside.store.commit(&self.change_of(row, &step, &run))?;
        self.say_failed(&run.id, &step);
        Ok(true)
    }
}

/// Whether an attempt's end counted.
enum Settled {
    Counts,
    DoesNotCount,
}

fn failed(failure: Failure, remedy: Remedy) -> AttemptResult {
    AttemptResult::Failed { failure, remedy }
}

fn said(task: &gantry_flow::run::Task) -> String {
    let error = || match &task.last_error {
        Some(error) => format!("{}: {}", error.code, error.sentence),
        None => "no error".to_owned(),
    };
    match &task.stage {
        Stage::Blocked => "waits for other tasks".to_owned(),
        Stage::Queued { .. } if task.last_error.is_some() => format!("queued again after {}", error()),
        Stage::Queued { .. } => "queued".to_owned(),
        Stage::Leased { node, .. } => format!("runs on {node}"),
        Stage::Backoff { until } => format!("tried again at {until} after {}", error()),
        Stage::Ran { result, .. } => format!("ran, result {result}"),
        Stage::Declined { clauses, .. } => {
            let names: Vec<&str> = clauses.iter().map(|clause| clause.name.as_str()).collect();
            format!("declined by {}", names.join(", "))
        }
        Stage::Failed { .. } => format!("failed with {}", error()),
        Stage::Cancelled { by, .. } => format!("cancelled by {by}"),
        Stage::Skipped { because, .. } => format!("skipped because of {because}"),
    }
}

fn word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Ran => "ran",
        RunOutcome::Declined => "declined",
        RunOutcome::Failed => "failed",
        RunOutcome::Cancelled => "cancelled",
    }
}
