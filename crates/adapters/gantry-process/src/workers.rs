//! The workers: idle ones, and how a job gets one.

use std::{
    ffi::OsString,
    fs, io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gantry_ports::{
    job::{Job, Outcome},
    performer::{News, PerformError, Performed, Performer, Wish},
};

use crate::{
    conversation::{self, Broken, By, Done, Manners},
    directory::{self, Directory},
    process::Worker,
    spawner::Spawner,
};

/// How workers are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The worker's program.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<OsString>,
    /// What else of the environment it is given, by name.
    pub environment: &'static [&'static str],
    /// Where the jobs' directories are; one process uses it, and empties it when it begins.
    pub folder: PathBuf,
    /// The most workers that are kept without work.
    pub idle_max: usize,
    /// How many jobs a worker carries out before it is replaced: what leaks is bounded.
    pub jobs_max: usize,
    /// How long a start may take.
    pub start_max: Duration,
    /// How long a worker may take to say that it has stopped a job, before it is killed.
    pub cancel_grace: Duration,
    /// The most bytes of a result.
    pub result_bytes_max: u64,
    /// The most lines that a worker may say on one job.
    pub lines_max: u64,
    /// How much more than a job's limit the operating system lets it have. The watch, which can name the cause, sees
    /// most jobs first; what is too fast for it ends here.
    pub headroom_bytes: u64,
    /// What the processor does first.
    pub priority: Priority,
}

/// What the processor does first, where there is more to do than it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// As any program.
    Normal,
    /// Everything else.
    Low,
}

impl Settings {
    /// The defaults, for this program and folder.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>, folder: PathBuf) -> Self {
        Self {
            program,
            arguments,
            environment: &[],
            folder,
            idle_max: 2,
            jobs_max: 50,
            start_max: Duration::from_secs(20),
            cancel_grace: Duration::from_secs(1),
            result_bytes_max: 256 << 20,
            lines_max: 100_000,
            headroom_bytes: 64 << 20,
            priority: Priority::Normal,
        }
    }
}

/// A worker that holds more than one part in so many of a job's memory is not given it.
const HELD_SHARE: u64 = 4;

/// A performer in worker processes. How many jobs run at once is its callers' business.
pub struct Workers {
    // Before the spawner: the workers end before the thread whose death would kill them.
    idle: Mutex<Vec<Worker>>,
    spawner: Spawner,
    settings: Settings,
}

impl Workers {
    /// Opens the folder, and removes what jobs of an earlier process left there. No worker is started yet.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(settings: Settings) -> io::Result<Self> {
        fs::create_dir_all(&settings.folder)?;
        for entry in fs::read_dir(&settings.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directory::remove(&entry.path())?;
            }
        }
        Ok(Self { idle: Mutex::default(), spawner: Spawner::start()?, settings })
    }

    /// Starts workers ahead of need, so that the first jobs find them warm.
    ///
    /// # Errors
    /// [`PerformError`] if one does not start.
    pub fn warm_up(&self) -> Result<(), PerformError> {
        while self.idle().len() < self.settings.idle_max {
            let worker = Worker::start(&self.spawner, &self.settings)?;
            self.idle().push(worker);
        }
        Ok(())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        // A panic elsewhere cannot leave the list half changed: each use is one call.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that is in order, idle or new.
    fn take(&self, job: &Job) -> Result<Worker, PerformError> {
        loop {
            let found = self.idle().pop();
            let Some(mut worker) = found else { return Worker::start(&self.spawner, &self.settings) };
            // What an allocator keeps of one job's memory would count against the next one's limit.
            let is_lean = worker.resident_bytes() <= job.limits.memory_bytes / HELD_SHARE;
            if is_lean && worker.is_in_order() {
                return Ok(worker);
            }
            // Dropped, and so killed.
        }
    }

    fn give_back(&self, worker: Worker) {
        let mut idle = self.idle();
        if idle.len() < self.settings.idle_max && worker.past.len() < self.settings.jobs_max {
            idle.push(worker);
        } else {
            // Not while others wait for the lock.
            drop(idle);
            drop(worker);
        }
    }
}

impl Performer for Workers {
    fn perform(&self, job: &Job, hear: &mut dyn FnMut(News) -> Wish) -> Result<Performed, PerformError> {
        let settings = &self.settings;
        // Ends: each round that goes on loses a worker that had a job before, and a new one has had none.
        loop {
            let directory = Directory::create(&settings.folder, job)?;
            let mut worker = self.take(job)?;
            let Done { announced, peak_bytes, manners } =
                match conversation::run(&mut worker, job, directory.path(), settings, hear) {
                    Ok(done) => done,
                    Err(Broken { by: By::EarlierJob, .. }) => continue,
                    Err(Broken { by: By::ThisJob, error }) => return Err(error),
                };
            let (report, files) = directory.read(&job.ticket, announced, settings.result_bytes_max)?;
            match (&report.outcome, manners) {
                (Outcome::Ran | Outcome::Declined(_) | Outcome::Refused(_), Manners::Good) => {
                    self.give_back(worker);
                }
                // What failed once is not trusted with the next job.
                (Outcome::Failed(_), Manners::Good | Manners::Odd)
                | (Outcome::Ran | Outcome::Declined(_) | Outcome::Refused(_), Manners::Odd) => drop(worker),
            }
            return Ok(Performed { report, files, peak_bytes });
        }
    }
}
