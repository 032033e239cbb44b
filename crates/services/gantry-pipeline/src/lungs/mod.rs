//! The `lungs` step: right lung, left lung and airways in a CT of the chest, without learned weights.
//!
//! Lung is air inside the body, without vessels, the airway and its rim. The step works in patient axes and
//! millimetres: a stack of any orientation is first turned (never interpolated) so that its slices are as nearly
//! axial as they can be, and the answer is turned back. It declines, with the clause, whenever what it sees is not
//! a whole chest with two lungs and an airway.
//!
//! Invariants
//! - Only pixels and geometry are asked: no Body Part Examined, no Patient Position.
//! - The same voxels in another order of slices, rows or columns give the same answer at every place.
//! - No constant here depends on the grid of an image; all limits are in [`parameters`].

mod airway;
mod body;
pub mod clauses;
pub mod parameters;
mod seen;
mod spaces;

use gantry_image::{
    grid::{Grid, GridError},
    orient::AxisMap,
    volume::{Labels, Volume},
};

use self::{
    clauses::{Decline, Seen, check},
    parameters::LungsParameters,
};

/// The label of the right lung.
pub const RIGHT: u8 = 1;
/// The label of the left lung.
pub const LEFT: u8 = 2;
/// The label of the airway.
pub const AIRWAY: u8 = 3;

/// What the step answers.
#[derive(Debug, Clone, PartialEq)]
pub enum LungsOutcome {
    /// The lungs were found.
    Found(Box<FoundLungs>),
    /// This is no volume the step can answer for.
    Declined(Decline),
}

/// The lungs and the airway of a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundLungs {
    /// [`RIGHT`], [`LEFT`], [`AIRWAY`] on the grid of the volume.
    pub labels: Labels,
    /// What the clauses judged.
    pub seen: Seen,
}

/// Segments the lungs and the airway of a CT in Hounsfield units.
///
/// # Errors
/// [`GridError`], which a volume with a grid from its constructor cannot cause.
pub fn lungs(volume: &Volume<i16>, parameters: &LungsParameters) -> Result<LungsOutcome, GridError> {
    let map = AxisMap::to_lps(volume.grid());
    let turned;
    let axial = if map == AxisMap::IDENTITY {
        volume
    } else {
        turned = map.apply(volume)?;
        &turned
    };
    let (labels, seen) = match segment(axial, parameters)? {
        Ok(found) => found,
        Err(decline) => return Ok(LungsOutcome::Declined(decline)),
    };
    let labels = if map == AxisMap::IDENTITY { labels } else { map.inverse().apply(&labels)? };
    Ok(LungsOutcome::Found(Box::new(FoundLungs { labels, seen })))
}

/// The step on a volume whose i, j, k run most nearly to the patient's left, back and head.
fn segment(
    volume: &Volume<i16>,
    parameters: &LungsParameters,
) -> Result<Result<(Labels, Seen), Decline>, GridError> {
    let height_mm = height_mm(volume.grid());
    if height_mm < parameters.clauses.height_min_mm {
        return Ok(Err(Decline::VolumeTooShort { height_mm }));
    }
    let body = match body::body(volume, parameters) {
        Ok(body) => body,
        Err(decline) => return Ok(Err(decline)),
    };
    let mut air = body.clone();
    for (air, hu) in air.data_mut().iter_mut().zip(volume.data()) {
        *air &= u8::from(*hu < parameters.air_below_hu);
    }
    let airway = airway::airway(volume, &air, &body, &parameters.airway);
    let rimmed = airway::with_rim(&airway, volume.grid(), parameters.airway.rim_mm)?;
    for (air, rimmed) in air.data_mut().iter_mut().zip(rimmed.data()) {
        *air &= 1 - rimmed;
    }
    drop(rimmed);
    let air_hu = airway.air_hu.unwrap_or(parameters.spaces.gas_hu - parameters.spaces.gas_margin_hu);
    let mut labels = match spaces::lungs(volume, &air, air_hu, parameters)? {
        Ok(labels) => labels,
        Err(decline) => return Ok(Err(decline)),
    };
    for offset in &airway.voxels {
        if let Some(label) = labels.data_mut().get_mut(*offset as usize) {
            *label = AIRWAY;
        }
    }
    let seen = match seen::seen(volume, &labels, &body, parameters.air_below_hu) {
        Some(seen) => seen,
        None => return Ok(Err(Decline::NotTwoSides { spaces: 0, largest_ml: 0.0 })),
    };
    Ok(check(&seen, &parameters.clauses).map(|()| (labels, seen)))
}

/// From the first to the last axial slice, one slice distance for each.
fn height_mm(grid: &Grid) -> f64 {
    grid.spacing().slice * grid.dims().slices() as f64
}

#[cfg(test)]
mod tests;
