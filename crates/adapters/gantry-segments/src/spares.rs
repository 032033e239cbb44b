//! Spare segments, zeroed ahead of need by a thread of their own.
//!
//! Invariant: a spare that was handed out is handed out once.

use std::{
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::disk::{Folder, Pace};

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
    /// How many are ready.
    stock: Arc<AtomicUsize>,
    maker: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Spares {
    /// Starts with the spares found on disk and keeps `count` of them ready; with none to keep it makes none.
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
        let stock = Arc::new(AtomicUsize::new(0));
        let maker = Maker {
            folder,
            size,
            reserve,
            numbers,
            stock: Arc::clone(&stock),
            is_over: Arc::clone(&is_over),
        };
        // Without the thread appends fall back to growing segments: slower, still correct.
        let maker = (0 < count)
            .then(|| {
                std::thread::Builder::new()
                    .name("segment-spares".to_owned())
                    .spawn(move || maker.make(found, &sender))
                    .ok()
            })
            .flatten();
        Self { ready: Mutex::new(ready), stock, maker, is_over }
    }

    /// A spare, if one is ready.
    pub(crate) fn take(&self) -> Option<Spare> {
        let spare = self.ready.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()?;
        self.stock.fetch_sub(1, Ordering::Relaxed);
        Some(spare)
    }
}

/// The first spare of an empty folder is small, so that it is ready before the first objects come.
const FIRST_BYTES: u64 = 32 << 20;

/// Who makes spares.
struct Maker {
    folder: Folder,
    size: u64,
    reserve: u64,
    numbers: Arc<AtomicU64>,
    stock: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Maker {
    fn make(&self, found: Vec<Spare>, sender: &SyncSender<Spare>) {
        let mut size = if found.is_empty() { self.size.min(FIRST_BYTES) } else { self.size };
        for spare in found {
            if !self.hand_out(spare, sender) {
                return;
            }
        }
        while !self.is_over.load(Ordering::Relaxed) {
            // A full or failing disk is noticed, and answered, by whoever appends; here it is tried again later.
            if !self.folder.free_bytes().is_ok_and(|free| self.reserve.saturating_add(size) <= free) {
                wait(&self.is_over);
                continue;
            }
            let container = self.numbers.fetch_add(1, Ordering::Relaxed);
            match self.folder.create_zeroed(container, size, &|| self.pace()) {
                Ok(Some(file)) => {
                    if !self.hand_out(Spare { container, file }, sender) {
                        return;
                    }
                    size = self.size;
                }
                Ok(None) => return,
                Err(_) => {
                    // Half a spare is no spare; the next start removes what cannot be removed now.
                    let _later = self.folder.remove(container);
                    wait(&self.is_over);
                }
            }
        }
    }

    /// Waits until somebody may need it; false if nobody will.
    fn hand_out(&self, spare: Spare, sender: &SyncSender<Spare>) -> bool {
        self.stock.fetch_add(1, Ordering::Relaxed);
        sender.send(spare).is_ok()
    }

    fn pace(&self) -> Pace {
        if self.is_over.load(Ordering::Relaxed) {
            Pace::Stop
        } else if self.stock.load(Ordering::Relaxed) == 0 {
            Pace::Full
        } else {
            Pace::Gentle
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
