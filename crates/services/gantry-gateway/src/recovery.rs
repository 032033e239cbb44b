//! What is put right, and what is found, when a node starts.
//!
//! A record without a row was never acknowledged and is forgotten. A row without a whole record is damage: it is
//! listed, never dropped. Associations that the last process did not end are ended as lost.

use gantry_ports::store::{AssociationEnd, AssociationRow, AuditRow, Change, ObjectRow, Row};

use crate::{Outside, same};

/// How many of the newest objects are compared with their checksums at every start, and how many bytes at most.
const VERIFIED_MAX: usize = 64;
const VERIFIED_BYTES_MAX: u64 = 256 << 20;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Kept objects whose bytes are damaged or gone.
    pub damaged: Vec<ObjectRow>,
    /// Associations that were open.
    pub lost_associations: usize,
    /// Records that were compared with their checksums.
    pub verified: usize,
}

/// Why a start cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("cannot recover the state of the last run")]
pub struct RecoveryError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Puts right what the last process left.
///
/// # Errors
/// [`RecoveryError`] if the store cannot be read or written.
pub fn recover(outside: &Outside) -> Result<Found, RecoveryError> {
    let failed = |error: gantry_ports::store::StoreError| RecoveryError(Box::new(error));
    let now = outside.clock.now();
    let mut change = Change::default();
    let open = outside.intake.open_associations().map_err(failed)?;
    let mut found = Found { lost_associations: open.len(), ..Found::default() };
    for row in open {
        let ended = Some((now, AssociationEnd::Lost));
        change.rows.push(Row::Association(AssociationRow { ended, ..row }));
    }
    let mut bytes = 0;
    for row in outside.intake.newest_objects(VERIFIED_MAX).map_err(failed)? {
        bytes += row.blob.length;
        if VERIFIED_BYTES_MAX < bytes && 0 < found.verified {
            break;
        }
        found.verified += 1;
        if !same::is_whole(&*outside.blob, &row) {
            change.audit.push(AuditRow {
                at: now,
                actor: "recovery".to_owned(),
                action: "intake/object-damaged".to_owned(),
                subject: row.sop_instance.to_string(),
                detail: format!("its bytes at {} are damaged or gone", row.blob),
            });
            found.damaged.push(row);
        }
    }
    if !change.rows.is_empty() || !change.audit.is_empty() {
        outside.store.commit(&change).map_err(|error| RecoveryError(Box::new(error)))?;
    }
    Ok(found)
}
