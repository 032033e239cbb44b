//! Files of the segment folder: naming, creating, syncing. The only place that touches the disk.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use gantry_ports::blob::{BlobError, Kept};
use rustix::{
    fs::{FlockOperation, OFlags},
    io::Errno,
};

use crate::format::{self, BLOCK_BYTES, PAGE_BYTES, State};

/// Turns an I/O error into the port's, saying what was attempted.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> BlobError {
    move |source| BlobError::Disk { doing, source }
}

/// Held as long as this process appends.
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// How fast a segment is zeroed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Somebody needs it.
    Full,
    /// There is time: the disk is for those who receive.
    Gentle,
    /// Nobody wants it any more.
    Stop,
}

/// After each MiB that is zeroed gently.
const GENTLE_PAUSE: Duration = Duration::from_millis(10);

/// What is zeroed with one write.
const ZEROS_BYTES: usize = 1 << 20;

/// The part of a buffer that begins on a page, as writing past the page cache wants it.
fn aligned(buffer: &[u8]) -> &[u8] {
    let skipped = buffer.as_ptr().align_offset(PAGE_BYTES as usize);
    buffer.get(skipped..).and_then(|rest| rest.get(..ZEROS_BYTES)).unwrap_or(buffer)
}

/// The size of a file.
pub(crate) fn length(file: &File) -> Result<u64, BlobError> {
    Ok(file.metadata().map_err(failed("look at a segment"))?.len())
}

/// The folder that holds the segments.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, BlobError> {
        fs::create_dir_all(path).map_err(failed("create the segment folder"))?;
        // Absolute: workers, which may stand elsewhere, are told of places in it.
        Ok(Self(path.canonicalize().map_err(failed("find the segment folder"))?))
    }

    /// Takes the folder for one process; the lock goes with the process.
    pub(crate) fn lock(&self) -> Result<Lock, BlobError> {
        let file = File::create(self.0.join("lock")).map_err(failed("lock the segment folder"))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(Errno::WOULDBLOCK) => Err(BlobError::InUse),
            Err(errno) => Err(BlobError::Disk { doing: "lock the segment folder", source: errno.into() }),
        }
    }

    pub(crate) fn path(&self, container: u64) -> PathBuf {
        self.0.join(format!("{container:012}.segment"))
    }

    /// The numbers of all segments, ascending.
    pub(crate) fn containers(&self) -> Result<Vec<u64>, BlobError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(failed("list the segment folder"))? {
            let name = entry.map_err(failed("list the segment folder"))?.file_name();
            let number: Option<u64> =
                name.to_str().and_then(|name| name.strip_suffix(".segment")?.parse().ok());
            found.extend(number);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// How much there is of them.
    pub(crate) fn kept(&self) -> Result<Kept, BlobError> {
        let mut kept = Kept { containers: 0, bytes: 0 };
        for container in self.containers()? {
            // One that went meanwhile is not kept.
            if let Ok(file) = fs::metadata(self.path(container)) {
                kept.containers += 1;
                kept.bytes += file.len();
            }
        }
        Ok(kept)
    }

    /// Opens a segment for reading and writing.
    pub(crate) fn open_segment(&self, container: u64) -> Result<File, BlobError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(self.path(container)).map_err(failed("open a segment"))
    }

    /// Creates a segment of `size` bytes, zeroed on disk (not only reserved: turning a reserved extent into a written
    /// one is metadata again), and makes file and name durable. The zeros go past the page cache where the file system
    /// lets them: nobody reads them, and a cache full of them would stand before the next object's sync.
    /// Gives up, and leaves nothing, when it is told that nobody wants it any more.
    pub(crate) fn create_zeroed(
        &self,
        container: u64,
        size: u64,
        pace: &dyn Fn() -> Pace,
    ) -> Result<Option<File>, BlobError> {
        let doing = "write a new segment";
        let file = self.create(container, State::Spare)?;
        let direct = self.open_direct(container);
        let mut at = PAGE_BYTES;
        let buffer = vec![0; ZEROS_BYTES + PAGE_BYTES as usize];
        let zeros = aligned(&buffer);
        while at < size {
            match pace() {
                Pace::Full => {}
                Pace::Gentle => std::thread::sleep(GENTLE_PAUSE),
                Pace::Stop => {
                    self.remove(container)?;
                    return Ok(None);
                }
            }
            let count = usize::try_from(size - at).unwrap_or(usize::MAX).min(zeros.len());
            let part = zeros.get(..count).unwrap_or_default();
            // A device whose blocks are larger than a page refuses: then as anybody writes.
            let written = direct.as_ref().is_some_and(|direct| direct.write_all_at(part, at).is_ok());
            if !written {
                file.write_all_at(part, at).map_err(failed(doing))?;
            }
            at += part.len() as u64;
        }
        file.sync_all().map_err(failed(doing))?;
        self.sync_names()?;
        Ok(Some(file))
    }

    /// A segment opened to write past the page cache, where the file system lets one.
    fn open_direct(&self, container: u64) -> Option<File> {
        let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
        OpenOptions::new().write(true).custom_flags(flags).open(self.path(container)).ok()
    }

    /// Creates a segment that grows as it is written; slower, for when no spare is ready and for large content.
    pub(crate) fn create_growing(&self, container: u64, state: State) -> Result<File, BlobError> {
        let file = self.create(container, state)?;
        file.sync_all().map_err(failed("write a new segment"))?;
        self.sync_names()?;
        Ok(file)
    }

    fn create(&self, container: u64, state: State) -> Result<File, BlobError> {
        let doing = "create a segment";
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.path(container))
            .map_err(failed(doing))?;
        let mut page = vec![0; usize::try_from(PAGE_BYTES).unwrap_or(BLOCK_BYTES)];
        if let Some(block) = page.first_chunk_mut::<BLOCK_BYTES>() {
            *block = format::segment_header(state, container);
        }
        file.write_all_at(&page, 0).map_err(failed(doing))?;
        Ok(file)
    }

    pub(crate) fn remove(&self, container: u64) -> Result<(), BlobError> {
        fs::remove_file(self.path(container)).map_err(failed("remove a segment"))
    }

    pub(crate) fn sync_names(&self) -> Result<(), BlobError> {
        File::open(&self.0).and_then(|dir| dir.sync_all()).map_err(failed("sync the segment folder"))
    }

    /// Bytes that an unprivileged writer may still use.
    pub(crate) fn free_bytes(&self) -> Result<u64, BlobError> {
        let stat = rustix::fs::statvfs(&self.0)
            .map_err(|errno| BlobError::Disk { doing: "ask for free space", source: errno.into() })?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Marks a spare as used, durably: from here on nobody may take it for empty.
pub(crate) fn mark_used(file: &File, container: u64) -> Result<(), BlobError> {
    let header = format::segment_header(State::Shared, container);
    file.write_all_at(&header, 0).and_then(|()| file.sync_data()).map_err(failed("take a segment into use"))
}

/// The 512 bytes at `offset`; zeros where the file ends.
pub(crate) fn read_block(file: &File, offset: u64) -> Result<[u8; BLOCK_BYTES], BlobError> {
    let mut block = [0; BLOCK_BYTES];
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64).map_err(failed("read a segment"))? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(block)
}
