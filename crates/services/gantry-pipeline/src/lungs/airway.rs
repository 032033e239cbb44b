//! The airway: found as the trachea, grown from it, and caught when it leaks.
//!
//! The trachea is the one dark, round, walled thing near the middle of the body that can be followed from slice to
//! slice. From its cross-sections the airway grows through ever less dark voxels. Somewhere a bronchial wall is too
//! thin to hold; then the region floods lung, and the step of the threshold at which it did is known by how much it
//! adds at once: the airway is what was there before that step.
//!
//! In a volume whose slices are axial and whose k runs from foot to head.

use gantry_image::{
    block::Block,
    components::{Components, Connectivity, Part},
    geometry::{PointLps, VoxelIndex},
    grid::{Grid, GridError, SpacingMm},
    grow::{Growth, GrowthLimits, grow},
    morphology::{Shape, dilate},
    volume::{Labels, Volume},
};

use super::parameters::AirwayParameters;

/// What was found of the airway.
pub(super) struct Airway {
    /// The offsets of its voxels.
    pub(super) voxels: Vec<u32>,
    /// The median of the trachea's voxels: what air looks like in this image. HU.
    pub(super) air_hu: Option<f64>,
}

/// A cross-section that may be the trachea's.
struct Section {
    part: usize,
    k: usize,
    centre: PointLps,
    area_mm2: f64,
}

/// Finds the airway among the voxels of `air`; an empty one if there is no trachea.
pub(super) fn airway(
    volume: &Volume<i16>,
    air: &Labels,
    body: &Labels,
    parameters: &AirwayParameters,
) -> Airway {
    let trachea = trachea(volume, air, body, parameters);
    let air_hu = median(volume, &trachea);
    let voxels = if trachea.is_empty() { Vec::new() } else { grown(volume, air, &trachea, parameters) };
    Airway { voxels, air_hu }
}

/// The offsets of the open trachea's voxels; none if there is no such thing.
fn trachea(volume: &Volume<i16>, air: &Labels, body: &Labels, parameters: &AirwayParameters) -> Vec<usize> {
    let (hu, is_air) = (volume.data(), air.data());
    let dark = Components::find(volume.dims(), Connectivity::PlaneCorners, |offset| {
        is_air.get(offset) != Some(&0) && hu.get(offset).is_some_and(|hu| *hu < parameters.lumen_below_hu)
    });
    let sections = sections(&dark, volume.grid(), body, parameters);
    let chain = longest_chain(sections, volume.grid(), parameters);
    let mut is_trachea = vec![false; dark.parts().len()];
    for section in &chain {
        if let Some(flag) = is_trachea.get_mut(section.part) {
            *flag = true;
        }
    }
    dark.runs().filter(|(_, part)| is_trachea.get(*part) == Some(&true)).flat_map(|(run, _)| run).collect()
}

/// All cross-sections of the right size and shape near the middle of the body, from head to foot.
fn sections(dark: &Components, grid: &Grid, body: &Labels, parameters: &AirwayParameters) -> Vec<Section> {
    let spacing = grid.spacing();
    let pixel_mm2 = spacing.column * spacing.row;
    let [area_min, area_max] = parameters.trachea_area_mm2;
    let section = |(part, of): (usize, &Part)| {
        let area_mm2 = of.voxels as f64 * pixel_mm2;
        let around = (of.high.i - of.low.i + 1) * (of.high.j - of.low.j + 1);
        let fits = (area_min..=area_max).contains(&area_mm2)
            && parameters.trachea_fill_min <= of.voxels as f64 / around as f64;
        fits.then(|| Section { part, k: of.low.k, centre: grid.to_lps(of.centroid()), area_mm2 })
    };
    let mut sections: Vec<Section> = dark.parts().iter().enumerate().filter_map(section).collect();
    sections.retain(|section| {
        middle_of_slice(body, section.k)
            .is_some_and(|middle| (section.centre.x - middle.x).abs() <= parameters.trachea_off_middle_max_mm)
    });
    sections.reverse();
    sections
}

/// The centre of the body's columns in a slice.
fn middle_of_slice(body: &Labels, k: usize) -> Option<PointLps> {
    let dims = body.dims();
    let (mut voxels, mut sum_i, mut sum_j) = (0usize, 0usize, 0usize);
    for (j, row) in body.slice(k)?.chunks_exact(dims.columns()).enumerate() {
        for (i, _) in row.iter().enumerate().filter(|(_, value)| **value != 0) {
            voxels += 1;
            sum_i += i;
            sum_j += j;
        }
    }
    let index = VoxelIndex::new(sum_i.checked_div(voxels)?, sum_j.checked_div(voxels)?, k);
    Some(body.grid().to_lps(index.into()))
}

/// Follows cross-sections from head to foot; the chain that goes furthest, if it goes far enough.
fn longest_chain(sections: Vec<Section>, grid: &Grid, parameters: &AirwayParameters) -> Vec<Section> {
    let SpacingMm { slice: step_mm, .. } = grid.spacing();
    let slices_max = ((parameters.trachea_gap_max_mm / step_mm) as usize).max(1);
    let mut chains: Vec<Vec<Section>> = Vec::new();
    for section in sections {
        let continued = chains.iter_mut().filter_map(|chain| {
            let last = chain.last()?;
            let slices = last.k - section.k;
            let drift_mm = parameters.trachea_drift_max_mm + slices as f64 * step_mm / 2.0;
            let away_mm = sideways_mm(last.centre, section.centre);
            // The area of a real trachea does not double from one slice to the next.
            let is_alike = section.area_mm2 <= 2.0 * last.area_mm2 && last.area_mm2 <= 2.0 * section.area_mm2;
            let is_next = (1..=slices_max).contains(&slices) && away_mm <= drift_mm && is_alike;
            is_next.then_some((away_mm, chain))
        });
        match continued.min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((_, chain)) => chain.push(section),
            None => chains.push(vec![section]),
        }
    }
    // Of equally long ones the first: it begins nearest to the head.
    let longest = chains.into_iter().reduce(|best, chain| {
        if length_mm(&best, step_mm) < length_mm(&chain, step_mm) { chain } else { best }
    });
    longest.filter(|chain| parameters.trachea_length_min_mm <= length_mm(chain, step_mm)).unwrap_or_default()
}

fn length_mm(chain: &[Section], step_mm: f64) -> f64 {
    let slices = chain.first().zip(chain.last()).map_or(0, |(first, last)| first.k - last.k + 1);
    slices as f64 * step_mm
}

fn sideways_mm(one: PointLps, other: PointLps) -> f64 {
    (one.x - other.x).hypot(one.y - other.y)
}

fn median(volume: &Volume<i16>, offsets: &[usize]) -> Option<f64> {
    let mut values: Vec<i16> =
        offsets.iter().filter_map(|offset| volume.data().get(*offset).copied()).collect();
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| f64::from(*values.select_nth_unstable(middle).1))
}

/// Grows the airway from the trachea, up to the threshold before it leaks.
fn grown(volume: &Volume<i16>, air: &Labels, trachea: &[usize], parameters: &AirwayParameters) -> Vec<u32> {
    let dims = volume.dims();
    let voxel_ml = volume.grid().voxel_ml();
    let step = i32::from(parameters.grow_step_hu.max(1));
    // Level 0 takes in all that is darker than the first step above the darkest air there is.
    let darkest = -1000;
    let level_at = |hu: i16| (i32::from(hu) - darkest + step - 1).max(0) / step;
    let (hu, is_air) = (volume.data(), air.data());
    let level_of = |offset: usize| {
        let hu = hu.get(offset).filter(|_| is_air.get(offset) != Some(&0))?;
        usize::try_from(level_at(*hu)).ok()
    };
    let levels = usize::try_from(level_at(parameters.grow_to_hu)).unwrap_or(0) + 1;
    // A step that goes beyond the cap is not completed: it has leaked, and the one before it counts.
    let voxels_max = (parameters.volume_max_ml / voxel_ml) as usize;
    let growth = grow(dims, trachea, GrowthLimits { levels, voxels_max }, level_of);
    let own_level = usize::try_from(level_at(parameters.lumen_below_hu)).unwrap_or(0);
    let trachea_ml = trachea.len() as f64 * voxel_ml;
    let level = level_before_leak(
        &growth,
        |level| {
            // The trachea itself may come in all at once.
            if level <= own_level { parameters.leak_ml + trachea_ml } else { parameters.leak_ml }
        },
        voxel_ml,
    );
    growth.region(level).unwrap_or_default().to_vec()
}

/// The last level before a step adds more than is allowed for it.
fn level_before_leak(growth: &Growth, allowed_ml: impl Fn(usize) -> f64, voxel_ml: f64) -> usize {
    let volume_ml = |level| growth.region(level).map_or(0.0, |region| region.len() as f64 * voxel_ml);
    let leaks = |level: &usize| allowed_ml(*level) < volume_ml(*level) - volume_ml(*level - 1);
    let first_leak = (1..growth.levels()).find(leaks);
    first_leak.unwrap_or(growth.levels()).saturating_sub(1)
}

/// The airway with its wall and blurred border.
///
/// The rim is a ball. A step to the neighbouring voxel counts at most [`NEIGHBOUR_SHARE`] of its radius: where
/// slices are thicker than the rim, the airway still blurs into the next one.
pub(super) fn with_rim(airway: &Airway, grid: &Grid, rim_mm: f64) -> Result<Labels, GridError> {
    let mut lumen = Labels::filled(*grid, 0);
    for offset in &airway.voxels {
        if let Some(value) = lumen.data_mut().get_mut(*offset as usize) {
            *value = 1;
        }
    }
    let Some(block) = Block::around(&lumen, |value| *value != 0).filter(|_| 0.0 < rim_mm) else {
        return Ok(lumen);
    };
    let near = rim_mm * NEIGHBOUR_SHARE;
    let spacing = grid.spacing();
    let counted = SpacingMm {
        column: spacing.column.min(near),
        row: spacing.row.min(near),
        slice: spacing.slice.min(near),
    };
    let room = counted.to_array().map(|step| (rim_mm / step) as usize + 1);
    let block = block.grown(grid.dims(), room);
    let part = block.cut(&lumen)?;
    block.put(&dilate(&part, &Shape::ball(counted, rim_mm)), &mut lumen)?;
    Ok(lumen)
}

/// So that neighbours over faces and over edges belong to the rim whatever the spacing: 0.7 is just below the square
/// root of a half.
const NEIGHBOUR_SHARE: f64 = 0.7;
