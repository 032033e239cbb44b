//! The write door.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use gantry_ports::store::{Change, CommitError, Committed, Expectation, Store, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{
    cases,
    checkpoint::Checkpointer,
    names::{self, Names},
    open, rows,
};

/// The store over one SQLite database.
pub struct SqliteStore {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
}

struct Writer {
    connection: Connection,
    names: Names,
    checkpointer: Checkpointer,
}

impl SqliteStore {
    /// Opens a database, creating and migrating it if need be.
    ///
    /// # Errors
    /// [`StoreError`]: the file, its settings, or its version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::writer(path)?;
        let checkpointer = Checkpointer::start(path)?;
        let writer = Writer { connection, names: Names::default(), checkpointer };
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    /// Opens a database that is there, beside whoever else has it open: nothing is migrated.
    ///
    /// # Errors
    /// [`StoreError`]: the file, its settings, or its version, which must be that of this program.
    pub fn join(path: &Path) -> Result<Self, StoreError> {
        let connection = open::joining(path)?;
        let checkpointer = Checkpointer::start(path)?;
        let writer = Writer { connection, names: Names::default(), checkpointer };
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    /// Runs `read` on a connection of its own.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path)?,
        };
        let result = read(&connection).map_err(open::failed(doing));
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic rolls its transaction back when the connection's guard is dropped.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SqliteStore {
    fn commit(&self, change: &Change) -> Result<Committed, CommitError> {
        let mut writer = self.writer();
        let Writer { connection, names, checkpointer } = &mut *writer;
        let result = commit(connection, names, change);
        match &result {
            Ok(_) => names.keep(),
            Err(_) => names.forget(),
        }
        checkpointer.written(change.rows.len() + change.audit.len());
        result
    }

    fn counter(&self) -> Result<u64, StoreError> {
        self.read("read the change counter", |connection| {
            connection.query_row("SELECT value FROM counter", [], |row| row.get(0))
        })
    }
}

fn commit(connection: &mut Connection, names: &mut Names, change: &Change) -> Result<Committed, CommitError> {
    let doing = "write a change";
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(open::failed(doing))?;
    for expectation in &change.expect {
        if !holds(&transaction, expectation).map_err(open::failed(doing))? {
            return Err(CommitError::Conflict(expectation.clone()));
        }
    }
    let counter = write(&transaction, names, change).map_err(open::failed(doing))?;
    transaction.commit().map_err(open::failed(doing))?;
    Ok(Committed { counter })
}

fn write(transaction: &Transaction<'_>, names: &mut Names, change: &Change) -> rusqlite::Result<u64> {
    for row in &change.rows {
        rows::put(transaction, names, row)?;
    }
    for row in &change.audit {
        rows::put_audit(transaction, row)?;
    }
    transaction
        .prepare_cached("UPDATE counter SET value = value + 1 RETURNING value")?
        .query_row([], |row| row.get(0))
}

fn holds(transaction: &Transaction<'_>, expectation: &Expectation) -> rusqlite::Result<bool> {
    match expectation {
        Expectation::Revisions { site, sop_instance, count } => {
            let Some(site) = names::find(transaction, site.as_str())? else { return Ok(*count == 0) };
            let found: u32 = transaction
                .prepare_cached(
                    "SELECT count(*) FROM object WHERE sop_hash = ?1 AND site = ?2 AND sop_instance = ?3",
                )?
                .query_row((names::hash(sop_instance.as_str()), site, sop_instance.as_str()), |row| {
                    row.get(0)
                })?;
            Ok(found == *count)
        }
        Expectation::Version { site, kind, name, version } => {
            let Some(site) = names::find(transaction, site.as_str())? else { return Ok(*version == 0) };
            let newest: u32 = transaction
                .prepare_cached(
                    "SELECT coalesce(max(version), 0) FROM document WHERE site = ?1 AND kind = ?2 AND name = ?3",
                )?
                .query_row((site, kind.as_str(), name), |row| row.get(0))?;
            Ok(newest == *version)
        }
        Expectation::Mark { site, study, mark } => Ok(cases::mark(transaction, site, study)? == *mark),
        Expectation::Machine { key, version } => {
            let found = cases::machine(transaction, key)?.map_or(0, |row| row.version);
            Ok(found == *version)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Deref;

    use gantry_ports::store::AuditRow;
    use gantry_types::instant::Instant;
    use tempfile::TempDir;

    use super::*;

    /// A store in a folder that goes with it.
    struct Temporary {
        store: SqliteStore,
        dir: TempDir,
    }

    impl Deref for Temporary {
        type Target = SqliteStore;

        fn deref(&self) -> &SqliteStore {
            &self.store
        }
    }

    fn temporary() -> Temporary {
        let dir = TempDir::new().unwrap();
        Temporary { store: SqliteStore::open(&dir.path().join("gantry.db")).unwrap(), dir }
    }

    gantry_ports::store_contract!(temporary());

    fn audit(detail: &str) -> Change {
        let row = AuditRow {
            at: Instant(1),
            actor: "test".into(),
            action: "test/done".into(),
            subject: "x".into(),
            detail: detail.into(),
        };
        Change { audit: vec![row], ..Change::default() }
    }

    #[test]
    fn another_process_sees_a_commit_and_may_commit_itself() {
        let store = temporary();
        let other = SqliteStore::open(&store.dir.path().join("gantry.db")).unwrap();
        let first = store.commit(&audit("first")).unwrap();
        assert_eq!(other.counter().unwrap(), first.counter);
        let second = other.commit(&audit("second")).unwrap();
        assert!(first < second);
        assert_eq!(store.counter().unwrap(), second.counter);
    }

    #[test]
    fn the_audit_trail_cannot_be_rewritten() {
        let store = temporary();
        store.commit(&audit("first")).unwrap();
        let error = store.writer().connection.execute("UPDATE audit SET detail = ''", []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }

    #[test]
    fn the_log_does_not_grow_with_many_commits() {
        let store = temporary();
        for _ in 0..3000 {
            store.commit(&audit("one of many")).unwrap();
        }
        let log = store.dir.path().join("gantry.db-wal");
        assert!(std::fs::metadata(log).unwrap().len() < open::LOG_BYTES * 3 / 2);
    }
}
