//! Peers: the programs of others that tests talk to. `make peers` installs them.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

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
