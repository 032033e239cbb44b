//! What the conductor reads: what wants attention, what is there, and the machines that it drives.

use gantry_types::{ids::SiteId, instant::Instant, uid::StudyInstanceUid};

use crate::store::{AttentionRow, IdentityRow, MachineKey, MachineKind, MachineRow, SeriesTally, StoreError};

/// The port.
pub trait Cases: Send + Sync {
    /// Studies that want attention, those with the oldest mark first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn attention(&self, site: &SiteId, count: usize) -> Result<Vec<AttentionRow>, StoreError>;

    /// The mark of one study.
    ///
    /// # Errors
    /// [`StoreError`].
    fn mark(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Option<u64>, StoreError>;

    /// What is there of each series of a study, by series. Objects that came again, and those that are not in force,
    /// do not count.
    ///
    /// # Errors
    /// [`StoreError`].
    fn tallies(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<SeriesTally>, StoreError>;

    /// Whom the objects of a study say that they are of, each once, sorted.
    ///
    /// # Errors
    /// [`StoreError`].
    fn identities(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<IdentityRow>, StoreError>;

    /// When associations were released, of those that were.
    ///
    /// # Errors
    /// [`StoreError`].
    fn releases(&self, associations: &[u64]) -> Result<Vec<(u64, Instant)>, StoreError>;

    /// A machine's state.
    ///
    /// # Errors
    /// [`StoreError`].
    fn machine(&self, key: &MachineKey) -> Result<Option<MachineRow>, StoreError>;

    /// All machines of a kind for a study, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    fn machines(
        &self,
        site: &SiteId,
        kind: MachineKind,
        study: &StudyInstanceUid,
    ) -> Result<Vec<MachineRow>, StoreError>;

    /// Machines of a kind that are due, the longest due first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn due(&self, kind: MachineKind, now: Instant, count: usize) -> Result<Vec<MachineRow>, StoreError>;

    /// Machines of a kind whose next step is offered, by lane and then the longest offered first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn offered(&self, kind: MachineKind, count: usize) -> Result<Vec<MachineRow>, StoreError>;

    /// Of those, the ones whose names end so. A delivery's name ends with its destination, and what waits for one must
    /// not hide what waits for another.
    ///
    /// # Errors
    /// [`StoreError`].
    fn offered_ending(
        &self,
        kind: MachineKind,
        ending: &str,
        count: usize,
    ) -> Result<Vec<MachineRow>, StoreError>;

    /// Machines of a site that wait for a person, the longest waiting first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn waiting_for_person(&self, site: &SiteId, count: usize) -> Result<Vec<MachineRow>, StoreError>;

    /// When the next machine of a kind is due.
    ///
    /// # Errors
    /// [`StoreError`].
    fn next_due(&self, kind: MachineKind) -> Result<Option<Instant>, StoreError>;
}
