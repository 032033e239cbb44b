//! The store: rows, and the one door through which they are written.
//!
//! Contract
//! - [`Store::commit`] writes all of a [`Change`] or nothing, durably before it returns.
//! - Every [`Expectation`] must hold at that moment, else nothing is written and [`CommitError::Conflict`] says which.
//! - A row replaces the row with its key.
//! - There is no interactive transaction: read, decide, commit, and on a conflict begin again.

mod work;

use std::sync::Arc;

use gantry_types::{
    ae_title::AeTitle,
    digest::Digest,
    ids::SiteId,
    instant::Instant,
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};

pub use work::{
    EvidenceRow, LateRow, MachineKey, MachineKind, MachineRow, Offer, PayloadItem, PayloadRow, PinnedPackage,
    ResultFile, ResultRow, RunRow,
};

use crate::blob::BlobRef;

/// Everything that one decision writes.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What must still be true.
    pub expect: Vec<Expectation>,
    /// New and replaced rows.
    pub rows: Vec<Row>,
    /// What is said about it in the audit trail (RD1).
    pub audit: Vec<AuditRow>,
}

/// Something that the decision relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// An object has been kept in so many revisions, at this site.
    Revisions {
        /// The site.
        site: SiteId,
        /// The object.
        sop_instance: SopInstanceUid,
        /// How many.
        count: u32,
    },
    /// The newest version of a document; 0 if there is none.
    Version {
        /// The site.
        site: SiteId,
        /// Its kind.
        kind: DocumentKind,
        /// Its name.
        name: String,
        /// Which.
        version: u32,
    },
    /// The newest mark of a study that wants attention: nothing has come to it since it was looked at.
    Mark {
        /// The site.
        site: SiteId,
        /// The study.
        study: StudyInstanceUid,
        /// The mark; nothing if none is wanted.
        mark: Option<u64>,
    },
    /// The version of a machine's state; 0 if it has none.
    Machine {
        /// Which.
        key: MachineKey,
        /// Its version.
        version: u64,
    },
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A study; key: site and UID.
    Study(StudyRow),
    /// A series; key: site, study and UID.
    Series(SeriesRow),
    /// A kept object; key: id.
    Object(ObjectRow),
    /// That an object was received; key: id.
    Receipt(ReceiptRow),
    /// An association; key: id.
    Association(AssociationRow),
    /// A refused association; key: called and calling title, address.
    Refusal(RefusalRow),
    /// Whom an object of a study says that it is of; key: all of it.
    Identity(IdentityRow),
    /// One that no object names any more.
    IdentityGone(IdentityRow),
    /// A document that a person applied; key: site, kind, name and version.
    Document(DocumentRow),
    /// A study that something came to; key: site and study.
    Attention(AttentionRow),
    /// A study that was looked at: its attention is over.
    Attended {
        /// Whose.
        site: SiteId,
        /// Which.
        study: StudyInstanceUid,
    },
    /// The state of a durable machine; key: its key.
    Machine(MachineRow),
    /// A payload; key: site, study, workflow and ordinal.
    Payload(PayloadRow),
    /// That an object came too late for a payload; key: object, workflow and ordinal.
    Late(LateRow),
    /// A run; key: id.
    Run(RunRow),
    /// The accepted result of a task; key: run and task.
    Result(ResultRow),
    /// An evidence object; key: site and SOP Instance UID.
    Evidence(EvidenceRow),
}

/// A study, as its first object described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyRow {
    /// Whose.
    pub site: SiteId,
    /// Study Instance UID.
    pub uid: StudyInstanceUid,
    /// When its first object was received.
    pub first_received: Instant,
    /// Patient ID (0010,0020).
    pub patient_id: String,
    /// Issuer of Patient ID (0010,0021).
    pub patient_id_issuer: String,
    /// Patient's Name (0010,0010), decoded.
    pub patient_name: String,
    /// Accession Number (0008,0050).
    pub accession_number: String,
    /// Who issued it (0008,0051), decoded; empty if the object does not say it.
    pub accession_issuer: String,
    /// Study Date (0008,0020), as written.
    pub study_date: String,
    /// Study Description (0008,1030), decoded.
    pub description: String,
}

/// Whom an object of a study says that it is of. There is one of each that was seen; more than one is a study of which
/// nothing may be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentityRow {
    /// Whose.
    pub site: SiteId,
    /// The study.
    pub study: StudyInstanceUid,
    /// Patient ID (0010,0020), decoded and not empty.
    pub patient_id: String,
    /// Issuer of Patient ID (0010,0021), decoded; empty if the object does not say it.
    pub issuer: String,
}

impl IdentityRow {
    /// Whom an object names by these values, if anybody: one that does not say it names nobody else.
    #[must_use]
    pub fn named(site: &SiteId, study: &StudyInstanceUid, patient_id: &str, issuer: &str) -> Option<Self> {
        let (patient_id, issuer) = (patient_id.trim(), issuer.trim());
        (!patient_id.is_empty()).then(|| Self {
            site: site.clone(),
            study: study.clone(),
            patient_id: patient_id.to_owned(),
            issuer: issuer.to_owned(),
        })
    }

    /// Two of these that cannot be the same patient, if there are such.
    #[must_use]
    pub fn contradiction(rows: &[Self]) -> Option<(&Self, &Self)> {
        let all = rows.iter().enumerate();
        all.flat_map(|(at, row)| rows.iter().skip(at + 1).map(move |other| (row, other)))
            .find(|(row, other)| !row.may_be(other))
    }

    /// Whether the two can be the same patient: an issuer that is not said may be any.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let same_issuer = self.issuer == other.issuer || self.issuer.is_empty() || other.issuer.is_empty();
        self.patient_id == other.patient_id && same_issuer
    }
}

/// A series, as its first object described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRow {
    /// Whose.
    pub site: SiteId,
    /// Its study.
    pub study: StudyInstanceUid,
    /// Series Instance UID.
    pub uid: SeriesInstanceUid,
    /// Modality (0008,0060).
    pub modality: String,
    /// Series Number (0020,0011), as written.
    pub number: String,
    /// Series Description (0008,103E), decoded.
    pub description: String,
}

/// How a revision stands among those of its SOP Instance UID (RC2). One of them is in force, and only that is ever used
/// for something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The one to be used.
    InForce,
    /// Differs from the one in force; not told apart yet.
    Undecided,
    /// The same, and somebody needs to know what it is.
    Wanted,
    /// Says and shows what another revision does, in another encoding.
    Reencoded,
    /// A copy that was compressed with loss.
    LossyCopy,
    /// Was in force until a newer header with the same pixels came.
    Superseded,
    /// A newer header with the same pixels, from a source of less authority than that of the one in force.
    Outranked,
    /// Shows something else, or nobody can tell: a person decides.
    Conflict,
    /// A person decided against it.
    SetAside,
}

impl Standing {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::InForce,
        Self::Undecided,
        Self::Wanted,
        Self::Reencoded,
        Self::LossyCopy,
        Self::Superseded,
        Self::Outranked,
        Self::Conflict,
        Self::SetAside,
    ];

    /// As machines read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "inForce",
            Self::Undecided => "undecided",
            Self::Wanted => "wanted",
            Self::Reencoded => "reencoded",
            Self::LossyCopy => "lossyCopy",
            Self::Superseded => "superseded",
            Self::Outranked => "outranked",
            Self::Conflict => "conflict",
            Self::SetAside => "setAside",
        }
    }

    /// Whether it is not known yet what the revision is.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Undecided | Self::Wanted)
    }
}

/// A kept object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its key.
    pub id: u64,
    /// Whose.
    pub site: SiteId,
    /// Its study.
    pub study: StudyInstanceUid,
    /// Its series.
    pub series: SeriesInstanceUid,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
    /// SOP Class UID.
    pub sop_class: SopClassUid,
    /// How its data set is encoded.
    pub transfer_syntax: TransferSyntaxUid,
    /// Its bytes: a Part 10 file.
    pub blob: BlobRef,
    /// How many of those bytes stand before the data set.
    pub head_bytes: u32,
    /// SHA-256 of those bytes.
    pub digest: Digest,
    /// 1 for the first kept with this SOP Instance UID.
    pub revision: u32,
    /// How it stands.
    pub standing: Standing,
}

/// What became of a received object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// Kept as a new object or revision.
    Kept,
    /// The same as a kept one: nothing else was kept.
    Same,
}

/// That an object was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Its key.
    pub id: u64,
    /// The kept object.
    pub object: u64,
    /// By which association.
    pub association: u64,
    /// When the answer was due.
    pub received: Instant,
    /// What became of it.
    pub reception: Reception,
    /// What was strange about the bytes, for people; empty if nothing.
    pub deviations: String,
}

/// An association that brought objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociationRow {
    /// Its key.
    pub id: u64,
    /// The door.
    pub called: AeTitle,
    /// The peer; titles from outside may be irregular.
    pub calling: Arc<str>,
    /// The peer's address.
    pub address: Arc<str>,
    /// When it was accepted.
    pub began: Instant,
    /// When and how it ended; nothing while it lives.
    pub ended: Option<(Instant, AssociationEnd)>,
}

/// How an association ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssociationEnd {
    /// By release.
    Released,
    /// By abort of either side, or a lost connection.
    Aborted,
    /// Unknown: the process that served it is gone.
    Lost,
}

/// A refused association: one row for each combination of titles and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    /// As called.
    pub called: String,
    /// As the peer called itself.
    pub calling: String,
    /// Its address.
    pub address: String,
    /// Why, with the numbers on the wire.
    pub reason: String,
    /// When last.
    pub last: Instant,
}

/// The most refusals that a store keeps; the oldest go.
pub const REFUSALS_MAX: usize = 500;

/// What a document defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// What runs when on what.
    Workflow,
    /// Who may send.
    Source,
    /// Where results go.
    Destination,
    /// Where studies come in.
    Door,
    /// What a node can run: an installed application, by the digest of its package. No YAML.
    Application,
}

impl DocumentKind {
    /// As documents name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "Workflow",
            Self::Source => "Source",
            Self::Destination => "Destination",
            Self::Door => "Door",
            Self::Application => "Application",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Workflow, Self::Source, Self::Destination, Self::Door, Self::Application]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// A version of a document, as it was applied (DC2). Versions are never changed; a newer one takes their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// Whose.
    pub site: SiteId,
    /// What it defines.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
    /// 1 for the first.
    pub version: u32,
    /// SHA-256 of its canonical bytes.
    pub digest: Digest,
    /// As it was written.
    pub text: String,
    /// When it was applied.
    pub applied: Instant,
}

/// A study that something came to since it was looked at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttentionRow {
    /// Whose.
    pub site: SiteId,
    /// Which.
    pub study: StudyInstanceUid,
    /// Differs each time something comes.
    pub mark: u64,
}

/// What is there of a series: its objects in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesTally {
    /// Which.
    pub series: SeriesInstanceUid,
    /// Objects in force.
    pub objects: u32,
    /// When the last of them was kept.
    pub last: Instant,
    /// The associations that brought them first, ascending.
    pub associations: Vec<u64>,
}

/// Who did what to which thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: Instant,
    /// Who: a part of the program, a peer, a person.
    pub actor: String,
    /// What: area, slash, verb in the past: `intake/object-kept`.
    pub action: String,
    /// To what: a UID, a key.
    pub subject: String,
    /// Old and new, for people.
    pub detail: String,
}

/// A change that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Committed {
    /// Ascends with every commit of the site.
    pub counter: u64,
}

/// Why a change was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An expectation did not hold.
    #[error("the state has changed since it was read: {0:?}")]
    Conflict(Expectation),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub struct StoreError {
    /// What was attempted.
    pub doing: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The write door.
pub trait Store: Send + Sync {
    /// Writes a change.
    ///
    /// # Errors
    /// [`CommitError`]; then nothing was written.
    fn commit(&self, change: &Change) -> Result<Committed, CommitError>;

    /// The counter of the last commit by anybody: whoever saw it before knows whether there is news.
    ///
    /// # Errors
    /// [`StoreError`].
    fn counter(&self) -> Result<u64, StoreError>;
}
