//! From a series to a volume in modality values, or the reason why not.
//!
//! Invariant: the k-th slice of the volume is the k-th image of [`Loaded::images`].

use gantry_dicom::{data_set::DataSet, reader::Stop, tag};
use gantry_image::{
    assemble::{AssembleError, VolumeBuilder},
    stack::{StackError, stack},
    volume::Volume,
};
use gantry_pixel::{Frames, PixelError};
use gantry_types::{
    error_code::ErrorCode,
    header::{Decimal, ImageHeader, Rescale},
    uid::SopInstanceUid,
};

use crate::objects::{Objects, Opened, Series, Unusable};

/// A series as a volume.
#[derive(Debug)]
pub struct Loaded {
    /// Modality values; Hounsfield units for CT.
    pub volume: Volume<i16>,
    /// The images in stack order.
    pub images: Vec<ImageHeader>,
    /// The whole header of the first image in stack order, without pixels.
    pub header: DataSet<'static>,
}

/// Why a series is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Its images are no regular stack.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The same image is there twice.
    #[error("image {0} is there twice")]
    Twice(SopInstanceUid),
    /// The pixels of an image cannot be read.
    #[error("image {image}: {source}")]
    Pixel {
        /// Which.
        image: SopInstanceUid,
        /// Why.
        #[source]
        source: PixelError,
    },
    /// An image is more than one frame of grey.
    #[error("image {0} is not one frame of grey")]
    NotGrey(SopInstanceUid),
    /// Two images name different patients or accession numbers: whose the result would be nobody knows.
    #[error("image {0} names another patient or accession number than the first")]
    MixedIdentity(SopInstanceUid),
    /// The values of a CT image are no Hounsfield units.
    #[error("image {image} gives its values as {kind:?}, not in Hounsfield units")]
    NotHounsfield {
        /// Which.
        image: SopInstanceUid,
        /// Rescale Type.
        kind: String,
    },
    /// The values of an image are given by a table.
    #[error("image {0} has a Modality LUT, which is not read")]
    ModalityLut(SopInstanceUid),
    /// Its values make no volume.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// An image could be read before and cannot now.
    #[error("image {image} cannot be read any more: {why}")]
    Gone {
        /// Which.
        image: SopInstanceUid,
        /// Why.
        why: String,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Stack(error) => error.code(),
            Self::Twice(_) => ErrorCode("image/twice"),
            Self::Pixel { source, .. } => source.code(),
            Self::NotGrey(_) => ErrorCode("image/not-grey"),
            Self::MixedIdentity(_) => ErrorCode("series/mixed-identity"),
            Self::NotHounsfield { .. } => ErrorCode("image/not-hounsfield"),
            Self::ModalityLut(_) => ErrorCode("image/modality-lut"),
            Self::Assemble(error) => error.code(),
            Self::Gone { .. } => ErrorCode("image/gone"),
        }
    }
}

/// Loads a series; `progress` hears of each slice.
///
/// # Errors
/// [`Refusal`]: the first rule that the series breaks.
pub fn load(
    objects: &dyn Objects,
    series: &Series,
    progress: &mut dyn FnMut(usize),
) -> Result<Loaded, Refusal> {
    check_twice(series)?;
    check_identity(series)?;
    let headers: Vec<&ImageHeader> = series.objects.iter().map(|(_, header)| header).collect();
    let stack = stack(&headers)?;
    check_syntaxes(series)?;
    check_unit(series)?;
    let mut builder = VolumeBuilder::<i16>::new(stack.grid);
    let mut images = Vec::with_capacity(stack.order.len());
    let mut first_header = None;
    let mut samples = Vec::new();
    for (slice, at) in stack.order.iter().enumerate() {
        progress(slice);
        // The stack orders what it was given.
        let Some((number, header)) = series.objects.get(*at) else { continue };
        let gone = |why: Unusable| Refusal::Gone { image: header.sop_instance.clone(), why: why.to_string() };
        let opened = Opened::new(objects, *number).map_err(gone)?;
        let data_set = opened.read(Stop::AtEnd).map_err(gone)?;
        decode(&data_set, header, &mut samples)?;
        builder.push_slice(&samples, rescale(&data_set, header).as_ref())?;
        if first_header.is_none() {
            let mut whole = data_set.to_little_endian();
            whole.remove(tag::PIXEL_DATA);
            first_header = Some(whole);
        }
        images.push(header.clone());
    }
    Ok(Loaded { volume: builder.finish()?, images, header: first_header.unwrap_or_default() })
}

fn check_twice(series: &Series) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    match series.objects.iter().find(|(_, header)| !seen.insert(&header.sop_instance)) {
        Some((_, header)) => Err(Refusal::Twice(header.sop_instance.clone())),
        None => Ok(()),
    }
}

fn check_identity(series: &Series) -> Result<(), Refusal> {
    let mut images = series.objects.iter().map(|(_, header)| header);
    let Some(first) = images.next() else { return Ok(()) };
    match images.find(|image| image.identity != first.identity) {
        Some(image) => Err(Refusal::MixedIdentity(image.sop_instance.clone())),
        None => Ok(()),
    }
}

/// Rescale Type of a CT image: absent means Hounsfield units (PS3.3 C.8.2.1.1.2).
fn check_unit(series: &Series) -> Result<(), Refusal> {
    for (_, image) in &series.objects {
        let kind = image.rescale.as_ref().and_then(|rescale| rescale.kind.as_deref()).unwrap_or_default();
        if image.modality == "CT" && !matches!(kind, "" | "HU") {
            return Err(Refusal::NotHounsfield { image: image.sop_instance.clone(), kind: kind.to_owned() });
        }
    }
    Ok(())
}

/// The rescale of an image. The MR Image module has none (PS3.3 C.8.3.1): without one, stored values are the values.
fn rescale(data_set: &DataSet<'_>, header: &ImageHeader) -> Option<Rescale> {
    let is_absent = |tag| data_set.get(tag).is_none();
    if header.modality != "MR" || !is_absent(tag::RESCALE_SLOPE) || !is_absent(tag::RESCALE_INTERCEPT) {
        return header.rescale.clone();
    }
    Some(Rescale { slope: Decimal::parse("1")?, intercept: Decimal::parse("0")?, kind: None })
}

/// A syntax that is not read is named before anything is decoded.
fn check_syntaxes(series: &Series) -> Result<(), Refusal> {
    match series.objects.iter().find(|(_, header)| !Frames::can_read(&header.transfer_syntax)) {
        Some((_, header)) => Err(Refusal::Pixel {
            image: header.sop_instance.clone(),
            source: PixelError::SyntaxNotRead(header.transfer_syntax.clone()),
        }),
        None => Ok(()),
    }
}

fn decode(data_set: &DataSet<'_>, header: &ImageHeader, samples: &mut Vec<i32>) -> Result<(), Refusal> {
    if !data_set.items(tag::MODALITY_LUT_SEQUENCE).is_empty() {
        return Err(Refusal::ModalityLut(header.sop_instance.clone()));
    }
    let failed = |source| Refusal::Pixel { image: header.sop_instance.clone(), source };
    let frames = Frames::locate(data_set, header).map_err(failed)?;
    let is_grey = header
        .format
        .as_ref()
        .is_some_and(|format| format.samples_per_pixel == 1 && format.photometric == "MONOCHROME2");
    if frames.count() != 1 || !is_grey {
        return Err(Refusal::NotGrey(header.sop_instance.clone()));
    }
    frames.decode(0, samples).map_err(failed)
}
