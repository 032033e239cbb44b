//! Checkpoints: moving pages from the log into the database, away from the commit path.
//!
//! A passive checkpoint waits for nobody; when it has moved everything and no reader holds on, the next commit begins
//! the log anew and overwrites it in place.

use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
};

use gantry_ports::store::StoreError;
use rusqlite::Connection;

use crate::open;

/// Rows that may be written between two checkpoints: with a page of 8 KiB each, well below the grown log.
const ROWS: usize = 1000;

/// The checkpointing thread.
pub(crate) struct Checkpointer {
    nudge: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    rows: usize,
}

impl Checkpointer {
    pub(crate) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = open::reader(path)?;
        // A checkpoint writes.
        connection
            .pragma_update(None, "query_only", false)
            .map_err(open::failed("configure the database"))?;
        let (nudge, nudges) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&connection, &nudges))
            .map_err(|source| StoreError { doing: "start a thread", source: Box::new(source) })?;
        Ok(Self { nudge: Some(nudge), thread: Some(thread), rows: 0 })
    }

    /// Counts written rows; nudges the thread now and then.
    pub(crate) fn written(&mut self, rows: usize) {
        self.rows += rows;
        if ROWS <= self.rows
            && let Some(nudge) = &self.nudge
        {
            // A nudge that is still waiting is nudge enough.
            let _waiting = nudge.try_send(());
            self.rows = 0;
        }
    }
}

fn run(connection: &Connection, nudges: &Receiver<()>) {
    while nudges.recv().is_ok() {
        // A busy or failing checkpoint is tried again with the next nudge; until then the log only grows.
        let _tried = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.nudge = None;
        if let Some(thread) = self.thread.take() {
            let _finished = thread.join();
        }
    }
}
