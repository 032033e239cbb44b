//! One job on one worker, from the line that hands it over to the line that says it is done.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use gantry_ports::{
    job::{
        Job, Ticket,
        control::{FromWorker, ToWorker},
    },
    performer::{HEAR_WITHIN, News, PerformError, Wish},
};
use gantry_types::digest::Digest;
use rustix::process::Resource;

use crate::{
    process::{Heard, Worker, is_out_of_memory},
    workers::Settings,
};

/// How often memory and time are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What a conversation led to.
pub(crate) struct Done {
    /// Digest of the result, as announced.
    pub(crate) announced: Digest,
    /// The most memory that was seen in use.
    pub(crate) peak_bytes: u64,
    /// How the worker behaved.
    pub(crate) manners: Manners,
}

/// How a conversation broke off.
pub(crate) struct Broken {
    /// Why.
    pub(crate) error: PerformError,
    /// Whose doing it was.
    pub(crate) by: By,
}

/// Whose doing it is that a conversation broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The job's.
    ThisJob,
    /// That of a job before it: the worker ended without a word on this one, and a worker says how far it is before
    /// it lets the application begin.
    EarlierJob,
}

/// Whether a worker may have another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Nothing odd.
    Good,
    /// It answered an earlier job again.
    Odd,
}

/// Whether the answer is still wanted.
#[derive(Clone, Copy)]
enum Wanted {
    Yes,
    /// It was cancelled; until then the worker may say so itself.
    Until(Instant),
}

/// A job that runs.
struct Conversation<'a> {
    worker: &'a mut Worker,
    job: &'a Job,
    settings: &'a Settings,
    hear: &'a mut dyn FnMut(News) -> Wish,
    deadline: Instant,
    looked: Instant,
    told: Instant,
    lines: u64,
    wanted: Wanted,
    peak_bytes: u64,
    manners: Manners,
}

/// Runs a job in `dir` on a worker.
///
/// An error leaves the worker in an unknown state: it must go. With [`PerformError::Cancelled`] too, since what it did
/// not hear it may still be doing.
pub(crate) fn run(
    worker: &mut Worker,
    job: &Job,
    dir: &Path,
    settings: &Settings,
    hear: &mut dyn FnMut(News) -> Wish,
) -> Result<Done, Broken> {
    let now = Instant::now();
    let mut conversation = Conversation {
        worker,
        job,
        settings,
        hear,
        // A time beyond what a clock can say is no limit; a year is none either.
        deadline: now + job.limits.time.min(Duration::from_secs(365 * 86_400)),
        looked: now,
        told: now,
        lines: 0,
        wanted: Wanted::Yes,
        peak_bytes: 0,
        manners: Manners::Good,
    };
    let outcome = conversation.hand_over(dir).and_then(|()| conversation.listen());
    let announced = outcome.map_err(|error| conversation.broken(error))?;
    let Conversation { peak_bytes, manners, .. } = conversation;
    worker.past.push(job.ticket.clone());
    Ok(Done { announced, peak_bytes, manners })
}

impl Conversation<'_> {
    fn hand_over(&mut self, dir: &Path) -> Result<(), PerformError> {
        let limit = self.job.limits.memory_bytes.saturating_add(self.settings.headroom_bytes);
        let program = || self.settings.program.display().to_string();
        // Private memory, written or not; mapped files and what is only reserved do not count.
        self.worker
            .limit(Resource::Data, limit)
            .map_err(|source| PerformError::Spawn { program: program(), source })?;
        self.worker.tell(&ToWorker::Job { dir: dir.to_owned() })
    }

    fn listen(&mut self) -> Result<Digest, PerformError> {
        loop {
            let heard = self.worker.hear(LOOK)?;
            if LOOK <= self.looked.elapsed() {
                self.look()?;
            }
            let Heard::Said(message) = heard else { continue };
            self.lines += 1;
            if self.settings.lines_max < self.lines {
                return Err(PerformError::Talkative { max: self.settings.lines_max });
            }
            if let Some(announced) = self.take(message)? {
                return Ok(announced);
            }
        }
    }

    /// Memory, time, and a sign of life for the caller.
    fn look(&mut self) -> Result<(), PerformError> {
        self.looked = Instant::now();
        let resident = self.worker.resident_bytes();
        self.peak_bytes = self.peak_bytes.max(resident);
        if self.job.limits.memory_bytes < resident {
            return Err(self.too_much_memory());
        }
        match self.wanted {
            Wanted::Until(grace) if grace <= self.looked => return Err(PerformError::Cancelled),
            Wanted::Yes | Wanted::Until(_) => {}
        }
        if self.deadline <= self.looked {
            return Err(PerformError::TimedOut { doing: "the job", limit: self.job.limits.time });
        }
        // Twice as often as promised, for a machine that is busy.
        if HEAR_WITHIN / 2 <= self.told.elapsed() {
            self.tell_caller(News::Alive)?;
        }
        Ok(())
    }

    fn take(&mut self, message: FromWorker) -> Result<Option<Digest>, PerformError> {
        match message {
            FromWorker::Hello { .. } => Ok(None),
            FromWorker::Progress { ticket, done, of } => {
                if self.is_ours(&ticket)? {
                    self.tell_caller(News::Progress { done, of })?;
                }
                Ok(None)
            }
            FromWorker::Mark { ticket, stage } => {
                if self.is_ours(&ticket)? {
                    self.tell_caller(News::Mark(stage))?;
                }
                Ok(None)
            }
            FromWorker::Done { ticket, digest } => {
                if !self.is_ours(&ticket)? {
                    return Ok(None);
                }
                match self.wanted {
                    // However fast it reads its input, an answer after the deadline is none.
                    Wanted::Yes if self.deadline <= Instant::now() => {
                        Err(PerformError::TimedOut { doing: "the job", limit: self.job.limits.time })
                    }
                    Wanted::Yes => Ok(Some(digest)),
                    Wanted::Until(_) => Err(PerformError::Cancelled),
                }
            }
        }
    }

    /// Whether a line is about this job. One about an earlier job is late, and changes nothing.
    fn is_ours(&mut self, ticket: &Ticket) -> Result<bool, PerformError> {
        if *ticket == self.job.ticket {
            return Ok(true);
        }
        if self.worker.past.contains(ticket) {
            self.manners = Manners::Odd;
            return Ok(false);
        }
        Err(PerformError::Stale { asked: self.job.ticket.clone(), answered: ticket.clone() })
    }

    fn tell_caller(&mut self, news: News) -> Result<(), PerformError> {
        match self.wanted {
            Wanted::Until(_) => Ok(()),
            Wanted::Yes => {
                self.told = Instant::now();
                match (self.hear)(news) {
                    Wish::GoOn => Ok(()),
                    Wish::Stop => {
                        self.wanted = Wanted::Until(Instant::now() + self.settings.cancel_grace);
                        self.worker.tell(&ToWorker::Cancel(self.job.ticket.clone()))
                    }
                }
            }
        }
    }

    fn too_much_memory(&self) -> PerformError {
        PerformError::Memory { limit_bytes: self.job.limits.memory_bytes, seen_bytes: self.peak_bytes }
    }

    /// An error by its proper name: a crash for want of memory is a want of memory.
    fn broken(&self, error: PerformError) -> Broken {
        let has_ended = matches!(error, PerformError::Crashed { .. } | PerformError::Closed);
        let by = if has_ended && self.lines == 0 && !self.worker.past.is_empty() {
            By::EarlierJob
        } else {
            By::ThisJob
        };
        if let PerformError::Crashed { ending, said } = &error
            && is_out_of_memory(*ending, said)
        {
            return Broken { error: self.too_much_memory(), by };
        }
        Broken { error, by }
    }
}
