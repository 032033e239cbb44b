//! Spare segments, zeroed ahead of need by a thread of their own.
//!
//! Invariant: a spare that was handed out is handed out once.

use std::{
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::disk::Folder;

/// How long the maker rests when the disk has no room.
const PAUSE: Duration = Duration::from_secs(5);

/// A zeroed segment, ready to be used.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) container: u64,
    pub(crate) file: File,
}

/// The spares and the thread that makes them.
pub(crate) struct Spares {
    ready: Mutex<Receiver<Spare>>,
    maker: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Spares {
    /// Starts with the spares found on disk and keeps `count` of them ready.
    pub(crate) fn start(
        folder: Folder,
        found: Vec<Spare>,
        count: usize,
        size: u64,
        reserve: u64,
        numbers: Arc<AtomicU64>,
    ) -> Self {
        // A channel of `count - 1` lets the maker hold one more in its hand.
        let (sender, ready) = sync_channel(count.saturating_sub(1));
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let maker = std::thread::Builder::new()
            .name("segment-spares".to_owned())
            .spawn(move || make(&folder, found, [size, reserve], &numbers, &sender, &over));
        // Without the thread appends fall back to growing segments: slower, still correct.
        Self { ready: Mutex::new(ready), maker: maker.ok(), is_over }
    }

    /// A spare, if one is ready.
    pub(crate) fn take(&self) -> Option<Spare> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }
}

fn make(
    folder: &Folder,
    found: Vec<Spare>,
    [size, reserve]: [u64; 2],
    numbers: &AtomicU64,
    sender: &SyncSender<Spare>,
    is_over: &AtomicBool,
) {
    for spare in found {
        if sender.send(spare).is_err() {
            return;
        }
    }
    while !is_over.load(Ordering::Relaxed) {
        // A full or failing disk is noticed, and answered, by whoever appends; here it is tried again later.
        if !folder.free_bytes().is_ok_and(|free| reserve.saturating_add(size) <= free) {
            wait(is_over);
            continue;
        }
        let container = numbers.fetch_add(1, Ordering::Relaxed);
        match folder.create_zeroed(container, size, is_over) {
            Ok(Some(file)) => {
                if sender.send(Spare { container, file }).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(_) => {
                // Half a spare is no spare; the next start removes what cannot be removed now.
                let _later = folder.remove(container);
                wait(is_over);
            }
        }
    }
}

/// Waits until trying again is worth it.
fn wait(is_over: &AtomicBool) {
    let deadline = Instant::now() + PAUSE;
    while Instant::now() < deadline && !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(PAUSE / 100);
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Dropping the receiver makes the maker's next send fail.
        let (_, closed) = sync_channel(0);
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        if let Some(maker) = self.maker.take() {
            // A maker that panicked has nothing left to lose.
            let _finished = maker.join();
        }
    }
}
