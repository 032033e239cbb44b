//! A chest CT from a seed, with its truth.
//!
//! Truth is made of the shapes, not of the image: a lung is what lies inside a lung's shape and, before noise, is
//! below -400 HU; vessels, the airway and its wall are outside of it. The airway is its open inside, out to where the
//! tree ends. The body is all inside the skin; the couch and air that it shuts in are outside.

use gantry_image::{
    block::Block,
    geometry::{PointLps, VoxelIndex},
    grid::{GridError, SpacingMm},
    measure::count,
    volume::{Labels, Volume},
};

use crate::{
    anatomy::Anatomy,
    couch::Couch,
    random::{Random, Stream},
    render::{Imaging, Scene, render},
    trees::{airway, hilar_tissue, vessels},
};
pub use crate::{anatomy::Junctions, lesions::Lesions};

/// The label of the right lung.
pub const RIGHT_LUNG: u8 = 1;
/// The label of the left lung.
pub const LEFT_LUNG: u8 = 2;
/// The label of the inside of the airway.
pub const AIRWAY: u8 = 3;
/// The label of lesions.
pub const LESION: u8 = 4;

/// A volume with what is known to be in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Phantom {
    /// The image, HU.
    pub hu: Volume<i16>,
    /// The truth: [`RIGHT_LUNG`], [`LEFT_LUNG`], [`AIRWAY`], [`LESION`].
    pub labels: Labels,
    /// The body, without the couch.
    pub body: Labels,
}

/// What a seed has drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChestFacts {
    /// Voxel distances.
    pub spacing: SpacingMm,
    /// Standard deviation of the blur in plane, mm.
    pub blur_mm: f64,
    /// Standard deviation of the noise, HU.
    pub noise_hu: f64,
    /// Density of normal lung, HU.
    pub lung_hu: f64,
    /// How far the mediastinum is drawn to the patient's left, mm.
    pub mediastinum_shift_mm: f64,
    /// Whether the lungs touch.
    pub junctions: Junctions,
    /// Air that a cradling couch shuts in behind the back, ml.
    pub cradled_air_ml: Option<f64>,
    /// Gas in the stomach, ml.
    pub stomach_gas_ml: f64,
}

/// A chest phantom.
#[derive(Debug, Clone, PartialEq)]
pub struct ChestPhantom {
    /// The seed it was drawn from.
    pub seed: u64,
    /// The image and its truth.
    pub phantom: Phantom,
    /// What the seed has drawn.
    pub facts: ChestFacts,
}

impl Phantom {
    /// The volume of a label, ml.
    #[must_use]
    pub fn volume_ml(&self, label: u8) -> f64 {
        count(&self.labels, label) as f64 * self.labels.grid().voxel_ml()
    }

    /// The upper half, from head to foot, of a phantom whose slices are axial.
    ///
    /// # Errors
    /// [`GridError::Extent`] if there is only one slice.
    pub fn upper_half(&self) -> Result<Self, GridError> {
        let dims = self.hu.dims();
        let low = VoxelIndex::new(0, 0, dims.slices() / 2);
        let high = VoxelIndex::new(dims.columns() - 1, dims.rows() - 1, dims.slices() - 1);
        let nothing = GridError::Extent { columns: 0, rows: 0, slices: 0 };
        let block = Block::new(dims, low, high).ok_or(nothing)?;
        Ok(Self { hu: block.cut(&self.hu)?, labels: block.cut(&self.labels)?, body: block.cut(&self.body)? })
    }
}

impl ChestPhantom {
    /// The chest of a seed.
    ///
    /// Seeds of one parity have touching lungs, the others not; of ten seeds in a row one has a cradling couch.
    ///
    /// # Errors
    /// [`GridError`], which no seed causes.
    pub fn from_seed(seed: u64, lesions: Lesions) -> Result<Self, GridError> {
        let mut random = Random::new(seed, Stream::Spacing);
        let pixel = random.between(0.7, 1.25);
        let spacing = SpacingMm { column: pixel, row: pixel, slice: random.between(1.5, 5.0) };
        Self::with_spacing(seed, spacing, lesions)
    }

    /// The chest of a seed, imaged on a grid of another spacing.
    ///
    /// # Errors
    /// [`GridError`] if the spacing is not positive or so fine that the volume becomes too large.
    pub fn with_spacing(seed: u64, spacing: SpacingMm, lesions: Lesions) -> Result<Self, GridError> {
        let junctions = if seed.is_multiple_of(2) { Junctions::Apart } else { Junctions::Touching };
        let mut random = Random::new(seed, Stream::Imaging);
        let cradled_air_ml = (seed % 10 == 7).then(|| random.between(260.0, 340.0));
        let chest = Anatomy::draw(seed, junctions);
        let couch = match cradled_air_ml {
            Some(air_ml) => Couch::cradle(&chest, air_ml, spacing),
            None => Couch::Flat { below: random.between(1.0, 6.0) },
        };
        let imaging = Imaging {
            spacing,
            blur_mm: random.between(1.0, 1.4),
            noise_hu: random.between(10.0, 30.0),
            lung_hu: random.between(-880.0, -800.0),
            middle: PointLps::new(
                random.between(-20.0, 20.0),
                random.between(-160.0, 60.0),
                random.between(-900.0, 100.0),
            ),
        };
        let facts = ChestFacts {
            spacing,
            blur_mm: imaging.blur_mm,
            noise_hu: imaging.noise_hu,
            lung_hu: imaging.lung_hu,
            mediastinum_shift_mm: chest.mediastinum.shift,
            junctions,
            cradled_air_ml,
            stomach_gas_ml: chest.stomach_gas.volume_ml(),
        };
        let scene = Scene {
            airway: airway(seed, &chest, junctions, spacing.slice),
            hilar_tissue: hilar_tissue(&chest),
            vessels: vessels(seed, &chest),
            lesions: match lesions {
                Lesions::None => Vec::new(),
                Lesions::Some => crate::lesions::lesions(seed, &chest, spacing),
            },
            chest,
            couch,
        };
        let rendered = render(&scene, &imaging, seed)?;
        let phantom = Phantom { hu: rendered.hu, labels: rendered.labels, body: rendered.body };
        Ok(Self { seed, phantom, facts })
    }
}

#[cfg(test)]
mod tests;
