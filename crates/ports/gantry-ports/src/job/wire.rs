//! What the forms of a job have in common: how they are read and written, and how that goes wrong.

use gantry_types::{
    digest::Digest,
    findings::{JudgedClause, Verdict},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{AttemptId, Ticket, VERSION};

/// Why bytes are not the form that they should be.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// More bytes, or more entries, than there may be.
    #[error("{what} has {found}, allowed are {max}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        max: u64,
    },
    /// No JSON of this form.
    #[error("{what} cannot be read")]
    Json {
        /// Of what.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Written for another version.
    #[error("{what} has version {found}, known is {VERSION}")]
    Version {
        /// Of what.
        what: &'static str,
        /// Which.
        found: u32,
    },
    /// A value that means nothing.
    #[error("{what} has the value {value:?}")]
    Value {
        /// Of what.
        what: &'static str,
        /// Which, cut to a bearable length.
        value: String,
    },
}

pub(super) fn value(what: &'static str, value: &str) -> FormError {
    FormError::Value { what, value: value.chars().take(100).collect() }
}

pub(super) fn bound(what: &'static str, found: usize, max: usize) -> Result<(), FormError> {
    if found <= max {
        Ok(())
    } else {
        Err(FormError::TooLarge { what, found: found as u64, max: max as u64 })
    }
}

/// Reads a document with a version.
pub(super) fn read<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<T, FormError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    bound(what, bytes.len(), bytes_max)?;
    let json = |source| FormError::Json { what, source };
    // The version first: another one may have another form.
    let Versioned { version } = serde_json::from_slice(bytes).map_err(json)?;
    if version != VERSION {
        return Err(FormError::Version { what, found: version });
    }
    serde_json::from_slice(bytes).map_err(json)
}

/// Writes a document, for people too.
pub(super) fn write<T: Serialize>(what: &'static str, document: &T) -> Result<Vec<u8>, FormError> {
    let mut bytes = serde_json::to_vec_pretty(document).map_err(|source| FormError::Json { what, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

pub(super) fn digest(text: &str) -> Result<Digest, FormError> {
    Digest::parse(text).ok_or_else(|| value("a digest", text))
}

pub(super) fn ticket(attempt: &str, fence: u64) -> Result<Ticket, FormError> {
    let attempt = AttemptId::new(attempt).ok_or_else(|| value("an attempt", attempt))?;
    Ok(Ticket { attempt, fence })
}

/// A clause that was judged.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clause {
    name: String,
    verdict: WireVerdict,
    seen: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireVerdict {
    Met,
    Failed,
    Unknown,
}

impl From<&JudgedClause> for Clause {
    fn from(clause: &JudgedClause) -> Self {
        let verdict = match clause.verdict {
            Verdict::Met => WireVerdict::Met,
            Verdict::Failed => WireVerdict::Failed,
            Verdict::Unknown => WireVerdict::Unknown,
        };
        Self { name: clause.name.clone(), verdict, seen: clause.seen.clone() }
    }
}

impl From<Clause> for JudgedClause {
    fn from(clause: Clause) -> Self {
        let verdict = match clause.verdict {
            WireVerdict::Met => Verdict::Met,
            WireVerdict::Failed => Verdict::Failed,
            WireVerdict::Unknown => Verdict::Unknown,
        };
        Self { name: clause.name, verdict, seen: clause.seen }
    }
}
