//! A copy of segments that others append to.
//!
//! What was synced before the copy began is in it whole; what came later is in it, or torn, or not at all, as after a
//! power cut. So a copy of the rows is made first.

use std::{fs, path::Path};

use gantry_ports::blob::BlobError;

use crate::{
    disk::{self, Folder, failed},
    format::{self, State},
};

/// Copies all segments but the spares into a folder, which is made; `progress` hears of each, and of how many. They are
/// on stable storage before this returns.
///
/// # Errors
/// As the file system says.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(usize, usize)) -> Result<u64, BlobError> {
    let (from, to) = (Folder::open(from)?, Folder::open(to)?);
    let containers = from.containers()?;
    let mut bytes = 0;
    for (number, container) in containers.iter().enumerate() {
        progress(number, containers.len());
        let path = from.path(*container);
        if !path.exists() {
            continue; // a spare, or one large object, that went meanwhile
        }
        let header = disk::read_block(&from.open_segment(*container)?, 0)?;
        match format::read_segment_header(&header, *container) {
            Some(State::Spare) => continue,
            // One that is damaged is kept as it is: what is wrong is found where it is read.
            Some(State::Shared | State::Single) | None => {}
        }
        let copied = fs::copy(&path, to.path(*container)).map_err(failed("copy a segment"))?;
        to.open_segment(*container)?.sync_all().map_err(failed("copy a segment"))?;
        bytes += copied;
    }
    to.sync_names()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use gantry_ports::blob::Blob as _;

    use super::*;
    use crate::{Reserved, Segments, Settings};

    #[test]
    fn what_was_synced_is_read_from_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let settings =
            Settings { segment_bytes: 1 << 20, spares: 2, reserve_bytes: 0, ..Settings::default() };
        let open = |folder: &Path| {
            Segments::open(Reserved::take(folder).unwrap(), settings, 0, &|_| Ok(None)).unwrap()
        };
        let segments = open(&from);
        let kept: Vec<_> =
            (0..5_u8).map(|byte| segments.append(&mut &*vec![byte; 300_000], b"x").unwrap()).collect();
        let references: Vec<_> = kept.iter().map(|one| one.reference).collect();
        segments.sync(&references).unwrap();
        copy(&from, &to, &mut |_, _| {}).unwrap();
        let copied = Segments::open_to_read(&to, settings).unwrap();
        for one in kept {
            assert_eq!(copied.verify(one.reference).unwrap(), one.digest);
        }
    }
}
