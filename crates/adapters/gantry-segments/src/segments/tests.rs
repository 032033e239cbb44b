//! Laws beyond the contract: crashes, restarts, the disk reserve.

use std::{
    fs,
    ops::Deref,
    time::{Duration, Instant},
};

use gantry_ports::contract::blob::{LIMIT_BYTES, content};
use tempfile::TempDir;

use super::*;

const SMALL: Settings = Settings {
    segment_bytes: 2 << 20,
    spares: 2,
    spool_bytes: 1 << 20,
    content_bytes_max: LIMIT_BYTES,
    reserve_bytes: 0,
};

/// Segments in a folder that goes with them.
struct Temporary {
    segments: Segments,
    _dir: TempDir,
}

impl Deref for Temporary {
    type Target = Segments;

    fn deref(&self) -> &Segments {
        &self.segments
    }
}

fn temporary() -> Temporary {
    let dir = TempDir::new().unwrap();
    Temporary { segments: open(&dir, None), _dir: dir }
}

fn open(dir: &TempDir, last_kept: Option<BlobRef>) -> Segments {
    let last = move |container| Ok(last_kept.filter(|last| last.container == container));
    Segments::open(Reserved::take(dir.path()).unwrap(), SMALL, 0, &last).unwrap()
}

gantry_ports::blob_contract!(temporary());

fn append(segments: &Segments, seed: u8, length: usize) -> BlobRef {
    let reference = segments.append(&mut content(seed, length).as_slice(), b"").unwrap().reference;
    segments.sync(&[reference]).unwrap();
    reference
}

#[test]
fn after_a_restart_appending_goes_on_behind_every_record() {
    let dir = TempDir::new().unwrap();
    let first = append(&open(&dir, None), 1, 5000);
    // The rows know the first record or, after a crash before the commit, none.
    for rows in [Some(first), None] {
        let segments = open(&dir, rows);
        let next = append(&segments, 2, 5000);
        assert_eq!(next.container, first.container);
        assert!(first.offset < next.offset);
        segments.verify(first).unwrap();
        segments.verify(next).unwrap();
    }
}

/// Two associations write side by side; the first is torn by a power cut, the second was acknowledged.
#[test]
fn a_torn_record_before_an_acknowledged_one_is_no_room_for_the_next() {
    let dir = TempDir::new().unwrap();
    let segments = open(&dir, None);
    let torn = append(&segments, 1, 5000);
    let acknowledged = append(&segments, 2, 5000);
    let file = segments.file(torn.container).unwrap();
    file.write_all_at(&[0; 5512], torn.offset).unwrap();
    drop(segments);
    file.sync_all().unwrap();
    let segments = open(&dir, Some(acknowledged));
    append(&segments, 3, 5000);
    segments.verify(acknowledged).unwrap();
    assert!(matches!(segments.verify(torn), Err(BlobError::Damaged(_))));
    assert!(matches!(segments.read(torn, 0..1), Err(BlobError::Damaged(_))));
}

#[test]
fn one_process_appends_and_others_read_meanwhile() {
    let dir = TempDir::new().unwrap();
    let segments = open(&dir, None);
    let kept = append(&segments, 1, 5000);
    assert!(matches!(Reserved::take(dir.path()), Err(BlobError::InUse)));
    let reader = Segments::open_to_read(dir.path(), SMALL).unwrap();
    assert_eq!(reader.read(kept, 0..5000).unwrap(), content(1, 5000));
    assert!(matches!(reader.append(&mut &b"x"[..], b""), Err(BlobError::InUse)));
    drop(segments);
    append(&open(&dir, Some(kept)), 2, 10);
}

#[test]
fn a_changed_byte_is_found_by_verify() {
    let segments = temporary();
    let reference = append(&segments, 1, 500_000);
    let at = reference.offset + 512 + 400_000;
    segments.file(reference.container).unwrap().write_all_at(b"!", at).unwrap();
    assert!(matches!(segments.verify(reference), Err(BlobError::Damaged(found)) if found == reference));
}

#[test]
fn spares_are_zeroed_used_once_and_found_again() {
    let dir = TempDir::new().unwrap();
    let segments = open(&dir, None);
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::read_dir(dir.path()).unwrap().count() <= SMALL.spares && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let mut used = BTreeSet::new();
    for seed in 0..20 {
        used.insert(append(&segments, seed, 700_000).container);
    }
    assert!(3 < used.len(), "segments of 2 MiB hold two records of 700 kB each: {used:?}");
    drop(segments);
    let before = fs::read_dir(dir.path()).unwrap().count();
    let segments = open(&dir, None);
    let after = append(&segments, 1, 1000);
    drop(segments);
    assert!(used.contains(&after.container), "the last used one is filled first");
    assert!(fs::read_dir(dir.path()).unwrap().count() <= before + SMALL.spares);
}

#[test]
fn at_the_disk_reserve_nothing_is_kept() {
    let dir = TempDir::new().unwrap();
    let settings = Settings { reserve_bytes: u64::MAX, ..SMALL };
    let segments = Segments::open(Reserved::take(dir.path()).unwrap(), settings, 0, &|_| Ok(None)).unwrap();
    let error = segments.append(&mut &b"abc"[..], b"").unwrap_err();
    assert!(matches!(error, BlobError::Full { reserve: u64::MAX, .. }), "{error:?}");
}

#[test]
fn large_content_that_tears_leaves_no_file() {
    let dir = TempDir::new().unwrap();
    let segments =
        Segments::open(Reserved::take(dir.path()).unwrap(), Settings { spares: 0, ..SMALL }, 0, &|_| {
            Ok(None)
        })
        .unwrap();
    let before = segments.folder.containers().unwrap();
    let mut torn = std::io::repeat(1).take(3 << 20).chain(Failing);
    assert!(matches!(segments.append(&mut torn, b""), Err(BlobError::Source(_))));
    let left: Vec<u64> =
        segments.folder.containers().unwrap().into_iter().filter(|c| !before.contains(c)).collect();
    assert!(left.iter().all(|container| {
        let file = segments.folder.open_segment(*container).unwrap();
        let header = disk::read_block(&file, 0).unwrap();
        format::read_segment_header(&header, *container) == Some(State::Spare)
    }));
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("gone"))
    }
}

/// A handle for each large object would be the end of them after a thousand.
#[test]
fn files_are_open_until_their_records_are_synced_or_freed() {
    let segments = temporary();
    for seed in 0..5 {
        append(&segments, seed, 1_500_000);
        append(&segments, seed, 900_000);
    }
    assert_eq!(segments.open_files().len(), 1, "the one that is being filled");
    let large = segments.append(&mut content(1, 1_500_000).as_slice(), b"").unwrap().reference;
    let pending: Vec<BlobRef> = (0..5)
        .map(|seed| segments.append(&mut content(seed, 900_000).as_slice(), b"").unwrap().reference)
        .collect();
    assert!(4 <= segments.open_files().len());
    segments.sync(&pending).unwrap();
    segments.free(large).unwrap();
    assert_eq!(segments.open_files().len(), 1);
}

/// The disk tells of lost pages once; whoever asks next must not hear that all is well.
#[test]
fn after_a_failed_sync_nothing_in_the_segment_counts_as_synced() {
    let segments = temporary();
    let kept = append(&segments, 1, 5000);
    let make = |seed| segments.append(&mut content(seed, 5000).as_slice(), b"").unwrap().reference;
    let (first, second) = (make(2), make(3));
    segments.settle(kept.container, |opened| opened.fate = Fate::Failed);
    assert!(segments.sync(&[first]).is_err() && segments.sync(&[second]).is_err());
    segments.verify(kept).unwrap();
}

/// Whole content without a row stays: whoever restores an older database finds it again.
#[test]
fn only_torn_large_content_goes_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    let segments = open(&dir, None);
    let whole = append(&segments, 1, 1_500_000);
    let torn = append(&segments, 2, 1_500_000);
    segments.file(torn.container).unwrap().write_all_at(&[0; BLOCK_BYTES], torn.offset).unwrap();
    drop(segments);
    let segments = open(&dir, None);
    segments.verify(whole).unwrap();
    assert!(!fs::read_dir(dir.path()).unwrap().any(|entry| {
        entry.unwrap().file_name().to_string_lossy().contains(&format!("{:012}", torn.container))
    }));
}

#[test]
fn another_reader_finds_the_content_at_its_place() {
    let segments = temporary();
    for (seed, length) in [(1, 5000), (2, 1_500_000), (3, 0)] {
        let kept = append(&segments, seed, length);
        let place = segments.place(kept).unwrap();
        let range = place.range.unwrap();
        assert!(place.file.is_absolute());
        let mut bytes = vec![0; usize::try_from(range.length).unwrap()];
        fs::File::open(place.file).unwrap().read_exact_at(&mut bytes, range.offset).unwrap();
        assert_eq!(bytes, content(seed, length));
    }
    let gone = BlobRef { container: 99, offset: 4096, length: 1 };
    assert!(segments.place(gone).is_err());
}

/// A segment file that was lost stays lost: another one of its number would be read for it.
#[test]
fn numbers_go_on_above_what_is_remembered() {
    let dir = TempDir::new().unwrap();
    let settings = Settings { spares: 0, ..SMALL };
    let segments = Segments::open(Reserved::take(dir.path()).unwrap(), settings, 41, &|_| Ok(None)).unwrap();
    assert_eq!(append(&segments, 1, 100).container, 42);
}
