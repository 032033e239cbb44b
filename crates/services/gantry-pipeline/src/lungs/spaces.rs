//! Right and left lung among the air spaces of the body.
//!
//! An air space is lung-like if it has a core, well inside, that is denser than the air in the trachea: stomach and
//! bowel gas has a core like that air, and air shut in by a couch or between arm and chest is too flat to have one.
//! Lungs that hang together are parted where they are thinnest. What is right and what left follows from the
//! patient's x coordinates alone.

use gantry_image::{
    block::Block,
    components::{Components, Connectivity, Part},
    distance::{Space, squared_distance_mm2},
    geometry::{PointLps, VoxelPoint},
    grid::{Grid, GridError},
    holes::fill_plane_holes_where,
    volume::{Labels, Volume},
    watershed::{self, find_neck, part},
};

use super::{
    LEFT, RIGHT,
    clauses::{Decline, Side},
    parameters::{LungsParameters, SpacesParameters},
};

/// An air space that is thick enough to have a core.
#[derive(Debug, Clone, Copy)]
struct AirSpace {
    part: usize,
    volume_ml: f64,
    centroid: PointLps,
    core_hu: f64,
    core: Core,
}

/// What the core of an air space is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Core {
    /// Denser than air.
    Lung,
    /// As air in the trachea.
    Gas,
}

/// How many depth levels a millimetre has for parting.
const LEVELS_PER_MM: f32 = 10.0;

/// Labels the lungs among the voxels of `air` ([`RIGHT`], [`LEFT`]).
///
/// # Errors
/// [`Decline::NotTwoSides`] if there are no two lungs; [`GridError`] cannot happen with a grid from its constructor.
pub(super) fn lungs(
    volume: &Volume<i16>,
    air: &Labels,
    air_hu: f64,
    parameters: &LungsParameters,
) -> Result<Result<Labels, Decline>, GridError> {
    let mut spaces = air.clone();
    drop_small(&mut spaces, parameters.spaces.piece_min_ml);
    let Some(block) = Block::around(&spaces, |value| *value != 0) else {
        return Ok(Err(Decline::NotTwoSides { spaces: 0, largest_ml: 0.0 }));
    };
    let block = block.grown(spaces.dims(), [1; 3]);
    let found = in_block(&block.cut(volume)?, block.cut(&spaces)?, air_hu, parameters);
    let labels = match found {
        Ok(labels) => labels,
        Err(decline) => return Ok(Err(decline)),
    };
    spaces.data_mut().fill(0);
    block.put(&labels, &mut spaces)?;
    Ok(Ok(spaces))
}

fn drop_small(mask: &mut Labels, min_ml: f64) {
    let components = Components::of(mask, Connectivity::Faces);
    let voxel_ml = mask.grid().voxel_ml();
    components.paint(mask, |part| {
        components.parts().get(part).is_some_and(|part| part.voxels as f64 * voxel_ml < min_ml).then_some(0)
    });
}

fn in_block(
    volume: &Volume<i16>,
    mut spaces: Labels,
    air_hu: f64,
    parameters: &LungsParameters,
) -> Result<Labels, Decline> {
    let components = Components::of(&spaces, Connectivity::Faces);
    let depths = depths(&spaces, &parameters.spaces);
    let all = solid_spaces(volume, &components, &depths, air_hu, &parameters.spaces);
    let lunglike: Vec<AirSpace> = all.iter().copied().filter(|space| space.core == Core::Lung).collect();
    components.paint(&mut spaces, |part| Some(u8::from(lunglike.iter().any(|space| space.part == part))));

    let apart_min_mm = parameters.clauses.apart_min_mm;
    let (mut labels, middle) = match part_at_neck(&spaces, &depths, parameters) {
        Some(parted) => parted,
        None => by_space(&spaces, &components, &lunglike, apart_min_mm)
            .ok_or_else(|| no_two_sides(&lunglike, &all, apart_min_mm))?,
    };
    add_pieces(&mut labels, middle, &components, &lunglike, parameters.spaces.piece_outside_max_mm);
    Ok(labels)
}

/// The depth of every voxel of the spaces, as if vessels in them were lung, in [`LEVELS_PER_MM`]; 0 outside.
fn depths(spaces: &Labels, parameters: &SpacesParameters) -> Vec<u16> {
    let mut whole = spaces.clone();
    let spacing = whole.grid().spacing();
    let pixels_max = (parameters.vessel_area_max_mm2 / (spacing.column * spacing.row)) as usize;
    fill_plane_holes_where(&mut whole, |hole| hole.voxels <= pixels_max);
    let data = whole.data();
    let squares =
        squared_distance_mm2(whole.dims(), spacing, Space::Volume, |offset| data.get(offset) != Some(&0));
    squares.into_iter().map(level).collect()
}

/// 0 outside, and from 1 upwards inside. `as` saturates: a depth without any outside is simply very deep.
fn level(square_mm2: f32) -> u16 {
    if square_mm2 == 0.0 { 0 } else { ((square_mm2.sqrt() * LEVELS_PER_MM) as u16).saturating_add(1) }
}

/// The spaces that have a core, largest first.
fn solid_spaces(
    volume: &Volume<i16>,
    components: &Components,
    depths: &[u16],
    air_hu: f64,
    parameters: &SpacesParameters,
) -> Vec<AirSpace> {
    let grid = volume.grid();
    let core_depth = parameters.core_depth_mm as f32;
    let core_level = level(core_depth * core_depth);
    // For each part the voxels of its core and their sum.
    let mut cores = vec![(0u64, 0i64); components.parts().len()];
    for (run, part) in components.runs() {
        let (Some(depths), Some(values), Some((core_voxels, core_sum))) =
            (depths.get(run.clone()), volume.data().get(run), cores.get_mut(part))
        else {
            continue;
        };
        for (_, hu) in depths.iter().zip(values).filter(|(depth, _)| core_level <= **depth) {
            *core_voxels += 1;
            *core_sum += i64::from(*hu);
        }
    }
    let space = |(part, (of, (core_voxels, core_sum))): (usize, (&Part, &(u64, i64)))| {
        let (voxels, core_voxels) = (of.voxels as f64, *core_voxels as f64);
        let core_hu = *core_sum as f64 / core_voxels;
        (parameters.core_share_min * voxels <= core_voxels).then(|| AirSpace {
            part,
            volume_ml: voxels * grid.voxel_ml(),
            centroid: grid.to_lps(of.centroid()),
            core_hu,
            core: if air_hu + parameters.gas_margin_hu < core_hu { Core::Lung } else { Core::Gas },
        })
    };
    let mut found: Vec<AirSpace> =
        components.parts().iter().zip(&cores).enumerate().filter_map(space).collect();
    found.sort_by(|a, b| b.volume_ml.total_cmp(&a.volume_ml).then(a.part.cmp(&b.part)));
    found
}

/// Lungs that hang together, parted at their neck, and the x between them. Nothing if there is no neck between two
/// bodies that could be right and left.
fn part_at_neck(spaces: &Labels, depths: &[u16], parameters: &LungsParameters) -> Option<(Labels, f64)> {
    let (grid, dims) = (spaces.grid(), spaces.dims());
    let width_mm = width_mm(grid, spaces)?;
    let apart_mm = parameters.clauses.apart_min_mm.max(parameters.spaces.parted_share_min * width_mm);
    let voxels_min = parameters.spaces.parted_min_ml / grid.voxel_ml();
    let x = |core: &watershed::Core| grid.to_lps(core.centroid()).x;
    let apart = |one: &watershed::Core, other: &watershed::Core| {
        voxels_min <= one.voxels.min(other.voxels) as f64 && apart_mm <= (x(one) - x(other)).abs()
    };
    let neck = find_neck(dims, depths, apart)?;
    let [one, other] = neck.cores;
    let (right, left) = if x(&one) < x(&other) { (one, other) } else { (other, one) };
    let flooded = part(dims, depths, &[right.deepest, left.deepest]);
    let mut labels = spaces.clone();
    for (label, flooded) in labels.data_mut().iter_mut().zip(flooded) {
        *label = if *label == 0 { 0 } else { flooded };
    }
    Some((labels, (x(&right) + x(&left)) / 2.0))
}

/// How wide all spaces together are from right to left.
fn width_mm(grid: &Grid, spaces: &Labels) -> Option<f64> {
    let block = Block::around(spaces, |value| *value != 0)?;
    let (low, high) = (VoxelPoint::from(block.low()), VoxelPoint::from(block.high()));
    // Slices are axial or nearly so: i runs from right to left.
    let across = VoxelPoint { i: high.i - low.i + 1.0, j: 0.0, k: 0.0 };
    Some((grid.to_lps(across) - grid.origin()).length())
}

/// Lungs that are spaces of their own: the largest, and the largest on the other side of it. With them the x between
/// them.
fn by_space(
    spaces: &Labels,
    components: &Components,
    lunglike: &[AirSpace],
    apart_min_mm: f64,
) -> Option<(Labels, f64)> {
    let [first, second] = opposite_pair(lunglike, apart_min_mm)?;
    let middle = (first.centroid.x + second.centroid.x) / 2.0;
    let mut labels = spaces.clone();
    components.paint(&mut labels, |part| {
        let own = [first, second].into_iter().find(|space| space.part == part);
        Some(own.map_or(0, |space| side_of(space.centroid, middle)))
    });
    Some((labels, middle))
}

fn opposite_pair(spaces: &[AirSpace], apart_min_mm: f64) -> Option<[AirSpace; 2]> {
    let first = spaces.first()?;
    let second = spaces.iter().find(|space| apart_min_mm <= (space.centroid.x - first.centroid.x).abs())?;
    Some([*first, *second])
}

fn side_of(centroid: PointLps, middle: f64) -> u8 {
    if centroid.x < middle { RIGHT } else { LEFT }
}

/// Why there are no two lungs: two spaces lie on opposite sides but one is as dark as air, or there are no two.
fn no_two_sides(lunglike: &[AirSpace], all: &[AirSpace], apart_min_mm: f64) -> Decline {
    if let Some(pair) = opposite_pair(all, apart_min_mm)
        && let Some(gas) = pair.into_iter().find(|space| space.core == Core::Gas)
    {
        let [one, other] = pair.map(|space| space.centroid.x);
        let side = if gas.centroid.x <= one.min(other) { Side::Right } else { Side::Left };
        return Decline::Gas { side, core_hu: gas.core_hu };
    }
    let largest_ml = lunglike.first().map_or(0.0, |space| space.volume_ml);
    Decline::NotTwoSides { spaces: lunglike.len(), largest_ml }
}

/// Gives further lung-like spaces to the lung of their side: a lobe that a thick fissure or fluid cuts off. Only
/// those that lie where the two lungs lie: foam below the back and bowel are denser than gas too.
fn add_pieces(
    labels: &mut Labels,
    middle: f64,
    components: &Components,
    lunglike: &[AirSpace],
    outside_max_mm: f64,
) {
    let Some(lungs) = Block::around(labels, |value| *value != 0) else { return };
    let room = labels.grid().spacing().to_array().map(|step| (outside_max_mm / step) as usize);
    let around = lungs.grown(labels.dims(), room);
    let is_piece = |space: &&AirSpace| {
        components.parts().get(space.part).is_some_and(|part| {
            labels.data().get(part.first) == Some(&0)
                && around.contains(part.low)
                && around.contains(part.high)
        })
    };
    let pieces: Vec<AirSpace> = lunglike.iter().filter(is_piece).copied().collect();
    components.paint(labels, |part| {
        pieces.iter().find(|piece| piece.part == part).map(|piece| side_of(piece.centroid, middle))
    });
}
