//! From the headers of a series to a regular stack of slices, or the reason why it is none.
//!
//! Only the Image Plane attributes decide: positions give the order and the slice distance; Instance Number, file
//! order, Patient Position and Spacing Between Slices are never asked. A stack is regular if its slices have one
//! orientation, one size and one pixel format, and lie above each other at even distances along their normal.
//! Whatever is not regular is refused; nothing is left out, averaged or straightened.
//!
//! Tolerances are those of numbers that were rounded when they were written: see the constants.

use gantry_types::{
    error_code::ErrorCode,
    header::{ImageHeader, ImagePlane, PixelFormat},
};

use crate::{
    geometry::{PointLps, VectorLps},
    grid::{Dims, Grid, GridError},
};

/// The fewest slices of a stack: two have one distance, which cannot be uneven.
pub const SLICES_MIN: usize = 3;

/// How far a slice may lie from its even place. Scanners round positions to 0.1 mm: that moves each of an oblique
/// position's three coordinates by 0.05 mm, and the two end slices that span the even places as well. Where slices
/// lie closer than four times this, a quarter of their distance is the limit, so that a missing slice always shows.
pub const POSITION_TOLERANCE_MM: f64 = 0.2;

/// How far direction cosines may be off unit length, a right angle, or each other: they are rounded to three
/// decimals by some writers. It is also how far slices may drift sideways, for each millimetre along the normal.
pub const COSINE_TOLERANCE: f64 = 1e-3;

/// How far two pixel spacings may differ: 0.05 mm over 512 pixels.
pub const SPACING_TOLERANCE_MM: f64 = 1e-4;

/// Two slices closer than this lie at the same place.
pub const DUPLICATE_DISTANCE_MM: f64 = 0.01;

/// A regular stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Where its voxels lie: i along the rows, j down the columns, k along the normal (row x column).
    pub grid: Grid,
    /// For each slice from k = 0 upwards, which of the headers it is.
    pub order: Vec<usize>,
    /// How the samples of every slice are stored.
    pub format: PixelFormat,
}

/// Why images are no regular stack.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StackError {
    /// Image Type says that some are localizers.
    #[error("{count} of {of} images are localizers")]
    Localizer {
        /// How many.
        count: usize,
        /// Of how many images.
        of: usize,
    },
    /// There are fewer than [`SLICES_MIN`].
    #[error("{found} images are too few for a volume, which needs {SLICES_MIN}")]
    TooFewSlices {
        /// How many there are.
        found: usize,
    },
    /// Position, orientation or pixel spacing is absent or unreadable.
    #[error("{count} of {of} images do not say where they lie in the patient")]
    NoPlane {
        /// How many.
        count: usize,
        /// Of how many images.
        of: usize,
    },
    /// The pixels are not described.
    #[error("{count} of {of} images have no readable pixel description")]
    NoPixelFormat {
        /// How many.
        count: usize,
        /// Of how many images.
        of: usize,
    },
    /// An object holds several frames; their places are not in its image plane.
    #[error("an image holds {frames} frames")]
    MultiFrame {
        /// How many.
        frames: u32,
    },
    /// Colour, which has no modality value.
    #[error("the images have {samples} samples per pixel, a volume is made of one")]
    NotOneSample {
        /// Samples per Pixel.
        samples: u16,
    },
    /// Positions that are given in different patient spaces cannot be compared.
    #[error("the images lie in different frames of reference")]
    MixedFrameOfReference,
    /// The direction cosines are no two perpendicular unit vectors.
    #[error("the orientation {orientation:?} is not two perpendicular unit vectors")]
    BadOrientation {
        /// Image Orientation (Patient).
        orientation: [f64; 6],
    },
    /// Slices of several orientations.
    #[error("the images have {} orientations ({images:?} images each)", .images.len())]
    MixedOrientation {
        /// How many images have each.
        images: Vec<usize>,
    },
    /// Rows or columns differ.
    #[error("images of {first:?} and {other:?} columns and rows are mixed")]
    MixedSize {
        /// Of the first image.
        first: [u16; 2],
        /// Of another.
        other: [u16; 2],
    },
    /// The pixel spacing is not positive.
    #[error("a pixel spacing of {spacing_mm:?} mm is not positive")]
    BadSpacing {
        /// Pixel Spacing: between rows, between columns.
        spacing_mm: [f64; 2],
    },
    /// Pixel spacings differ.
    #[error("pixel spacings of {first_mm:?} and {other_mm:?} mm are mixed")]
    MixedSpacing {
        /// Of the first image.
        first_mm: [f64; 2],
        /// Of another.
        other_mm: [f64; 2],
    },
    /// The samples are stored in different ways.
    #[error("the images store their samples differently ({first} and {other})")]
    MixedPixelFormat {
        /// Of the first image.
        first: String,
        /// Of another.
        other: String,
    },
    /// Two slices lie at the same place.
    #[error("two images lie at the same place, {at_mm:.2} mm along the slice normal")]
    DuplicatePosition {
        /// Where.
        at_mm: f64,
    },
    /// The slices do not lie above each other: the gantry was tilted.
    #[error(
        "the slices are sheared by {degrees:.1} degrees: {sideways_mm:.2} mm sideways over {along_mm:.2} mm"
    )]
    GantryTilt {
        /// The angle between the slice normal and the way from slice to slice.
        degrees: f64,
        /// How far the worst slice is off.
        sideways_mm: f64,
        /// How far it lies from the first.
        along_mm: f64,
    },
    /// Distances between neighbouring slices differ, or slices are missing.
    #[error("slice distances run from {smallest_mm:.3} to {largest_mm:.3} mm, a volume needs even ones")]
    UnevenSpacing {
        /// The smallest distance between neighbours.
        smallest_mm: f64,
        /// The largest.
        largest_mm: f64,
    },
    /// The numbers make no grid.
    #[error("the images make no volume")]
    Grid(#[source] GridError),
}

impl StackError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::Localizer { .. } => "image/localizer",
            Self::TooFewSlices { .. } => "image/too-few-slices",
            Self::NoPlane { .. } => "image/no-plane",
            Self::NoPixelFormat { .. } => "image/no-pixel-format",
            Self::MultiFrame { .. } => "image/multi-frame",
            Self::NotOneSample { .. } => "image/not-one-sample",
            Self::MixedFrameOfReference => "image/mixed-frame-of-reference",
            Self::BadOrientation { .. } => "image/bad-orientation",
            Self::MixedOrientation { .. } => "image/mixed-orientation",
            Self::MixedSize { .. } => "image/mixed-size",
            Self::BadSpacing { .. } => "image/bad-spacing",
            Self::MixedSpacing { .. } => "image/mixed-spacing",
            Self::MixedPixelFormat { .. } => "image/mixed-pixel-format",
            Self::DuplicatePosition { .. } => "image/duplicate-position",
            Self::GantryTilt { .. } => "image/gantry-tilt",
            Self::UnevenSpacing { .. } => "image/uneven-spacing",
            Self::Grid(_) => "image/bad-grid",
        })
    }
}

/// The plane of one image, as numbers.
#[derive(Clone, Copy)]
struct Plane {
    position: PointLps,
    row: VectorLps,
    column: VectorLps,
    /// Between rows, between columns.
    spacing: [f64; 2],
}

/// Makes a stack of images.
///
/// # Errors
/// [`StackError`] names the first rule that the images break, in the order of its variants.
pub fn stack(headers: &[&ImageHeader]) -> Result<Stack, StackError> {
    let of = headers.len();
    let count = headers.iter().filter(|header| is_localizer(header)).count();
    if count != 0 {
        return Err(StackError::Localizer { count, of });
    }
    if of < SLICES_MIN {
        return Err(StackError::TooFewSlices { found: of });
    }
    let planes: Vec<Plane> = headers.iter().filter_map(|header| header.plane.as_ref().map(plane)).collect();
    if planes.len() != of {
        return Err(StackError::NoPlane { count: of - planes.len(), of });
    }
    let format = common_format(headers)?;
    let frame = headers.first().map(|header| &header.frame_of_reference);
    if headers.iter().any(|header| Some(&header.frame_of_reference) != frame) {
        return Err(StackError::MixedFrameOfReference);
    }
    let first = common_plane(&planes)?;
    let (order, grid) = order(&planes, first, &format)?;
    Ok(Stack { grid, order, format })
}

/// The images that share an orientation, by their numbers, in the order in which each orientation first occurs.
/// Images without a plane are in no group.
#[must_use]
pub fn orientation_groups(headers: &[&ImageHeader]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Plane, Vec<usize>)> = Vec::new();
    for (number, header) in headers.iter().enumerate() {
        let Some(own) = header.plane.as_ref().map(plane) else { continue };
        match groups.iter_mut().find(|(first, _)| has_same_orientation(first, &own)) {
            Some((_, members)) => members.push(number),
            None => groups.push((own, vec![number])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

fn is_localizer(header: &ImageHeader) -> bool {
    header.image_type.iter().any(|value| value.trim().eq_ignore_ascii_case("LOCALIZER"))
}

fn plane(plane: &ImagePlane) -> Plane {
    let [x, y, z] = [0, 1, 2].map(|axis| plane.position.get(axis).map_or(f64::NAN, |d| d.value));
    let cosine = |axis: usize| plane.orientation.get(axis).map_or(f64::NAN, |d| d.value);
    let [between_rows, between_columns] = &plane.spacing;
    Plane {
        position: PointLps::new(x, y, z),
        row: VectorLps::new(cosine(0), cosine(1), cosine(2)),
        column: VectorLps::new(cosine(3), cosine(4), cosine(5)),
        spacing: [between_rows.value, between_columns.value],
    }
}

fn common_format(headers: &[&ImageHeader]) -> Result<PixelFormat, StackError> {
    let of = headers.len();
    let formats: Vec<&PixelFormat> = headers.iter().filter_map(|header| header.format.as_ref()).collect();
    let (Some(first), true) = (formats.first(), formats.len() == of) else {
        return Err(StackError::NoPixelFormat { count: of - formats.len(), of });
    };
    for format in &formats {
        if format.frames != 1 {
            return Err(StackError::MultiFrame { frames: format.frames });
        }
        if format.samples_per_pixel != 1 {
            return Err(StackError::NotOneSample { samples: format.samples_per_pixel });
        }
        if (format.columns, format.rows) != (first.columns, first.rows) {
            let size = |format: &PixelFormat| [format.columns, format.rows];
            return Err(StackError::MixedSize { first: size(first), other: size(format) });
        }
        if format != first {
            let (first, other) = (describe(first), describe(format));
            return Err(StackError::MixedPixelFormat { first, other });
        }
    }
    Ok((*first).clone())
}

fn describe(format: &PixelFormat) -> String {
    let PixelFormat { bits_stored, bits_allocated, high_bit, sign, photometric, .. } = format;
    format!("{bits_stored} of {bits_allocated} bits up to bit {high_bit}, {sign:?}, {photometric}")
}

/// The plane that all images share but for their positions.
fn common_plane(planes: &[Plane]) -> Result<Plane, StackError> {
    let Some(first) = planes.first() else { return Err(StackError::TooFewSlices { found: 0 }) };
    for plane in planes {
        let near = |value: f64, wanted: f64| (value - wanted).abs() <= COSINE_TOLERANCE;
        let unit = near(plane.row.length(), 1.0) && near(plane.column.length(), 1.0);
        if !unit || !near(plane.row.dot(plane.column), 0.0) {
            return Err(StackError::BadOrientation { orientation: cosines(plane) });
        }
        if !plane.spacing.iter().all(|spacing| spacing.is_finite() && 0.0 < *spacing) {
            return Err(StackError::BadSpacing { spacing_mm: plane.spacing });
        }
    }
    let same = planes.iter().filter(|plane| has_same_orientation(first, plane)).count();
    if same != planes.len() {
        return Err(StackError::MixedOrientation { images: sizes_of_groups(planes) });
    }
    for plane in planes {
        let apart = plane.spacing.iter().zip(first.spacing).map(|(a, b)| (a - b).abs());
        if apart.fold(0.0, f64::max) > SPACING_TOLERANCE_MM {
            return Err(StackError::MixedSpacing { first_mm: first.spacing, other_mm: plane.spacing });
        }
    }
    Ok(*first)
}

fn sizes_of_groups(planes: &[Plane]) -> Vec<usize> {
    let mut groups: Vec<(&Plane, usize)> = Vec::new();
    for plane in planes {
        match groups.iter_mut().find(|(first, _)| has_same_orientation(first, plane)) {
            Some((_, count)) => *count += 1,
            None => groups.push((plane, 1)),
        }
    }
    groups.into_iter().map(|(_, count)| count).collect()
}

fn cosines(plane: &Plane) -> [f64; 6] {
    let ([a, b, c], [d, e, f]) = (plane.row.to_array(), plane.column.to_array());
    [a, b, c, d, e, f]
}

fn has_same_orientation(one: &Plane, other: &Plane) -> bool {
    cosines(one).iter().zip(cosines(other)).all(|(a, b)| (a - b).abs() <= COSINE_TOLERANCE)
}

/// Sorts the slices along the normal, and checks that they lie above each other at even distances.
fn order(planes: &[Plane], first: Plane, format: &PixelFormat) -> Result<(Vec<usize>, Grid), StackError> {
    let bad = || StackError::BadOrientation { orientation: cosines(&first) };
    let row = first.row.unit().ok_or_else(bad)?;
    let normal = row.cross(first.column).unit().ok_or_else(bad)?;
    // Perpendicular to the row by construction, within the tolerance of what was written.
    let column = normal.cross(row);

    let mut along: Vec<(f64, usize, PointLps)> = planes
        .iter()
        .enumerate()
        .map(|(number, plane)| ((plane.position - first.position).dot(normal), number, plane.position))
        .collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (Some(low), Some(high)) = (along.first().copied(), along.last().copied()) else {
        return Err(StackError::TooFewSlices { found: 0 });
    };
    for (one, next) in along.iter().zip(along.iter().skip(1)) {
        if next.0 - one.0 < DUPLICATE_DISTANCE_MM {
            let at_mm = VectorLps::new(one.2.x, one.2.y, one.2.z).dot(normal);
            return Err(StackError::DuplicatePosition { at_mm });
        }
    }
    check_above_each_other(&along, low, normal)?;
    let step_mm = (high.0 - low.0) / (along.len() - 1) as f64;
    check_even(&along, step_mm)?;

    let [between_rows, between_columns] = first.spacing;
    let dims = Dims::new(format.columns.into(), format.rows.into(), along.len()).map_err(StackError::Grid)?;
    let steps = [row * between_columns, column * between_rows, normal * step_mm];
    let grid = Grid::new(dims, low.2, steps).map_err(StackError::Grid)?;
    Ok((along.into_iter().map(|(_, number, _)| number).collect(), grid))
}

fn check_above_each_other(
    along: &[(f64, usize, PointLps)],
    low: (f64, usize, PointLps),
    normal: VectorLps,
) -> Result<(), StackError> {
    for (at, _, position) in along {
        let along_mm = at - low.0;
        let sideways_mm = (*position - low.2 + normal * -along_mm).length();
        if POSITION_TOLERANCE_MM + COSINE_TOLERANCE * along_mm < sideways_mm {
            let degrees = sideways_mm.atan2(along_mm).to_degrees();
            return Err(StackError::GantryTilt { degrees, sideways_mm, along_mm });
        }
    }
    Ok(())
}

fn check_even(along: &[(f64, usize, PointLps)], step_mm: f64) -> Result<(), StackError> {
    let Some((start, ..)) = along.first() else { return Ok(()) };
    let tolerance = POSITION_TOLERANCE_MM.min(step_mm / 4.0);
    let is_even = |(n, (at, ..)): (usize, &(f64, usize, PointLps))| {
        (at - start - n as f64 * step_mm).abs() <= tolerance
    };
    if along.iter().enumerate().all(is_even) {
        return Ok(());
    }
    let distances = along.iter().zip(along.iter().skip(1)).map(|(one, next)| next.0 - one.0);
    let (smallest_mm, largest_mm) =
        distances.fold((f64::INFINITY, 0.0f64), |(low, high), d| (low.min(d), high.max(d)));
    Err(StackError::UnevenSpacing { smallest_mm, largest_mm })
}

#[cfg(test)]
mod tests;
