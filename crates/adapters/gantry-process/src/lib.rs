//! Performers in worker processes on this machine.
//!
//! A worker is a program that speaks the lines of [`gantry_ports::job::control`] on its standard input and output. It
//! is started when there is work and none is idle, kept warm between jobs, and never trusted: whatever it says is
//! bounded, whatever it wrote is compared with its digest, and when anything is odd it is killed with all that it
//! started, and the next job gets a new one.
//!
//! Reading order: [`Workers`], then `conversation` (one job), `process` (one worker), `directory` (one job's files).
//!
//! Invariants
//! - A worker works on one job at a time, and its memory is limited by the operating system before it hears of one.
//! - It dies with its parent: at the end of its input, and by a signal if it does not read it.
//! - Its environment holds nothing but what a program needs to start, and it leaves no core behind: both could tell of
//!   patients or of secrets.

mod conversation;
mod directory;
mod lines;
mod process;
mod spawner;
mod workers;

pub use workers::{Priority, Settings, Workers};

/// Asks the operating system to kill this process when its parent dies. A worker calls it first of all.
///
/// The parent is the thread that started it: [`Workers`] keep a thread for that, which lives as long as they do.
///
/// # Errors
/// As the operating system says.
pub fn die_with_parent() -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}
