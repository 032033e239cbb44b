//! Connections: settings, migrations, and a log of its working size.

use std::{fs, path::Path, time::Duration};

use gantry_ports::store::StoreError;
use rusqlite::{Connection, config::DbConfig};

/// Every schema that ever was, oldest first. Never edit one that was released: append.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001-intake.sql"),
    include_str!("../migrations/0002-documents.sql"),
    include_str!("../migrations/0003-cases.sql"),
    include_str!("../migrations/0004-work.sql"),
    include_str!("../migrations/0005-trail.sql"),
    include_str!("../migrations/0006-revisions.sql"),
];

/// Size that the write-ahead log is grown to before it is used.
pub(crate) const LOG_BYTES: u64 = 32 << 20;

const PAGE_BYTES: u32 = 8192;

/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// Turns a database error into the port's, saying what was attempted.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError { doing, source: Box::new(source) }
}

fn refuse(doing: &'static str, why: String) -> StoreError {
    StoreError { doing, source: why.into() }
}

/// Opens the connection that writes: creates and migrates the database if need be.
pub(crate) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(failed(OPEN))?;
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(failed(OPEN))?;
    make_durable(&connection)?;
    migrate(&mut connection)?;
    grow_log(&mut connection, path)?;
    Ok(connection)
}

/// Opens another connection that writes, to a database that must be there and of this program's version.
pub(crate) fn joining(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(failed(OPEN))?;
    make_durable(&connection)?;
    let version: usize =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed(OPEN))?;
    if version == MIGRATIONS.len() {
        return Ok(connection);
    }
    let ours = MIGRATIONS.len();
    let why = if version < ours {
        format!(
            "its version is {version}, this program's is {ours}: `gantry serve` of this program migrates it"
        )
    } else {
        format!("its version is {version}, this program knows {ours}: it was written by a newer one")
    };
    Err(refuse(OPEN, why))
}

const OPEN: &str = "open the database";

/// Has commits reach stable storage, or does not open.
fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    prepare(connection)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed(OPEN))?;
    connection.pragma_update(None, "synchronous", "full").map_err(failed(OPEN))?;
    let synchronous: i64 =
        connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(failed(OPEN))?;
    if mode != "wal" || synchronous != 2 {
        return Err(refuse(OPEN, format!("journal_mode is {mode}, synchronous is {synchronous}")));
    }
    // Checkpoints are the business of their own thread.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(failed(OPEN))?;
    Ok(())
}

/// Opens a connection that reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(failed("open the database for reading"))?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", true).map_err(failed("open the database for reading"))?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    let doing = "configure the database";
    connection.busy_timeout(BUSY).map_err(failed(doing))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "trusted_schema", false).map_err(failed(doing))?;
    // The last connection would otherwise delete the log, and the next start would have to grow it again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed(doing))?;
    // Without it each value bound to a condition makes SQLite plan the statement again, for statistics that nobody
    // gathers.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed(doing))?;
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let doing = "migrate the database";
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(failed(doing))?;
    let version: usize =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed(doing))?;
    if MIGRATIONS.len() < version {
        return Err(refuse(
            doing,
            format!(
                "its version is {version}, this program knows {}: it was written by a newer one",
                MIGRATIONS.len()
            ),
        ));
    }
    for (migration, after) in MIGRATIONS.iter().zip(1_usize..).skip(version) {
        transaction.execute_batch(migration).map_err(failed(doing))?;
        transaction.pragma_update(None, "user_version", after).map_err(failed(doing))?;
    }
    transaction.commit().map_err(failed(doing))
}

/// Grows the log without leaving anything in it: a transaction larger than the page cache spills into the log and is
/// then rolled back. A log that grows later would cost a journal commit of the file system with each sync.
fn grow_log(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let doing = "grow the database's log";
    let log = path.with_extension("db-wal");
    if fs::metadata(&log).is_ok_and(|log| LOG_BYTES <= log.len()) {
        return Ok(());
    }
    let cache: i64 =
        connection.pragma_query_value(None, "cache_size", |row| row.get(0)).map_err(failed(doing))?;
    connection.pragma_update(None, "cache_size", 16).map_err(failed(doing))?;
    {
        let transaction = connection.transaction().map_err(failed(doing))?;
        transaction.execute_batch("CREATE TABLE grown (filler BLOB)").map_err(failed(doing))?;
        transaction
            .execute(
                "INSERT INTO grown VALUES (zeroblob(?1))",
                [i64::try_from(LOG_BYTES).unwrap_or(i64::MAX)],
            )
            .map_err(failed(doing))?;
        transaction.rollback().map_err(failed(doing))?;
    }
    connection.pragma_update(None, "cache_size", cache).map_err(failed(doing))
}

#[cfg(test)]
mod migrated;

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_log_is_grown_once_and_survives_closing() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("gantry.db");
        drop(writer(&path).unwrap());
        let log = fs::metadata(path.with_extension("db-wal")).unwrap().len();
        assert!((LOG_BYTES..LOG_BYTES * 5 / 4).contains(&log), "{log}");
        assert!(fs::metadata(&path).unwrap().len() < 1 << 20, "the filler must not reach the database");
        drop(writer(&path).unwrap());
        assert_eq!(fs::metadata(path.with_extension("db-wal")).unwrap().len(), log);
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("gantry.db");
        writer(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = writer(&path).unwrap_err();
        let why = error.source.to_string();
        assert!(why.contains("its version is 99"), "{why}");
    }

    #[test]
    fn who_joins_migrates_nothing() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("gantry.db");
        let connection = writer(&path).unwrap();
        drop(joining(&path).unwrap());
        connection.pragma_update(None, "user_version", 1).unwrap();
        let error = joining(&path).unwrap_err();
        let why = error.source.to_string();
        assert!(why.contains("its version is 1") && why.contains("gantry serve"), "{why}");
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
    }
}
