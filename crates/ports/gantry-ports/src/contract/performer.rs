//! The laws of [`crate::performer::Performer`].
//!
//! The application of a job says how its performer's worker behaves: [`Behaviour`] by name. An adapter is tested with
//! a worker program that knows these names.
#![expect(clippy::unwrap_used, reason = "a law fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a law fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a law fails by panicking")]

use std::time::{Duration, Instant};

use gantry_types::{
    digest::Digest,
    error_code::ErrorCode,
    findings::{JudgedClause, Verdict},
};

use crate::{
    job::{Application, ApplicationSource, AttemptId, Complaint, Job, Limits, Outcome, Ticket, Work},
    performer::{HEAR_WITHIN, News, PerformError, Performed, Performer, Wish},
};

/// The file that [`Behaviour::Answers`] writes; it holds the ticket.
pub const FILE: &str = "answer";
/// The time that jobs of the laws may take.
pub const TIME: Duration = Duration::from_secs(2);
/// The memory that jobs of the laws may take.
pub const MEMORY_BYTES: u64 = 256 << 20;

macro_rules! behaviours {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// How a worker behaves on a job.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Behaviour { $($(#[$doc])* $variant,)* }

        impl Behaviour {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name of the application that asks for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

behaviours! {
    /// Says progress and a mark, writes [`FILE`], answers.
    Answers = "answers";
    /// Declines by the clause `thin`.
    Declines = "declines";
    /// Says that it failed, with the code `test/failed`.
    Fails = "fails";
    /// Dies of a signal.
    Crashes = "crashes";
    /// Exits with 3.
    Exits = "exits";
    /// Does nothing for ever, and does not listen.
    Hangs = "hangs";
    /// Takes memory, a little at a time, and waits when it has twice its limit.
    EatsMemory = "eats-memory";
    /// Takes far more memory than its limit at once.
    GulpsMemory = "gulps-memory";
    /// Says something that is not of the protocol.
    TalksGarbage = "talks-garbage";
    /// Says a line that has no end.
    TalksEndlessly = "talks-endlessly";
    /// Says that it makes progress, for ever and without a pause.
    Floods = "floods";
    /// Closes its output and lives on.
    ClosesOutput = "closes-output";
    /// Answers to the fence before its own.
    AnswersStale = "answers-stale";
    /// Answers to its own fence with a result that names the one before.
    WritesStaleResult = "writes-stale-result";
    /// Announces another digest than that of its result.
    AnnouncesWrongDigest = "announces-wrong-digest";
    /// Changes a file after the result gave its digest.
    ChangesFile = "changes-file";
    /// Names a file that is a link to one elsewhere.
    LinksFile = "links-file";
    /// Announces a result that it did not write.
    WritesNothing = "writes-nothing";
    /// Answers, and once more as soon as the next job is there.
    AnswersTwice = "answers-twice";
    /// Answers, and dies as soon as the next job is there.
    AnswersOnce = "answers-once";
}

/// What must come of each behaviour that is no answer.
const BAD: &[(Behaviour, ErrorCode)] = &[
    (Behaviour::Crashes, ErrorCode("work/crashed")),
    (Behaviour::Exits, ErrorCode("work/crashed")),
    (Behaviour::Hangs, ErrorCode("work/timed-out")),
    (Behaviour::EatsMemory, ErrorCode("work/memory")),
    (Behaviour::GulpsMemory, ErrorCode("work/memory")),
    (Behaviour::TalksGarbage, ErrorCode("work/garbage")),
    (Behaviour::TalksEndlessly, ErrorCode("work/garbage")),
    (Behaviour::Floods, ErrorCode("work/talkative")),
    (Behaviour::ClosesOutput, ErrorCode("work/closed")),
    (Behaviour::AnswersStale, ErrorCode("work/stale")),
    (Behaviour::WritesStaleResult, ErrorCode("work/stale")),
    (Behaviour::AnnouncesWrongDigest, ErrorCode("work/damaged")),
    (Behaviour::ChangesFile, ErrorCode("work/damaged")),
    (Behaviour::LinksFile, ErrorCode("work/damaged")),
    (Behaviour::WritesNothing, ErrorCode("work/damaged")),
];

/// How much longer than its time a job may hold its caller, on a machine that is busy.
const SLACK: Duration = Duration::from_secs(8);

/// What became of a job that behaves so.
pub fn outcome_of(behaviour: Behaviour) -> Outcome {
    match behaviour {
        Behaviour::Declines => Outcome::Declined(vec![JudgedClause {
            name: "thin".to_owned(),
            verdict: Verdict::Failed,
            seen: "5 mm".to_owned(),
        }]),
        Behaviour::Fails => Outcome::Failed(Complaint {
            code: "test/failed".to_owned(),
            sentence: "it was made to fail".to_owned(),
        }),
        Behaviour::Answers
        | Behaviour::Crashes
        | Behaviour::Exits
        | Behaviour::Hangs
        | Behaviour::EatsMemory
        | Behaviour::GulpsMemory
        | Behaviour::TalksGarbage
        | Behaviour::TalksEndlessly
        | Behaviour::Floods
        | Behaviour::ClosesOutput
        | Behaviour::AnswersStale
        | Behaviour::WritesStaleResult
        | Behaviour::AnnouncesWrongDigest
        | Behaviour::ChangesFile
        | Behaviour::LinksFile
        | Behaviour::WritesNothing
        | Behaviour::AnswersTwice
        | Behaviour::AnswersOnce => Outcome::Ran,
    }
}

/// A job whose worker behaves so.
#[must_use]
pub fn job(behaviour: Behaviour, attempt: &str, fence: u64) -> Job {
    Job {
        ticket: Ticket { attempt: AttemptId::new(attempt).unwrap(), fence },
        work: Work::Application(Application {
            source: ApplicationSource::Shipped(behaviour.name().to_owned()),
            package: Digest([0; 32]),
            class: gantry_definition::package::Class::Test,
            asserted: Vec::new(),
        }),
        inputs: Vec::new(),
        limits: Limits { memory_bytes: MEMORY_BYTES, time: TIME },
    }
}

/// The behaviour that a job asks for.
#[must_use]
pub fn behaviour(job: &Job) -> Option<Behaviour> {
    let Work::Application(Application { source: ApplicationSource::Shipped(name), .. }) = &job.work else {
        return None;
    };
    Behaviour::ALL.iter().copied().find(|behaviour| behaviour.name() == name)
}

/// Performs and checks what must be true of every answer.
#[track_caller]
fn check(performer: &dyn Performer, job: &Job) -> Result<(Performed, Vec<News>), PerformError> {
    let mut heard = Vec::new();
    let started = Instant::now();
    let performed = performer.perform(job, &mut |news| {
        heard.push(news);
        Wish::GoOn
    });
    assert!(started.elapsed() < job.limits.time + SLACK, "{job:?} held its caller too long");
    let performed = performed?;
    assert_eq!(performed.report.ticket, job.ticket);
    assert_eq!(performed.report.files.len(), performed.files.len());
    for file in &performed.report.files {
        assert_eq!(performed.files[&file.name].len() as u64, file.length);
    }
    Ok((performed, heard))
}

#[track_caller]
fn check_answers(performer: &dyn Performer, attempt: &str, fence: u64) {
    let job = job(Behaviour::Answers, attempt, fence);
    let (performed, _) = check(performer, &job).unwrap();
    assert_eq!(performed.files[FILE], job.ticket.to_string().as_bytes());
}

/// An answer comes with its files, and with what was said on the way, in order.
pub fn an_answer_comes_with_its_files(performer: &dyn Performer) {
    let job = job(Behaviour::Answers, "a-1", 1);
    let (performed, heard) = check(performer, &job).unwrap();
    assert_eq!(performed.report.outcome, Outcome::Ran);
    assert_eq!(performed.files[FILE], b"a-1 (fence 1)");
    let told: Vec<News> = heard.into_iter().filter(|news| *news != News::Alive).collect();
    assert_eq!(told, [News::Progress { done: 1, of: 2 }, News::Mark("load".to_owned())]);
}

/// To decline, and to say that one failed, are answers.
pub fn declining_and_failing_are_answers(performer: &dyn Performer) {
    for behaviour in [Behaviour::Declines, Behaviour::Fails] {
        let (performed, _) = check(performer, &job(behaviour, "a-2", 1)).unwrap();
        assert_eq!(performed.report.outcome, outcome_of(behaviour));
        assert!(performed.files.is_empty());
    }
}

/// Whatever a worker does, its own job fails with the right error in bounded time, and the next one succeeds.
pub fn what_ends_badly_ends_alone(performer: &dyn Performer) {
    for (fence, (behaviour, code)) in (1..).zip(BAD) {
        let error = check(performer, &job(*behaviour, "bad", fence)).unwrap_err();
        assert_eq!(error.code(), *code, "{behaviour:?}: {error}");
        check_answers(performer, "good", fence);
    }
}

/// The late second answer of one job is not taken for that of the next, nor its late crash.
pub fn what_comes_late_changes_nothing(performer: &dyn Performer) {
    for (fence, behaviour) in (1..).zip([Behaviour::AnswersTwice, Behaviour::AnswersOnce].repeat(3)) {
        check(performer, &job(behaviour, "before", fence)).unwrap();
        check_answers(performer, "after", fence);
    }
}

/// A job that is not wanted any more ends soon, and as that.
pub fn a_cancelled_job_ends_soon(performer: &dyn Performer) {
    let mut job = job(Behaviour::Hangs, "cancelled", 1);
    job.limits.time = Duration::from_secs(600);
    let started = Instant::now();
    let error = performer.perform(&job, &mut |_| Wish::Stop).unwrap_err();
    assert!(matches!(error, PerformError::Cancelled), "{error:?}");
    assert!(started.elapsed() < SLACK);
    check_answers(performer, "after", 1);
}

/// Who waits for a job that says nothing hears that it lives.
pub fn a_silent_job_is_heard_alive(performer: &dyn Performer) {
    let job = job(Behaviour::Hangs, "silent", 1);
    let mut count = 0;
    let error = performer.perform(&job, &mut |news| {
        assert_eq!(news, News::Alive);
        count += 1;
        Wish::GoOn
    });
    assert!(matches!(error, Err(PerformError::TimedOut { .. })), "{error:?}");
    assert!(TIME.as_secs() / HEAR_WITHIN.as_secs() <= count, "heard {count} times");
}

/// Several jobs at once get each their own answer.
pub fn many_threads_perform_at_once(performer: &dyn Performer) {
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || {
                for fence in 1..4 {
                    check_answers(performer, &format!("thread-{thread}"), fence);
                }
            });
        }
    });
}
