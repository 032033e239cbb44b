//! `gantry run`: an application on a folder, without a server.

pub(crate) mod files;
mod result;

use std::{fs, time::Instant};

use gantry_pipeline::{
    application::Application,
    inference::network::NetworkError,
    objects::{Series, Survey, survey},
    run::{self as pipeline, Mark, Outcome, Ran, RunError},
};

use crate::{
    applications,
    cli::Run,
    engine::{self, cores, engine},
    report::{Exit, Failure, print, say},
};

use files::Files;

/// What came of each series that was tried.
struct Tried {
    series: String,
    why: String,
}

/// Files that are not part of any series, with the reason.
type LeftOut = Vec<(String, String)>;

/// Seconds by stage.
#[derive(Default)]
struct Stages(Vec<(&'static str, f64)>);

/// `gantry run`.
pub(crate) fn run(options: &Run) -> Result<(), Failure> {
    let application = applications::find(&options.app)?;
    for name in &options.asserted {
        if !application.package.has_clause(name) {
            let sentence = format!("the contract of {} has no clause `{name}`", application.package.name);
            return Err(Failure::new(Exit::Input, "run/unknown-clause", sentence));
        }
    }
    // Before anything is removed: a wrong folder is no reason to lose an earlier result.
    Files::below(&options.dir)?;
    result::clear(options)?;
    let files = Files::below(&options.dir)?;
    let mut progress = Progress::start(files.len());
    let started = Instant::now();
    let survey = survey(&files, &mut |number| progress.show("reading headers", number));
    progress.end();
    let left_out = left_out(&survey, &files, options)?;
    let mut stages = Stages(vec![("survey", started.elapsed().as_secs_f64())]);
    let candidates = candidates(&survey, options)?;
    fs::create_dir_all(&options.out).map_err(|error| Failure::unexpected("run/unwritable", &error))?;
    let mut tried = Vec::new();
    let mut declined = None;
    for series in candidates {
        match attempt(&application, &files, series, options, &mut stages)? {
            Outcome::Ran(ran) => {
                show_tried(&tried);
                return finish(options, &application, &ran, &left_out, &mut stages);
            }
            Outcome::Declined(clauses) => {
                let why: Vec<String> =
                    clauses.iter().map(|clause| format!("{} ({})", clause.name, clause.seen)).collect();
                tried.push(Tried {
                    series: series.uid.to_string(),
                    why: format!("declined: {}", why.join("; ")),
                });
                declined.get_or_insert((series, clauses));
            }
            Outcome::Refused(refusal) => {
                let why = format!("refused: {refusal} [{}]", refusal.code());
                tried.push(Tried { series: series.uid.to_string(), why });
            }
        }
    }
    show_tried(&tried);
    match declined {
        Some((series, clauses)) => {
            result::write_declined(options, &application, series, &clauses, &left_out)?;
            let names: Vec<&str> = clauses.iter().map(|clause| clause.name.as_str()).collect();
            let sentence = format!("{} declined: {}", application.package.name, names.join(", "));
            let hint = format!("{} has what was seen", options.out.join(result::FINDINGS).display());
            Err(Failure::new(Exit::Declined, "run/declined", sentence).hint(&hint))
        }
        None => {
            result::write_refused(options, &application, &tried, &left_out)?;
            let sentence = format!("no series in {} can be read as a volume", options.dir.display());
            Err(Failure::new(Exit::Input, "run/no-series", sentence))
        }
    }
}

/// Warns of files that are left out, and stops where one of them may be an image that is missing now.
fn left_out(survey: &Survey, files: &Files, options: &Run) -> Result<LeftOut, Failure> {
    let mut damaged = 0;
    let mut left_out = LeftOut::new();
    for (number, why) in &survey.unusable {
        let name = files.path(*number).display().to_string();
        say(&format!("warning: {name} is left out: {why}"));
        damaged += usize::from(why.may_be_an_image());
        left_out.push((name, why.to_string()));
    }
    if damaged == 0 || options.leave_out_damaged {
        return Ok(left_out);
    }
    let sentence = format!("{damaged} files may be images and cannot be read: a volume would lack them");
    Err(Failure::new(Exit::Input, "run/damaged-files", sentence)
        .hint("get them again; or run without them by --leave-out-damaged"))
}

fn show_tried(tried: &[Tried]) {
    for Tried { series, why } in tried {
        say(&format!("series {series}: {why}"));
    }
}

/// The series to try: the named one, else all, those with most images first.
fn candidates<'a>(survey: &'a Survey, options: &Run) -> Result<Vec<&'a Series>, Failure> {
    if let Some(named) = &options.series {
        let found = survey.series.iter().find(|series| series.uid.as_str() == named);
        return found.map(|series| vec![series]).ok_or_else(|| {
            let sentence = format!("no series in {} has the UID {named}", options.dir.display());
            Failure::new(Exit::NotFound, "run/unknown-series", sentence)
        });
    }
    let mut all: Vec<&Series> = survey.series.iter().collect();
    // Stable: series of one size keep the order of their files.
    all.sort_by_key(|series| std::cmp::Reverse(series.objects.len()));
    if all.is_empty() {
        let sentence = format!("{} holds no DICOM images", options.dir.display());
        return Err(Failure::new(Exit::Input, "run/no-images", sentence));
    }
    Ok(all)
}

fn attempt(
    application: &Application,
    files: &Files,
    series: &Series,
    options: &Run,
    stages: &mut Stages,
) -> Result<Outcome, Failure> {
    let mut progress = Progress::start(series.objects.len());
    let mut last = Instant::now();
    let infer = engine(options.threads.unwrap_or_else(cores));
    let asserted = &options.asserted;
    let outcome = pipeline::run(application, &infer, files, series, asserted, &mut |mark| {
        let stage = match mark {
            Mark::Slice(number) => return progress.show("reading pixels", number),
            Mark::Window { done, of } => return progress.show_of("running the network", done, of),
            Mark::Loaded => "load",
            Mark::Computing => "judge",
            Mark::Computed => "compute",
            Mark::Described => "describe",
        };
        progress.end();
        stages.0.push((stage, last.elapsed().as_secs_f64()));
        last = Instant::now();
    });
    outcome.map_err(|error| match &error {
        RunError::Network(NetworkError::Infer(error)) => engine::failure(error),
        RunError::Network(_) | RunError::Grid(_) | RunError::Channels(_) | RunError::Order => {
            Failure::new(Exit::Failed, error.code().0, error.to_string())
        }
    })
}

fn finish(
    options: &Run,
    application: &Application,
    ran: &Ran,
    left_out: &LeftOut,
    stages: &mut Stages,
) -> Result<(), Failure> {
    let started = Instant::now();
    let evidence = result::render(options, application, ran)?;
    stages.0.push(("render", started.elapsed().as_secs_f64()));
    result::write(options, application, ran, &evidence, left_out, stages)?;
    if options.json {
        return Ok(());
    }
    for line in result::sentences(&ran.findings.segments) {
        print(&line)?;
    }
    print(&format!("results in {}", options.out.display()))
}

/// One line of progress on a terminal, after a moment; nothing where nobody looks.
struct Progress {
    of: usize,
    started: Instant,
    is_shown: bool,
}

impl Progress {
    fn start(of: usize) -> Self {
        Self { of, started: Instant::now(), is_shown: false }
    }

    fn show(&mut self, what: &str, number: usize) {
        self.show_of(what, number, self.of);
    }

    fn show_of(&mut self, what: &str, number: usize, of: usize) {
        use std::io::{IsTerminal as _, Write as _};
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() && 300 < self.started.elapsed().as_millis() {
            self.is_shown = true;
            // A line that cannot be shown is no loss.
            let _closed = write!(stderr, "\r{what}: {} of {of}\x1b[K", number + 1);
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            say("");
        }
    }
}
