//! Whether a thread is still at work: one that panicked says nothing by itself.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

/// Held by a thread as long as it works; it goes with the thread, however that ends.
#[derive(Debug)]
pub struct Beating {
    stumbles: Arc<AtomicU64>,
}

impl Beating {
    /// The work panicked, and begins anew.
    pub fn stumble(&self) {
        self.stumbles.fetch_add(1, Ordering::Relaxed);
    }
}

/// Tells of one thread.
#[derive(Debug, Clone)]
pub struct Pulse {
    name: &'static str,
    stumbles: Weak<AtomicU64>,
}

impl Pulse {
    /// A pulse and what its thread holds. Names are for people; several threads may share one.
    #[must_use]
    pub fn start(name: &'static str) -> (Beating, Self) {
        let stumbles = Arc::new(AtomicU64::new(0));
        let pulse = Self { name, stumbles: Arc::downgrade(&stumbles) };
        (Beating { stumbles }, pulse)
    }

    /// What the thread does.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How often its work panicked and began anew; nothing if the thread is gone.
    #[must_use]
    pub fn stumbles(&self) -> Option<u64> {
        self.stumbles.upgrade().map(|stumbles| stumbles.load(Ordering::Relaxed))
    }

    /// Whether the thread is still there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.stumbles().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_ends_with_its_thread_however_that_ends() {
        for panics in [false, true] {
            let (beating, pulse) = Pulse::start("worker");
            assert_eq!(pulse.stumbles(), Some(0));
            let thread = std::thread::spawn(move || {
                beating.stumble();
                let _beating = beating;
                assert!(!panics, "as wanted");
            });
            assert_eq!(thread.join().is_err(), panics);
            assert_eq!(pulse.stumbles(), None);
            assert!(!pulse.is_alive());
        }
    }

    #[test]
    fn stumbles_are_counted() {
        let (beating, pulse) = Pulse::start("worker");
        beating.stumble();
        beating.stumble();
        assert_eq!(pulse.stumbles(), Some(2));
    }
}
