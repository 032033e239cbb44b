//! How a command ends: on stdout what was asked for, on stderr what went wrong, and an exit code.
//!
//! A failure is a stable code, one sentence with the thing and the value, and a hint where something can be done.

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use gantry_api::{orders::OrderError, sources::AcceptError, view::ViewError};
use gantry_ports::store::StoreError;
use gantry_types::error_code::ErrorCode;

/// Exit codes. Stable: scripts test them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something unexpected: the disk, the database.
    Failed = 1,
    /// What was asked for does not exist.
    NotFound = 3,
    /// A peer refused, or was not there.
    Peer = 4,
    /// A file that was given cannot be used.
    Input = 5,
    /// The configuration cannot be used.
    Config = 6,
    /// The application declined: an answer, but no result.
    Declined = 7,
}

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: ErrorCode,
    pub(crate) sentence: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &'static str, sentence: impl Into<String>) -> Self {
        Self { exit, code: ErrorCode(code), sentence: sentence.into(), hint: None }
    }

    /// Something unexpected, with the chain of its causes.
    pub(crate) fn unexpected(code: &'static str, error: &dyn Error) -> Self {
        let mut sentence = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            sentence = format!("{sentence}: {cause}");
            source = cause.source();
        }
        Self::new(Exit::Failed, code, sentence)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ViewError> for Failure {
    fn from(error: ViewError) -> Self {
        let (exit, hint) = match &error {
            ViewError::Store(_)
            | ViewError::State(_)
            | ViewError::Facts(_)
            | ViewError::Report(_)
            | ViewError::Disk(_) => (Exit::Failed, None),
            ViewError::UnknownStudy(_) => (Exit::NotFound, Some("`gantry study list` shows what is kept")),
            ViewError::AmbiguousStudy { .. } => (Exit::NotFound, Some("name it by Study Instance UID")),
            ViewError::UnknownRun(_) => (Exit::NotFound, Some("`gantry runs list` shows the newest")),
            ViewError::UnknownObject(_) => (Exit::NotFound, Some("`gantry delivery list` shows the newest")),
            ViewError::UnknownDocument(_) => (Exit::NotFound, None),
        };
        Self { exit, code: error.code(), sentence: error.sentence(), hint: hint.map(str::to_owned) }
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        let (code, sentence) = (error.code(), error.to_string());
        let (exit, hint) = match error {
            OrderError::View(error) => return error.into(),
            OrderError::UnknownWorkflow(_) => (Exit::NotFound, "`gantry why` lists the workflows in use"),
            OrderError::UnknownDelivery(_) => (Exit::NotFound, "`gantry delivery list` shows the newest"),
            OrderError::UnknownInQuarantine(_) => {
                (Exit::NotFound, "`gantry quarantine list` shows what does; `all` means all of it")
            }
            OrderError::DoesNotApply(_) => {
                (Exit::Input, "`gantry study show` and `gantry runs show` say how it is now")
            }
            OrderError::Changed(_) => (Exit::Failed, "look at it, and try again"),
            OrderError::Failed(_) => (Exit::Failed, "nothing was changed"),
        };
        Self { exit, code, sentence, hint: Some(hint.to_owned()) }
    }
}

impl From<AcceptError> for Failure {
    fn from(error: AcceptError) -> Self {
        let (code, sentence) = (error.code(), error.to_string());
        let (exit, hint) = match error {
            AcceptError::Apply(error) => return error.into(),
            AcceptError::BadTitle(_) | AcceptError::BadAddress(_) => (Exit::Input, None),
            AcceptError::NotRefused(_) => (
                Exit::NotFound,
                Some("`gantry source refused` lists who was; or name an address with --address"),
            ),
            AcceptError::Several { .. } => (Exit::Input, Some("choose one with --address")),
        };
        let code = code.unwrap_or(ErrorCode("source/failed"));
        Self { exit, code, sentence, hint: hint.map(str::to_owned) }
    }
}

/// Rows that cannot be read.
pub(crate) fn unreadable(error: StoreError) -> Failure {
    ViewError::from(error).into()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.sentence)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        write!(f, "\ncode: {}", self.code)
    }
}

/// Prints a failure and turns the result into the process's exit code.
pub(crate) fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// A line for people, on stderr.
pub(crate) fn say(line: &str) {
    // Nobody reads stderr: then there is nobody to tell.
    let _closed = writeln!(io::stderr(), "{}", plain(line));
}

/// A line without what would move a terminal's cursor or turn its text around: much of what is shown comes from peers.
fn plain(line: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| {
        c.is_control() && c != '\n' || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !line.contains(is_harmful) {
        return Cow::Borrowed(line);
    }
    let shown = |c: char| if is_harmful(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(line.chars().map(shown).collect())
}

/// A line of data, on stdout.
pub(crate) fn print(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{}", plain(line)) {
        // A reader that has seen enough, as `head` does, is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::unexpected("cli/stdout", &error)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_wrote_cannot_steer_a_terminal() {
        assert_eq!(plain("two\nlines, M\u{fc}ller"), "two\nlines, M\u{fc}ller");
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
    }
}
