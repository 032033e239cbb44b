//! Measuring what the clauses judge.
//!
//! Everything is measured on the labels themselves, after they are final, so that the figures a decline names are
//! those of the segmentation it declines.
//!
//! Units and frames: LPS millimetres; slices are axial and run from foot to head.

use gantry_image::{
    geometry::VoxelIndex,
    measure::{mean, region},
    volume::{Labels, Volume},
};

use super::{
    AIRWAY, LEFT, RIGHT,
    clauses::{LungSeen, Seen},
};

/// What was seen of the lungs and the airway; nothing if a lung has no voxel.
pub(super) fn seen(volume: &Volume<i16>, labels: &Labels, body: &Labels, air_below_hu: i16) -> Option<Seen> {
    let is_outside_air = |offset: usize| {
        body.data().get(offset) == Some(&0) && volume.data().get(offset).is_some_and(|hu| *hu < air_below_hu)
    };
    let airway = region(labels, AIRWAY);
    Some(Seen {
        right: lung(volume, labels, RIGHT, is_outside_air)?,
        left: lung(volume, labels, LEFT, is_outside_air)?,
        airway_ml: airway.map_or(0.0, |airway| airway.volume_ml),
        airway_centroid: airway.map(|airway| airway.centroid),
    })
}

fn lung(
    volume: &Volume<i16>,
    labels: &Labels,
    label: u8,
    is_outside_air: impl Fn(usize) -> bool,
) -> Option<LungSeen> {
    let region = region(labels, label)?;
    let areas: Vec<usize> = labels
        .data()
        .chunks_exact(labels.dims().plane())
        .map(|slice| slice.iter().filter(|value| **value == label).count())
        .collect();
    let largest = areas.iter().copied().max()?;
    let percent = |area: usize| 100.0 * area as f64 / largest as f64;
    Some(LungSeen {
        volume_ml: region.volume_ml,
        height_mm: height_mm(labels, label)?,
        mean_hu: mean(labels, label, volume)?,
        centroid: region.centroid,
        end_area_percent: [percent(*areas.first()?), percent(*areas.last()?)],
        open_mm2: open_mm2(labels, label, is_outside_air),
    })
}

/// The area of voxel faces between a lung and air outside of the body in the next slice. Within a slice there is none:
/// the body holds all that tissue shuts in.
fn open_mm2(labels: &Labels, label: u8, is_outside_air: impl Fn(usize) -> bool) -> f64 {
    let (dims, spacing) = (labels.dims(), labels.grid().spacing());
    let plane = dims.plane();
    let lung = labels.data().iter().enumerate().filter(|(_, value)| **value == label);
    let faces: usize = lung
        .map(|(offset, _)| {
            let below = offset.checked_sub(plane).is_some_and(&is_outside_air);
            usize::from(below) + usize::from(is_outside_air(offset + plane))
        })
        .sum();
    faces as f64 * spacing.column * spacing.row
}

/// From the lowest to the highest voxel along the patient's axis, each voxel with its own height.
fn height_mm(labels: &Labels, label: u8) -> Option<f64> {
    let (grid, dims) = (labels.grid(), labels.dims());
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (row, values) in labels.data().chunks_exact(dims.columns()).enumerate() {
        let Some(first) = values.iter().position(|value| *value == label) else { continue };
        let last = values.iter().rposition(|value| *value == label)?;
        for i in [first, last] {
            let index = VoxelIndex::new(i, row % dims.rows(), row / dims.rows());
            let z = grid.to_lps(index.into()).z;
            (low, high) = (low.min(z), high.max(z));
        }
    }
    // The tallest of the voxel's edges: for axial slices, the slice distance.
    let voxel = grid.steps().map(|step| step.z.abs()).into_iter().fold(0.0, f64::max);
    low.is_finite().then_some(high - low + voxel)
}
