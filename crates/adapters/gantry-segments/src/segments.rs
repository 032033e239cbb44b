//! The adapter: appends, reads, and what is found at start.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use gantry_ports::{
    blob::{Appended, Blob, BlobError, BlobRef, Kept, Room},
    job::{ByteRange, Place},
};
use gantry_types::digest::Digest;
use sha2::{Digest as _, Sha256};

use crate::{
    disk::{self, Folder, Lock, failed},
    format::{self, BLOCK_BYTES, PAGE_BYTES, State},
    spares::{Spare, Spares},
};

/// What segments may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Size of a segment.
    pub segment_bytes: u64,
    /// Segments kept ready.
    pub spares: usize,
    /// Content up to this size is gathered in memory and written at once; larger content gets its own segment.
    pub spool_bytes: usize,
    /// The largest content.
    pub content_bytes_max: u64,
    /// Disk space that stays free: below it nothing is kept.
    pub reserve_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            spares: 2,
            spool_bytes: 4 << 20,
            content_bytes_max: 8 << 30,
            reserve_bytes: 5 << 30,
        }
    }
}

/// Blobs in segments of one folder.
pub struct Segments {
    folder: Folder,
    settings: Settings,
    /// Segments that are being filled, or hold records that are not synced yet.
    open: Mutex<BTreeMap<u64, Opened>>,
    appending: Option<Appending>,
}

/// A segment that was written to. Its file stays open until all of it is synced: an error of the disk is told once, and
/// to those who had it open.
struct Opened {
    file: Arc<File>,
    /// Where the records begin that are not synced yet.
    unsynced: BTreeSet<u64>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// More records may come.
    Filling,
    /// Nothing more is appended.
    Full,
    /// A sync failed. What was written and not synced before may be lost although the next sync would succeed.
    Failed,
}

impl Opened {
    fn new(file: &Arc<File>, fate: Fate) -> Self {
        Self { file: Arc::clone(file), unsynced: BTreeSet::new(), fate }
    }
}

/// What only the one process has that appends.
struct Appending {
    numbers: Arc<AtomicU64>,
    current: Mutex<Option<Current>>,
    spares: Spares,
    _lock: Lock,
}

/// The segment that is being filled.
struct Current {
    container: u64,
    file: Arc<File>,
    position: u64,
    /// Records end before it.
    size: u64,
}

/// A segment that was not zeroed ahead grows, which costs a journal commit with each sync: it is left soon, for a spare
/// that is ready meanwhile.
const GROWING_BYTES: u64 = 32 << 20;

/// Content that was read into the spool, behind room for its block.
struct Spool {
    bytes: Vec<u8>,
    hasher: Sha256,
}

/// A folder that this process alone appends to, before anything in it is opened.
pub struct Reserved {
    folder: Folder,
    lock: Lock,
}

impl Reserved {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`BlobError::InUse`] if another process has it, [`BlobError::Disk`].
    pub fn take(path: &Path) -> Result<Self, BlobError> {
        let folder = Folder::open(path)?;
        let lock = folder.lock()?;
        Ok(Self { folder, lock })
    }
}

impl Segments {
    /// Opens a folder to append. `last_container` is the last that anybody remembers, even if its file is gone: new ones
    /// are numbered above it. `last_kept` says for a container which acknowledged content lies last in it: appending
    /// goes on behind that, whatever a crash has left.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    pub fn open(
        reserved: Reserved,
        settings: Settings,
        last_container: u64,
        last_kept: &dyn Fn(u64) -> Result<Option<BlobRef>, BlobError>,
    ) -> Result<Self, BlobError> {
        let Reserved { folder, lock } = reserved;
        let containers = folder.containers()?;
        let last = containers.last().copied().unwrap_or(0).max(last_container);
        let numbers = Arc::new(AtomicU64::new(last + 1));
        let mut spares = Vec::new();
        let mut last_shared = None;
        for container in containers {
            let file = folder.open_segment(container)?;
            match format::read_segment_header(&disk::read_block(&file, 0)?, container) {
                Some(State::Spare) if spares.len() < settings.spares => {
                    spares.push(Spare { container, file })
                }
                // A header that never became durable, or one spare too many: nothing acknowledged lies there.
                Some(State::Spare) | None if last_kept(container)?.is_none() => folder.remove(container)?,
                // Large content whose block was never written was torn. Whole content stays even without a row: the
                // database may be older than the segments.
                Some(State::Single)
                    if last_kept(container)?.is_none()
                        && format::read_record_block(&disk::read_block(&file, PAGE_BYTES)?, container)
                            .is_none() =>
                {
                    folder.remove(container)?;
                }
                Some(State::Spare | State::Single) | None => {}
                Some(State::Shared) => last_shared = Some((container, file)),
            }
        }
        let current = match last_shared {
            Some((container, file)) => {
                let position = end_of_records(&file, container, last_kept(container)?)?;
                let size = disk::length(&file)?.max(settings.segment_bytes.min(GROWING_BYTES));
                Some(Current { container, file: Arc::new(file), position, size })
            }
            None => None,
        };
        let open = current
            .iter()
            .map(|current| (current.container, Opened::new(&current.file, Fate::Filling)))
            .collect();
        let spares = Spares::start(
            folder.clone(),
            spares,
            settings.spares,
            settings.segment_bytes,
            settings.reserve_bytes,
            Arc::clone(&numbers),
        );
        let appending = Some(Appending { numbers, current: Mutex::new(current), spares, _lock: lock });
        Ok(Self { folder, settings, open: Mutex::new(open), appending })
    }

    /// Opens a folder to read what is there, also while another process appends.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    pub fn open_to_read(path: &Path, settings: Settings) -> Result<Self, BlobError> {
        Ok(Self { folder: Folder::open(path)?, settings, open: Mutex::default(), appending: None })
    }

    fn appending(&self) -> Result<&Appending, BlobError> {
        self.appending.as_ref().ok_or(BlobError::InUse)
    }

    fn open_files(&self) -> MutexGuard<'_, BTreeMap<u64, Opened>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, container: u64) -> Result<Arc<File>, BlobError> {
        if let Some(opened) = self.open_files().get(&container) {
            return Ok(Arc::clone(&opened.file));
        }
        self.folder.open_segment(container).map(Arc::new)
    }

    /// Reserves room for a record of `length` bytes of content; only this is done under the lock.
    fn reserve(&self, length: u64) -> Result<(u64, Arc<File>, u64), BlobError> {
        let appending = self.appending()?;
        let mut current = appending.current.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |current: &mut Current| {
            let offset = current.position;
            let end = format::next_record(offset, length);
            (end <= current.size).then(|| {
                current.position = end;
                self.note_unsynced(current.container, &current.file, offset, Fate::Filling);
                (current.container, Arc::clone(&current.file), offset)
            })
        };
        if let Some(found) = current.as_mut().and_then(place) {
            return Ok(found);
        }
        let next = self.next_segment(appending)?;
        if let Some(full) = current.take() {
            self.settle(full.container, |opened| {
                if opened.fate == Fate::Filling {
                    opened.fate = Fate::Full;
                }
            });
        }
        let taken = current.insert(next);
        let offset = taken.position;
        taken.position = format::next_record(offset, length);
        self.note_unsynced(taken.container, &taken.file, offset, Fate::Filling);
        Ok((taken.container, Arc::clone(&taken.file), offset))
    }

    fn note_unsynced(&self, container: u64, file: &Arc<File>, offset: u64, fate: Fate) {
        let mut open = self.open_files();
        let opened = open.entry(container).or_insert_with(|| Opened::new(file, fate));
        opened.unsynced.insert(offset);
    }

    /// Changes what is known of an open segment, and lets its file go if nothing more can come of it.
    fn settle(&self, container: u64, change: impl FnOnce(&mut Opened)) {
        let mut open = self.open_files();
        let Some(opened) = open.get_mut(&container) else { return };
        change(opened);
        if opened.fate == Fate::Full && opened.unsynced.is_empty() {
            open.remove(&container);
        }
    }

    /// Syncs a segment in which these records lie.
    fn sync_one(&self, container: u64, offsets: &BTreeSet<u64>) -> Result<(), BlobError> {
        let doing = "sync a segment";
        let fate = self.open_files().get(&container).map(|opened| opened.fate);
        let outcome = match fate {
            Some(Fate::Failed) => {
                return Err(BlobError::Disk {
                    doing,
                    source: std::io::Error::other("an earlier sync of it failed"),
                });
            }
            Some(Fate::Filling | Fate::Full) | None => self.file(container)?.sync_data(),
        };
        match outcome {
            Ok(()) => {
                self.settle(container, |opened| opened.unsynced.retain(|offset| !offsets.contains(offset)));
                Ok(())
            }
            Err(error) => {
                self.settle(container, |opened| opened.fate = Fate::Failed);
                let mut current = self.appending()?.current.lock().unwrap_or_else(PoisonError::into_inner);
                current.take_if(|current| current.container == container);
                Err(failed(doing)(error))
            }
        }
    }

    fn next_segment(&self, appending: &Appending) -> Result<Current, BlobError> {
        let (container, file, size) = match appending.spares.take() {
            Some(Spare { container, file }) => {
                disk::mark_used(&file, container)?;
                let size = disk::length(&file)?;
                (container, file, size)
            }
            None => {
                let container = appending.numbers.fetch_add(1, Ordering::Relaxed);
                let file = self.folder.create_growing(container, State::Shared)?;
                (container, file, self.settings.segment_bytes.min(GROWING_BYTES))
            }
        };
        Ok(Current { container, file: Arc::new(file), position: PAGE_BYTES, size })
    }

    /// Reads until the end, or until the spool is full; says whether it was the end.
    fn fill(&self, spool: &mut Spool, content: &mut dyn Read) -> Result<Source, BlobError> {
        let full = BLOCK_BYTES + self.settings.spool_bytes.min(usize_of(self.settings.content_bytes_max));
        let mut filled = spool.bytes.len();
        loop {
            if filled == spool.bytes.len() {
                if full <= filled {
                    spool.bytes.truncate(filled);
                    return Ok(Source::MayGoOn);
                }
                spool.bytes.resize((filled * 2).clamp(256 << 10, full), 0);
            }
            let room = spool.bytes.get_mut(filled..).unwrap_or_default();
            let count = match content.read(room) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.map_err(BlobError::Source)?,
            };
            if count == 0 {
                spool.bytes.truncate(filled);
                return Ok(Source::Ended);
            }
            spool.hasher.update(room.get(..count).unwrap_or_default());
            filled += count;
        }
    }

    fn append_spooled(&self, spool: Spool, label: &[u8]) -> Result<Appended, BlobError> {
        let Spool { mut bytes, hasher } = spool;
        let length = (bytes.len() - BLOCK_BYTES) as u64;
        let digest = Digest(hasher.finalize().into());
        let (container, file, offset) = self.reserve(length)?;
        if let Some(block) = bytes.first_chunk_mut::<BLOCK_BYTES>() {
            *block = format::record_block(container, length, digest, label);
        }
        // Whole pages: a part of one would have to be read first.
        bytes.resize(usize_of(format::next_record(offset, length) - offset), 0);
        if let Err(error) = file.write_all_at(&bytes, offset) {
            self.forget_unsynced(BlobRef { container, offset, length });
            return Err(failed("write a record")(error));
        }
        Ok(Appended { reference: BlobRef { container, offset, length }, digest })
    }

    /// Nobody will ask for a sync of this record.
    fn forget_unsynced(&self, reference: BlobRef) {
        self.settle(reference.container, |opened| {
            opened.unsynced.remove(&reference.offset);
        });
    }

    /// Content that does not fit into the spool: a segment of its own, written while it arrives.
    fn append_large(
        &self,
        spool: Spool,
        content: &mut dyn Read,
        label: &[u8],
    ) -> Result<Appended, BlobError> {
        let container = self.appending()?.numbers.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.create_growing(container, State::Single)?;
        let appended = self.write_large(&file, container, spool, content, label);
        match &appended {
            Ok(appended) => {
                self.note_unsynced(container, &Arc::new(file), appended.reference.offset, Fate::Full);
            }
            Err(_) => self.folder.remove(container)?,
        }
        appended
    }

    fn write_large(
        &self,
        file: &File,
        container: u64,
        spool: Spool,
        content: &mut dyn Read,
        label: &[u8],
    ) -> Result<Appended, BlobError> {
        let doing = "write a record";
        let Spool { mut bytes, mut hasher } = spool;
        let offset = PAGE_BYTES;
        let mut at = offset + BLOCK_BYTES as u64;
        bytes.drain(..BLOCK_BYTES);
        let mut length = 0;
        loop {
            file.write_all_at(&bytes, at).map_err(failed(doing))?;
            at += bytes.len() as u64;
            length += bytes.len() as u64;
            if self.settings.content_bytes_max < length {
                return Err(BlobError::TooLarge { max: self.settings.content_bytes_max });
            }
            bytes.resize(1 << 20, 0);
            let count = read_full(content, &mut bytes)?;
            bytes.truncate(count);
            if count == 0 {
                break;
            }
            self.check_room()?;
            hasher.update(&bytes);
        }
        let digest = Digest(hasher.finalize().into());
        let block = format::record_block(container, length, digest, label);
        file.write_all_at(&block, offset).map_err(failed(doing))?;
        Ok(Appended { reference: BlobRef { container, offset, length }, digest })
    }
}

/// Whether a source has more.
enum Source {
    Ended,
    MayGoOn,
}

fn read_full(content: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, BlobError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BlobError::Source(error)),
        }
    }
    Ok(filled)
}

/// Where the next record may begin: behind all acknowledged content, and behind every whole record after it.
fn end_of_records(file: &File, container: u64, last_kept: Option<BlobRef>) -> Result<u64, BlobError> {
    let mut position = last_kept.map_or(PAGE_BYTES, |last| format::next_record(last.offset, last.length));
    while let Some((length, _)) = format::read_record_block(&disk::read_block(file, position)?, container) {
        position = format::next_record(position, length);
    }
    Ok(position)
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Blob for Segments {
    fn append(&self, content: &mut dyn Read, label: &[u8]) -> Result<Appended, BlobError> {
        self.check_room()?;
        let mut spool = Spool { bytes: vec![0; BLOCK_BYTES], hasher: Sha256::new() };
        match self.fill(&mut spool, content)? {
            Source::Ended => self.append_spooled(spool, label),
            Source::MayGoOn => self.append_large(spool, content, label),
        }
    }

    fn sync(&self, references: &[BlobRef]) -> Result<(), BlobError> {
        let mut containers: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for reference in references {
            containers.entry(reference.container).or_default().insert(reference.offset);
        }
        containers.iter().try_for_each(|(container, offsets)| self.sync_one(*container, offsets))
    }

    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let file = self.file(reference.container)?;
        let block = disk::read_block(&file, reference.offset)?;
        match format::read_record_block(&block, reference.container) {
            Some((length, _)) if length == reference.length => {}
            Some(_) | None => return Err(BlobError::Damaged(reference)),
        }
        let start = range.start.min(reference.length);
        let end = range.end.min(reference.length).max(start);
        let mut bytes = vec![0; usize_of(end - start)];
        let at = reference.offset + BLOCK_BYTES as u64 + start;
        file.read_exact_at(&mut bytes, at).or(Err(BlobError::Damaged(reference)))?;
        Ok(bytes)
    }

    fn place(&self, reference: BlobRef) -> Result<Place, BlobError> {
        // Opened and looked at: who is given a place finds the content there.
        self.read(reference, 0..0)?;
        let offset = reference.offset + BLOCK_BYTES as u64;
        let range = ByteRange { offset, length: reference.length };
        Ok(Place { file: self.folder.path(reference.container), range: Some(range) })
    }

    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError> {
        const STEP: u64 = 1 << 20;
        let file = self.file(reference.container)?;
        let block = disk::read_block(&file, reference.offset)?;
        let damaged = BlobError::Damaged(reference);
        let Some((length, digest)) = format::read_record_block(&block, reference.container) else {
            return Err(damaged);
        };
        let mut hasher = Sha256::new();
        let mut at = 0;
        while at < length {
            let part = self.read(reference, at..at + STEP)?;
            hasher.update(&part);
            at += STEP;
        }
        if digest == Digest(hasher.finalize().into()) { Ok(digest) } else { Err(damaged) }
    }

    fn free(&self, reference: BlobRef) -> Result<(), BlobError> {
        self.forget_unsynced(reference);
        let header = disk::read_block(&*self.file(reference.container)?, 0)?;
        match format::read_segment_header(&header, reference.container) {
            Some(State::Single) => {
                self.open_files().remove(&reference.container);
                self.folder.remove(reference.container)
            }
            // Records of a shared segment go when all of it goes.
            Some(State::Shared | State::Spare) | None => Ok(()),
        }
    }

    fn room(&self) -> Result<Room, BlobError> {
        Ok(Room { free: self.folder.free_bytes()?, reserve: self.settings.reserve_bytes })
    }

    fn kept(&self) -> Result<Kept, BlobError> {
        self.folder.kept()
    }
}

#[cfg(test)]
mod tests;
