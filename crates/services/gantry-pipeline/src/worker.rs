//! The worker's side of a job: lines in, a directory's work, lines out.
//!
//! Generic over its input and output, so that tests run it in memory; the program runs it over standard input and
//! output. `docs/formats/job.md` shows the protocol; [`gantry_ports::job`] holds its forms.
//!
//! Invariants
//! - One job at a time. Whatever happens in it, a panic too, ends as a `result.json`, unless the process is killed.
//! - It computes with a package only if its digest is the job's.
//! - It never sees the database: what it is given is files and byte ranges, what it gives is files.
//! - The same package and bytes give the same bytes in `out`.

mod job;
mod places;
#[cfg(test)]
mod tests;

use std::{
    io::{self, BufRead, Write},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use gantry_ports::{
    clock::Clock,
    infer::Infer,
    job::{
        ApplicationSource, Complaint, FormError, Ticket, VERSION,
        control::{FromWorker, LINE_MAX, ToWorker, check_protocol, decode_to_worker, encode_from_worker},
    },
};

use crate::application::Application;

/// Finds applications.
pub trait Packages {
    /// The application.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn find(&self, source: &ApplicationSource) -> Result<Application, Complaint>;
}

/// What a worker works with.
pub struct Setup<'a> {
    /// Where applications come from.
    pub packages: &'a dyn Packages,
    /// What networks run on.
    pub infer: &'a dyn Infer,
    /// Times the stages.
    pub clock: &'a dyn Clock,
    /// The program's version.
    pub version: &'a str,
    /// What else computes: name and value, for the run record (EV5).
    pub engine: Vec<(String, String)>,
}

/// Why a worker ends.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A line, or a job, that is not of its form.
    #[error("the parent's words cannot be used")]
    Form(#[from] FormError),
    /// Input, output or the job's directory.
    #[error("cannot {doing}")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A job before hello.
    #[error("a job came before hello")]
    NoHello,
}

/// What was last said not to be wanted any more.
#[derive(Clone, Default)]
struct Cancelled(Arc<Mutex<Option<Ticket>>>);

impl Cancelled {
    fn set(&self, ticket: Ticket) {
        // Each use is one call: a panic elsewhere leaves nothing half done.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ticket);
    }

    fn is(&self, ticket: &Ticket) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(ticket)
    }
}

/// Works until it is told to quit, or its input ends. `at_end` is called at the end of the input, from the thread that
/// reads it, also while a job runs: the program ends itself there, since nobody is left who wants the answer.
///
/// # Errors
/// [`WorkerError`]; nothing of it is the job's fault.
pub fn serve(
    input: impl BufRead + Send + 'static,
    mut output: impl Write,
    setup: &Setup<'_>,
    at_end: impl Fn() + Send + 'static,
) -> Result<(), WorkerError> {
    let cancelled = Cancelled::default();
    let (sender, messages) = sync_channel(1);
    let listener = Listener { sender, cancelled: cancelled.clone() };
    // Not joined: it may wait for input for ever, and the process ends without it.
    thread::Builder::new()
        .name("worker-input".to_owned())
        .spawn(move || {
            if listener.listen(input) == Ended::AtEnd {
                at_end();
            }
        })
        .map_err(|source| WorkerError::Io { doing: "start a thread", source })?;
    answer(&messages, &mut output, setup, &cancelled)
}

fn answer(
    messages: &Receiver<Result<Order, WorkerError>>,
    output: &mut dyn Write,
    setup: &Setup<'_>,
    cancelled: &Cancelled,
) -> Result<(), WorkerError> {
    let mut is_greeted = false;
    while let Ok(message) = messages.recv() {
        match message? {
            Order::Hello(protocol) => {
                check_protocol(protocol)?;
                say(output, &FromWorker::Hello { protocol: VERSION, version: setup.version.to_owned() })?;
                is_greeted = true;
            }
            Order::Job(_) if !is_greeted => return Err(WorkerError::NoHello),
            Order::Job(dir) => job::carry_out(&dir, output, setup, cancelled)?,
        }
    }
    Ok(())
}

fn say(output: &mut dyn Write, message: &FromWorker) -> Result<(), WorkerError> {
    let line = encode_from_worker(message)?;
    let written = output.write_all(&line).and_then(|()| output.flush());
    written.map_err(|source| WorkerError::Io { doing: "write to the parent", source })
}

/// What waits for the job before it.
enum Order {
    Hello(u32),
    Job(PathBuf),
}

/// How listening ended.
#[derive(PartialEq, Eq)]
enum Ended {
    /// There is no more input.
    AtEnd,
    /// It was told to quit, or heard something that it cannot use.
    Told,
}

/// Reads while a job runs, so that it can be cancelled.
struct Listener {
    sender: SyncSender<Result<Order, WorkerError>>,
    cancelled: Cancelled,
}

impl Listener {
    fn listen(self, mut input: impl BufRead) -> Ended {
        loop {
            let order = match next(&mut input) {
                Ok(None) => return Ended::AtEnd,
                Ok(Some(ToWorker::Quit)) => return Ended::Told,
                Ok(Some(ToWorker::Cancel(ticket))) => {
                    self.cancelled.set(ticket);
                    continue;
                }
                Ok(Some(ToWorker::Hello { protocol })) => Ok(Order::Hello(protocol)),
                Ok(Some(ToWorker::Job { dir })) => Ok(Order::Job(dir)),
                Err(error) => Err(error),
            };
            let is_last = order.is_err();
            // Nobody works any more: then there is nobody to tell.
            if self.sender.send(order).is_err() || is_last {
                return Ended::Told;
            }
        }
    }
}

fn next(input: &mut impl BufRead) -> Result<Option<ToWorker>, WorkerError> {
    let mut line = Vec::new();
    let mut bounded = io::Read::take(input, LINE_MAX as u64 + 1);
    let read = bounded.read_until(b'\n', &mut line);
    match read.map_err(|source| WorkerError::Io { doing: "read from the parent", source })? {
        0 => Ok(None),
        _ => Ok(Some(decode_to_worker(line.trim_ascii_end())?)),
    }
}
