//! `gantry worker`: carries out jobs for a parent, over standard input and output. Not for people.

use std::io::{self, BufReader};

use gantry_pipeline::{
    application::Application,
    worker::{self, Packages, Setup},
};
use gantry_ports::job::{ApplicationSource, Complaint};

use crate::{
    applications, cli,
    engine::{cores, engine},
    report::Failure,
    system::SystemClock,
};

/// `gantry worker`.
pub(crate) fn run(options: &cli::Worker) -> Result<(), Failure> {
    // First of all: from here on nothing that the parent does can leave it behind.
    gantry_process::die_with_parent().map_err(|error| Failure::unexpected("worker/parent", &error))?;
    let setup = Setup {
        packages: &Shelf,
        infer: &engine(options.threads.unwrap_or_else(cores)),
        clock: &SystemClock::start(),
        version: env!("CARGO_PKG_VERSION"),
        engine: vec![("machine".to_owned(), std::env::consts::ARCH.to_owned())],
    };
    // At the end of its input nobody is left who wants an answer: also in the middle of a job.
    let at_end = || std::process::exit(0);
    worker::serve(BufReader::new(io::stdin()), io::stdout(), &setup, at_end)
        .map_err(|error| Failure::unexpected("worker/protocol", &error))
}

/// The applications that ship, and those in folders.
struct Shelf;

impl Packages for Shelf {
    fn find(&self, source: &ApplicationSource) -> Result<Application, Complaint> {
        let named = match source {
            ApplicationSource::Shipped(name) => name.clone(),
            ApplicationSource::Folder(path) => path.display().to_string(),
        };
        applications::find(&named)
            .map_err(|failure| Complaint { code: failure.code.0.to_owned(), sentence: failure.sentence })
    }
}
