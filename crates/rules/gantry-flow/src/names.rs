//! Names of the flow: those that documents give, and of the rows that it drives.

use alloc::boxed::Box;
use core::fmt;

pub use gantry_types::ids::{DestinationName, DoorName, InputName, SourceName, WorkflowName};
use gantry_types::{
    ids::{RunId, SiteId, TaskName},
    uid::{SopInstanceUid, StudyInstanceUid},
};

use crate::step::Fence;

/// An association, by its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssociationId(pub u64);

/// What a workflow runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseKey {
    /// One study of a site.
    Study {
        /// Whose.
        site: SiteId,
        /// Which.
        study: StudyInstanceUid,
    },
}

/// A case, seen by one workflow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The case.
    pub case: CaseKey,
    /// The workflow.
    pub workflow: WorkflowName,
}

/// A payload: it is frozen once (AS2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayloadKey {
    /// Of what.
    pub subject: Subject,
    /// 1 for the first; an amendment counts on.
    pub ordinal: u32,
}

/// An attempt at a task of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskName,
    /// The attempt's fence: no two attempts at a task share it.
    pub fence: Fence,
}

/// A delivery: the same object to the same destination is the same delivery, however often it is sent (DL1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The evidence object.
    pub sop_instance: SopInstanceUid,
    /// Where to.
    pub destination: DestinationName,
}

/// Who asked for something: a person's or a command's name, as the audit trail knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Actor(pub Box<str>);

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Actor {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}
