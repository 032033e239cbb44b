//! What reception and the study listings read from the store.

use gantry_types::{
    ids::SiteId,
    uid::{SopInstanceUid, StudyInstanceUid},
};

use crate::blob::BlobRef;
use crate::store::{
    AssociationRow, AuditRow, ObjectRow, ReceiptRow, RefusalRow, SeriesRow, StoreError, StudyRow,
};

/// What somebody looks for among studies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StudySearch {
    words: Vec<String>,
    date: Option<String>,
}

impl StudySearch {
    /// The most words that are looked for; more are left out.
    pub const WORDS_MAX: usize = 8;

    /// Studies of which each word of the text stands in patient's name or id, in the accession number or in the UID, with
    /// the letters A to Z in either case; and of this Study Date, if one is given.
    #[must_use]
    pub fn new(text: &str, date: Option<&str>) -> Self {
        let words = text.split_whitespace().take(Self::WORDS_MAX).map(str::to_ascii_lowercase).collect();
        Self { words, date: date.map(|date| date.replace('-', "")) }
    }

    /// The words, with small letters.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The Study Date, as objects write it.
    #[must_use]
    pub fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// Whether a study is looked for.
    #[must_use]
    pub fn finds(&self, study: &StudyRow) -> bool {
        let fields = [&study.patient_name, &study.patient_id, &study.accession_number, study.uid.as_str()];
        let fields = fields.map(str::to_ascii_lowercase);
        let has = |word: &String| fields.iter().any(|field| field.contains(word.as_str()));
        self.words.iter().all(has) && self.date.as_ref().is_none_or(|date| study.study_date == *date)
    }
}

/// Whether an action of the trail is about what is done with studies. What is said of their reception is not: receipts
/// tell it.
#[must_use]
pub fn about_studies(action: &str) -> bool {
    ["case/", "run/", "publication/", "evidence/", "delivery/"].iter().any(|area| action.starts_with(area))
}

/// The port. Lists are ordered by key, oldest first, unless a method says otherwise.
pub trait Intake: Send + Sync {
    /// All revisions kept under a SOP Instance UID, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn revisions(&self, site: &SiteId, sop_instance: &SopInstanceUid) -> Result<Vec<ObjectRow>, StoreError>;

    /// A study by its UID.
    ///
    /// # Errors
    /// [`StoreError`].
    fn study(&self, site: &SiteId, uid: &StudyInstanceUid) -> Result<Option<StudyRow>, StoreError>;

    /// The studies with an accession number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn studies_of_accession(&self, site: &SiteId, accession: &str) -> Result<Vec<StudyRow>, StoreError>;

    /// The newest studies, newest first; at most `count` of those first received before `before`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn newest_studies(
        &self,
        site: &SiteId,
        before: gantry_types::instant::Instant,
        count: usize,
    ) -> Result<Vec<StudyRow>, StoreError>;

    /// Of those, the ones that somebody looks for.
    ///
    /// # Errors
    /// [`StoreError`].
    fn find_studies(
        &self,
        site: &SiteId,
        search: &StudySearch,
        before: gantry_types::instant::Instant,
        count: usize,
    ) -> Result<Vec<StudyRow>, StoreError>;

    /// The series of a study.
    ///
    /// # Errors
    /// [`StoreError`].
    fn series(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<SeriesRow>, StoreError>;

    /// All kept objects of a study, every revision.
    ///
    /// # Errors
    /// [`StoreError`].
    fn objects(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<ObjectRow>, StoreError>;

    /// How many objects of a study are kept, every revision: as many as [`Intake::objects`] lists.
    ///
    /// # Errors
    /// [`StoreError`].
    fn count_objects(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<u64, StoreError>;

    /// Revisions that somebody needs told apart, the longest kept first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn wanted(&self, site: &SiteId, count: usize) -> Result<Vec<ObjectRow>, StoreError>;

    /// The receipts of an object.
    ///
    /// # Errors
    /// [`StoreError`].
    fn receipts(&self, object: u64) -> Result<Vec<ReceiptRow>, StoreError>;

    /// An association by its key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn association(&self, id: u64) -> Result<Option<AssociationRow>, StoreError>;

    /// Associations that nobody has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    fn open_associations(&self) -> Result<Vec<AssociationRow>, StoreError>;

    /// Refused associations, newest first, at most [`crate::store::REFUSALS_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn refusals(&self) -> Result<Vec<RefusalRow>, StoreError>;

    /// The content that lies last in a container, of all that rows name: objects, results and evidence. Appending goes
    /// on behind it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_in_container(&self, container: u64) -> Result<Option<BlobRef>, StoreError>;

    /// The largest number of a container that a row names; 0 if there is none. New containers are numbered above it,
    /// whatever files are left.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_container(&self) -> Result<u64, StoreError>;

    /// The largest id of an object, a receipt, an association or a run; 0 if there is none. New ids begin behind it, whatever
    /// the clock says.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_id(&self) -> Result<u64, StoreError>;

    /// The newest kept objects, newest first: what recovery compares with the bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    fn newest_objects(&self, count: usize) -> Result<Vec<ObjectRow>, StoreError>;

    /// The last entries of the audit trail, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn audit(&self, count: usize) -> Result<Vec<AuditRow>, StoreError>;

    /// Entries of the audit trail with their numbers, newest first; at most `count` of those before `before`, if that is
    /// given. Of these subjects alone, if some are given: then it is what [`about_studies`] says of the actions.
    ///
    /// # Errors
    /// [`StoreError`].
    fn trail(
        &self,
        about: Option<&[String]>,
        before: Option<u64>,
        count: usize,
    ) -> Result<Vec<(u64, AuditRow)>, StoreError>;
}
