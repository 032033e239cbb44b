//! Laws of sets of evidence.

use expect_test::expect;
use gantry_dicom::{data_set::DataSet, tag};
use gantry_types::{
    code::{self, LUNG, RIGHT},
    findings::MeasuredValue,
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid},
};

use super::*;
use crate::{
    fixture::{Case, MEAN},
    inputs::Replaced,
    parsed::parse,
    read::{AnswerValue, read_report, read_segmentation},
};

fn data_set(set: &EvidenceSet, kind: Kind) -> DataSet<'_> {
    parse(&set.get(kind).unwrap().bytes).unwrap().data_set
}

/// EV5: the same inputs give the same bytes; nothing but the inputs is read.
#[test]
fn rendering_again_gives_the_same_bytes() {
    let first = Case::new().render();
    assert_eq!(first, Case::new().render());
    assert_eq!(first.objects.iter().map(|o| o.kind.name()).collect::<Vec<_>>(), ["SC", "SEG", "SR"]);
}

/// EV5 over releases: a changed digest needs a new renderer revision, and so new UIDs.
#[test]
fn the_bytes_are_those_of_this_renderer_revision() {
    use sha2::Digest as _;
    let digests: String = Case::new()
        .render()
        .objects
        .iter()
        .map(|o| format!("{} {} {:x?}\n", o.kind.name(), o.bytes.len(), &sha2::Sha256::digest(&o.bytes)[..8]))
        .collect();
    expect![[r#"
        SC 3374 [5d, 61, 67, a3, f7, d, aa, 9a]
        SEG 7356 [8e, 5b, 19, 9b, 2a, b1, 77, 97]
        SR 17804 [cb, 38, 5a, 1e, 54, 9d, 6, a3]
    "#]]
    .assert_eq(&digests);
}

/// EV3.
#[test]
fn identity_is_that_of_the_header_to_the_byte_in_every_object() {
    let case = Case::new();
    let set = case.render();
    for kind in Kind::ALL {
        let own = data_set(&set, kind);
        for (tag, bytes) in [
            (tag::SPECIFIC_CHARACTER_SET, &b"ISO_IR 100"[..]),
            (tag::PATIENT_NAME, b"\xC4neas^R\xFCdiger "),
            (tag::PATIENT_ID, b"P-1 "),
            (tag::ACCESSION_NUMBER, b"A-17"),
            (tag::STUDY_INSTANCE_UID, b"1.2.3\0"),
        ] {
            assert_eq!(own.bytes(tag), Some(bytes), "{kind:?} {tag}");
        }
        assert_ne!(own.str(tag::SERIES_INSTANCE_UID), Some("1.2.3.4"));
        assert_eq!(own.str(tag::CONTENT_TIME), Some("010130.000000"));
    }
    assert_eq!(data_set(&set, Kind::SecondaryCapture).str(tag::SERIES_NUMBER), Some("9011"));
    assert_eq!(data_set(&set, Kind::Report).str(tag::SERIES_NUMBER), Some("9013"));
}

/// EV4, on frames that share bytes, on an oblique grid, and on one whose frames are whole bytes.
#[test]
fn a_segmentation_reads_back_to_the_very_mask() {
    for size in [[13, 11, 5], [12, 11, 5], [12, 8, 4]] {
        let case = Case::of_size(size);
        let set = case.render();
        let reading = read_segmentation(&set.get(Kind::Segmentation).unwrap().bytes).unwrap();
        let label = |number: u16| u8::try_from(number).ok();
        assert_eq!(reading.labels_on(&case.grid, |s| label(s.number)).unwrap(), case.mask, "{size:?}");
        assert_eq!(reading.frames.len(), 2 * (usize::from(size[2]) - 2) + 1);
        assert!(reading.frames.iter().all(|frame| frame.source.is_some()));
        assert_eq!((&reading.segments[0].property, &reading.segments[0].laterality), (&LUNG, &Some(RIGHT)));
        assert_eq!(reading.segments[0].tracking_id, "right-lung");
    }
}

/// EV4.
#[test]
fn a_report_reads_back_to_the_measurements_with_their_segments() {
    let case = Case::new();
    let set = case.render();
    let report = read_report(&set.get(Kind::Report).unwrap().bytes).unwrap();
    let segmentation = set.get(Kind::Segmentation).unwrap();
    let lines: String = report
        .measurements
        .iter()
        .map(|m| {
            let group = m.group.as_ref();
            let (uid, number) = group.and_then(|g| g.segment.clone()).unwrap_or_default();
            assert!(group.is_none() || uid == segmentation.sop_instance.as_str());
            let key = group.map_or("-", |g| g.tracking_id.as_str());
            format!("{key} segment {number}: {} {} {}\n", m.concept.meaning, m.value, m.unit.value)
        })
        .collect();
    expect![[r#"
        right-lung segment 1: Volume 1000.5 ml
        right-lung segment 1: Attenuation Coefficient -815.3333333333334 [hnsf'U]
        left-lung segment 2: Volume 2001 ml
        left-lung segment 2: Attenuation Coefficient -815.3333333333334 [hnsf'U]
        airways segment 3: Volume 3001.5 ml
        airways segment 3: Attenuation Coefficient -815.3333333333334 [hnsf'U]
        - segment 0: Volume 5427.25 ml
    "#]]
    .assert_eq(&lines);
    assert_eq!(report.measurements[1].value, MEAN, "to the last bit, though a decimal string cannot say it");
    assert_eq!(report.measurements[1].derivation, Some(code::MEAN));
    let declined: Vec<&str> = report
        .answers
        .iter()
        .filter(|a| a.is_declined())
        .map(|a| a.group.as_ref().unwrap().tracking_id.as_str())
        .collect();
    assert_eq!(declined, ["right-lung", "left-lung", "airways"]);
    let reasons: Vec<_> = report.answers.iter().filter(|a| matches!(a.value, AnswerValue::Text(_))).collect();
    assert_eq!(reasons.len(), 1, "the same reason is said once");
    assert_eq!(
        reasons[0].value,
        AnswerValue::Text("declined: thickness is 5 mm, at most 1.5 mm are allowed".into())
    );
}

#[test]
fn a_finding_without_voxels_is_no_segment_and_is_said_to_be_absent() {
    let mut case = Case::new();
    case.mask.data_mut().iter_mut().filter(|label| **label == 1).for_each(|label| *label = 0);
    let set = case.render();
    let reading = read_segmentation(&set.get(Kind::Segmentation).unwrap().bytes).unwrap();
    let numbers: Vec<_> = reading.segments.iter().map(|s| (s.number, s.tracking_id.as_str())).collect();
    assert_eq!(numbers, [(1, "left-lung"), (2, "airways")]);
    let report = read_report(&set.get(Kind::Report).unwrap().bytes).unwrap();
    let absent = report.answers.iter().find(|a| a.value == AnswerValue::Code(crate::codes::ABSENT)).unwrap();
    assert_eq!((&absent.concept, &absent.laterality), (&LUNG, &Some(RIGHT)));
    assert!(set.notes.contains(&Note::NoVoxels { finding: "right-lung".into() }));
}

#[test]
fn without_any_voxel_there_is_a_report_and_no_segmentation() {
    let mut case = Case::new();
    case.mask.data_mut().fill(0);
    let set = case.render();
    assert_eq!(
        set.objects.iter().map(|o| o.kind).collect::<Vec<_>>(),
        [Kind::SecondaryCapture, Kind::Report]
    );
    assert!(set.notes.contains(&Note::NoSegmentation));
    let report = read_report(&set.get(Kind::Report).unwrap().bytes).unwrap();
    assert_eq!(report.measurements.len(), 1, "that of no segment");
}

#[test]
fn a_report_without_segmentation_refers_to_no_segment() {
    let mut case = Case::new();
    case.profile.kinds = [Kind::Report].into();
    let set = case.render();
    let report = read_report(&set.objects[0].bytes).unwrap();
    assert_eq!(report.measurements.len(), 7);
    assert!(report.measurements.iter().all(|m| m.group.as_ref().unwrap().segment.is_none()));
}

#[test]
fn tracking_uids_are_the_same_in_both_objects_and_over_runs() {
    let mut case = Case::new();
    let uids = |case: &Case| {
        let set = case.render();
        let segments = read_segmentation(&set.get(Kind::Segmentation).unwrap().bytes).unwrap().segments;
        let report = read_report(&set.get(Kind::Report).unwrap().bytes).unwrap();
        let of_report: Vec<String> = report
            .measurements
            .iter()
            .step_by(2)
            .filter_map(|m| Some(m.group.as_ref()?.tracking_uid.clone()))
            .collect();
        assert_eq!(segments.iter().map(|s| s.tracking_uid.clone()).collect::<Vec<_>>(), of_report);
        (of_report, set.objects[0].sop_instance.clone())
    };
    let first = uids(&case);
    case.scope.run = "run-2".parse().unwrap();
    let second = uids(&case);
    assert_eq!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn what_a_set_replaces_is_named_in_the_form_of_its_class() {
    let case = Case::new();
    let old = |kind: Kind| Replaced {
        kind,
        sop_class: SopClassUid::parse(kind.sop_class()).unwrap(),
        sop_instance: SopInstanceUid::parse("1.9.1").unwrap(),
        series: SeriesInstanceUid::parse("1.9").unwrap(),
    };
    let replaces = Kind::ALL.map(old);
    let set = case.with_inputs(|inputs| render(&Inputs { replaces: &replaces, ..*inputs }).unwrap());
    let predecessors = data_set(&set, Kind::Report).items(tag::PREDECESSOR_DOCUMENTS_SEQUENCE).len();
    assert_eq!(predecessors, 1);
    for kind in [Kind::Segmentation, Kind::SecondaryCapture] {
        let own = data_set(&set, kind);
        let related = own.items(tag::RELATED_SERIES_SEQUENCE);
        assert_eq!(related[0].str(tag::SERIES_INSTANCE_UID), Some("1.9"), "{kind:?}");
    }
}

#[test]
fn without_a_slice_thickness_the_slice_distance_is_given_and_said() {
    let mut case = Case::new();
    case.images[1].slice_thickness = None;
    let set = case.render();
    let own = data_set(&set, Kind::Segmentation);
    let measures =
        &own.items(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0].items(tag::PIXEL_MEASURES_SEQUENCE)[0];
    assert_eq!(measures.str(tag::SLICE_THICKNESS), Some("2.5"));
    assert!(set.notes.contains(&Note::ThicknessFromDistance));
}

fn refused(change: impl FnOnce(&mut Case)) -> String {
    let mut case = Case::new();
    change(&mut case);
    case.with_inputs(|inputs| render(inputs).unwrap_err()).to_string()
}

#[test]
fn what_cannot_be_said_rightly_is_refused() {
    assert_eq!(
        refused(|case| case.run.application.title = "Lungendichte \u{e4}".into()),
        "the text \"AI Lungendichte \u{e4} SC\" for (0008,103E) is not printable ASCII"
    );
    assert_eq!(
        refused(|case| case.run.application.title = "x".repeat(60)),
        "a value for (0008,103E) cannot be written: LO value has 66 characters, at most 64 are allowed"
    );
    assert_eq!(
        refused(|case| case.mask.data_mut()[0] = 9),
        "the mask has voxels of label 9, which no finding declares"
    );
    assert_eq!(
        refused(|case| case.findings.segments[1].label = 1),
        "the finding \"left-lung\" has the label 1, which is the background or another finding's"
    );
    assert_eq!(
        refused(|case| case.findings.segments[0].measurements[0].value = MeasuredValue::Number(f64::NAN)),
        "the measurement \"volume\" is NaN, which is no finite number"
    );
    assert_eq!(
        refused(|case| case.images.iter_mut().for_each(|image| image.frame_of_reference = None)),
        "the source images name no frame of reference"
    );
    assert!(
        refused(|case| case.mask = Case::of_size([12, 11, 5]).mask)
            .starts_with("the mask does not lie on the source images")
    );
}
