//! What the conductor needs, and its turns.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gantry_flow::{
    names::Actor,
    run::{Event, State as RunState},
};
use gantry_ports::{
    blob::Blob,
    cases::Cases,
    clock::Clock,
    definitions::Definitions,
    ids::Ids,
    intake::Intake,
    news::{News, Seen, Woken},
    packages::Packages,
    runs::Runs,
    state::StateError,
    store::{
        AttentionRow, AuditRow, Change, CommitError, DocumentKind, DocumentRow, MachineKind, MachineRow, Row,
        Store, StoreError, StudyRow,
    },
};
use gantry_types::{
    ids::{NodeId, SiteId},
    instant::Instant,
    uid::StudyInstanceUid,
};

use crate::workflows::Workflows;

/// The ports that it works with, and whom it tells what no row can hold.
#[derive(Clone)]
pub struct Outside {
    /// Where rows are written.
    pub store: Arc<dyn Store>,
    /// What came in.
    pub intake: Arc<dyn Intake>,
    /// What wants attention.
    pub cases: Arc<dyn Cases>,
    /// Payloads, runs and results.
    pub runs: Arc<dyn Runs>,
    /// Documents.
    pub definitions: Arc<dyn Definitions>,
    /// Bytes.
    pub blob: Arc<dyn Blob>,
    /// Applications.
    pub packages: Arc<dyn Packages>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keys of rows.
    pub ids: Arc<dyn Ids>,
    /// Where an operator reads what goes wrong; never anything of a patient's.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Who it is, and how patient.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose studies.
    pub site: SiteId,
    /// Which installation of the program.
    pub node: NodeId,
    /// How long an attempt is believed alive without a heartbeat.
    pub lease: Duration,
    /// A study is looked at no more often than this: while it comes in, it changes all the time.
    pub look_pause: Duration,
}

impl Settings {
    /// The defaults, for this node of this site.
    #[must_use]
    pub fn new(site: SiteId, node: NodeId) -> Self {
        Self { site, node, lease: Duration::from_secs(30), look_pause: Duration::from_millis(200) }
    }
}

/// The most rows that are taken up in one turn.
pub(crate) const TURN_MAX: usize = 64;
/// After trouble with a study it is looked at again.
pub(crate) const TROUBLE_PAUSE: Duration = Duration::from_secs(30);
/// The longest wait: whoever is told nothing looks all the same.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Studies whose last look is remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Studies that came in within this time are looked at when workflows change.
const RECENT: Duration = Duration::from_secs(24 * 3600);
const RECENT_MAX: usize = 1000;

/// Drives cases and runs.
pub struct Conductor {
    pub(crate) outside: Outside,
    pub(crate) settings: Settings,
    memory: Mutex<Memory>,
}

/// What only saves work.
#[derive(Default)]
pub(crate) struct Memory {
    /// The workflows in use, and the rows that they were read from.
    workflows: Option<(Vec<DocumentRow>, Arc<Workflows>)>,
    /// By monotonic time, before when a study is not looked at again.
    rests: BTreeMap<StudyInstanceUid, Instant>,
    /// What was said already: the same trouble comes again with every turn.
    said: BTreeMap<String, Instant>,
}

/// Why a turn did not come to its end. What it was about comes again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Facts(#[from] crate::facts::FactsError),
    /// What was read does not fit together: something came in between.
    #[error("the study changed meanwhile")]
    Changed,
    #[error("{0}")]
    Impossible(String),
}

impl From<CommitError> for TurnError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Changed,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

impl Conductor {
    /// A conductor of a node.
    #[must_use]
    pub fn new(outside: Outside, settings: Settings) -> Self {
        Self { outside, settings, memory: Mutex::default() }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        // It only saves work: half of a change in it does no harm.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what came in and at what is due, until told to stop.
    pub fn conduct(&self, news: &News) {
        let mut seen = Seen::default();
        loop {
            let wait = match self.turn() {
                Ok(wait) => wait,
                Err(error) => {
                    self.trouble("turn", &format!("the conductor cannot go on: {error}"));
                    WAIT_MAX
                }
            };
            match news.wait(seen, wait) {
                Woken::Over => return,
                Woken::Look(now) => seen = now,
            }
        }
    }

    /// One turn: everything that wants attention or is due. Says how long nothing more can happen.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn turn(&self) -> Result<Duration, StoreError> {
        let workflows = self.workflows()?;
        let resting = self.look_at_studies(&workflows)?;
        self.step_due_runs()?;
        let now = self.outside.clock.now();
        let mut wait = resting.unwrap_or(WAIT_MAX).min(WAIT_MAX);
        for kind in [MachineKind::Case, MachineKind::Run] {
            if let Some(due) = self.outside.cases.next_due(kind)? {
                // One that cannot be stepped stays due: it must not keep us from waiting.
                wait = wait.min(due.since(now).max(Duration::from_millis(20)));
            }
        }
        Ok(wait)
    }

    /// The workflows in use. When they change, what came in lately is looked at anew.
    fn workflows(&self) -> Result<Arc<Workflows>, StoreError> {
        let definitions = &self.outside.definitions;
        let rows = definitions.newest_documents(&self.settings.site, DocumentKind::Workflow)?;
        if let Some((read, workflows)) = &self.memory().workflows
            && *read == rows
        {
            return Ok(Arc::clone(workflows));
        }
        let fresh = Arc::new(Workflows::of(&rows));
        for unreadable in &fresh.unreadable {
            self.trouble(&unreadable.name, &unreadable.to_string());
        }
        if !fresh.live.is_empty() {
            self.want_recent_studies()?;
        }
        self.memory().workflows = Some((rows, Arc::clone(&fresh)));
        Ok(fresh)
    }

    /// Takes back what the last process of this node had leased: it is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recover(&self) -> Result<usize, StoreError> {
        let mut lost = 0;
        // A leased attempt has a timer, so all of them are among what will be due one day.
        for row in self.outside.cases.due(MachineKind::Run, Instant(i64::MAX), usize::MAX >> 1)? {
            let is_ours = |state: &RunState| crate::running::leased(state, &self.settings.node);
            match self.step_run(&row, &mut |state| {
                let (task, fence) = is_ours(state)?;
                Some(Event::Lost { task, fence })
            }) {
                Ok(true) => lost += 1,
                Ok(false) | Err(TurnError::Changed) => {}
                Err(error) => self.stumbled(&row, &error),
            }
        }
        Ok(lost)
    }

    /// Timeouts, lost leases and back-offs of runs.
    fn step_due_runs(&self) -> Result<(), StoreError> {
        let now = self.outside.clock.now();
        for row in self.outside.cases.due(MachineKind::Run, now, TURN_MAX)? {
            match self.step_run(&row, &mut |_| Some(Event::Due)) {
                Ok(_) | Err(TurnError::Changed) => {}
                Err(error) => self.stumbled(&row, &error),
            }
        }
        Ok(())
    }

    /// Marks the studies of the last day, so that workflows that came or changed judge them.
    fn want_recent_studies(&self) -> Result<(), StoreError> {
        let now = self.outside.clock.now();
        let since = Instant(now.0.saturating_sub(i64::try_from(RECENT.as_micros()).unwrap_or(i64::MAX)));
        let newest =
            self.outside.intake.newest_studies(&self.settings.site, now.after(RECENT), RECENT_MAX)?;
        let recent = newest.into_iter().filter(|study| since <= study.first_received);
        let mark = |study: StudyRow| {
            Row::Attention(AttentionRow { site: study.site, study: study.uid, mark: self.outside.ids.next() })
        };
        let change = Change { rows: recent.map(mark).collect(), ..Change::default() };
        if change.rows.is_empty() {
            return Ok(());
        }
        match self.outside.store.commit(&change) {
            Ok(_) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// How long a study still rests.
    pub(crate) fn rest_of(&self, study: &StudyInstanceUid) -> Option<Duration> {
        let until = *self.memory().rests.get(study)?;
        let rest = until.since(self.outside.clock.monotonic());
        (!rest.is_zero()).then_some(rest)
    }

    /// How many studies rest.
    pub(crate) fn resting(&self) -> usize {
        let now = self.outside.clock.monotonic();
        let mut memory = self.memory();
        memory.rests.retain(|_, until| now < *until);
        memory.rests.len()
    }

    /// Lets a study rest.
    pub(crate) fn rest(&self, study: &StudyInstanceUid, pause: Duration) {
        let until = self.outside.clock.monotonic().after(pause);
        self.memory().rests.insert(study.clone(), until);
    }

    /// Tells an operator, each trouble once in a while.
    pub(crate) fn trouble(&self, about: &str, sentence: &str) {
        let now = self.outside.clock.monotonic();
        let mut memory = self.memory();
        if REMEMBERED_MAX < memory.said.len() {
            memory.said.clear();
        }
        let is_new = memory.said.get(about).is_none_or(|at| TROUBLE_PAUSE < now.since(*at));
        if is_new {
            memory.said.insert(about.to_owned(), now);
            drop(memory);
            (self.outside.say)(sentence);
        }
    }

    pub(crate) fn audit(&self, action: &str, subject: &str, detail: String) -> AuditRow {
        self.audit_of(&Actor::from("conductor"), action, subject, detail)
    }

    /// What is said of something that somebody ordered.
    pub(crate) fn audit_of(&self, by: &Actor, action: &str, subject: &str, detail: String) -> AuditRow {
        AuditRow {
            at: self.outside.clock.now(),
            actor: by.to_string(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail,
        }
    }

    /// The row that a machine has now.
    pub(crate) fn reload(&self, row: &MachineRow) -> Result<MachineRow, TurnError> {
        self.outside.cases.machine(&row.key)?.ok_or(TurnError::Changed)
    }
}

/// An error and its causes in one sentence.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}
