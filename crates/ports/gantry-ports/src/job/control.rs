//! The lines between a parent and its worker: one JSON object each, ended by a newline.

use std::path::PathBuf;

use gantry_types::digest::Digest;
use serde::{Deserialize, Serialize};

use super::{
    FormError, Ticket, VERSION,
    wire::{bound, digest, ticket, value},
};

/// The longest line, without its newline.
pub const LINE_MAX: usize = 16 << 10;

/// To the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToWorker {
    /// The parent's version of the protocol.
    Hello {
        /// Its version.
        protocol: u32,
    },
    /// A job in a directory.
    Job {
        /// Where.
        dir: PathBuf,
    },
    /// The job's answer is not wanted any more.
    Cancel(Ticket),
    /// No more jobs.
    Quit,
}

/// From the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromWorker {
    /// The first line.
    Hello {
        /// The worker's version of the protocol.
        protocol: u32,
        /// The program's version.
        version: String,
    },
    /// How far a stage is.
    Progress {
        /// Of which job.
        ticket: Ticket,
        /// How many are done.
        done: u64,
        /// Of how many.
        of: u64,
    },
    /// A stage is over.
    Mark {
        /// Of which job.
        ticket: Ticket,
        /// Which.
        stage: String,
    },
    /// `result.json` is written.
    Done {
        /// Of which job.
        ticket: Ticket,
        /// Its SHA-256.
        digest: Digest,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case", deny_unknown_fields)]
enum Down {
    Hello { protocol: u32 },
    Job { dir: String },
    Cancel { job: String, fence: u64 },
    Quit {},
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case", deny_unknown_fields)]
enum Up {
    Hello { protocol: u32, version: String },
    Progress { job: String, fence: u64, done: u64, of: u64 },
    Mark { job: String, fence: u64, stage: String },
    Done { job: String, fence: u64, digest: String },
}

const WHAT: &str = "a control line";

/// The line to a worker, with its newline.
///
/// # Errors
/// [`FormError`] if the directory's path is no text, or longer than a line.
pub fn encode_to_worker(message: &ToWorker) -> Result<Vec<u8>, FormError> {
    line(&match message {
        ToWorker::Hello { protocol } => Down::Hello { protocol: *protocol },
        ToWorker::Job { dir } => {
            let text = dir.to_str().ok_or_else(|| value("a path", &dir.to_string_lossy()))?;
            Down::Job { dir: text.to_owned() }
        }
        ToWorker::Cancel(ticket) => Down::Cancel { job: ticket.attempt.to_string(), fence: ticket.fence },
        ToWorker::Quit => Down::Quit {},
    })
}

/// The line from a worker, with its newline.
///
/// # Errors
/// [`FormError`] if a text is longer than a line.
pub fn encode_from_worker(message: &FromWorker) -> Result<Vec<u8>, FormError> {
    let name = |ticket: &Ticket| ticket.attempt.to_string();
    line(&match message {
        FromWorker::Hello { protocol, version } => {
            Up::Hello { protocol: *protocol, version: version.clone() }
        }
        FromWorker::Progress { ticket, done, of } => {
            Up::Progress { job: name(ticket), fence: ticket.fence, done: *done, of: *of }
        }
        FromWorker::Mark { ticket, stage } => {
            Up::Mark { job: name(ticket), fence: ticket.fence, stage: stage.clone() }
        }
        FromWorker::Done { ticket, digest } => {
            Up::Done { job: name(ticket), fence: ticket.fence, digest: digest.to_string() }
        }
    })
}

fn line(message: &impl Serialize) -> Result<Vec<u8>, FormError> {
    let mut line = serde_json::to_vec(message).map_err(|source| FormError::Json { what: WHAT, source })?;
    bound(WHAT, line.len(), LINE_MAX)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads a line to a worker.
///
/// # Errors
/// [`FormError`].
pub fn decode_to_worker(line: &[u8]) -> Result<ToWorker, FormError> {
    Ok(match parse(line)? {
        Down::Hello { protocol } => ToWorker::Hello { protocol },
        Down::Job { dir } => ToWorker::Job { dir: PathBuf::from(dir) },
        Down::Cancel { job, fence } => ToWorker::Cancel(ticket(&job, fence)?),
        Down::Quit {} => ToWorker::Quit,
    })
}

/// Reads a line from a worker.
///
/// # Errors
/// [`FormError`].
pub fn decode_from_worker(line: &[u8]) -> Result<FromWorker, FormError> {
    Ok(match parse(line)? {
        Up::Hello { protocol, version } => FromWorker::Hello { protocol, version },
        Up::Progress { job, fence, done, of } => {
            FromWorker::Progress { ticket: ticket(&job, fence)?, done, of }
        }
        Up::Mark { job, fence, stage } => FromWorker::Mark { ticket: ticket(&job, fence)?, stage },
        Up::Done { job, fence, digest: text } => {
            FromWorker::Done { ticket: ticket(&job, fence)?, digest: digest(&text)? }
        }
    })
}

fn parse<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, FormError> {
    bound(WHAT, line.len(), LINE_MAX)?;
    serde_json::from_slice(line).map_err(|source| FormError::Json { what: WHAT, source })
}

/// Whether both sides speak the same.
///
/// # Errors
/// [`FormError::Version`].
pub fn check_protocol(theirs: u32) -> Result<(), FormError> {
    if theirs == VERSION {
        Ok(())
    } else {
        Err(FormError::Version { what: "the other side's protocol", found: theirs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::AttemptId;

    #[test]
    fn lines_are_read_back() {
        let ticket = Ticket { attempt: AttemptId::new("a-1").unwrap(), fence: 9 };
        for message in [
            ToWorker::Hello { protocol: 1 },
            ToWorker::Job { dir: "/x y/\"z\"\n".into() },
            ToWorker::Cancel(ticket.clone()),
            ToWorker::Quit,
        ] {
            let line = encode_to_worker(&message).unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(decode_to_worker(line.trim_ascii_end()).unwrap(), message);
        }
        for message in [
            FromWorker::Hello { protocol: 1, version: "0.1.0".to_owned() },
            FromWorker::Progress { ticket: ticket.clone(), done: 1, of: 2 },
            FromWorker::Mark { ticket: ticket.clone(), stage: "load".to_owned() },
            FromWorker::Done { ticket, digest: Digest([5; 32]) },
        ] {
            let line = encode_from_worker(&message).unwrap();
            assert_eq!(decode_from_worker(line.trim_ascii_end()).unwrap(), message);
        }
    }

    #[test]
    fn the_words_of_the_protocol_are_fixed() {
        assert_eq!(encode_to_worker(&ToWorker::Quit).unwrap(), b"{\"say\":\"quit\"}\n");
        let ticket = Ticket { attempt: AttemptId::new("a-1").unwrap(), fence: 9 };
        let line = encode_to_worker(&ToWorker::Cancel(ticket)).unwrap();
        assert_eq!(line, b"{\"say\":\"cancel\",\"job\":\"a-1\",\"fence\":9}\n");
    }

    #[test]
    fn other_lines_are_refused() {
        for bad in
            ["", "x", "{}", "[]", r#"{"say":"sing"}"#, r#"{"say":"done","job":"../x","fence":1,"digest":""}"#]
        {
            assert!(decode_from_worker(bad.as_bytes()).is_err(), "{bad}");
        }
        let long = format!(r#"{{"say":"hello","protocol":1,"version":"{}"}}"#, "x".repeat(LINE_MAX));
        assert!(matches!(decode_from_worker(long.as_bytes()), Err(FormError::TooLarge { .. })));
    }
}
