//! News: that something was committed, by this process or another.
//!
//! One thread follows the store's counter and tells; those who work on what is in the store wait here instead of
//! asking it each for themselves. It is no truth, only an alarm clock: who is told nothing looks all the same after a
//! while.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The alarm clock; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct News(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    seen: Seen,
    is_over: bool,
}

/// How far somebody has heard.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Seen(u64);

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// There may be something to do.
    Look(Seen),
    /// Everybody is to stop.
    Over,
}

impl News {
    fn state(&self) -> MutexGuard<'_, State> {
        // Both fields are written at once each.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all who wait.
    pub fn tell(&self) {
        self.state().seen.0 += 1;
        self.0.changed.notify_all();
    }

    /// Wakes all who wait, for the last time.
    pub fn end(&self) {
        self.state().is_over = true;
        self.0.changed.notify_all();
    }

    /// Whether everybody is to stop.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Waits until there is more than was seen, at most for `wait`.
    #[must_use]
    pub fn wait(&self, seen: Seen, wait: Duration) -> Woken {
        let is_idle = |state: &mut State| state.seen == seen && !state.is_over;
        let waited = self.0.changed.wait_timeout_while(self.state(), wait, is_idle);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_over { Woken::Over } else { Woken::Look(state.seen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_before_the_wait_is_not_missed() {
        let news = News::default();
        news.tell();
        let Woken::Look(seen) = news.wait(Seen::default(), Duration::from_secs(60)) else { panic!() };
        assert_eq!(news.wait(seen, Duration::from_millis(1)), Woken::Look(seen));
        let other = news.clone();
        std::thread::spawn(move || other.end());
        assert_eq!(news.wait(seen, Duration::from_secs(60)), Woken::Over);
    }
}
