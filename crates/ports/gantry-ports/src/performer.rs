//! Performers: who carries out jobs.
//!
//! Contract
//! - [`Performer::perform`] blocks until the job ended, one way or the other, and never much longer than the job's
//!   time. What ends badly ends alone: the next job finds a performer in order (RN4).
//! - An answer is handed over only if it names the job's attempt and fence, and every file of it is the one that was
//!   announced (RN2). Then its bytes are in memory: nothing can change them between check and use.
//! - `hear` is called from the calling thread, at least every [`HEAR_WITHIN`] while a job runs, so that a lease can be
//!   renewed in it. Once it returned [`Wish::Stop`] the job ends with [`PerformError::Cancelled`].
//! - A performer never tries again by itself. A worker that died of an earlier job before it began this one is no try.

use std::{collections::BTreeMap, fmt, io, time::Duration};

use gantry_types::error_code::ErrorCode;

use crate::job::{FormError, Job, Report, Ticket};

/// The longest time between two calls of `hear` while a job runs.
pub const HEAR_WITHIN: Duration = Duration::from_secs(1);

/// What is heard of a running job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Nothing new, but it runs.
    Alive,
    /// How far a stage is.
    Progress {
        /// How many are done.
        done: u64,
        /// Of how many.
        of: u64,
    },
    /// A stage is over.
    Mark(String),
}

/// What the caller wants after hearing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// The job goes on.
    GoOn,
    /// The job's answer is not wanted any more.
    Stop,
}

/// A job that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performed {
    /// How it ended.
    pub report: Report,
    /// The files it wrote, by name, each with the digest that the report gives.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The most memory that was seen in use.
    pub peak_bytes: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "with exit code {code}"),
            Self::Signal(signal) => write!(f, "by signal {signal}"),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// The worker cannot be started.
    #[error("cannot start {program}")]
    Spawn {
        /// Which program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The job's directory cannot be written or read.
    #[error("cannot {doing}")]
    Directory {
        /// What was attempted.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The job cannot be written down.
    #[error("the job cannot be written down")]
    Job(#[source] FormError),
    /// The worker ended before it answered.
    #[error("the worker ended {ending} before it answered{}", last_line(said))]
    Crashed {
        /// How.
        ending: Ending,
        /// The end of what it said on its way.
        said: String,
    },
    /// It took longer than it may.
    #[error("{doing} took longer than {limit:?}")]
    TimedOut {
        /// What.
        doing: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// It took more memory than it may.
    #[error("the job took more memory than {limit_bytes} bytes")]
    Memory {
        /// The limit.
        limit_bytes: u64,
        /// The most that was seen in use, which may be less: the operating system refused more.
        seen_bytes: u64,
    },
    /// A line that is not of the protocol.
    #[error("the worker said {line:?}")]
    Garbage {
        /// The beginning of it.
        line: String,
        /// What is wrong with it.
        #[source]
        source: FormError,
    },
    /// It closed its output and lives on.
    #[error("the worker closed its output before it answered")]
    Closed,
    /// More lines than a job can need.
    #[error("the worker said more than {max} lines")]
    Talkative {
        /// How many are allowed.
        max: u64,
    },
    /// An answer to somebody else.
    #[error("the worker answered {answered}, asked was {asked}")]
    Stale {
        /// Who asked.
        asked: Ticket,
        /// To whom it answered.
        answered: Ticket,
    },
    /// `result.json` is not of its form.
    #[error("the result cannot be used")]
    Result(#[source] FormError),
    /// A file that is not the one announced.
    #[error("{name} in the result is not what was announced")]
    Damaged {
        /// Which.
        name: String,
    },
    /// More bytes than a result may have.
    #[error("the result has more than {max} bytes")]
    TooLarge {
        /// How many are allowed.
        max: u64,
    },
    /// The caller did not want the answer any more.
    #[error("the job was cancelled")]
    Cancelled,
}

fn last_line(text: &str) -> String {
    match text.trim().lines().last() {
        Some(last) => format!(": {last}"),
        None => String::new(),
    }
}

impl PerformError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::Spawn { .. } => "work/spawn",
            Self::Directory { .. } => "work/directory",
            Self::Job(_) => "work/job",
            Self::Crashed { .. } => "work/crashed",
            Self::TimedOut { .. } => "work/timed-out",
            Self::Memory { .. } => "work/memory",
            Self::Garbage { .. } => "work/garbage",
            Self::Closed => "work/closed",
            Self::Talkative { .. } => "work/talkative",
            Self::Stale { .. } => "work/stale",
            Self::Result(_) => "work/result",
            Self::Damaged { .. } => "work/damaged",
            Self::TooLarge { .. } => "work/too-large",
            Self::Cancelled => "work/cancelled",
        })
    }
}

/// The port.
pub trait Performer: Send + Sync {
    /// Carries out a job. Several threads may call at once, each with a job of its own.
    ///
    /// # Errors
    /// [`PerformError`]; then nothing of the job is accepted.
    fn perform(&self, job: &Job, hear: &mut dyn FnMut(News) -> Wish) -> Result<Performed, PerformError>;
}
