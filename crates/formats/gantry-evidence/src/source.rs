//! The images that findings were made from, and the header that says whose they are.
//!
//! Identity comes from the header in force, geometry and references from the images themselves, in the spelling of
//! the source.
//!
//! Invariants
//! - All images are of one patient, study and series, of one size and orientation, each with its place in the patient.
//! - They stand in stack order: each lies further along the normal (row x column) than the one before, so that image
//!   number k is slice k of a mask on their grid.

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag::{self, Tag},
};
use gantry_image::{
    geometry::{PointLps, VectorLps, VoxelIndex, VoxelPoint},
    grid::Grid,
    stack,
};
use gantry_types::{
    error_code::ErrorCode,
    header::{Decimal, ImageHeader, ImagePlane},
    instant::{Stamp, UtcOffset},
    uid::{FrameOfReferenceUid, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid},
};

use crate::{header, note::Note};

/// A series of images and the header in force of its study.
#[derive(Debug, Clone)]
pub struct Source {
    header: DataSet<'static>,
    copied: DataSet<'static>,
    notes: Vec<Note>,
    images: Vec<SourceImage>,
    study: StudyInstanceUid,
    series: SeriesInstanceUid,
    frame_of_reference: Option<FrameOfReferenceUid>,
    modality: String,
    rows: u16,
    columns: u16,
}

/// One image of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceImage {
    /// SOP Class UID.
    pub sop_class: SopClassUid,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
    /// Where it lies, in the source's spelling.
    pub plane: ImagePlane,
    /// Slice Thickness (0018,0050), where it has one.
    pub slice_thickness: Option<Decimal>,
}

/// Why images are no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There are none.
    #[error("there are no source images")]
    NoImages,
    /// The header in force is of another study than the images.
    #[error("the header in force is of study {header:?}, the images are of study {images:?}")]
    OtherStudy {
        /// Study Instance UID of the header.
        header: String,
        /// Study Instance UID of the first image.
        images: String,
    },
    /// The images are not of one patient, study and series, or of several sizes or frames of reference.
    #[error("the image {0} is of another patient, study, series, size or frame of reference than the first")]
    Mixed(SopInstanceUid),
    /// An image does not say where its pixels lie.
    #[error("the image {0} has no readable position, orientation, spacing or size")]
    NoPlane(SopInstanceUid),
    /// The images do not stand in stack order.
    #[error("the image {0} does not lie further along the slice normal than the one before it")]
    OutOfOrder(SopInstanceUid),
}

impl SourceError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::NoImages => "evidence/no-images",
            Self::OtherStudy { .. } => "evidence/other-study",
            Self::Mixed(_) => "evidence/mixed-images",
            Self::NoPlane(_) => "evidence/no-plane",
            Self::OutOfOrder(_) => "evidence/out-of-order",
        })
    }
}

impl Source {
    /// Takes the header in force and the images of a series in stack order.
    ///
    /// # Errors
    /// [`SourceError`] names the first image that does not fit.
    pub fn new(header_in_force: &DataSet<'_>, images: &[&ImageHeader]) -> Result<Self, SourceError> {
        let first = *images.first().ok_or(SourceError::NoImages)?;
        let format = first.format.as_ref().ok_or_else(|| SourceError::NoPlane(first.sop_instance.clone()))?;
        let header = header_in_force.to_little_endian();
        let study = header.str(tag::STUDY_INSTANCE_UID).unwrap_or_default();
        if study != first.study.as_str() {
            let images = first.study.as_str().to_owned();
            return Err(SourceError::OtherStudy { header: study.to_owned(), images });
        }
        let images = checked(images, first)?;
        let mut notes = Vec::new();
        let copied = header::copy(&header, &mut notes);
        Ok(Self {
            header,
            copied,
            notes,
            images,
            study: first.study.clone(),
            series: first.series.clone(),
            frame_of_reference: first.frame_of_reference.clone(),
            modality: first.modality.clone(),
            rows: format.rows,
            columns: format.columns,
        })
    }

    /// The images in stack order.
    #[must_use]
    pub fn images(&self) -> &[SourceImage] {
        &self.images
    }

    /// The image with this SOP Instance UID.
    #[must_use]
    pub fn image(&self, sop_instance: &str) -> Option<&SourceImage> {
        self.images.iter().find(|image| image.sop_instance.as_str() == sop_instance)
    }

    /// The header in force, with numbers in little endian.
    #[must_use]
    pub const fn header(&self) -> &DataSet<'static> {
        &self.header
    }

    /// Study Instance UID.
    #[must_use]
    pub const fn study(&self) -> &StudyInstanceUid {
        &self.study
    }

    /// Series Instance UID.
    #[must_use]
    pub const fn series(&self) -> &SeriesInstanceUid {
        &self.series
    }

    /// Frame of Reference UID, where the images name one.
    #[must_use]
    pub const fn frame_of_reference(&self) -> Option<&FrameOfReferenceUid> {
        self.frame_of_reference.as_ref()
    }

    /// Modality (0008,0060) of the images.
    #[must_use]
    pub fn modality(&self) -> &str {
        &self.modality
    }

    /// Rows and columns of every image.
    #[must_use]
    pub const fn size(&self) -> [u16; 2] {
        [self.rows, self.columns]
    }

    /// What was left out of the header in force.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Patient and study, as every object of ours repeats them.
    pub(crate) const fn copied(&self) -> &DataSet<'static> {
        &self.copied
    }

    /// A further attribute of the header in force, if it is legal.
    pub(crate) fn legal(&self, tag: Tag, notes: &mut Vec<Note>) -> Option<Value<'static>> {
        header::legal(&self.header, tag, notes)
    }

    /// A stamp, shown with the offset that Timezone Offset From UTC (0008,0201) of our objects announces, if they
    /// have one.
    pub(crate) fn shown(&self, stamp: Stamp) -> Stamp {
        let offset = self.copied.str(tag::TIMEZONE_OFFSET_FROM_UTC).and_then(parse_offset);
        Stamp { at: stamp.at, offset: offset.unwrap_or(stamp.offset) }
    }

    /// How the grid differs from that of the images; nothing if every voxel lies on its pixel.
    #[must_use]
    pub fn difference_from(&self, grid: &Grid) -> Option<String> {
        let dims = grid.dims();
        let own = [usize::from(self.columns), usize::from(self.rows), self.images.len()];
        if dims.to_array() != own {
            return Some(format!("it has {:?} voxels, the images have {own:?}", dims.to_array()));
        }
        let corner = [dims.columns().saturating_sub(1), dims.rows().saturating_sub(1)];
        self.images.iter().enumerate().find_map(|(k, image)| {
            // The first pixel and the one opposite: what is right at both is right between them.
            let [last_column, last_row] = corner;
            let pixels = [VoxelIndex::new(0, 0, k), VoxelIndex::new(last_column, last_row, k)];
            pixels.into_iter().find_map(|pixel| {
                let apart_mm =
                    (grid.to_lps(VoxelPoint::from(pixel)) - point_of(&image.plane, pixel)).length();
                let far = tolerance_mm(&image.plane, pixel, grid.spacing().slice) < apart_mm;
                far.then(|| {
                    format!(
                        "voxel {pixel:?} lies {apart_mm:.2} mm beside the pixel of image {}",
                        image.sop_instance
                    )
                })
            })
        })
    }
}

/// Positions are rounded by those who write them, and direction cosines too: what a stack may differ from its grid.
/// As for a stack, never more than a quarter of the slice distance for the position.
fn tolerance_mm(plane: &ImagePlane, pixel: VoxelIndex, slice_mm: f64) -> f64 {
    let [between_rows, between_columns] = plane.spacing.each_ref().map(|spacing| spacing.value);
    let across_mm = between_columns * pixel.i as f64 + between_rows * pixel.j as f64;
    stack::POSITION_TOLERANCE_MM.min(slice_mm / 4.0) + across_mm * stack::COSINE_TOLERANCE
}

/// The patient's point at a pixel of an image (PS3.3 equation C.7.6.2.1-1).
fn point_of(plane: &ImagePlane, pixel: VoxelIndex) -> PointLps {
    let [x, y, z] = plane.position.each_ref().map(|coordinate| coordinate.value);
    let [row, column] = directions(plane);
    let [between_rows, between_columns] = plane.spacing.each_ref().map(|spacing| spacing.value);
    PointLps::new(x, y, z)
        + row * (between_columns * pixel.i as f64)
        + column * (between_rows * pixel.j as f64)
}

/// The directions of rows and columns.
pub(crate) fn directions(plane: &ImagePlane) -> [VectorLps; 2] {
    let [a, b, c, d, e, f] = plane.orientation.each_ref().map(|cosine| cosine.value);
    [VectorLps::new(a, b, c), VectorLps::new(d, e, f)]
}

/// How far along its own normal an image lies, mm.
fn along_normal(plane: &ImagePlane, normal: VectorLps) -> f64 {
    let [x, y, z] = plane.position.each_ref().map(|coordinate| coordinate.value);
    VectorLps::new(x, y, z).dot(normal)
}

fn checked(images: &[&ImageHeader], first: &ImageHeader) -> Result<Vec<SourceImage>, SourceError> {
    let size = |image: &ImageHeader| image.format.as_ref().map(|format| (format.rows, format.columns));
    let mut checked: Vec<SourceImage> = Vec::with_capacity(images.len());
    let mut last = None;
    let mut normal = None;
    for image in images {
        let name = || image.sop_instance.clone();
        let same = image.study == first.study
            && image.series == first.series
            && image.identity == first.identity
            && image.frame_of_reference == first.frame_of_reference
            && size(image) == size(first);
        if !same {
            return Err(SourceError::Mixed(name()));
        }
        let plane = image.plane.clone().ok_or_else(|| SourceError::NoPlane(name()))?;
        let [row, column] = directions(&plane);
        let normal = *normal.get_or_insert(row.cross(column));
        let along = along_normal(&plane, normal);
        if last.is_some_and(|last| along <= last) {
            return Err(SourceError::OutOfOrder(name()));
        }
        last = Some(along);
        checked.push(SourceImage {
            sop_class: image.sop_class.clone(),
            sop_instance: name(),
            plane,
            slice_thickness: image.slice_thickness.clone(),
        });
    }
    Ok(checked)
}

/// `+0100` (PS3.3 C.12.1.1.8).
fn parse_offset(text: &str) -> Option<UtcOffset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    UtcOffset::from_minutes(sign * (hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?))
}

#[cfg(test)]
mod tests;
