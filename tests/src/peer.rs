//! Peers: the programs of others that tests talk to. `make peers` installs them.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::NamedTempFile;

use crate::notes;

/// A program on the path, or a note that `test` was skipped.
#[must_use]
#[track_caller]
pub fn program(test: &str, name: &str) -> Option<PathBuf> {
    let found = env::var_os("PATH")
        .and_then(|path| env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file()))
        // Debian keeps daemons where an ordinary user's path does not look.
        .or_else(|| Some(Path::new("/usr/sbin").join(name)).filter(|file| file.is_file()));
    if found.is_none() {
        notes::skip(test, name);
    }
    found
}

/// The Python of the referees' environment, or a note that `test` was skipped.
#[must_use]
#[track_caller]
pub fn python(test: &str) -> Option<PathBuf> {
    let python = notes::root().join("target/peers/venv/bin/python");
    if !python.is_file() {
        notes::skip(test, "the Python referees (target/peers/venv)");
        return None;
    }
    Some(python)
}

/// Runs a command to its end and returns its output.
///
/// # Panics
/// If it cannot be started, or does not exit with 0; the message shows what it printed.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    let output = command.output();
    let shown = match &output {
        Ok(output) => format!(
            "{}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => error.to_string(),
    };
    match output {
        Ok(output) if output.status.success() => output,
        Ok(_) | Err(_) => {
            #[expect(clippy::panic, reason = "the kit fails the test that called it")]
            {
                panic!("{command:?}: {shown}")
            }
        }
    }
}

/// A peer that listens on a port of loopback, stopped when dropped. What it says is shown if the test fails.
pub struct Listening {
    child: Child,
    port: u16,
    said: NamedTempFile,
}

impl Listening {
    /// Starts what `command` makes of a free port, and waits until it listens there.
    ///
    /// # Panics
    /// If it cannot be started, ends, or does not listen within half a minute.
    #[must_use]
    #[track_caller]
    pub fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = free.map_or(0, |address| address.port());
        let mut command = command(port);
        let started = NamedTempFile::new().and_then(|said| {
            command
                .stdin(Stdio::null())
                .stdout(said.as_file().try_clone()?)
                .stderr(said.as_file().try_clone()?);
            Ok((command.spawn()?, said))
        });
        assert!(started.is_ok(), "{command:?}: {started:?}");
        let Ok((child, said)) = started else { unreachable!("asserted") };
        let mut listening = Self { child, port, said };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(listening.address()).is_err() {
            let ended = listening.child.try_wait();
            assert!(matches!(ended, Ok(None)), "{command:?} ended: {ended:?}");
            assert!(Instant::now() < deadline, "{command:?} does not listen on port {port}");
            thread::sleep(Duration::from_millis(20));
        }
        listening
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }
}

impl Listening {
    /// What it has printed up to now.
    #[must_use]
    pub fn said(&self) -> String {
        // Both streams of the child are appended to one file.
        String::from_utf8_lossy(&fs::read(self.said.path()).unwrap_or_default()).into_owned()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if thread::panicking() {
            let said = self.said();
            #[expect(
                clippy::print_stderr,
                reason = "a peer's words belong to the output of the test that failed"
            )]
            {
                eprintln!("{said}");
            }
        }
    }
}
