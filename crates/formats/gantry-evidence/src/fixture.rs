//! Small studies for the tests of this crate: a CT whose mask, findings and identity are chosen by each test.

use std::collections::BTreeSet;

use gantry_dicom::{
    data_set::DataSet,
    header::image_header,
    syntax,
    tag::{self, Tag},
};
use gantry_image::{
    grid::Grid,
    stack,
    volume::{Labels, Volume},
};
use gantry_types::{
    code::{self, Code},
    digest::Digest,
    findings::{Findings, MeasuredValue, Measurement, Rgb, SegmentFinding},
    header::ImageHeader,
    instant::{Instant, Stamp, UtcOffset},
    uid::TransferSyntaxUid,
};

use crate::{
    inputs::Inputs,
    object::Kind,
    profile::{CaptureModality, FormProfile, ProfileName},
    run::{Application, ResultClass, RunRecord},
    sc::Picture,
    set::{self, EvidenceSet},
    source::Source,
    uid::{SiteSecret, UidScope},
};

/// Everything that a rendering needs; tests change what they are about.
pub(crate) struct Case {
    pub(crate) header: DataSet<'static>,
    pub(crate) images: Vec<ImageHeader>,
    pub(crate) grid: Grid,
    pub(crate) findings: Findings,
    pub(crate) mask: Labels,
    pub(crate) run: RunRecord,
    pub(crate) scope: UidScope,
    pub(crate) profile: FormProfile,
    pub(crate) rgb: Vec<u8>,
}

pub(crate) const MEAN: f64 = -815.0 - 1.0 / 3.0;

impl Case {
    /// An oblique CT of 13 columns, 11 rows and 5 slices with two lungs and an airway: 143 pixels are no whole number
    /// of bytes, so every frame shares a byte with the next.
    pub(crate) fn new() -> Self {
        Self::of_size([13, 11, 5])
    }

    pub(crate) fn of_size([columns, rows, slices]: [u16; 3]) -> Self {
        let headers: Vec<DataSet<'static>> = (0..slices).map(|k| ct([columns, rows], k)).collect();
        let syntax = TransferSyntaxUid::parse(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
        let images: Vec<ImageHeader> =
            headers.iter().map(|header| image_header(header, syntax.clone()).unwrap()).collect();
        let stack = stack::stack(&images.iter().collect::<Vec<_>>()).unwrap();
        assert!(stack.order.is_sorted());
        let dims = stack.grid.dims();
        // Right and left halves, with an empty slice at both ends and the airway in one corner of one slice.
        let label = |offset: usize| {
            let at = dims.index(offset);
            let inside = 0 < at.k && at.k + 1 < dims.slices() && 0 < at.j;
            match (inside, at.i) {
                (true, 1..=4) => 1,
                (true, 7..=10) => 2,
                (true, 11) if at.k == 2 && at.j == 1 => 3,
                _ => 0,
            }
        };
        let mask = Volume::new(stack.grid, (0..dims.voxels()).map(label).collect()).unwrap();
        Self {
            header: headers.into_iter().next().unwrap(),
            images,
            grid: stack.grid,
            findings: findings(),
            mask,
            run: run(),
            scope: UidScope {
                secret: SiteSecret::new(b"sixteen bytes or more").unwrap(),
                case: "case-1".into(),
                run: "run-1".parse().unwrap(),
                task: "lungs".parse().unwrap(),
                issue: 0,
            },
            profile: FormProfile {
                name: ProfileName::new("pacs").unwrap(),
                kinds: BTreeSet::from(Kind::ALL),
                series_base: FormProfile::SERIES_BASE_DEFAULT,
                capture_modality: CaptureModality::Other,
            },
            rgb: (0..7 * 5 * 3).collect(),
        }
    }

    pub(crate) fn source(&self) -> Source {
        Source::new(&self.header, &self.images.iter().collect::<Vec<_>>()).unwrap()
    }

    /// Calls `then` with the inputs, which borrow from the case and its source.
    pub(crate) fn with_inputs<T>(&self, then: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let source = self.source();
        then(&Inputs {
            source: &source,
            findings: &self.findings,
            mask: Some(&self.mask),
            picture: Some(Picture::new(7, 5, &self.rgb).unwrap()),
            run: &self.run,
            scope: &self.scope,
            profile: &self.profile,
            replaces: &[],
        })
    }

    pub(crate) fn render(&self) -> EvidenceSet {
        self.with_inputs(|inputs| set::render(inputs).unwrap())
    }
}

fn ct([columns, rows]: [u16; 2], k: u16) -> DataSet<'static> {
    let mut header = DataSet::new();
    // Rows run along x and y at a slope of 3 to 4; slices lie 2.5 mm apart along z.
    let position = format!("-100.25\\{}\\{}", -80.125, -30.0 + 2.5 * f64::from(k));
    let texts: &[(Tag, &str)] = &[
        (tag::SPECIFIC_CHARACTER_SET, "ISO_IR 100"),
        (tag::IMAGE_TYPE, "ORIGINAL\\PRIMARY\\AXIAL"),
        (tag::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2"),
        (tag::SOP_INSTANCE_UID, &format!("1.2.3.4.{}", k + 1)),
        (tag::STUDY_DATE, "20261124"),
        (tag::STUDY_TIME, "101500"),
        (tag::ACCESSION_NUMBER, "A-17"),
        (tag::MODALITY, "CT"),
        (tag::MANUFACTURER, "Maker"),
        (tag::STUDY_DESCRIPTION, "Chest"),
        (tag::PATIENT_ID, "P-1 "),
        (tag::ISSUER_OF_PATIENT_ID, "SITE"),
        (tag::PATIENT_BIRTH_DATE, "19700101"),
        (tag::PATIENT_AGE, "056Y"),
        (tag::BODY_PART_EXAMINED, "CHEST"),
        (tag::SLICE_THICKNESS, "2.50"),
        (tag::STUDY_INSTANCE_UID, "1.2.3"),
        (tag::SERIES_INSTANCE_UID, "1.2.3.4"),
        (tag::FRAME_OF_REFERENCE_UID, "1.2.3.5"),
        (tag::IMAGE_POSITION_PATIENT, &position),
        (tag::IMAGE_ORIENTATION_PATIENT, "0.8\\0.6\\0\\-0.6\\0.8\\0"),
        (tag::PIXEL_SPACING, "0.70\\0.80"),
        (tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2"),
        (tag::RESCALE_INTERCEPT, "-1024"),
        (tag::RESCALE_SLOPE, "1"),
    ];
    for (tag, text) in texts {
        header.put_str(*tag, *text);
    }
    // Latin-1, as bytes.
    header
        .put(tag::PATIENT_NAME, gantry_dicom::data_set::Value::Bytes(b"\xC4neas^R\xFCdiger".to_vec().into()));
    for (tag, number) in [
        (tag::SAMPLES_PER_PIXEL, 1),
        (tag::ROWS, rows),
        (tag::COLUMNS, columns),
        (tag::BITS_ALLOCATED, 16),
        (tag::BITS_STORED, 12),
        (tag::HIGH_BIT, 11),
        (tag::PIXEL_REPRESENTATION, 0),
    ] {
        header.put_u16(tag, &[number]);
    }
    header
}

fn findings() -> Findings {
    Findings {
        segments: vec![
            segment("right-lung", 1, code::LUNG, Some(code::RIGHT)),
            segment("left-lung", 2, code::LUNG, Some(code::LEFT)),
            segment("airways", 3, code::AIRWAY, None),
        ],
        measurements: vec![measurement(
            "lungs-volume",
            code::VOLUME,
            code::MILLILITER,
            MeasuredValue::Number(5427.25),
        )],
    }
}

fn segment(key: &str, label: u8, property: Code, laterality: Option<Code>) -> SegmentFinding {
    let volume = MeasuredValue::Number(f64::from(label) * 1000.5);
    let mean = Measurement {
        derivation: Some(code::MEAN),
        ..measurement("mean", code::ATTENUATION, code::HOUNSFIELD, MeasuredValue::Number(MEAN))
    };
    let declined = MeasuredValue::Declined { reason: "thickness is 5 mm, at most 1.5 mm are allowed".into() };
    let index = Code::fixed("LAA950", "99GANTRY", "Percentage of lung below -950 HU");
    SegmentFinding {
        key: key.into(),
        label,
        name: key.replace('-', " "),
        category: code::ANATOMICAL_STRUCTURE,
        property,
        laterality,
        colour: Rgb([200, 80, 60]),
        measurements: vec![
            measurement("volume", code::VOLUME, code::MILLILITER, volume),
            mean,
            measurement("laa950", index, code::PERCENT, declined),
        ],
    }
}

fn measurement(key: &str, concept: Code, unit: Code, value: MeasuredValue) -> Measurement {
    Measurement { key: key.into(), concept, derivation: None, method: None, unit, value }
}

fn run() -> RunRecord {
    let stamp = |seconds: i64| Stamp {
        at: Instant((1_795_564_800 + seconds) * 1_000_000),
        offset: UtcOffset::from_minutes(60).unwrap(),
    };
    RunRecord {
        started: stamp(0),
        result_created: stamp(90),
        application: Application {
            name: "lung-density".parse().unwrap(),
            version: "1.2.0".into(),
            title: "Lung density".into(),
            manufacturer: "Gantry".into(),
            intended_use: "Volumes and density of the lungs in chest CT".into(),
            family: Code::fixed("123110", "DCM", "Artificial Intelligence"),
            digest: Digest([7; 32]),
            body_part: None,
        },
        slot: 1,
        node: "node-1".parse().unwrap(),
        gantry_version: "0.1.0".into(),
        institution: Some("Hospital".into()),
        station: None,
        class: ResultClass::Research,
    }
}
