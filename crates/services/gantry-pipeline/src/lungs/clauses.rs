//! The clauses by which the `lungs` step declines, each a function of what was seen.
//!
//! Invariants
//! - [`check`] judges in the order of [`Clause`] and gives the first clause that fails, with the value seen.
//! - A value on a limit passes.

use core::fmt;

use gantry_image::geometry::PointLps;

use super::parameters::ClauseParameters;

/// A side of the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The patient's right.
    Right,
    /// The patient's left.
    Left,
}

/// An end of the volume along the head-to-foot axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The axial slice nearest to the feet.
    Foot,
    /// The axial slice nearest to the head.
    Head,
}

/// What was seen of a lung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LungSeen {
    /// Its volume, ml.
    pub volume_ml: f64,
    /// Its height from head to foot, mm.
    pub height_mm: f64,
    /// The mean of its voxels, HU.
    pub mean_hu: f64,
    /// Its centre.
    pub centroid: PointLps,
    /// Its area in the slices at the foot and the head end, as percentages of its largest.
    pub end_area_percent: [f64; 2],
    /// The area over which it lies, from slice to slice, against air outside of the body, mm2.
    pub open_mm2: f64,
}

/// What was seen of both lungs and the airway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The right lung.
    pub right: LungSeen,
    /// The left lung.
    pub left: LungSeen,
    /// The volume of the airway, ml.
    pub airway_ml: f64,
    /// The centre of the airway, if there is one.
    pub airway_centroid: Option<PointLps>,
}

/// A clause of the step's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// A body is found.
    Body,
    /// Right and left air spaces lie on opposite sides.
    OppositeSides,
    /// Each lung is large enough.
    Volume,
    /// Each lung is high enough.
    Height,
    /// Each lung has a lung's density.
    Density,
    /// An airway is found.
    Airway,
    /// Neither lung is cut off by the ends of the volume.
    Ends,
    /// The body shuts both lungs in: where the field of view cuts a lung off, or the chest wall was lost, slices of
    /// it are missing.
    Enclosed,
}

/// A clause that failed, with what was seen.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Decline {
    /// Nothing in the volume is a body.
    #[error("no body was found: the largest dense part has {largest_ml:.0} ml")]
    NoBody {
        /// The largest connected part above the body's limit, ml.
        largest_ml: f64,
    },
    /// The volume itself is lower than a lung.
    #[error("the volume is {height_mm:.1} mm from head to foot, which is too small to hold lungs")]
    VolumeTooShort {
        /// From the first to the last axial slice, mm.
        height_mm: f64,
    },
    /// No two lung-like air spaces lie far enough apart.
    #[error(
        "{spaces} lung-like air spaces were found ({largest_ml:.0} ml the largest), no two on opposite sides"
    )]
    NotTwoSides {
        /// How many air spaces look like lung.
        spaces: usize,
        /// The largest of them, ml.
        largest_ml: f64,
    },
    /// The centres of both lungs are too close from right to left.
    #[error("the centres of right and left lung are only {apart_mm:.0} mm apart from side to side")]
    TooClose {
        /// Left minus right, mm.
        apart_mm: f64,
    },
    /// Both lie on one side of the airway: they are two parts of one lung.
    #[error(
        "right and left lung lie {right_mm:.0} and {left_mm:.0} mm to the left of the airway, which is not between them"
    )]
    SameSide {
        /// Right lung's centre minus the airway's, along x, mm.
        right_mm: f64,
        /// Left lung's centre minus the airway's, along x, mm.
        left_mm: f64,
    },
    /// A lung is too small.
    #[error("the {side} lung has {volume_ml:.0} ml")]
    TooSmall {
        /// Which.
        side: Side,
        /// Its volume, ml.
        volume_ml: f64,
    },
    /// A lung is too low.
    #[error("the {side} lung is {height_mm:.0} mm from head to foot")]
    TooShort {
        /// Which.
        side: Side,
        /// Its height, mm.
        height_mm: f64,
    },
    /// A lung's density is not that of lung.
    #[error("the {side} lung has a mean of {mean_hu:.0} HU")]
    Density {
        /// Which.
        side: Side,
        /// Its mean, HU.
        mean_hu: f64,
    },
    /// The only space on a side is as dark as the air in the trachea.
    #[error("the air space on the {side} is gas, not lung: its inside has a mean of {core_hu:.0} HU")]
    Gas {
        /// Which.
        side: Side,
        /// The mean of what lies deep inside, HU.
        core_hu: f64,
    },
    /// No airway, or too little of it.
    #[error("an airway of only {volume_ml:.1} ml was found")]
    NoAirway {
        /// Its volume, ml.
        volume_ml: f64,
    },
    /// The volume ends within a lung.
    #[error("the axial slice at the {end} end still shows {percent:.0} % of the {side} lung's largest area")]
    CutOff {
        /// Which.
        side: Side,
        /// At which end.
        end: End,
        /// Of its largest area.
        percent: f64,
    },
    /// A lung goes on in air outside of the body.
    #[error(
        "the {side} lung is open to the outside over {area_mm2:.0} mm2: parts of it lie beyond the body or the image"
    )]
    Open {
        /// Which.
        side: Side,
        /// The area, mm2.
        area_mm2: f64,
    },
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Right => "right",
            Self::Left => "left",
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foot => "foot",
            Self::Head => "head",
        })
    }
}

impl Clause {
    /// Its name in the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "body-found",
            Self::OppositeSides => "lungs-on-opposite-sides",
            Self::Volume => "lungs-large-enough",
            Self::Height => "lungs-high-enough",
            Self::Density => "lungs-of-lung-density",
            Self::Airway => "airway-found",
            Self::Ends => "lungs-not-cut-off",
            Self::Enclosed => "lungs-enclosed",
        }
    }
}

impl Decline {
    /// The clause that failed.
    #[must_use]
    pub const fn clause(&self) -> Clause {
        match self {
            Self::NoBody { .. } => Clause::Body,
            Self::NotTwoSides { .. } | Self::TooClose { .. } | Self::SameSide { .. } => Clause::OppositeSides,
            Self::TooSmall { .. } => Clause::Volume,
            Self::VolumeTooShort { .. } | Self::TooShort { .. } => Clause::Height,
            Self::Density { .. } | Self::Gas { .. } => Clause::Density,
            Self::NoAirway { .. } => Clause::Airway,
            Self::CutOff { .. } => Clause::Ends,
            Self::Open { .. } => Clause::Enclosed,
        }
    }
}

/// Judges what was seen of the lungs, clause by clause.
///
/// # Errors
/// The first clause that fails.
pub fn check(seen: &Seen, wanted: &ClauseParameters) -> Result<(), Decline> {
    opposite_sides(seen, wanted)?;
    for clause in [volume, height, density] {
        clause(Side::Right, &seen.right, wanted)?;
        clause(Side::Left, &seen.left, wanted)?;
    }
    airway(seen, wanted)?;
    for clause in [ends, enclosed] {
        clause(Side::Right, &seen.right, wanted)?;
        clause(Side::Left, &seen.left, wanted)?;
    }
    Ok(())
}

fn opposite_sides(seen: &Seen, wanted: &ClauseParameters) -> Result<(), Decline> {
    let apart_mm = seen.left.centroid.x - seen.right.centroid.x;
    if apart_mm < wanted.apart_min_mm {
        return Err(Decline::TooClose { apart_mm });
    }
    // Without an airway its own clause declines.
    let Some(airway) = seen.airway_centroid else { return Ok(()) };
    let (right_mm, left_mm) = (seen.right.centroid.x - airway.x, seen.left.centroid.x - airway.x);
    if 0.0 < right_mm || left_mm < 0.0 { Err(Decline::SameSide { right_mm, left_mm }) } else { Ok(()) }
}

fn volume(side: Side, lung: &LungSeen, wanted: &ClauseParameters) -> Result<(), Decline> {
    let volume_ml = lung.volume_ml;
    if volume_ml < wanted.volume_min_ml { Err(Decline::TooSmall { side, volume_ml }) } else { Ok(()) }
}

fn height(side: Side, lung: &LungSeen, wanted: &ClauseParameters) -> Result<(), Decline> {
    let height_mm = lung.height_mm;
    if height_mm < wanted.height_min_mm { Err(Decline::TooShort { side, height_mm }) } else { Ok(()) }
}

fn density(side: Side, lung: &LungSeen, wanted: &ClauseParameters) -> Result<(), Decline> {
    let [from, to] = wanted.mean_hu;
    let mean_hu = lung.mean_hu;
    if (from..=to).contains(&mean_hu) { Ok(()) } else { Err(Decline::Density { side, mean_hu }) }
}

fn airway(seen: &Seen, wanted: &ClauseParameters) -> Result<(), Decline> {
    let volume_ml = seen.airway_ml;
    if volume_ml < wanted.airway_min_ml { Err(Decline::NoAirway { volume_ml }) } else { Ok(()) }
}

fn ends(side: Side, lung: &LungSeen, wanted: &ClauseParameters) -> Result<(), Decline> {
    for (end, percent) in [End::Foot, End::Head].into_iter().zip(lung.end_area_percent) {
        if wanted.end_area_max_percent < percent {
            return Err(Decline::CutOff { side, end, percent });
        }
    }
    Ok(())
}

fn enclosed(side: Side, lung: &LungSeen, wanted: &ClauseParameters) -> Result<(), Decline> {
    let area_mm2 = lung.open_mm2;
    if wanted.open_area_max_mm2 < area_mm2 { Err(Decline::Open { side, area_mm2 }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        let lung = |x| LungSeen {
            volume_ml: 150.0,
            height_mm: 80.0,
            mean_hu: -950.0,
            centroid: PointLps::new(x, 0.0, 0.0),
            end_area_percent: [25.0, 0.0],
            open_mm2: 200.0,
        };
        Seen {
            right: lung(-30.0),
            left: lung(20.0),
            airway_ml: 3.0,
            airway_centroid: Some(PointLps::new(20.0, 0.0, 0.0)),
        }
    }

    /// Spoils one thing that was seen; the clause and the sentence it gives.
    fn spoiled(change: fn(&mut Seen)) -> String {
        let mut seen = good();
        change(&mut seen);
        let decline = check(&seen, &ClauseParameters::default()).unwrap_err();
        format!("{}: {decline}", decline.clause().name())
    }

    #[test]
    fn values_on_the_limit_pass() {
        assert_eq!(check(&good(), &ClauseParameters::default()), Ok(()));
    }

    #[test]
    fn each_clause_declines_with_the_value_seen() {
        type Case = (fn(&mut Seen), &'static str);
        let cases: [Case; 10] = [
            (
                |seen| seen.left.centroid.x = 19.0,
                "lungs-on-opposite-sides: the centres of right and left lung are only 49 mm apart from side to side",
            ),
            (
                |seen| seen.airway_centroid = Some(PointLps::new(-31.0, 0.0, 0.0)),
                "lungs-on-opposite-sides: right and left lung lie 1 and 51 mm to the left of the airway, which is not \
                 between them",
            ),
            (|seen| seen.right.volume_ml = 149.0, "lungs-large-enough: the right lung has 149 ml"),
            (
                |seen| seen.left.height_mm = 79.0,
                "lungs-high-enough: the left lung is 79 mm from head to foot",
            ),
            (|seen| seen.left.mean_hu = -951.0, "lungs-of-lung-density: the left lung has a mean of -951 HU"),
            (
                |seen| seen.right.mean_hu = -499.0,
                "lungs-of-lung-density: the right lung has a mean of -499 HU",
            ),
            (|seen| seen.airway_ml = 2.9, "airway-found: an airway of only 2.9 ml was found"),
            (
                |seen| seen.right.end_area_percent[0] = 26.0,
                "lungs-not-cut-off: the axial slice at the foot end still shows 26 % of the right lung's largest area",
            ),
            (
                |seen| seen.left.end_area_percent[1] = 99.0,
                "lungs-not-cut-off: the axial slice at the head end still shows 99 % of the left lung's largest area",
            ),
            (
                |seen| seen.left.open_mm2 = 201.0,
                "lungs-enclosed: the left lung is open to the outside over 201 mm2: parts of it lie beyond the body or \
                 the image",
            ),
        ];
        for (change, wanted) in cases {
            assert_eq!(spoiled(change), wanted);
        }
    }
}
