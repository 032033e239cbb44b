//! Jobs: what a performer is given, and what it answers.
//!
//! A job is a directory, one for each attempt: `job.json` and `in/` go in, `out/` and `result.json` come out. The same
//! directory serves a worker process, a container and a remote host, so its forms live here, where all of them can
//! know them: [`request`], [`result`], [`findings`], [`mask`], [`comparison`], and [`control`] for the lines that go with
//! it.
//! `docs/formats/job.md` shows them as tables.
//!
//! Invariants
//! - Every form has a version and limits; whoever reads one believes nothing beyond them.
//! - Domain types are converted by hand: no name of a Rust type is a promise to a file.
//! - Floating-point numbers are read back to the bit.

pub mod comparison;
pub mod control;
pub mod findings;
pub mod mask;
pub mod request;
pub mod result;
pub(crate) mod wire;

use std::{fmt, path::PathBuf, time::Duration};

use gantry_definition::package::Class;
use gantry_types::{digest::Digest, findings::JudgedClause};

pub use wire::FormError;

/// The version of the directory's forms and of the control lines.
pub const VERSION: u32 = 1;

/// Names of files in a job's directory.
pub mod names {
    /// What is to be done.
    pub const REQUEST: &str = "job.json";
    /// Masks and files of earlier tasks.
    pub const IN: &str = "in";
    /// What was found.
    pub const OUT: &str = "out";
    /// How it ended; written last.
    pub const RESULT: &str = "result.json";
    /// In `out`: what was found, with the clauses and the images it was found in.
    pub const FINDINGS: &str = "findings.json";
    /// In `out`: the label mask.
    pub const MASK: &str = "mask.gz";
    /// In `out`: the summary picture.
    pub const PICTURE: &str = "picture.png";
    /// In `out` of a comparison: what the objects are to each other.
    pub const COMPARISON: &str = "comparison.json";
}

/// Names an attempt: 1 to 128 characters of a-z, 0-9 and hyphen, so that it may name a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptId(Box<str>);

impl AttemptId {
    /// The attempt of this name, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ((1..=128).contains(&text.len()) && text.bytes().all(is_plain)).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks: an answer counts only if it names the same attempt and the same fence (RN2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The attempt.
    pub attempt: AttemptId,
    /// Ascends with every lease of the attempt's task.
    pub fence: u64,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (fence {})", self.attempt, self.fence)
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Who asks.
    pub ticket: Ticket,
    /// What is done with the inputs.
    pub work: Work,
    /// What it is given.
    pub inputs: Vec<Input>,
    /// What it may cost.
    pub limits: Limits,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// An application answers.
    Application(Application),
    /// Revisions of objects are told apart (RC2): inputs and answer are those of [`comparison`].
    Comparison,
}

/// The application of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Where it is.
    pub source: ApplicationSource,
    /// What its package must be (DC2).
    pub package: Digest,
    /// For whom its results are, at most: the package may say less (DL2). The picture's warning says it (EV6).
    pub class: Class,
    /// Clauses that the workflow vouches for.
    pub asserted: Vec<String>,
}

/// Where an application is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationSource {
    /// It ships with the program, under this name.
    Shipped(String),
    /// It is a folder with an `app.toml`.
    Folder(PathBuf),
}

/// The objects of one input of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The application's name for it.
    pub role: String,
    /// Part 10 files; leased until the job is done.
    pub objects: Vec<Place>,
}

/// Where an object lies, for a reader outside of the blob store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, by its absolute path.
    pub file: PathBuf,
    /// Which bytes of it; nothing is all of them.
    pub range: Option<ByteRange>,
}

/// A range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// What a job may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the whole process.
    pub memory_bytes: u64,
    /// From the moment it is handed over.
    pub time: Duration,
}

/// How a job ended, as `result.json` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who asked.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
    /// The files in `out`.
    pub files: Vec<FileEntry>,
    /// Where the time went, in order.
    pub stages: Vec<Stage>,
    /// What computed: name and value, such as the program's version.
    pub engine: Vec<(String, String)>,
    /// Objects that were of no use, and why.
    pub left_out: Vec<LeftOut>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The application answered; `out` holds it.
    Ran,
    /// The application declined: the clauses that failed or could not be known.
    Declined(Vec<JudgedClause>),
    /// No series could be made a volume.
    Refused(Complaint),
    /// The application, or whoever runs it, is at fault.
    Failed(Complaint),
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Stable code.
    pub code: String,
    /// A sentence for people.
    pub sentence: String,
}

/// A file in `out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name there.
    pub name: String,
    /// Its bytes.
    pub length: u64,
    /// Their SHA-256.
    pub digest: Digest,
}

/// A stage and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Which: `survey`, `load`, `judge`, `compute`, `describe`, `write`.
    pub name: String,
    /// How long.
    pub micros: u64,
}

/// An object that was of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Counted from 0 over the objects of all inputs.
    pub index: usize,
    /// Why.
    pub why: String,
}

/// Whether a name may stand for a file in `out`: nothing that leads elsewhere.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for good in ["mask.gz", "seg-1.dcm", "A_b"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "../a", "/etc/passwd", "a\0b", "a b", &"x".repeat(65)] {
            assert!(!is_file_name(bad), "{bad:?}");
        }
        assert_eq!(AttemptId::new("run-1-main-2").unwrap().to_string(), "run-1-main-2");
        for bad in ["", "..", "a/b", "A", &"x".repeat(129)] {
            assert_eq!(AttemptId::new(bad), None, "{bad:?}");
        }
    }
}
