//! What the publisher needs, and its turns: due publications, one after the other, the most urgent first.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use gantry_evidence::{
    inputs::Inputs,
    object::EvidenceObject,
    run::RunRecord,
    uid::{SiteSecret, UidScope},
};
use gantry_flow::{
    publication::{Event, Stage, State, step},
    step::Lane,
};
use gantry_ports::{
    blob::{Appended, Blob},
    cases::Cases,
    clock::Clock,
    definitions::Definitions,
    intake::Intake,
    news::{News, Seen, Woken},
    packages::Packages,
    runs::Runs,
    state::publication::{self, PublicationKey},
    store::{AuditRow, Change, CommitError, Expectation, MachineKind, MachineRow, Row, Store, StoreError},
};
use gantry_types::{ids::SiteId, instant::Stamp};

use crate::{
    images,
    making::{self, Craft, Gantrys, Made},
    result_files::ResultFiles,
    rows::Rows,
    why::{Refusal, Why, chain},
};

mod keeping;

/// The ports that it works with, and whom it tells what no row can hold.
#[derive(Clone)]
pub struct Outside {
    /// Where rows are written.
    pub store: Arc<dyn Store>,
    /// Revisions of images.
    pub intake: Arc<dyn Intake>,
    /// What is due.
    pub cases: Arc<dyn Cases>,
    /// Payloads, runs and results.
    pub runs: Arc<dyn Runs>,
    /// Documents.
    pub definitions: Arc<dyn Definitions>,
    /// Bytes.
    pub blob: Arc<dyn Blob>,
    /// Applications.
    pub packages: Arc<dyn Packages>,
    /// The time, for rows; nothing of it goes into evidence.
    pub clock: Arc<dyn Clock>,
    /// Where an operator reads what goes wrong; never anything of a patient's.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// For whom it publishes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose results.
    pub site: SiteId,
    /// What the UIDs of the site are derived from.
    pub secret: SiteSecret,
    /// The version of Gantry that evidence names where a result's report names none.
    pub gantry_version: String,
}

/// The most due publications among which the most urgent is looked for.
const DUE_MAX: usize = 200;
/// The longest wait: whoever is told nothing looks all the same.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Publishes results.
pub struct Publisher {
    outside: Outside,
    settings: Settings,
    craft: Arc<dyn Craft>,
}

/// A publication that is being decided.
struct Case<'a> {
    row: &'a MachineRow,
    state: State,
    of: PublicationKey,
}

/// Whose decision about a publication counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decided {
    /// Ours.
    Here,
    /// Somebody else's: what was read has changed meanwhile.
    Elsewhere,
}

impl Publisher {
    /// A publisher of a site.
    #[must_use]
    pub fn new(outside: Outside, settings: Settings) -> Self {
        Self { outside, settings, craft: Arc::new(Gantrys) }
    }

    /// One that renders and judges otherwise: nothing but a test may.
    #[cfg(test)]
    pub(crate) fn with_craft(self, craft: Arc<dyn Craft>) -> Self {
        Self { craft, ..self }
    }

    /// Publishes what is due, until told to stop.
    pub fn run(&self, news: &News) {
        let mut seen = Seen::default();
        loop {
            let turn = self.publish_while(&|| !news.is_over()).and_then(|_| self.rest());
            let wait = turn.unwrap_or_else(|error| {
                (self.outside.say)(&format!("the publisher cannot go on: {}", chain(&error)));
                WAIT_MAX
            });
            match news.wait(seen, wait) {
                Woken::Over => return,
                Woken::Look(now) => seen = now,
            }
        }
    }

    /// Decides what is due, each publication once; says how many were decided here.
    ///
    /// # Errors
    /// [`StoreError`] if a decision cannot be written; what was decided before it stays.
    pub fn publish_due(&self) -> Result<usize, StoreError> {
        self.publish_while(&|| true)
    }

    fn publish_while(&self, may_go_on: &dyn Fn() -> bool) -> Result<usize, StoreError> {
        let mut tried = BTreeSet::new();
        let mut decided = 0;
        while may_go_on()
            && let Some(row) = self.next(&|row| !tried.contains(&row.key))?
        {
            tried.insert(row.key.clone());
            match self.publish(&row)? {
                Decided::Here => decided += 1,
                Decided::Elsewhere => {}
            }
        }
        Ok(decided)
    }

    /// How long nothing is due. What somebody else is deciding right now may stay due, and is looked at later.
    fn rest(&self) -> Result<Duration, StoreError> {
        let now = self.outside.clock.now();
        let due = self.outside.cases.next_due(MachineKind::Publication)?;
        Ok(due.filter(|due| now < *due).map_or(WAIT_MAX, |due| due.since(now).min(WAIT_MAX)))
    }

    /// The most urgent of the due publications (UR1); of one lane the longest due.
    fn next(&self, is_meant: &dyn Fn(&MachineRow) -> bool) -> Result<Option<MachineRow>, StoreError> {
        let due = self.outside.cases.due(MachineKind::Publication, self.outside.clock.now(), DUE_MAX)?;
        let mut next: Option<(Lane, MachineRow)> = None;
        for row in due.into_iter().filter(|row| row.key.site == self.settings.site && is_meant(row)) {
            let lane = self.lane(&row)?;
            if next.as_ref().is_none_or(|(first, _)| lane < *first) {
                next = Some((lane, row));
            }
            if matches!(next, Some((Lane::Urgent, _))) {
                break;
            }
        }
        Ok(next.map(|(_, row)| row))
    }

    /// The lane of a publication's run. One without a run comes first: it is decided at once.
    fn lane(&self, row: &MachineRow) -> Result<Lane, StoreError> {
        let Ok(of) = publication::of(&row.key) else { return Ok(Lane::Urgent) };
        Ok(self.outside.runs.run(&of.run)?.map_or(Lane::Urgent, |run| run.lane))
    }

    fn publish(&self, row: &MachineRow) -> Result<Decided, StoreError> {
        let read = publication::state(row).and_then(|state| Ok((state, publication::of(&row.key)?)));
        let case = match read {
            Ok((state, of)) => Case { row, state, of },
            Err(error) => return self.set_aside(row, &chain(&error)),
        };
        match case.state.stage {
            Stage::Queued { .. } => {}
            Stage::Published { .. } | Stage::Quarantined { .. } => {
                return self.set_aside(row, "it is due, although it was decided");
            }
        }
        let made = catch_unwind(AssertUnwindSafe(|| {
            let rows = Rows::load(&self.outside, &row.key, &case.of)?;
            let made = self.make(&case, &rows)?;
            Ok((rows, made))
        }));
        // A result that nobody can render must not keep others from being published.
        match made.unwrap_or_else(|_panic| Err(Refusal::Panicked.into())) {
            Ok((rows, made)) => self.keep(&case, &rows, &made),
            Err(why) => self.decide_against(&case, why),
        }
    }

    /// Renders the evidence and has it judged. Nothing but rows, kept bytes and the site's secret goes into it.
    fn make(&self, case: &Case<'_>, rows: &Rows) -> Result<Made, Why> {
        let Rows { run, result, application, .. } = rows;
        let blob = &*self.outside.blob;
        let files = ResultFiles { blob, row: result };
        let found = files.found()?;
        let source = images::source(blob, &rows.objects, &found.images)?;
        if source.study() != &run.study {
            return Err(Refusal::OtherStudy("images").into());
        }
        if *source.series() != found.series {
            return Err(Refusal::OtherSeries.into());
        }
        // Before the mask is inflated: how much is inflated, the grid says.
        if let Some(difference) = source.difference_from(&found.grid) {
            return Err(Refusal::OtherGrid(difference).into());
        }
        let mask = files.mask(found.grid)?;
        let page = files.page()?;
        let gantry_version = files.gantry_version()?;
        let record = RunRecord {
            started: run.began,
            result_created: Stamp { at: result.ended, offset: run.began.offset },
            application: making::application(&application.package, application.digest),
            slot: u32::from(application.slot),
            node: result.node.clone(),
            gantry_version: gantry_version.unwrap_or_else(|| self.settings.gantry_version.clone()),
            institution: None,
            station: None,
            class: making::result_class(rows.class),
        };
        let scope = UidScope {
            secret: self.settings.secret.clone(),
            case: run.study.to_string(),
            run: run.id.clone(),
            task: case.of.task.clone(),
            issue: 0,
        };
        let inputs = Inputs {
            source: &source,
            findings: &found.findings,
            mask: mask.as_ref(),
            picture: page.as_ref().map(|page| page.picture()).transpose().map_err(Refusal::Page)?,
            run: &record,
            scope: &scope,
            profile: &rows.profile(),
            replaces: &rows.replaces,
        };
        let made = making::make(&*self.craft, &inputs, &application.package).map_err(Refusal::Make)?;
        if made.set.objects.is_empty() {
            // Whoever waits for a result there would wait for ever.
            let (destination, kinds) = (case.of.destination.clone(), rows.kinds.clone());
            return Err(Refusal::NothingToShow { destination, kinds }.into());
        }
        Ok(made)
    }

    fn keep(&self, case: &Case<'_>, rows: &Rows, made: &Made) -> Result<Decided, StoreError> {
        let appended = match self.append(case, &made.set.objects) {
            Ok(appended) => appended,
            Err(why) => return self.decide_against(case, why),
        };
        match self.outside.store.commit(&self.published(case, rows, made, &appended)) {
            Ok(_) => Ok(Decided::Here),
            Err(CommitError::Conflict(_)) => {
                self.free(&appended);
                Ok(Decided::Elsewhere)
            }
            Err(CommitError::Store(error)) => {
                // Should it have been written all the same, the next commit does not find the state that it expects,
                // and the bytes must stay.
                let decided = self.decide_against(case, error.into())?;
                if decided == Decided::Here {
                    self.free(&appended);
                }
                Ok(decided)
            }
        }
    }

    /// Makes the bytes of all objects durable, or keeps none of them.
    fn append(&self, case: &Case<'_>, objects: &[EvidenceObject]) -> Result<Vec<Appended>, Why> {
        let mut appended = Vec::new();
        let kept = objects.iter().try_for_each(|object| {
            let PublicationKey { run, task, destination } = &case.of;
            let label = format!("evidence {}\n{run} {task} {destination}", object.sop_instance);
            appended.push(self.outside.blob.append(&mut &*object.bytes, label.as_bytes())?);
            Ok(())
        });
        let references: Vec<_> = appended.iter().map(|appended| appended.reference).collect();
        match kept.and_then(|()| self.outside.blob.sync(&references)) {
            Ok(()) => Ok(appended),
            Err(error) => {
                self.free(&appended);
                Err(error.into())
            }
        }
    }

    fn free(&self, appended: &[Appended]) {
        for appended in appended {
            // Space that is not given back now goes with its segment.
            let _later = self.outside.blob.free(appended.reference);
        }
    }

    /// Quarantine, or another try later.
    fn decide_against(&self, case: &Case<'_>, why: Why) -> Result<Decided, StoreError> {
        let PublicationKey { run, task, destination } = &case.of;
        let (event, why) = match why {
            Why::Refused(refusal) => {
                let why = format!("{}: {refusal}", refusal.code());
                (Event::Refused { why: why.clone() }, why)
            }
            Why::Troubled(why) => (Event::Troubled { why: why.clone() }, why),
        };
        let step = step(&case.state, event, self.outside.clock.now());
        let action = match step.state.stage {
            Stage::Quarantined { .. } => "publication/quarantined",
            Stage::Queued { .. } | Stage::Published { .. } => "publication/troubled",
        };
        let detail = format!("task {task}, for {destination}: {why}");
        (self.outside.say)(&format!("{action}: run {run}, {detail}"));
        let row = publication::row(case.row.key.clone(), &step, case.row.version + 1);
        self.commit(case.row, Row::Machine(row), self.audit(action, run.as_str(), detail))
    }

    /// A publication that nobody can step waits for a person, with its state as it is.
    fn set_aside(&self, row: &MachineRow, why: &str) -> Result<Decided, StoreError> {
        let now = self.outside.clock.now();
        let aside = MachineRow { version: row.version + 1, due: None, person: Some(now), ..row.clone() };
        let audit = self.audit("publication/set-aside", &row.key.name, why.to_owned());
        (self.outside.say)(&format!("publication/set-aside: {}: {why}", row.key.name));
        self.commit(row, Row::Machine(aside), audit)
    }

    fn commit(&self, before: &MachineRow, row: Row, audit: AuditRow) -> Result<Decided, StoreError> {
        let expect = vec![Expectation::Machine { key: before.key.clone(), version: before.version }];
        match self.outside.store.commit(&Change { expect, rows: vec![row], audit: vec![audit] }) {
            Ok(_) => Ok(Decided::Here),
            Err(CommitError::Conflict(_)) => Ok(Decided::Elsewhere),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    fn audit(&self, action: &str, subject: &str, detail: String) -> AuditRow {
        AuditRow {
            at: self.outside.clock.now(),
            actor: "publisher".to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail,
        }
    }
}
