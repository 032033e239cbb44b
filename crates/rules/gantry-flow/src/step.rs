//! What all machines share: the answer of a step, timers, fences, back-off.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use gantry_types::instant::Instant;

/// The answer to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<S, E> {
    /// The new state; equal to the old one if the event does not concern it.
    pub state: S,
    /// What is to be done, in this order, at least once each. Every effect names the key that makes it repeatable.
    pub effects: Vec<E>,
    /// When to come back: the whole list, which replaces the one before.
    pub timers: Vec<Timer>,
}

/// When a machine wants to be stepped again. Coming late or twice does no harm; not coming does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When.
    pub at: Instant,
    /// Which of the machine's timers.
    pub key: TimerKey,
}

/// Names a timer within its machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey(pub String);

impl fmt::Display for TimerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a lease: whoever holds an older one has lost the right to answer (RN2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence(pub u64);

impl Fence {
    /// Before the first lease.
    pub const NONE: Self = Self(0);

    /// The fence of the next lease.
    #[must_use]
    pub fn next(self) -> Self {
        // 2^64 leases are not reached; a saturated fence would stay fenced against all older ones.
        Self(self.0.saturating_add(1))
    }
}

/// Which work goes first (UR1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Never waits behind the others.
    Urgent,
    /// The rule.
    Routine,
    /// When nothing else is to be done.
    Background,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Urgent => "urgent",
            Self::Routine => "routine",
            Self::Background => "background",
        })
    }
}

/// Waiting before the next try: doubles with each, up to a limit.
#[must_use]
pub fn backoff(first: Duration, tries: u32, longest: Duration) -> Duration {
    let doublings = tries.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_and_is_bounded() {
        let seconds = |tries| backoff(Duration::from_secs(30), tries, Duration::from_secs(3600)).as_secs();
        assert_eq!([0, 1, 2, 3, 7, 8, 1_000_000].map(seconds), [30, 30, 60, 120, 1920, 3600, 3600]);
        assert!(Fence::NONE < Fence::NONE.next());
    }
}
