//! From shapes to voxels: each slice is painted in thin sheets, averaged, blurred in plane, and made noisy.
//!
//! Sheets give the partial volume of thick slices, the blur that of a reconstruction kernel; noise comes last. Truth is
//! taken between blur and noise: by class of the middle sheet, and, for lung, by the blurred density.
//!
//! Invariants
//! - One value is pushed for every voxel, slice by slice; memory besides the result is that of a few planes.
//! - What is painted later covers what was painted earlier.

use gantry_image::{
    geometry::{PointLps, VectorLps},
    grid::{Dims, Grid, GridError, SpacingMm},
    volume::{Labels, Volume},
};

use crate::{
    anatomy::Anatomy,
    blur::Blur,
    couch::Couch,
    paint::{Class, Frame, Plane, Within},
    random::{Random, Stream},
    shapes::{Capsule, Ellipsoid, Shape},
    trees::Tube,
};

/// All that is painted.
pub(crate) struct Scene {
    pub(crate) chest: Anatomy,
    pub(crate) couch: Couch,
    pub(crate) airway: Vec<Tube>,
    pub(crate) hilar_tissue: [Ellipsoid; 2],
    pub(crate) vessels: Vec<Capsule>,
    pub(crate) lesions: Vec<Ellipsoid>,
}

/// How it is imaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Imaging {
    pub(crate) spacing: SpacingMm,
    /// Standard deviation of the blur in plane, mm.
    pub(crate) blur_mm: f64,
    /// Standard deviation of the noise, HU.
    pub(crate) noise_hu: f64,
    /// Density of normal lung, HU.
    pub(crate) lung_hu: f64,
    /// Where the middle of the body, at the lower end, lies in the patient's coordinates.
    pub(crate) middle: PointLps,
}

/// What comes out.
pub(crate) struct Rendered {
    pub(crate) hu: Volume<i16>,
    pub(crate) labels: Labels,
    pub(crate) body: Labels,
}

const AIR_HU: f32 = -1000.0;
const FAT_HU: f32 = -90.0;
const MUSCLE_HU: f32 = 45.0;
const LIVER_HU: f32 = 60.0;
const BLOOD_HU: f32 = 40.0;
const LESION_HU: f32 = 40.0;
const BONE_HU: f32 = 220.0;
const WALL_HU: f32 = 30.0;

/// Truth is below this before noise: the application's own definition of air in the lung.
const AIR_BELOW_HU: f32 = -400.0;

/// Air to the sides of the body, in front of it, and behind the couch, mm.
const MARGIN: f64 = 14.0;

pub(crate) fn render(scene: &Scene, imaging: &Imaging, seed: u64) -> Result<Rendered, GridError> {
    let (frame, slices) = frame(scene, imaging.spacing)?;
    let grid = grid(&frame, slices, imaging)?;
    let mut sheet = Plane::new(frame);
    let mut sum = vec![0.0f32; frame.dims.plane()];
    let mut scratch = Vec::new();
    let blur = Blur::new(imaging.blur_mm, frame.step);
    let mut random = Random::new(seed, Stream::Noise);
    let voxels = grid.dims().voxels();
    let (mut hu, mut labels, mut body) =
        (Vec::with_capacity(voxels), Vec::with_capacity(voxels), Vec::with_capacity(voxels));
    // An odd number, so that one sheet lies in the middle of the slice and gives the classes.
    let step = imaging.spacing.slice;
    let sheets = 1 + 2 * ((step / 2.0) as usize);
    for k in 0..slices {
        sum.fill(0.0);
        let mut classes = Vec::new();
        for n in 0..sheets {
            let z = (k as f64 + (n as f64 + 0.5) / sheets as f64) * step;
            scene.paint(z, imaging.lung_hu as f32, &mut sheet);
            for (sum, hu) in sum.iter_mut().zip(&sheet.hu) {
                *sum += hu;
            }
            if n == sheets / 2 {
                classes.clone_from(&sheet.classes);
            }
        }
        for value in &mut sum {
            *value /= sheets as f32;
        }
        blur.apply(&mut sum, frame.dims.columns(), &mut scratch);
        let noise = imaging.noise_hu as f32;
        hu.extend(sum.iter().map(|value| {
            // Clamped to what 12 bits with the usual rescale can hold.
            (value + noise * random.normal()).clamp(-1024.0, 3071.0).round() as i16
        }));
        labels.extend(sum.iter().zip(&classes).map(|(value, class)| truth(*class, *value)));
        body.extend(classes.iter().map(|class| u8::from(*class != Class::Outside)));
    }
    // One value was pushed for each voxel above.
    let whole = |_length| GridError::Extent { columns: 0, rows: 0, slices: 0 };
    Ok(Rendered {
        hu: Volume::new(grid, hu).map_err(whole)?,
        labels: Volume::new(grid, labels).map_err(whole)?,
        body: Volume::new(grid, body).map_err(whole)?,
    })
}

/// The label of a voxel from its class and its value before noise.
fn truth(class: Class, hu: f32) -> u8 {
    match class {
        Class::RightLung if hu < AIR_BELOW_HU => crate::chest::RIGHT_LUNG,
        Class::LeftLung if hu < AIR_BELOW_HU => crate::chest::LEFT_LUNG,
        Class::AirwayLumen => crate::chest::AIRWAY,
        Class::Lesion => crate::chest::LESION,
        Class::RightLung | Class::LeftLung | Class::Outside | Class::Tissue | Class::AirwayWall => 0,
    }
}

/// The pixels of a slice, around body and couch, and the number of slices.
fn frame(scene: &Scene, spacing: SpacingMm) -> Result<(Frame, usize), GridError> {
    let [half_width, half_depth] = scene.chest.body;
    let first = [-(half_width + MARGIN), -(half_depth + MARGIN)];
    let last = [half_width + MARGIN, scene.couch.reach(&scene.chest) + MARGIN];
    let pixels = |axis: usize, step: f64| {
        let length = last.get(axis).zip(first.get(axis)).map_or(0.0, |(last, first)| last - first);
        // Even numbers of rows and columns, as scanners make them.
        2 * ((length / step / 2.0).ceil() as usize)
    };
    let slices = (scene.chest.height / spacing.slice) as usize;
    let dims = Dims::new(pixels(0, spacing.column), pixels(1, spacing.row), slices)?;
    Ok((Frame { dims, first, step: [spacing.column, spacing.row] }, slices))
}

fn grid(frame: &Frame, slices: usize, imaging: &Imaging) -> Result<Grid, GridError> {
    let [x, y] = frame.first;
    let step = imaging.spacing;
    let origin = imaging.middle + VectorLps::new(x, y, step.slice / 2.0);
    let steps = [
        VectorLps::new(step.column, 0.0, 0.0),
        VectorLps::new(0.0, step.row, 0.0),
        VectorLps::new(0.0, 0.0, step.slice),
    ];
    Grid::new(Dims::new(frame.dims.columns(), frame.dims.rows(), slices)?, origin, steps)
}

impl Scene {
    /// Paints the sheet at z: the later covers the earlier.
    fn paint(&self, z: f64, lung_hu: f32, plane: &mut Plane) {
        let chest = &self.chest;
        plane.clear(AIR_HU);
        self.couch.paint(chest, plane);
        let frame = *plane.frame();
        for j in frame.rows(-chest.body[1], chest.body[1]) {
            let y = frame.y(j);
            if let Some(skin) = chest.body_span(y, 0.0) {
                plane.span(j, skin, FAT_HU, Some(Class::Tissue), Within::Everything);
            }
            if let Some(muscle) = chest.body_span(y, -chest.fat) {
                plane.span(j, muscle, MUSCLE_HU, None, Within::Everything);
            }
            for ((air, own), class) in
                chest.lung_spans(y, z).into_iter().flatten().zip([Class::RightLung, Class::LeftLung])
            {
                plane.span(j, air, lung_hu, None, Within::Body);
                plane.own(j, own, class);
            }
        }
        let body = Within::Body;
        plane.shape(&chest.heart, z, BLOOD_HU, Some(Class::Tissue), body);
        for dome in &chest.domes {
            plane.shape(dome, z, LIVER_HU, Some(Class::Tissue), Within::Lungs);
        }
        plane.shape(&chest.stomach_gas, z, AIR_HU, Some(Class::Tissue), body);
        for tissue in &self.hilar_tissue {
            plane.shape(tissue, z, BLOOD_HU, Some(Class::Tissue), Within::Lungs);
        }
        for vessel in &self.vessels {
            plane.shape(vessel, z, BLOOD_HU, None, Within::Lungs);
        }
        for lesion in &self.lesions {
            plane.shape(lesion, z, LESION_HU, Some(Class::Lesion), Within::Lungs);
        }
        plane.shape(&chest.spine, z, BONE_HU, Some(Class::Tissue), body);
        plane.shape(&chest.sternum, z, BONE_HU, Some(Class::Tissue), body);
        for tube in &self.airway {
            plane.shape(&tube.lumen.thicker(tube.wall), z, WALL_HU, Some(Class::AirwayWall), body);
        }
        for tube in &self.airway {
            plane.shape(&tube.lumen, z, AIR_HU, Some(Class::AirwayLumen), body);
        }
    }
}

impl Plane {
    /// Paints where a shape cuts the sheet at z.
    fn shape(&mut self, shape: &impl Shape, z: f64, hu: f32, class: Option<Class>, within: Within) {
        let (low, high) = shape.z();
        if z < low || high < z {
            return;
        }
        let (front, back) = shape.y();
        for j in self.frame().rows(front, back) {
            if let Some(span) = shape.span(self.frame().y(j), z) {
                self.span(j, span, hu, class, within);
            }
        }
    }
}
