//! Phantoms as DICOM: CT Image Storage objects (PS3.3 A.3), complete enough for IOD checkers.
//!
//! Every identifier is derived from seed and acquisition, under 2.25; nothing is taken from a clock. Samples are
//! 12 bits unsigned with a rescale of 1 and -1024, as most scanners write them. Names and text say that this is no
//! patient.

use gantry_dicom::{
    data_set::{DataSet, Value},
    part10::{Implementation, head},
    syntax::EXPLICIT_VR_LITTLE_ENDIAN,
    tag,
    vr::Vr,
    writer::{WriteError, write_explicit},
};
use gantry_image::{
    geometry::{VectorLps, VoxelPoint},
    grid::{Dims, Grid},
    volume::Volume,
};
use gantry_types::uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid, UidError};

use crate::{
    acquisition::{Acquisition, Entry, FileOrder, Orientation, SeriesSet},
    random::{Random, Stream},
};

/// A file of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyFile {
    /// A name for it, unique in the study.
    pub name: String,
    /// The object in it.
    pub sop_instance: SopInstanceUid,
    /// Part 10 bytes.
    pub bytes: Vec<u8>,
}

/// Why a study cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// Slices have more rows or columns than an object can say.
    #[error("a slice of {columns} x {rows} pixels does not fit an image object")]
    TooLarge {
        /// Pixels along a row.
        columns: usize,
        /// Pixels down a column.
        rows: usize,
    },
    /// An element cannot be written.
    #[error("cannot write the data set")]
    Write(#[source] WriteError),
    /// An identifier is irregular.
    #[error("cannot name the object")]
    Uid(#[source] UidError),
}

/// What a study is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Patient's Name, such as `Phantom^Chest`.
    pub patient_name: &'a str,
    /// The seed: part of the Patient ID and of all UIDs.
    pub seed: u64,
}

const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
const INTERCEPT: i32 = -1024;
const SAMPLE_MAX: i32 = 4095;
/// The day of every acquisition: no clock is asked.
const DATE: &str = "20260105";
const TIME: &str = "090000";

/// Elements that only phantoms write.
mod element {
    use gantry_dicom::tag::Tag;

    pub(super) const SERIES_DATE: Tag = Tag(0x0008, 0x0021);
    pub(super) const ACQUISITION_DATE: Tag = Tag(0x0008, 0x0022);
    pub(super) const CONTENT_DATE: Tag = Tag(0x0008, 0x0023);
    pub(super) const STUDY_TIME: Tag = Tag(0x0008, 0x0030);
    pub(super) const SERIES_TIME: Tag = Tag(0x0008, 0x0031);
    pub(super) const ACQUISITION_TIME: Tag = Tag(0x0008, 0x0032);
    pub(super) const CONTENT_TIME: Tag = Tag(0x0008, 0x0033);
    pub(super) const REFERRING_PHYSICIAN: Tag = Tag(0x0008, 0x0090);
    pub(super) const MODEL_NAME: Tag = Tag(0x0008, 0x1090);
    pub(super) const PATIENT_SEX: Tag = Tag(0x0010, 0x0040);
    pub(super) const QUALITY_CONTROL_SUBJECT: Tag = Tag(0x0010, 0x0200);
    pub(super) const PATIENT_COMMENTS: Tag = Tag(0x0010, 0x4000);
    pub(super) const KVP: Tag = Tag(0x0018, 0x0060);
    pub(super) const DEVICE_SERIAL_NUMBER: Tag = Tag(0x0018, 0x1000);
    pub(super) const SOFTWARE_VERSIONS: Tag = Tag(0x0018, 0x1020);
    pub(super) const PATIENT_POSITION: Tag = Tag(0x0018, 0x5100);
    pub(super) const STUDY_ID: Tag = Tag(0x0020, 0x0010);
    pub(super) const ACQUISITION_NUMBER: Tag = Tag(0x0020, 0x0012);
    pub(super) const LATERALITY: Tag = Tag(0x0020, 0x0060);
    pub(super) const POSITION_REFERENCE: Tag = Tag(0x0020, 0x1040);
    pub(super) const WINDOW_CENTER: Tag = Tag(0x0028, 0x1050);
    pub(super) const WINDOW_WIDTH: Tag = Tag(0x0028, 0x1051);
}

/// One series to be written.
struct Series {
    number: u64,
    description: &'static str,
    image_type: &'static str,
    volume: Volume<i16>,
}

/// Writes a volume that was acquired ([`crate::acquisition::acquire`]) as a study.
///
/// # Errors
/// [`StudyError`] if the volume does not fit image objects.
pub fn study(
    hu: &Volume<i16>,
    subject: Subject<'_>,
    acquisition: &Acquisition,
) -> Result<Vec<StudyFile>, StudyError> {
    let identifiers = Identifiers::new(subject.seed, acquisition);
    let mut files = Vec::new();
    for series in series(hu, acquisition) {
        let mut common = common(subject, acquisition, &identifiers)?;
        put_series(&mut common, &series, acquisition, &identifiers)?;
        for k in 0..series.volume.dims().slices() {
            let sop_instance = SopInstanceUid::new(identifiers.uid(Kind::Instance, series.number, k)?);
            let mut image = common.clone();
            image.put_str(tag::SOP_INSTANCE_UID, sop_instance.as_str());
            put_slice(&mut image, &series.volume, k);
            files.push((series.number, sop_instance, image));
        }
    }
    let mut random = Random::new(subject.seed ^ acquisition.study_number, Stream::Order);
    match acquisition.order {
        FileOrder::Spatial => {}
        FileOrder::Shuffled => shuffle(&mut files, &mut random),
    }
    // Numbers follow the order of the files, within each series.
    let mut numbers = [0u32; 4];
    let mut written = Vec::with_capacity(files.len());
    for (n, (series, sop_instance, mut image)) in files.into_iter().enumerate() {
        if let Some(number) = usize::try_from(series).ok().and_then(|series| numbers.get_mut(series)) {
            *number += 1;
            image.put_str(tag::INSTANCE_NUMBER, number.to_string());
        }
        let bytes = part10(&image, &sop_instance)?;
        written.push(StudyFile { name: format!("IM{:05}.dcm", n + 1), sop_instance, bytes });
    }
    Ok(written)
}

fn shuffle<T>(files: &mut [T], random: &mut Random) {
    for last in (1..files.len()).rev() {
        // The remainder favours small numbers by less than 1 in 10^16.
        files.swap(last, (random.bits() % (last as u64 + 1)) as usize);
    }
}

fn series(hu: &Volume<i16>, acquisition: &Acquisition) -> Vec<Series> {
    let whole = Series {
        number: 2,
        description: "CHEST",
        image_type: match acquisition.orientation {
            Orientation::Oblique => "DERIVED\\PRIMARY\\AXIAL",
            Orientation::Axial | Orientation::Sagittal | Orientation::Coronal => "ORIGINAL\\PRIMARY\\AXIAL",
        },
        volume: hu.clone(),
    };
    let localizer = localizer(hu).map(|volume| Series {
        number: 1,
        description: "LOCALIZER",
        image_type: "ORIGINAL\\PRIMARY\\LOCALIZER",
        volume,
    });
    let thick = thick(hu).map(|volume| Series {
        number: 3,
        description: "CHEST THICK",
        image_type: "DERIVED\\PRIMARY\\AXIAL",
        volume,
    });
    match acquisition.series {
        SeriesSet::One => vec![whole],
        SeriesSet::Several => localizer.into_iter().chain([whole]).chain(thick).collect(),
    }
}

/// Slices of double thickness: the means of two neighbours.
fn thick(hu: &Volume<i16>) -> Option<Volume<i16>> {
    let dims = hu.dims();
    let pairs = dims.slices() / 2;
    let [i, j, k] = hu.grid().steps();
    let dims = Dims::new(dims.columns(), dims.rows(), pairs).ok()?;
    let origin = hu.grid().to_lps(VoxelPoint { i: 0.0, j: 0.0, k: 0.5 });
    let mut data = Vec::with_capacity(dims.voxels());
    for pair in 0..pairs {
        let (one, other) = (hu.slice(2 * pair)?, hu.slice(2 * pair + 1)?);
        data.extend(one.iter().zip(other).map(|(a, b)| i16::midpoint(*a, *b)));
    }
    Volume::new(Grid::new(dims, origin, [i, j, k * 2.0]).ok()?, data).ok()
}

/// One image through the middle of the volume, perpendicular to its slices: rows along i, columns against k.
fn localizer(hu: &Volume<i16>) -> Option<Volume<i16>> {
    let dims = hu.dims();
    let middle = dims.rows() / 2;
    let [i, j, k] = hu.grid().steps();
    let size = Dims::new(dims.columns(), dims.slices(), 1).ok()?;
    let origin = hu.grid().to_lps(VoxelPoint { i: 0.0, j: middle as f64, k: dims.slices() as f64 - 1.0 });
    let mut data = Vec::with_capacity(size.voxels());
    for k in (0..dims.slices()).rev() {
        let from = middle * dims.columns();
        data.extend(hu.slice(k)?.get(from..from + dims.columns())?);
    }
    Volume::new(Grid::new(size, origin, [i, -k, j]).ok()?, data).ok()
}

/// What all objects of the study have in common.
fn common(
    subject: Subject<'_>,
    acquisition: &Acquisition,
    identifiers: &Identifiers,
) -> Result<DataSet<'static>, StudyError> {
    let mut common = DataSet::new();
    common.put_str(tag::SOP_CLASS_UID, CT_IMAGE_STORAGE);
    common.put_str(tag::STUDY_INSTANCE_UID, identifiers.uid(Kind::Study, 0, 0)?.as_str());
    common.put_str(tag::FRAME_OF_REFERENCE_UID, identifiers.uid(Kind::FrameOfReference, 0, 0)?.as_str());
    put_patient_and_study(&mut common, subject, acquisition);
    put_equipment(&mut common, acquisition);
    common.put_str(tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    common.put_u16(tag::SAMPLES_PER_PIXEL, &[1]);
    common.put_u16(tag::BITS_ALLOCATED, &[16]);
    common.put_u16(tag::BITS_STORED, &[12]);
    common.put_u16(tag::HIGH_BIT, &[11]);
    common.put_u16(tag::PIXEL_REPRESENTATION, &[0]);
    common.put_str(tag::RESCALE_INTERCEPT, INTERCEPT.to_string());
    common.put_str(tag::RESCALE_SLOPE, "1");
    common.put_str(tag::RESCALE_TYPE, "HU");
    common.put_str(element::WINDOW_CENTER, "-500");
    common.put_str(element::WINDOW_WIDTH, "1500");
    Ok(common)
}

fn put_patient_and_study(common: &mut DataSet<'static>, subject: Subject<'_>, acquisition: &Acquisition) {
    let study_number = acquisition.study_number % 1000;
    common.put_str(tag::PATIENT_NAME, subject.patient_name);
    common.put_str(tag::PATIENT_ID, format!("PHANTOM-{}", subject.seed));
    common.put_str(tag::STUDY_DESCRIPTION, "Synthetic phantom");
    common.put_str(element::STUDY_ID, study_number.to_string());
    common.put_str(tag::ACCESSION_NUMBER, format!("PH{}-{study_number}", subject.seed % 1_000_000_000));
    // Synthetic Data (0008,001C) would say it better, but current IOD checkers do not know it and call it an error.
    common.put_str(element::QUALITY_CONTROL_SUBJECT, "YES");
    common.put_str(element::PATIENT_COMMENTS, "Synthetic data, no patient");
    for date in [tag::STUDY_DATE, element::SERIES_DATE, element::ACQUISITION_DATE, element::CONTENT_DATE] {
        common.put_str(date, DATE);
    }
    for time in [element::STUDY_TIME, element::SERIES_TIME, element::ACQUISITION_TIME, element::CONTENT_TIME]
    {
        common.put_str(time, TIME);
    }
    for unknown in [
        element::REFERRING_PHYSICIAN,
        tag::PATIENT_BIRTH_DATE,
        element::PATIENT_SEX,
        element::LATERALITY,
        element::POSITION_REFERENCE,
    ] {
        common.put_empty(unknown);
    }
}

fn put_equipment(common: &mut DataSet<'static>, acquisition: &Acquisition) {
    let position = match acquisition.entry {
        Entry::HeadFirst => "HFS",
        Entry::FeetFirst => "FFS",
    };
    common.put_str(tag::MODALITY, "CT");
    common.put_str(tag::MANUFACTURER, acquisition.manufacturer.as_str());
    common.put_str(element::MODEL_NAME, "Chest Phantom");
    common.put_str(element::DEVICE_SERIAL_NUMBER, "0");
    common.put_str(element::SOFTWARE_VERSIONS, env!("CARGO_PKG_VERSION"));
    common.put_str(element::KVP, "120");
    common.put_str(tag::CONVOLUTION_KERNEL, acquisition.kernel.as_str());
    common.put_str(element::PATIENT_POSITION, position);
    common.put_str(element::ACQUISITION_NUMBER, "1");
    if let Some(agent) = &acquisition.contrast_agent {
        common.put_str(tag::CONTRAST_BOLUS_AGENT, agent.as_str());
    }
}

fn put_series(
    image: &mut DataSet<'static>,
    series: &Series,
    acquisition: &Acquisition,
    identifiers: &Identifiers,
) -> Result<(), StudyError> {
    let grid = series.volume.grid();
    let (columns, rows) = (grid.dims().columns(), grid.dims().rows());
    let (Ok(columns), Ok(rows)) = (u16::try_from(columns), u16::try_from(rows)) else {
        return Err(StudyError::TooLarge { columns, rows });
    };
    image.put_u16(tag::ROWS, &[rows]);
    image.put_u16(tag::COLUMNS, &[columns]);
    image.put_str(tag::SERIES_INSTANCE_UID, identifiers.uid(Kind::Series, series.number, 0)?.as_str());
    image.put_str(tag::SERIES_NUMBER, series.number.to_string());
    // Several series need telling apart; one does not, and real ones often say nothing.
    match acquisition.series {
        SeriesSet::One => {}
        SeriesSet::Several => image.put_str(tag::SERIES_DESCRIPTION, series.description),
    }
    image.put_str(tag::IMAGE_TYPE, series.image_type);
    let spacing = grid.spacing();
    image.put_str(tag::PIXEL_SPACING, decimals(&[spacing.row, spacing.column], 6));
    image.put_str(tag::SLICE_THICKNESS, decimals(&[spacing.slice], 6));
    let [row, column, _] = grid.steps();
    let cosines: Vec<f64> =
        [row, column].into_iter().filter_map(VectorLps::unit).flat_map(VectorLps::to_array).collect();
    image.put_str(tag::IMAGE_ORIENTATION_PATIENT, decimals(&cosines, 9));
    Ok(())
}

fn put_slice(image: &mut DataSet<'static>, volume: &Volume<i16>, k: usize) {
    let position = volume.grid().to_lps(VoxelPoint { i: 0.0, j: 0.0, k: k as f64 });
    image.put_str(tag::IMAGE_POSITION_PATIENT, decimals(&[position.x, position.y, position.z], 6));
    let sample = |hu: &i16| {
        let sample = (i32::from(*hu) - INTERCEPT).clamp(0, SAMPLE_MAX);
        u16::try_from(sample).unwrap_or_default().to_le_bytes()
    };
    let bytes: Vec<u8> = volume.slice(k).unwrap_or_default().iter().flat_map(sample).collect();
    image.put_as(tag::PIXEL_DATA, Vr::OW, Value::Bytes(bytes.into()));
}

/// Numbers as decimal strings of at most 16 characters, without zeros at the end.
fn decimals(numbers: &[f64], places: usize) -> String {
    let text = |number: &f64| {
        let text = format!("{number:.places$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        if text == "-0" { "0".to_owned() } else { text.to_owned() }
    };
    numbers.iter().map(text).collect::<Vec<_>>().join("\\")
}

fn part10(image: &DataSet<'_>, sop_instance: &SopInstanceUid) -> Result<Vec<u8>, StudyError> {
    let implementation = Implementation {
        class_uid: Uid::parse(IMPLEMENTATION_CLASS).map_err(StudyError::Uid)?,
        version_name: "GANTRY_PHANTOM".to_owned(),
    };
    let class = SopClassUid::parse(CT_IMAGE_STORAGE).map_err(StudyError::Uid)?;
    let syntax = TransferSyntaxUid::parse(EXPLICIT_VR_LITTLE_ENDIAN).map_err(StudyError::Uid)?;
    let mut bytes = head(&class, sop_instance, &syntax, &implementation, None);
    bytes.extend(write_explicit(image).map_err(StudyError::Write)?);
    Ok(bytes)
}

/// A UUID drawn once for this writer.
const IMPLEMENTATION_CLASS: &str = "2.25.265047839451190254790837416102943215637";

/// What an identifier is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Study,
    Series,
    FrameOfReference,
    Instance,
}

/// Identifiers of one acquisition of one seed.
struct Identifiers {
    seed: u64,
    acquisition: u64,
}

impl Identifiers {
    fn new(seed: u64, acquisition: &Acquisition) -> Self {
        let orientation: u64 = match acquisition.orientation {
            Orientation::Axial => 0,
            Orientation::Sagittal => 1,
            Orientation::Coronal => 2,
            Orientation::Oblique => 3,
        };
        let entry: u64 = match acquisition.entry {
            Entry::HeadFirst => 0,
            Entry::FeetFirst => 1,
        };
        let order: u64 = match acquisition.order {
            FileOrder::Spatial => 0,
            FileOrder::Shuffled => 1,
        };
        let series: u64 = match acquisition.series {
            SeriesSet::One => 0,
            SeriesSet::Several => 1,
        };
        let choice = orientation | entry << 2 | order << 3 | series << 4;
        Self { seed, acquisition: acquisition.study_number.wrapping_mul(64) | choice }
    }

    /// 2.25. and the decimal of a version 8 UUID (PS3.5 B.2) that the fields are mixed into.
    fn uid(&self, kind: Kind, series: u64, instance: usize) -> Result<Uid, StudyError> {
        let kind: u64 = match kind {
            Kind::Study => 1,
            Kind::Series => 2,
            Kind::FrameOfReference => 3,
            Kind::Instance => 4,
        };
        let fields = [self.acquisition, kind, series, instance as u64];
        let mixed = fields.into_iter().fold(self.seed, |mixed, field| {
            Random::new(mixed, Stream::Identifiers).bits() ^ field.wrapping_mul(0xA24B_AED4_963E_E407)
        });
        let mut random = Random::new(mixed, Stream::Identifiers);
        let bits = u128::from(random.bits()) << 64 | u128::from(random.bits());
        // RFC 9562: version in bits 76 to 79, variant in bits 62 and 63.
        let uuid = bits & !(0xF << 76) & !(0x3 << 62) | 0x8 << 76 | 0x2 << 62;
        Uid::parse(&format!("2.25.{uuid}")).map_err(StudyError::Uid)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gantry_dicom::{
        header::image_header,
        part10::locate,
        reader::{Limits, Stop, read},
        syntax::{Encoding, layout},
    };
    use gantry_image::{assemble::VolumeBuilder, grid::SpacingMm, stack::stack};
    use gantry_types::header::ImageHeader;

    use super::*;
    use crate::{
        acquisition::acquire,
        chest::{ChestPhantom, Phantom},
    };

    const SUBJECT: Subject<'static> = Subject { patient_name: "Phantom^Chest", seed: 2 };

    fn chest() -> Phantom {
        let coarse = SpacingMm { column: 4.0, row: 4.0, slice: 8.0 };
        ChestPhantom::with_spacing(SUBJECT.seed, coarse, crate::lesions::Lesions::None).unwrap().phantom
    }

    /// Header and samples of a file, as a receiver reads them.
    fn read_back(file: &StudyFile) -> (ImageHeader, Vec<u16>) {
        let located = locate(&file.bytes).unwrap();
        assert_eq!(layout(&located.transfer_syntax).0, Encoding::ExplicitLittle);
        let reading = read(located.data_set, Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
        assert_eq!(reading.problems.len(), 0, "{:?}", reading.problems);
        let header = image_header(&reading.data_set, located.transfer_syntax.clone()).unwrap();
        let pixels = reading.data_set.bytes(tag::PIXEL_DATA).unwrap();
        let samples = pixels.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
        (header, samples)
    }

    #[test]
    fn what_is_written_is_read_back_as_the_same_volume_at_the_same_place() {
        let phantom = chest();
        for (orientation, entry) in [
            (Orientation::Axial, Entry::HeadFirst),
            (Orientation::Axial, Entry::FeetFirst),
            (Orientation::Sagittal, Entry::HeadFirst),
            (Orientation::Coronal, Entry::HeadFirst),
            (Orientation::Oblique, Entry::HeadFirst),
        ] {
            let order = FileOrder::Shuffled;
            let acquisition = Acquisition { orientation, entry, order, ..Acquisition::default() };
            let acquired = acquire(&phantom, &acquisition).unwrap().hu;
            let files = study(&acquired, SUBJECT, &acquisition).unwrap();
            let read: Vec<_> = files.iter().map(read_back).collect();
            let stack = stack(&read.iter().map(|(header, _)| header).collect::<Vec<_>>()).unwrap();
            assert!(!stack.order.is_sorted(), "files are shuffled");
            let mut builder = VolumeBuilder::<i16>::new(stack.grid);
            for number in stack.order {
                let (header, samples) = &read[number];
                builder.push_slice(samples, header.rescale.as_ref()).unwrap();
            }
            let volume = builder.finish().unwrap();
            assert_eq!(volume.data(), acquired.data(), "{orientation:?} {entry:?}");
            let [columns, rows, slices] = volume.dims().to_array().map(|extent| extent as f64 - 1.0);
            let corner = VoxelPoint { i: columns, j: rows, k: slices };
            let off = volume.grid().to_lps(corner) - acquired.grid().to_lps(corner);
            assert!(off.length() < 1e-3, "{orientation:?}: {off:?}");
        }
    }

    #[test]
    fn several_series_are_told_apart_and_every_identifier_is_new() {
        let phantom = chest();
        let mut seen = BTreeSet::new();
        for study_number in [1, 2] {
            let acquisition =
                Acquisition { series: SeriesSet::Several, study_number, ..Acquisition::default() };
            let files = study(&phantom.hu, SUBJECT, &acquisition).unwrap();
            let slices = phantom.hu.dims().slices();
            assert_eq!(files.len(), 1 + slices + slices / 2);
            let headers: Vec<ImageHeader> = files.iter().map(|file| read_back(file).0).collect();
            let series: BTreeSet<_> = headers.iter().map(|header| header.series.clone()).collect();
            assert_eq!(series.len(), 3);
            for header in headers {
                assert!(header.sop_instance.is_regular() && header.series.is_regular());
                assert!(seen.insert(header.sop_instance), "an instance UID came twice");
            }
        }
    }

    #[test]
    fn the_same_acquisition_gives_the_same_bytes() {
        let phantom = chest();
        let write = || study(&phantom.hu, SUBJECT, &Acquisition::default()).unwrap();
        assert_eq!(write(), write());
    }

    #[test]
    fn decimal_strings_are_short_and_exact() {
        assert_eq!(decimals(&[-0.0, 1.0, 0.5, -123.456_789_4], 6), "0\\1\\0.5\\-123.456789");
        assert_eq!(decimals(&[100.0, -0.000_000_1], 6), "100\\0");
    }
}
