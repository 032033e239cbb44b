//! Rows of what is done with studies: machines, payloads, runs, results and evidence.

use gantry_definition::package::Class;
use gantry_flow::step::Lane;
use gantry_types::{
    digest::Digest,
    ids::{AppName, DestinationName, InputName, NodeId, RunId, SiteId, TaskName, WorkflowName},
    instant::{Instant, Stamp},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};

use crate::blob::BlobRef;

/// What a durable machine drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MachineKind {
    /// A case, seen by one workflow.
    Case,
    /// A run.
    Run,
    /// A delivery.
    Delivery,
    /// A result on its way to evidence for one destination.
    Publication,
}

/// Names a durable machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineKey {
    /// Whose.
    pub site: SiteId,
    /// What it drives.
    pub kind: MachineKind,
    /// Which study it is about.
    pub study: StudyInstanceUid,
    /// Tells it from the others of its kind and study: a workflow's name, a run, an object and a destination.
    pub name: String,
}

/// That a machine's next step may be taken by whoever is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Which work goes first.
    pub lane: Lane,
    /// Since when.
    pub since: Instant,
}

/// The state of a durable machine. What is in it, [`crate::state`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRow {
    /// Which.
    pub key: MachineKey,
    /// Counts its changes, from 1.
    pub version: u64,
    /// Its state, as its driver encodes it.
    pub state: String,
    /// When it wants to be stepped again.
    pub due: Option<Instant>,
    /// That somebody may take its next step now.
    pub offered: Option<Offer>,
    /// Since when a person must look.
    pub person: Option<Instant>,
}

/// Objects that were frozen for a workflow (AS2). It is never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadRow {
    /// Whose.
    pub site: SiteId,
    /// The study of the case.
    pub study: StudyInstanceUid,
    /// The workflow that selected them.
    pub workflow: WorkflowName,
    /// 1 for the first of the case.
    pub ordinal: u32,
    /// SHA-256 of [`gantry_flow::payload::canonical_bytes`].
    pub digest: Digest,
    /// When.
    pub frozen: Instant,
    /// The objects, each with the input that selected it.
    pub items: Vec<PayloadItem>,
}

/// An object of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadItem {
    /// The input of the workflow.
    pub input: InputName,
    /// The key of its [`crate::store::ObjectRow`]: with it the revision is frozen too.
    pub object: u64,
}

/// That an object came too late for a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRow {
    /// Whose.
    pub site: SiteId,
    /// Its study.
    pub study: StudyInstanceUid,
    /// The key of its [`crate::store::ObjectRow`].
    pub object: u64,
    /// The workflow whose payload it missed.
    pub workflow: WorkflowName,
    /// Which payload.
    pub ordinal: u32,
    /// When that was noticed.
    pub noticed: Instant,
}

/// A run, with everything that it uses pinned (DC2). It is never changed: how far it is, its machine says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Which.
    pub id: RunId,
    /// Whose.
    pub site: SiteId,
    /// The study of its case.
    pub study: StudyInstanceUid,
    /// The workflow.
    pub workflow: WorkflowName,
    /// The version of its document.
    pub version: u32,
    /// The digest of that version.
    pub digest: Digest,
    /// The ordinal of its payload.
    pub ordinal: u32,
    /// When it began, with the offset of the node's zone then: dates and times of evidence are shown with it.
    pub began: Stamp,
    /// Which work goes first.
    pub lane: Lane,
    /// The package of each task.
    pub packages: Vec<PinnedPackage>,
}

/// The package of a task of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedPackage {
    /// The task.
    pub task: TaskName,
    /// The application.
    pub app: AppName,
    /// Its package's digest.
    pub digest: Digest,
}

/// The accepted result of a task. It is never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultRow {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskName,
    /// The fence of the attempt that gave it.
    pub fence: u64,
    /// Where it was made.
    pub node: NodeId,
    /// When the attempt began.
    pub began: Instant,
    /// When the attempt had ended.
    pub ended: Instant,
    /// What was kept of it: names as in [`crate::job::names`].
    pub files: Vec<ResultFile>,
}

/// A kept file of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// Its name in the job's directory.
    pub name: String,
    /// Where its bytes are.
    pub blob: BlobRef,
    /// Their SHA-256.
    pub digest: Digest,
}

/// An object that Gantry made. Its bytes are kept before it is sent, and only they are ever sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Whose.
    pub site: SiteId,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
    /// SOP Class UID.
    pub sop_class: SopClassUid,
    /// How its data set is encoded.
    pub transfer_syntax: TransferSyntaxUid,
    /// Its study: that of its sources.
    pub study: StudyInstanceUid,
    /// Its series.
    pub series: SeriesInstanceUid,
    /// The run that it comes from.
    pub run: RunId,
    /// The task that it comes from.
    pub task: TaskName,
    /// The destination that it was made for.
    pub destination: DestinationName,
    /// The laxest of the classes that it comes from: it goes to no stricter destination, whenever it is sent (DL2).
    pub class: Class,
    /// Its bytes: a Part 10 file.
    pub blob: BlobRef,
    /// How many of those bytes stand before the data set.
    pub head_bytes: u32,
    /// SHA-256 of those bytes.
    pub digest: Digest,
    /// When it was made.
    pub made: Instant,
}
