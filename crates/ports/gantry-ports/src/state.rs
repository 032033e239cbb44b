//! The states of durable machines as texts: what [`crate::store::MachineRow::state`] holds.
//!
//! They outlive the program that wrote them, so each form stands here, converted by hand: no name of a Rust type is a
//! promise to a database. A form that changes gets a version; what cannot be read is an error, never a fresh state.

pub mod case;
pub mod delivery;
pub mod publication;
pub mod run;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use gantry_flow::step::{Lane, Timer};
use gantry_types::instant::Instant;

/// Why a text is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is not of the form.
    #[error("the state of a {what} cannot be read")]
    Form {
        /// Of which machine.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A value in it means nothing.
    #[error("the state of a {what} holds {value:?}")]
    Value {
        /// Of which machine.
        what: &'static str,
        /// The value.
        value: String,
    },
}

/// The earliest of a machine's timers.
#[must_use]
pub fn due(timers: &[Timer]) -> Option<Instant> {
    timers.iter().map(|timer| timer.at).min()
}

fn write<T: Serialize>(form: &T) -> String {
    // Texts, numbers and lists of them: JSON has a form for each.
    serde_json::to_string(form).unwrap_or_default()
}

fn read<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StateError> {
    serde_json::from_str(text).map_err(|source| StateError::Form { what, source })
}

/// A text that names something.
fn name<T: std::str::FromStr>(what: &'static str, text: &str) -> Result<T, StateError> {
    text.parse().or(Err(StateError::Value { what, value: text.to_owned() }))
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum WireLane {
    Urgent,
    Routine,
    Background,
}

impl From<Lane> for WireLane {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Urgent => Self::Urgent,
            Lane::Routine => Self::Routine,
            Lane::Background => Self::Background,
        }
    }
}

impl From<WireLane> for Lane {
    fn from(lane: WireLane) -> Self {
        match lane {
            WireLane::Urgent => Self::Urgent,
            WireLane::Routine => Self::Routine,
            WireLane::Background => Self::Background,
        }
    }
}
