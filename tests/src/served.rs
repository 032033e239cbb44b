//! A running `gantry serve` on a free port of loopback, in a folder of its own.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{notes, peer};

/// The configuration of tests: small segments, short waits.
pub const CONFIG: &str = "
[dicom]
artim_secs = 2
idle_secs = 4
[storage]
segment_mib = 8
spares = 1
reserve_mib = 16
";

/// The program under test, built once for each test process.
///
/// # Panics
/// If it does not build.
#[must_use]
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        peer::run(Command::new(cargo).args(["build", "--quiet", "-p", "gantry"]).current_dir(notes::root()));
        let here = env::current_exe().ok();
        // Test binaries lie in `deps`, beside the programs.
        let beside = here.as_deref().and_then(Path::parent).and_then(Path::parent);
        beside.map(|dir| dir.join("gantry")).unwrap_or_default()
    })
}

/// A server, stopped when dropped.
pub struct Served {
    child: Child,
    address: SocketAddr,
    http: SocketAddr,
    data: PathBuf,
    dir: Option<TempDir>,
}

impl Served {
    /// Starts in a new folder.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(CONFIG)
    }

    /// Starts in a new folder with this configuration.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    #[track_caller]
    pub fn start_with(config: &str) -> Self {
        let dir = TempDir::new();
        let data = dir.as_ref().map(|dir| dir.path().join("data")).unwrap_or_default();
        let written =
            std::fs::create_dir_all(&data).and_then(|()| std::fs::write(data.join("gantry.toml"), config));
        assert!(written.is_ok(), "{written:?}");
        let mut served = Self::start_in(&data, &mut Command::new(program()));
        served.dir = dir.ok();
        served
    }

    /// Starts in a folder that a server has used before, by `command`: the program, or something that runs it.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    #[track_caller]
    pub fn start_in(data: &Path, command: &mut Command) -> Self {
        let child = command
            .args(["serve", "--dicom-port", "0", "--http-port", "0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        assert!(child.is_ok(), "{command:?}: {child:?}");
        let Ok(mut child) = child else { unreachable!("asserted") };
        let mut said = Vec::new();
        let stderr = child.stderr.take();
        let mut lines =
            stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines().map_while(Result::ok));
        let mut opened = |after: &str| {
            loop {
                let line = lines.next()?;
                let found = line.split_once(after).and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
                said.push(line);
                if found.is_some() {
                    break found;
                }
            }
        };
        let (address, http) = (opened("is open on "), opened("http on http://"));
        let opened = address.zip(http);
        assert!(opened.is_some(), "the server did not open its door: {said:?}");
        // Whatever it says later is shown with the test's output.
        std::thread::spawn(move || lines.for_each(|line| show_line(&line)));
        let Some((address, http)) = opened else { unreachable!("asserted") };
        Self { child, address, http, data: data.to_owned(), dir: None }
    }

    /// Where its door is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its HTTP interface is.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The port, as peers' command lines want it.
    #[must_use]
    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Kills it at once, as a power cut would, and returns the folder for a restart.
    pub fn kill(mut self) -> Killed {
        // Gone already is as good.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        Killed { data: self.data.clone(), dir: self.dir.take() }
    }

    /// Stops it as an operator would.
    ///
    /// # Panics
    /// If it does not stop in ten seconds.
    pub fn stop(mut self) -> Killed {
        self.terminate();
        Killed { data: self.data.clone(), dir: self.dir.take() }
    }

    fn terminate(&mut self) {
        peer::run(Command::new("kill").arg(self.child.id().to_string()));
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            assert!(Instant::now() < deadline, "the server does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs a command of the program on this data folder and reads its JSON.
    ///
    /// # Panics
    /// If it fails or prints no JSON.
    #[must_use]
    #[track_caller]
    pub fn ask(&self, arguments: &[&str]) -> Value {
        ask(&self.data, arguments)
    }

    /// A plain connection to its door.
    ///
    /// # Errors
    /// As the socket says.
    pub fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect_timeout(&self.address, Duration::from_secs(5))
    }
}

/// Runs a command of the program on a data folder and reads its JSON.
///
/// # Panics
/// If it fails or prints no JSON.
#[must_use]
#[track_caller]
pub fn ask(data: &Path, arguments: &[&str]) -> Value {
    let output = peer::run(Command::new(program()).args(arguments).arg("--json").arg("--data").arg(data));
    let read = serde_json::from_slice(&output.stdout);
    assert!(read.is_ok(), "{arguments:?}: {read:?}: {}", String::from_utf8_lossy(&output.stdout));
    read.unwrap_or_default()
}

/// Takes documents into use on a running server.
///
/// # Panics
/// If they are refused.
#[track_caller]
pub fn apply(served: &Served, scratch: &Path, documents: &str) {
    let file = scratch.join("documents.yaml");
    let written = std::fs::write(&file, documents);
    assert!(written.is_ok(), "{written:?}");
    peer::run(Command::new(program()).args(["apply", "--data"]).arg(served.data()).arg("-f").arg(file));
}

/// Asks until the answer is as wanted.
///
/// # Panics
/// If it is not within a minute; the message shows the last answer.
#[track_caller]
pub fn wait_for(served: &Served, arguments: &[&str], is_wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = served.ask(arguments);
        if is_wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{arguments:?} still says {answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The folder of a server that is gone.
pub struct Killed {
    data: PathBuf,
    dir: Option<TempDir>,
}

impl Killed {
    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Starts a server in it again.
    #[must_use]
    #[track_caller]
    pub fn restart(self) -> Served {
        let mut served = Served::start_in(&self.data, &mut Command::new(program()));
        served.dir = self.dir;
        served
    }
}

#[expect(clippy::print_stderr, reason = "a server's words belong to the output of the test that runs it")]
fn show_line(line: &str) {
    eprintln!("{line}");
}
