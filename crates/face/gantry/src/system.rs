//! The outside that needs no crate of its own: clock and identifiers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use gantry_ports::{clock::Clock, ids::Ids};
use gantry_types::instant::{Instant, UtcOffset};

/// The machine's clocks.
pub(crate) struct SystemClock(std::time::Instant);

impl SystemClock {
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            // A clock before 1970 is one that was never set; what it says is shown as it is.
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Instant(micros)
    }

    fn offset(&self) -> UtcOffset {
        let minutes = jiff::ZonedDateTime::now().offset().seconds() / 60;
        i16::try_from(minutes).ok().and_then(UtcOffset::from_minutes).unwrap_or(UtcOffset::UTC)
    }

    fn monotonic(&self) -> Instant {
        Instant(i64::try_from(self.0.elapsed().as_micros()).unwrap_or(i64::MAX))
    }
}

/// Keys of rows: milliseconds, then a tag of this process, then a count.
pub(crate) struct SortableIds {
    clock: SystemClock,
    last: AtomicU64,
    tag: u64,
}

/// 2024-01-01, in milliseconds: 41 bits from here reach to 2093.
const EPOCH_MILLIS: u64 = 1_704_067_200_000;
const TAG_BITS: u32 = 10;
const COUNT_BITS: u32 = 12;

impl SortableIds {
    /// `random` tells processes of one site apart; ids begin behind `last`, even if the clock was put back since.
    pub(crate) fn start(random: u16, last: u64) -> Self {
        let tag = u64::from(random) & ((1 << TAG_BITS) - 1);
        Self { clock: SystemClock::start(), last: AtomicU64::new(last), tag }
    }
}

impl Ids for SortableIds {
    fn next(&self) -> u64 {
        let millis = u64::try_from(self.clock.now().0 / 1000).unwrap_or(0).saturating_sub(EPOCH_MILLIS);
        let fresh = millis << (TAG_BITS + COUNT_BITS) | self.tag << COUNT_BITS;
        let step = |last: u64| Some(fresh.max(last + 1));
        // The closure always gives a value, so the old one is returned; the new one follows from it.
        let last =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_else(|last| last);
        fresh.max(last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_and_never_repeat() {
        let ids = SortableIds::start(7, 0);
        let all: Vec<u64> = (0..10_000).map(|_| ids.next()).collect();
        assert!(all.is_sorted_by(|a, b| a < b));
        assert!(all.iter().all(|id| *id < 1 << 63));
        let ahead = all[0] + (1 << 50);
        assert_eq!(SortableIds::start(7, ahead).next(), ahead + 1);
    }
}
