//! Instants and how DICOM writes them.
//!
//! All instants are UTC; the offset that was used to show one is kept beside it, so that a rendering repeats
//! anywhere and in any time zone (EV5). Reading the clock is the business of the top floor.

use alloc::{format, string::String};
use core::{fmt, time::Duration};

/// Microseconds since 1970-01-01T00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instant(pub i64);

impl Instant {
    /// This much later; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// Time since `earlier`; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Instant {
    /// ISO 8601 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = LocalTime::of(*self, UtcOffset::UTC);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            c.year,
            c.month,
            c.day,
            c.hour,
            c.minute,
            c.second,
            c.micros / 1000
        )
    }
}

/// Minutes east of Greenwich.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtcOffset(i16);

impl UtcOffset {
    /// No offset.
    pub const UTC: Self = Self(0);

    /// An offset of at most 14 hours, as Timezone Offset From UTC (0008,0201) allows.
    #[must_use]
    pub fn from_minutes(minutes: i16) -> Option<Self> {
        (-12 * 60..=14 * 60).contains(&minutes).then_some(Self(minutes))
    }

    /// Minutes east of Greenwich.
    #[must_use]
    pub fn minutes(self) -> i16 {
        self.0
    }
}

impl fmt::Display for UtcOffset {
    /// `+0100`, as DICOM writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.unsigned_abs();
        write!(f, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
    }
}

/// An instant with the offset in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: Instant,
    /// Shown with this offset.
    pub offset: UtcOffset,
}

impl Stamp {
    /// The value of an element of VR DA: `YYYYMMDD`.
    #[must_use]
    pub fn da(self) -> String {
        let c = LocalTime::of(self.at, self.offset);
        format!("{:04}{:02}{:02}", c.year, c.month, c.day)
    }

    /// The value of an element of VR TM: `HHMMSS.FFFFFF`.
    #[must_use]
    pub fn tm(self) -> String {
        let c = LocalTime::of(self.at, self.offset);
        format!("{:02}{:02}{:02}.{:06}", c.hour, c.minute, c.second, c.micros)
    }

    /// The value of an element of VR DT, without offset: PS3.3 C.12.1.1.8 takes it from the object.
    #[must_use]
    pub fn dt(self) -> String {
        self.da() + &self.tm()
    }
}

struct LocalTime {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
}

impl LocalTime {
    fn of(at: Instant, offset: UtcOffset) -> Self {
        let micros = at.0.saturating_add(i64::from(offset.0) * 60_000_000);
        let seconds = micros.div_euclid(1_000_000);
        let (year, month, day) = civil_date(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        Self {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            micros: micros.rem_euclid(1_000_000),
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Counts in years that begin on 1 March, so that the leap day is the last of its year.
fn civil_date(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days + 719_468; // from 0000-03-01
    let era = days.div_euclid(DAYS_OF_400_YEARS);
    let of_era = days.rem_euclid(DAYS_OF_400_YEARS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn dates_agree_with_known_ones() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_164_799, "2024-02-28T23:59:59.000Z"),
            (1_795_564_800, "2026-11-25T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Instant(seconds * 1_000_000).to_string(), want);
        }
    }

    #[test]
    fn the_offset_moves_date_and_time_together() {
        let at = Instant(1_795_564_800_000_000);
        let stamp = Stamp { at, offset: UtcOffset::from_minutes(-90).unwrap() };
        assert_eq!((stamp.da().as_str(), stamp.tm().as_str()), ("20261124", "223000.000000"));
        assert_eq!(stamp.offset.to_string(), "-0130");
        assert_eq!(UtcOffset::from_minutes(15 * 60), None);
    }
}
