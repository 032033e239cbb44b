//! Names: texts that many rows share, each kept once.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Result};

/// The most names that the writer remembers; beyond it forgets all, which costs a lookup each.
const REMEMBERED_MAX: usize = 20_000;

/// What the writer remembers of the table. Only committed names may be remembered: a rollback takes new ones back.
#[derive(Default)]
pub(crate) struct Names {
    known: BTreeMap<Box<str>, i64>,
    new: Vec<(Box<str>, i64)>,
}

impl Names {
    /// The number of a name, given now if it has none. Call within a transaction.
    pub(crate) fn id(&mut self, connection: &Connection, text: &str) -> Result<i64> {
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        if let Some((_, id)) = self.new.iter().find(|(new, _)| **new == *text) {
            return Ok(*id);
        }
        let id = match find(connection, text)? {
            Some(id) => id,
            None => {
                connection
                    .prepare_cached("INSERT INTO name (hash, text) VALUES (?1, ?2)")?
                    .execute((hash(text), text))?;
                connection.last_insert_rowid()
            }
        };
        self.new.push((text.into(), id));
        Ok(id)
    }

    /// The transaction was committed.
    pub(crate) fn keep(&mut self) {
        if REMEMBERED_MAX < self.known.len() {
            self.known.clear();
        }
        self.known.extend(self.new.drain(..));
    }

    /// The transaction was rolled back.
    pub(crate) fn forget(&mut self) {
        self.new.clear();
    }
}

/// The number of a name, if it has one.
pub(crate) fn find(connection: &Connection, text: &str) -> Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM name WHERE hash = ?1 AND text = ?2")?
        .query_row((hash(text), text), |row| row.get(0))
        .optional()
}

/// FNV-1a, 64 bits: short and stable for ever. Two texts of one hash are told apart by the text.
pub(crate) fn hash(text: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    text.bytes().fold(0xCBF2_9CE4_8422_2325, step).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash("").cast_unsigned(), 0xCBF2_9CE4_8422_2325);
        assert_eq!(hash("foobar").cast_unsigned(), 0x8594_4171_F739_67E8);
    }
}
