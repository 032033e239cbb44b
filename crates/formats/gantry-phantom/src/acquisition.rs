//! How a phantom is acquired: in which orientation, from which end, in what order, as how many series.
//!
//! Regrouping into axial, sagittal and coronal slices interpolates nothing; an oblique acquisition resamples the
//! image linearly and its truth to the nearest voxel.

use gantry_image::{
    geometry::{PointLps, VectorLps, VoxelPoint},
    grid::{Dims, Grid, GridError},
    orient::{AxisMap, Direction},
    resample::{Border, Interpolation, resample},
};

use crate::chest::Phantom;

/// How the slices cut the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// Perpendicular to the head-to-foot axis.
    Axial,
    /// Perpendicular to the right-to-left axis.
    Sagittal,
    /// Perpendicular to the front-to-back axis.
    Coronal,
    /// Axial slices turned by 20 degrees about the right-to-left axis.
    Oblique,
}

/// Which end of the patient enters the scanner first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Patient Position HFS.
    HeadFirst,
    /// Patient Position FFS: axial rows run to the patient's right, slices towards the feet.
    FeetFirst,
}

/// In which order files are named and handed out, and instances numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOrder {
    /// Along the slice normal.
    Spatial,
    /// At random, from the seed.
    Shuffled,
}

/// Which series a study has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesSet {
    /// The volume.
    One,
    /// A localizer, the volume, and the volume again in slices of double thickness.
    Several,
}

/// An acquisition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquisition {
    /// How the slices cut the patient.
    pub orientation: Orientation,
    /// Which end enters first.
    pub entry: Entry,
    /// The order of files.
    pub order: FileOrder,
    /// The series.
    pub series: SeriesSet,
    /// Tells studies of one seed and acquisition apart: each number has its own UIDs.
    pub study_number: u64,
    /// Manufacturer (0008,0070).
    pub manufacturer: String,
    /// Convolution Kernel (0018,1210).
    pub kernel: String,
    /// Contrast/Bolus Agent (0018,0010), if the attribute is to be there.
    pub contrast_agent: Option<String>,
}

impl Default for Acquisition {
    fn default() -> Self {
        Self {
            orientation: Orientation::Axial,
            entry: Entry::HeadFirst,
            order: FileOrder::Spatial,
            series: SeriesSet::One,
            study_number: 1,
            manufacturer: "Gantry Phantom".to_owned(),
            kernel: "SMOOTH".to_owned(),
            contrast_agent: None,
        }
    }
}

/// The cosine and sine of 20 degrees.
const OBLIQUE: (f64, f64) = (0.939_692_620_785_908_4, 0.342_020_143_325_668_7);

/// What lies around the patient, HU.
const AIR_HU: i16 = -1000;

/// The phantom as the acquisition's main series has it: slices along k, truth on the same grid.
///
/// # Errors
/// [`GridError`] if the phantom's own grid is no axial one.
pub fn acquire(phantom: &Phantom, acquisition: &Acquisition) -> Result<Phantom, GridError> {
    use Direction::{Back, Foot, Head, Left, Right};
    let wanted = match (acquisition.orientation, acquisition.entry) {
        (Orientation::Axial, Entry::HeadFirst) => [Left, Back, Head],
        (Orientation::Axial, Entry::FeetFirst) => [Right, Back, Foot],
        (Orientation::Sagittal, Entry::HeadFirst | Entry::FeetFirst) => [Back, Foot, Right],
        (Orientation::Coronal, Entry::HeadFirst | Entry::FeetFirst) => [Left, Foot, Back],
        (Orientation::Oblique, Entry::HeadFirst | Entry::FeetFirst) => return oblique(phantom),
    };
    let map = AxisMap::towards(phantom.hu.grid(), wanted);
    Ok(Phantom {
        hu: map.apply(&phantom.hu)?,
        labels: map.apply(&phantom.labels)?,
        body: map.apply(&phantom.body)?,
    })
}

fn oblique(phantom: &Phantom) -> Result<Phantom, GridError> {
    let onto = oblique_grid(phantom.hu.grid())?;
    Ok(Phantom {
        hu: resample(&phantom.hu, &onto, Interpolation::Linear, Border::Voxels, AIR_HU),
        labels: resample(&phantom.labels, &onto, Interpolation::Nearest, Border::Voxels, 0),
        body: resample(&phantom.body, &onto, Interpolation::Nearest, Border::Voxels, 0),
    })
}

/// A turned grid of the same spacing, around the same middle, that holds the whole axial one.
fn oblique_grid(axial: &Grid) -> Result<Grid, GridError> {
    let (cosine, sine) = OBLIQUE;
    let dims = axial.dims();
    let spacing = axial.spacing();
    let (depth, height) = (dims.rows() as f64 * spacing.row, dims.slices() as f64 * spacing.slice);
    let count = |length: f64, step: f64| 2 * ((length / step / 2.0).ceil() as usize);
    let turned = Dims::new(
        dims.columns(),
        count(depth * cosine + height * sine, spacing.row),
        count(height * cosine + depth * sine, spacing.slice),
    )?;
    let [i, j, k] = dims.to_array().map(|extent| (extent as f64 - 1.0) / 2.0);
    let middle = axial.to_lps(VoxelPoint { i, j, k });
    let steps = [
        VectorLps::new(spacing.column, 0.0, 0.0),
        VectorLps::new(0.0, cosine, -sine) * spacing.row,
        VectorLps::new(0.0, sine, cosine) * spacing.slice,
    ];
    let back = |step: VectorLps, extent: usize| step * (-(extent as f64 - 1.0) / 2.0);
    let [a, b, c] = steps;
    let origin: PointLps =
        middle + back(a, turned.columns()) + back(b, turned.rows()) + back(c, turned.slices());
    Grid::new(turned, origin, steps)
}
