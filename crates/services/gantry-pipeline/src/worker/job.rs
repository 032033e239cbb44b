//! One job: from its directory to the `result.json` in it.

use std::{
    any::Any,
    fs,
    io::{self, Read as _, Write},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use gantry_ports::{
    clock::Clock,
    infer::InferError,
    job::{
        Application as Asked, Complaint, FileEntry, FormError, Input, Job, LeftOut, Outcome, Report, Stage,
        Ticket, Work,
        comparison::{self, roles},
        control::FromWorker,
        findings::{self, Found},
        mask, names, request, result,
    },
};
use gantry_types::{digest::Digest, error_code::ErrorCode, instant::Instant};
use sha2::{Digest as _, Sha256};

use super::{Cancelled, Setup, WorkerError, places::Places, say};
use crate::{
    application::Application,
    objects::{Objects as _, Series, survey},
    picture::Page,
    revisions,
    run::{self, Mark, Ran},
};

/// Progress is said so many times a stage at most: a parent bounds what it hears.
const PROGRESS_MAX: usize = 50;

/// Carries a job out and says that it is done.
///
/// Files first, then `result.json` by a rename, then its digest on the line: whoever reads a digest finds all of it.
/// Nothing is synced: after a power cut the attempt is over, and its files are of no use to the next one.
pub(super) fn carry_out(
    dir: &Path,
    output: &mut dyn Write,
    setup: &Setup<'_>,
    cancelled: &Cancelled,
) -> Result<(), WorkerError> {
    let job = read(dir)?;
    let mut track = Track {
        output: &mut *output,
        clock: setup.clock,
        cancelled,
        ticket: &job.ticket,
        since: setup.clock.monotonic(),
        stages: Vec::new(),
        left_out: Vec::new(),
        engine: vec![("gantry".to_owned(), setup.version.to_owned())],
    };
    track.engine.extend(setup.engine.iter().cloned());
    // What the panic may have left half done is dropped with it; only whole entries were pushed to the track.
    let answer = match catch_unwind(AssertUnwindSafe(|| compute(&job, setup, &mut track))) {
        Ok(Ok(answer)) => answer,
        Ok(Err(outcome)) => Answer { outcome, files: Vec::new() },
        Err(panic) => Answer { outcome: Outcome::Failed(describe(panic.as_ref())), files: Vec::new() },
    };
    let files = write_files(&dir.join(names::OUT), &answer.files)?;
    track.end("write");
    let Track { stages, left_out, engine, .. } = track;
    let report =
        Report { ticket: job.ticket.clone(), outcome: answer.outcome, files, stages, engine, left_out };
    let digest = write_result(dir, &report)?;
    say(output, &FromWorker::Done { ticket: job.ticket, digest })
}

fn read(dir: &Path) -> Result<Job, WorkerError> {
    let failed = |source| WorkerError::Io { doing: "read the job", source };
    let file = fs::File::open(dir.join(names::REQUEST)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(request::BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(request::decode(&bytes)?)
}

fn write_files(out: &Path, files: &[(&'static str, Vec<u8>)]) -> Result<Vec<FileEntry>, WorkerError> {
    let failed = |source| WorkerError::Io { doing: "write what was found", source };
    fs::create_dir_all(out).map_err(failed)?;
    let write = |(name, bytes): &(&'static str, Vec<u8>)| {
        fs::write(out.join(name), bytes).map_err(failed)?;
        let (name, length) = ((*name).to_owned(), bytes.len() as u64);
        Ok(FileEntry { name, length, digest: digest(bytes) })
    };
    files.iter().map(write).collect()
}

fn write_result(dir: &Path, report: &Report) -> Result<Digest, WorkerError> {
    let failed = |source| WorkerError::Io { doing: "write the result", source };
    let bytes = result::encode(report)?;
    let whole = dir.join(names::RESULT);
    let partial = whole.with_extension("partial");
    fs::write(&partial, &bytes).map_err(failed)?;
    fs::rename(&partial, &whole).map_err(failed)?;
    Ok(digest(&bytes))
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// What comes out of a job.
struct Answer {
    outcome: Outcome,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// Unwinds out of a job whose answer is not wanted any more.
struct Unwanted;

/// Where a job is, and how long it took to get there.
struct Track<'a> {
    output: &'a mut dyn Write,
    clock: &'a dyn Clock,
    cancelled: &'a Cancelled,
    ticket: &'a Ticket,
    since: Instant,
    stages: Vec<Stage>,
    left_out: Vec<LeftOut>,
    engine: Vec<(String, String)>,
}

impl Track<'_> {
    /// Says how far a stage is, and leaves the job if it is not wanted any more.
    fn progress(&mut self, done: usize, of: usize) {
        if self.cancelled.is(self.ticket) {
            // Steps are called through many layers that know nothing of cancelling; not a panic, so nothing is printed.
            resume_unwind(Box::new(Unwanted));
        }
        if done.is_multiple_of(of.div_ceil(PROGRESS_MAX).max(1)) {
            let (done, of) = (done as u64, of as u64);
            self.tell(&FromWorker::Progress { ticket: self.ticket.clone(), done, of });
        }
    }

    /// A stage is over.
    fn end(&mut self, stage: &str) {
        let now = self.clock.monotonic();
        let micros = u64::try_from(now.0.saturating_sub(self.since.0)).unwrap_or(0);
        self.since = now;
        self.stages.push(Stage { name: stage.to_owned(), micros });
        self.tell(&FromWorker::Mark { ticket: self.ticket.clone(), stage: stage.to_owned() });
    }

    fn tell(&mut self, message: &FromWorker) {
        // A parent that does not listen will not hear the answer either, and then it counts.
        let _unheard = say(self.output, message);
    }
}

fn complaint(code: ErrorCode, sentence: impl Into<String>) -> Complaint {
    Complaint { code: code.0.to_owned(), sentence: sentence.into() }
}

fn failed(code: &'static str, sentence: impl Into<String>) -> Outcome {
    Outcome::Failed(complaint(ErrorCode(code), sentence))
}

/// What a panic said, or that it was none.
fn describe(panic: &(dyn Any + Send)) -> Complaint {
    if panic.is::<Unwanted>() {
        return complaint(ErrorCode("work/cancelled"), "the job was cancelled");
    }
    let said = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(said), _) => said,
        (None, Some(said)) => said.as_str(),
        (None, None) => "no words",
    };
    complaint(ErrorCode("work/panicked"), format!("the application panicked: {said}"))
}

fn compute(job: &Job, setup: &Setup<'_>, track: &mut Track<'_>) -> Result<Answer, Outcome> {
    match &job.work {
        Work::Application(asked) => answer(job, asked, setup, track),
        Work::Comparison => compare(job, track),
    }
}

/// Tells revisions apart, pair by pair: what was kept comes first among the objects, in one order with what is new.
fn compare(job: &Job, track: &mut Track<'_>) -> Result<Answer, Outcome> {
    let unwritable = |sentence: String| failed("work/unwritable", sentence);
    let pairs = match &*job.inputs {
        [Input { role: kept, objects }, Input { role: new, objects: others }]
            if kept == roles::KEPT && new == roles::NEW && objects.len() == others.len() =>
        {
            objects.len()
        }
        _ => return Err(failed("work/no-pairs", "the inputs are not as many kept objects as new ones")),
    };
    let objects = Places::of(job);
    let mut comparisons = Vec::new();
    for number in 0..pairs {
        track.progress(number, pairs);
        // One that breaks a decoder says nothing about the others.
        let compared = catch_unwind(|| revisions::compare(&objects, number, pairs + number));
        comparisons.push(compared.unwrap_or_else(|_panic| comparison::Comparison {
            headers: comparison::Headers::Differ,
            pixels: comparison::Pixels::Unknown("comparing them panicked".to_owned()),
        }));
    }
    track.end("compare");
    let bytes = comparison::encode(&comparisons).map_err(|error| unwritable(error.to_string()))?;
    Ok(Answer { outcome: Outcome::Ran, files: vec![(names::COMPARISON, bytes)] })
}

fn answer(job: &Job, asked: &Asked, setup: &Setup<'_>, track: &mut Track<'_>) -> Result<Answer, Outcome> {
    let application = application(asked, setup)?;
    if application.has_networks() {
        let failed = |error: InferError| Outcome::Failed(complaint(error.code(), error.to_string()));
        track.engine.extend(setup.infer.engine().map_err(failed)?.facts());
    }
    let objects = Places::of(job);
    let of = objects.count();
    let survey = survey(&objects, &mut |number| track.progress(number, of));
    let named = |(index, why): &(usize, _)| LeftOut {
        index: *index,
        why: format!("{}: {why}", objects.name(*index)),
    };
    track.left_out = survey.unusable.iter().take(result::LEFT_OUT_MAX).map(named).collect();
    track.end("survey");
    // The series with most images first; those of one size keep the order of their objects.
    let mut series: Vec<&Series> = survey.series.iter().collect();
    series.sort_by_key(|series| std::cmp::Reverse(series.objects.len()));
    let mut declined = None;
    let mut refused = None;
    for series in series {
        match attempt(&application, setup, &objects, series, &asked.asserted, track)? {
            run::Outcome::Ran(ran) => {
                let files =
                    files(&ran, series).map_err(|error| failed("work/unwritable", error.to_string()))?;
                return Ok(Answer { outcome: Outcome::Ran, files });
            }
            run::Outcome::Declined(clauses) => {
                declined.get_or_insert(clauses);
            }
            run::Outcome::Refused(why) => {
                refused.get_or_insert_with(|| complaint(why.code(), format!("series {}: {why}", series.uid)));
            }
        }
    }
    Err(match (declined, refused) {
        (Some(clauses), _) => Outcome::Declined(clauses),
        (None, Some(why)) => Outcome::Refused(why),
        (None, None) => Outcome::Refused(complaint(
            ErrorCode("work/no-images"),
            format!("none of {of} objects is an image"),
        )),
    })
}

/// The job's application, and no other.
fn application(asked: &Asked, setup: &Setup<'_>) -> Result<Application, Outcome> {
    let mut application = setup.packages.find(&asked.source).map_err(Outcome::Failed)?;
    let (package, found) = (&mut application.package, application.digest);
    if found != asked.package {
        let sentence = format!("the package of {} is {found}, asked for is {}", package.name, asked.package);
        return Err(failed("work/package-differs", sentence));
    }
    // The laxer of both: the picture must not promise more than the objects that it is part of.
    package.class = package.class.min(asked.class);
    match asked.asserted.iter().find(|name| !package.has_clause(name)) {
        Some(name) => {
            let sentence = format!("the contract of {} has no clause `{name}`", package.name);
            Err(failed("work/unknown-clause", sentence))
        }
        None => Ok(application),
    }
}

fn attempt(
    application: &Application,
    setup: &Setup<'_>,
    objects: &Places<'_>,
    series: &Series,
    asserted: &[String],
    track: &mut Track<'_>,
) -> Result<run::Outcome, Outcome> {
    let of = series.objects.len();
    let outcome = run::run(application, setup.infer, objects, series, asserted, &mut |mark| match mark {
        Mark::Slice(number) => track.progress(number, of),
        Mark::Loaded => track.end("load"),
        Mark::Computing => track.end("judge"),
        Mark::Window { done, of } => track.progress(done, of),
        Mark::Computed => track.end("compute"),
        Mark::Described => track.end("describe"),
    });
    outcome.map_err(|error| Outcome::Failed(complaint(error.code(), error.to_string())))
}

/// Why an answer cannot be written down.
#[derive(Debug, thiserror::Error)]
enum UnwritableError {
    #[error(transparent)]
    Form(#[from] FormError),
    #[error(transparent)]
    Mask(#[from] io::Error),
    #[error(transparent)]
    Picture(#[from] png::EncodingError),
}

fn files(ran: &Ran, series: &Series) -> Result<Vec<(&'static str, Vec<u8>)>, UnwritableError> {
    let found = Found {
        series: series.uid.clone(),
        images: ran.loaded.images.iter().map(|image| image.sop_instance.clone()).collect(),
        grid: *ran.labels.grid(),
        findings: ran.findings.clone(),
        clauses: ran.clauses.clone(),
    };
    Ok(vec![
        (names::FINDINGS, findings::encode(&found)?),
        (names::MASK, mask::encode(&ran.labels)?),
        (names::PICTURE, png(&ran.picture)?),
    ])
}

fn png(page: &Page) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::from(page.columns), u32::from(page.rows));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&page.rgb)?;
    Ok(bytes)
}
