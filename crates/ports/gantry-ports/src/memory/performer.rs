//! A performer in memory: it plays what a job is given to play.

use std::collections::BTreeMap;

use crate::{
    job::{FileEntry, Job, Outcome, Report, Stage},
    performer::{HEAR_WITHIN, News, PerformError, Performed, Performer, Wish},
};

use super::TakeDigest;

/// How a job goes.
#[derive(Debug)]
pub enum Play {
    /// It answers.
    Answer {
        /// What is heard on the way.
        news: Vec<News>,
        /// How it ends.
        outcome: Outcome,
        /// Files by name.
        files: BTreeMap<String, Vec<u8>>,
    },
    /// It goes wrong.
    Error(PerformError),
    /// It goes on until its time is over; no time passes.
    Hang,
}

/// A performer in memory.
pub struct MemoryPerformer {
    play: Box<dyn Fn(&Job) -> Play + Send + Sync>,
    digest: TakeDigest,
}

impl MemoryPerformer {
    /// A performer whose jobs go as `play` says.
    #[must_use]
    pub fn new(digest: TakeDigest, play: impl Fn(&Job) -> Play + Send + Sync + 'static) -> Self {
        Self { play: Box::new(play), digest }
    }
}

impl Performer for MemoryPerformer {
    fn perform(&self, job: &Job, hear: &mut dyn FnMut(News) -> Wish) -> Result<Performed, PerformError> {
        match (self.play)(job) {
            Play::Error(error) => Err(error),
            Play::Hang => Err(hang(job, hear)),
            Play::Answer { news, outcome, files } => {
                for one in news {
                    if hear(one) == Wish::Stop {
                        return Err(PerformError::Cancelled);
                    }
                }
                let entry = |(name, bytes): (&String, &Vec<u8>)| FileEntry {
                    name: name.clone(),
                    length: bytes.len() as u64,
                    digest: (self.digest)(bytes),
                };
                let report = Report {
                    ticket: job.ticket.clone(),
                    outcome,
                    files: files.iter().map(entry).collect(),
                    stages: vec![Stage { name: "compute".to_owned(), micros: 0 }],
                    engine: Vec::new(),
                    left_out: Vec::new(),
                };
                Ok(Performed { report, files, peak_bytes: 0 })
            }
        }
    }
}

/// Says as often that it lives as a real one would have to.
fn hang(job: &Job, hear: &mut dyn FnMut(News) -> Wish) -> PerformError {
    for _ in 0..=job.limits.time.as_secs() / HEAR_WITHIN.as_secs() {
        if hear(News::Alive) == Wish::Stop {
            return PerformError::Cancelled;
        }
    }
    PerformError::TimedOut { doing: "the job", limit: job.limits.time }
}

#[cfg(test)]
mod tests {
    use std::io;

    use sha2::Digest as _;

    use super::*;
    use crate::{
        contract::performer::{Behaviour, FILE, behaviour, outcome_of},
        job::{FormError, Ticket},
        performer::Ending,
    };

    fn digest(bytes: &[u8]) -> gantry_types::digest::Digest {
        gantry_types::digest::Digest(sha2::Sha256::digest(bytes).into())
    }

    fn play(job: &Job) -> Play {
        let behaviour = behaviour(job).unwrap();
        let limit_bytes = job.limits.memory_bytes;
        let damaged = |name: &str| PerformError::Damaged { name: name.to_owned() };
        let crashed = |ending| PerformError::Crashed { ending, said: String::new() };
        Play::Error(match behaviour {
            Behaviour::Answers | Behaviour::AnswersTwice | Behaviour::AnswersOnce => {
                return Play::Answer {
                    news: vec![News::Progress { done: 1, of: 2 }, News::Mark("load".to_owned())],
                    outcome: Outcome::Ran,
                    files: BTreeMap::from([(FILE.to_owned(), job.ticket.to_string().into_bytes())]),
                };
            }
            Behaviour::Declines | Behaviour::Fails => {
                let outcome = outcome_of(behaviour);
                return Play::Answer { news: Vec::new(), outcome, files: BTreeMap::new() };
            }
            Behaviour::Hangs => return Play::Hang,
            Behaviour::Crashes => crashed(Ending::Signal(6)),
            Behaviour::Exits => crashed(Ending::Exit(3)),
            Behaviour::EatsMemory | Behaviour::GulpsMemory => {
                PerformError::Memory { limit_bytes, seen_bytes: limit_bytes }
            }
            Behaviour::TalksGarbage | Behaviour::TalksEndlessly => PerformError::Garbage {
                line: String::new(),
                source: FormError::Value { what: "a line", value: String::new() },
            },
            Behaviour::Floods => PerformError::Talkative { max: 1 },
            Behaviour::ClosesOutput => PerformError::Closed,
            Behaviour::AnswersStale | Behaviour::WritesStaleResult => PerformError::Stale {
                asked: job.ticket.clone(),
                answered: Ticket { attempt: job.ticket.attempt.clone(), fence: 0 },
            },
            Behaviour::AnnouncesWrongDigest | Behaviour::WritesNothing => damaged("result.json"),
            Behaviour::ChangesFile | Behaviour::LinksFile => damaged(FILE),
        })
    }

    crate::performer_contract!(Box::new(MemoryPerformer::new(digest, play)));

    #[test]
    fn an_error_names_its_cause() {
        let error = PerformError::Spawn { program: "w".to_owned(), source: io::Error::other("x") };
        assert_eq!((error.to_string().as_str(), error.code().0), ("cannot start w", "work/spawn"));
    }
}
