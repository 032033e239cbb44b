//! The clock: read at the top, handed down.

use gantry_types::instant::{Instant, UtcOffset};

/// The port.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Instant;

    /// The offset from UTC in which this node shows times now.
    fn offset(&self) -> UtcOffset;

    /// Time for deadlines: never steps back, has nothing to do with the calendar.
    fn monotonic(&self) -> Instant;
}
