//! One worker: started, told, listened to, watched, killed.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    time::{Duration, Instant},
};

use gantry_ports::{
    job::{
        FormError, Ticket, VERSION,
        control::{FromWorker, LINE_MAX, ToWorker, check_protocol, decode_from_worker, encode_to_worker},
    },
    performer::{Ending, PerformError},
};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit, setpriority_pgrp};

use crate::{
    lines::{self, Line, Tail},
    spawner::Spawner,
    workers::{Priority, Settings},
};

/// What a program needs of the environment to start.
const ENVIRONMENT: &[&str] = &["PATH", "LD_LIBRARY_PATH", "TMPDIR", "RUST_BACKTRACE"];
/// How far a worker of low priority stands back (setpriority(2)): it gets a tenth of what one of normal priority does.
const NICENESS: i32 = 10;
/// How long a process that closed its output may take to end by itself.
const ENDING: Duration = Duration::from_millis(500);
/// What the allocator of a program like ours says before it aborts.
const OUT_OF_MEMORY: &str = "memory allocation of ";

/// A worker that has said hello.
pub(crate) struct Worker {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Line>,
    words: Tail,
    /// Jobs that it was given.
    pub(crate) past: Vec<Ticket>,
}

/// What was heard.
pub(crate) enum Heard {
    /// A line.
    Said(FromWorker),
    /// Nothing, for as long as one waited.
    Silence,
}

impl Worker {
    /// Starts the program and hears its hello.
    pub(crate) fn start(spawner: &Spawner, settings: &Settings) -> Result<Self, PerformError> {
        let program = || settings.program.display().to_string();
        let spawn = |source| PerformError::Spawn { program: program(), source };
        let child = spawner.spawn(command(settings)).map_err(spawn)?;
        let mut worker = Self::adopt(child).map_err(spawn)?;
        worker.limit(Resource::Core, 0).map_err(spawn)?;
        if settings.priority == Priority::Low {
            // Of the whole group: it has threads by now, and those it starts later follow.
            setpriority_pgrp(worker.pid(), NICENESS).map_err(|errno| spawn(errno.into()))?;
        }
        worker.tell(&ToWorker::Hello { protocol: VERSION })?;
        match worker.hear(settings.start_max)? {
            Heard::Said(FromWorker::Hello { protocol, .. }) => {
                let garbage = |source| PerformError::Garbage { line: format!("hello {protocol}"), source };
                check_protocol(protocol).map_err(garbage)?;
                Ok(worker)
            }
            Heard::Said(FromWorker::Progress { .. } | FromWorker::Mark { .. } | FromWorker::Done { .. }) => {
                let source = FormError::Value { what: "the first line", value: "no hello".to_owned() };
                Err(PerformError::Garbage { line: "no hello".to_owned(), source })
            }
            Heard::Silence => {
                Err(PerformError::TimedOut { doing: "the worker's start", limit: settings.start_max })
            }
        }
    }

    fn adopt(mut child: Child) -> io::Result<Self> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(io::Error::other("a pipe to the worker is missing"));
        };
        let (lines, words) = (lines::follow(stdout)?, Tail::follow(stderr)?);
        Ok(Self { child, stdin, lines, words, past: Vec::new() })
    }

    /// Lets the operating system hold it to a limit; a limit that was lower before can be raised again.
    pub(crate) fn limit(&self, resource: Resource, to: u64) -> io::Result<()> {
        // The hard limit stays as this process has it, so that the next job may have more.
        let maximum = rustix::process::getrlimit(resource).maximum;
        let current = Some(maximum.map_or(to, |maximum| to.min(maximum)));
        prlimit(self.pid(), resource, Rlimit { current, maximum })?;
        Ok(())
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Says a line. Lines are short and few: they fit the pipe even if nobody reads it.
    pub(crate) fn tell(&mut self, message: &ToWorker) -> Result<(), PerformError> {
        let line = encode_to_worker(message).map_err(PerformError::Job)?;
        match self.stdin.write_all(&line) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended()),
        }
    }

    /// Waits for a line.
    pub(crate) fn hear(&mut self, wait: Duration) -> Result<Heard, PerformError> {
        match self.lines.recv_timeout(wait) {
            Ok(Line::Whole(line)) => match decode_from_worker(&line) {
                Ok(message) => Ok(Heard::Said(message)),
                Err(source) => Err(garbage(&line, source)),
            },
            Ok(Line::TooLong(line)) => {
                let (found, max) = (line.len() as u64, LINE_MAX as u64);
                Err(garbage(&line, FormError::TooLarge { what: "a control line", found, max }))
            }
            Err(RecvTimeoutError::Timeout) => Ok(Heard::Silence),
            // What an end leaves of a line is the end's doing.
            Ok(Line::Torn) | Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// Whether it can be given a job: it lives and has said nothing that nobody asked for.
    pub(crate) fn is_in_order(&mut self) -> bool {
        matches!(self.lines.try_recv(), Err(TryRecvError::Empty)) && matches!(self.child.try_wait(), Ok(None))
    }

    /// Memory in use now.
    pub(crate) fn resident_bytes(&self) -> u64 {
        // A process that is gone uses none.
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        resident(&status)
    }

    /// How it ended, now that its output or input is closed.
    fn ended(&mut self) -> PerformError {
        let deadline = Instant::now() + ENDING;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    let ending = match (status.code(), status.signal()) {
                        (Some(code), _) => Ending::Exit(code),
                        (None, signal) => Ending::Signal(signal.unwrap_or(0)),
                    };
                    return PerformError::Crashed { ending, said: self.last_words() };
                }
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) | Err(_) => return PerformError::Closed,
            }
        }
    }

    /// The end of what it said; a thread may still be reading it.
    fn last_words(&self) -> String {
        let text = self.words.text();
        if text.is_empty() {
            std::thread::sleep(Duration::from_millis(10));
            return self.words.text();
        }
        text
    }
}

/// Whether a crash is that of a program that was refused memory.
pub(crate) fn is_out_of_memory(ending: Ending, said: &str) -> bool {
    ending == Ending::Signal(Signal::ABORT.as_raw()) && said.contains(OUT_OF_MEMORY)
}

fn garbage(line: &[u8], source: FormError) -> PerformError {
    let beginning = line.get(..line.len().min(100)).unwrap_or_default();
    PerformError::Garbage { line: String::from_utf8_lossy(beginning).into_owned(), source }
}

fn command(settings: &Settings) -> Command {
    let mut command = Command::new(&settings.program);
    command
        .args(&settings.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: what it starts is killed with it, and a terminal's interrupt is ours to handle.
        .process_group(0)
        .env_clear();
    let names = ENVIRONMENT.iter().chain(settings.environment);
    command.envs(names.filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Gone already is as good.
        if let Some(pid) = self.pid() {
            let _gone = kill_process_group(pid, Signal::KILL);
        }
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// `VmRSS` out of `/proc/PID/status`.
fn resident(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or(0, |kib| kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_use_is_read_from_what_the_kernel_says() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), 2 << 20);
        assert_eq!(resident("Name:\tx\nState:\tZ (zombie)\n"), 0);
        let own = fs::read_to_string("/proc/self/status").unwrap();
        assert!(100_000 < resident(&own), "{own}");
    }

    #[test]
    fn only_an_abort_for_want_of_memory_is_one() {
        let abort = Ending::Signal(6);
        assert!(is_out_of_memory(abort, "memory allocation of 12 bytes failed\n"));
        assert!(!is_out_of_memory(abort, "assertion failed"));
        assert!(!is_out_of_memory(Ending::Exit(1), "memory allocation of 12 bytes failed"));
    }
}
