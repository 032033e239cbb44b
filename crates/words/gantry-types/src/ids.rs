//! Identifiers that Gantry itself gives, and names that its documents give.
//!
//! A run's identifier is globally unique and sorts by time, so that nodes can make them without asking each other.
//! Randomness and time come in from the top; nothing here makes an identifier.

use alloc::{borrow::ToOwned as _, boxed::Box, string::String};
use core::{fmt, str::FromStr};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is not 1 to 64 characters of a-z, 0-9 and hyphen")]
pub struct IdError {
    /// What was to be read.
    pub kind: &'static str,
    /// The text.
    pub text: String,
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident, $kind:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_id(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { kind: $kind, text: text.to_owned() })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

id_types! {
    /// A site: the scope of study UIDs, patient identities and the secret that UIDs are derived from.
    SiteId, "site";
    /// A node of a site: one installation of the program.
    NodeId, "node";
    /// An application's name, as its package says it.
    AppName, "application";
    /// A run: a payload and a definition, being carried out.
    RunId, "run";
    /// A task of a run, as the workflow names it.
    TaskName, "task";
    /// A workflow, as its document says it; versions share it.
    WorkflowName, "workflow";
    /// An input of a workflow: the role that series play in it.
    InputName, "input";
    /// A destination, as its document says it.
    DestinationName, "destination";
    /// A source, as its document says it.
    SourceName, "source";
    /// A door, as its document says it.
    DoorName, "door";
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn ids_are_safe_in_paths_and_commands() {
        assert_eq!("lung-density".parse::<AppName>().unwrap().to_string(), "lung-density");
        for bad in ["", "Lung", "a/b", "..", "a b", &"x".repeat(65)] {
            assert_eq!(
                bad.parse::<AppName>().unwrap_err().to_string(),
                alloc::format!("application {bad:?} is not 1 to 64 characters of a-z, 0-9 and hyphen")
            );
        }
    }
}
