//! Room: what is kept, what is free, and what must stay free.

use gantry_ports::blob::{BlobError, Kept, Room};
use serde_json::{Value, json};

use crate::view::{View, ViewError};

/// What is known of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is free, and what stays free.
    pub room: Room,
    /// What is kept.
    pub kept: Kept,
}

/// How much room there is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Enough.
    Good,
    /// Less than twice the reserve.
    Low,
    /// Objects are refused.
    Full,
}

impl Disk {
    /// Asks the disk.
    ///
    /// # Errors
    /// [`ViewError::Disk`].
    pub fn read(view: &View) -> Result<Self, ViewError> {
        let failed = |error: BlobError| ViewError::Disk(Box::new(error));
        Ok(Self { room: view.blob.room().map_err(failed)?, kept: view.blob.kept().map_err(failed)? })
    }

    /// Whether that is enough.
    #[must_use]
    pub fn level(&self) -> Level {
        let Room { free, reserve } = self.room;
        match free {
            free if free < reserve => Level::Full,
            free if free < reserve.saturating_mul(2) => Level::Low,
            _ => Level::Good,
        }
    }

    /// Its document.
    #[must_use]
    pub fn json(&self) -> Value {
        let level = match self.level() {
            Level::Good => "good",
            Level::Low => "low",
            Level::Full => "full",
        };
        json!({
            "level": level,
            "freeBytes": self.room.free,
            "reserveBytes": self.room.reserve,
            "segments": self.kept.containers,
            "segmentBytes": self.kept.bytes,
        })
    }
}

/// A number of bytes as people say it.
#[must_use]
pub fn shown(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or("B");
    for next in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_in_their_unit() {
        for (bytes, want) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(shown(bytes), want);
        }
        assert!(shown(u64::MAX).ends_with("TiB"));
    }

    #[test]
    fn twice_the_reserve_is_enough() {
        let kept = Kept { containers: 1, bytes: 1 };
        let level = |free| Disk { room: Room { free, reserve: 10 }, kept }.level();
        assert_eq!([9, 10, 19, 20].map(level), [Level::Full, Level::Low, Level::Low, Level::Good]);
    }
}
