//! Who knocked and was refused, and letting somebody in.

use std::collections::BTreeSet;

use gantry_definition::document::{Cidr, CidrError};
use gantry_ports::store::{DocumentKind, RefusalRow};
use gantry_types::{ae_title::AeTitle, error_code::ErrorCode};
use serde_json::{Value, json};

use crate::{
    documents::{Applied, ApplyError, Desk},
    orders::By,
    view::{View, ViewError},
};

/// Refused associations, newest first.
///
/// # Errors
/// [`ViewError::Store`].
pub fn refused(view: &View) -> Result<Vec<RefusalRow>, ViewError> {
    Ok(view.intake.refusals()?)
}

/// Their document.
#[must_use]
pub fn refused_json(rows: &[RefusalRow]) -> Value {
    let one = |row: &RefusalRow| {
        json!({
            "called": row.called,
            "calling": row.calling,
            "address": row.address,
            "reason": row.reason,
            "last": row.last.to_string(),
        })
    };
    json!({ "refused": rows.iter().map(one).collect::<Vec<_>>() })
}

/// Whether letting its sender in ends the refusal: it was refused for whom it is, not for whom it called.
#[must_use]
pub fn is_for_its_sender(row: &RefusalRow) -> bool {
    !row.reason.starts_with("1/1/7")
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// No AE title is written so.
    #[error("{0}")]
    BadTitle(String),
    /// No network is written so.
    #[error(transparent)]
    BadAddress(#[from] CidrError),
    /// Nobody of this title was refused.
    #[error("nobody who calls himself {0} was refused")]
    NotRefused(String),
    /// It was refused from several addresses.
    #[error("{title} called from {}", addresses.join(", "))]
    Several {
        /// The title.
        title: String,
        /// From where.
        addresses: Vec<String>,
    },
    /// The document was not taken.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl AcceptError {
    /// Its stable code, if it is one of its own.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::BadTitle(_) => Some(ErrorCode("source/bad-title")),
            Self::BadAddress(_) => Some(ErrorCode("source/bad-address")),
            Self::NotRefused(_) => Some(ErrorCode("source/not-refused")),
            Self::Several { .. } => Some(ErrorCode("source/several")),
            Self::Apply(_) => None,
        }
    }
}

impl From<ViewError> for AcceptError {
    fn from(error: ViewError) -> Self {
        Self::Apply(error.into())
    }
}

/// A sender that was let in.
#[derive(Debug)]
pub struct Accepted {
    /// The Source document that does it.
    pub text: String,
    /// What became of that.
    pub applied: Vec<Applied>,
}

/// Applies a Source document for a peer that was refused for its title or address.
///
/// # Errors
/// [`AcceptError`]; then nothing was changed.
pub fn accept(
    view: &View,
    desk: &dyn Desk,
    calling: &str,
    address: Option<&str>,
    by: &By,
) -> Result<Accepted, AcceptError> {
    let title = AeTitle::parse(calling).map_err(|error| AcceptError::BadTitle(error.to_string()))?;
    // As refusals are listed: they hold whatever peers sent.
    let shown = title.to_string().as_bytes().escape_ascii().to_string();
    let refusals = refused(view)?;
    let from: BTreeSet<&str> =
        refusals.iter().filter(|row| row.calling == shown).map(|row| row.address.as_str()).collect();
    let network = match (address, from.iter().next(), from.len()) {
        (Some(address), _, _) => address,
        (None, Some(only), 1) => only,
        (None, None, _) => return Err(AcceptError::NotRefused(title.to_string())),
        (None, Some(_), _) => {
            let addresses = from.into_iter().map(str::to_owned).collect();
            return Err(AcceptError::Several { title: title.to_string(), addresses });
        }
    };
    let network: Cidr = network.parse()?;
    let name = free_name(view, &title)?;
    let text = format!(
        "apiVersion: gantry/v1\nkind: Source\nmetadata: {{ name: {name} }}\naeTitle: {}\naddresses: [\"{network}\"]\n",
        Value::String(title.to_string()) // JSON quotes as YAML does
    );
    let applied = desk.apply("source accept", &text, by)?;
    Ok(Accepted { text, applied })
}

/// A name made of the title that no Source has yet.
fn free_name(view: &View, title: &AeTitle) -> Result<String, ViewError> {
    let taken = view.definitions.newest_documents(&view.site, DocumentKind::Source)?;
    let mut base: String = title
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    base = base.trim_matches('-').to_owned();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic()) {
        base.insert_str(0, "source-");
    }
    let is_free = |name: &String| !taken.iter().any(|row| row.name == *name);
    let mut names = std::iter::once(base.clone()).chain((2..).map(|number: u32| format!("{base}-{number}")));
    Ok(names.find(is_free).unwrap_or(base))
}
