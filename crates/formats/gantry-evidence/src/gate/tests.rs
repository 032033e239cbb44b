//! Laws of the form gate: each sabotage is a complaint.

use expect_test::{Expect, expect};
use gantry_dicom::{part10, syntax, writer};
use gantry_types::uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid};

use super::*;
use crate::{fixture::Case, object::EvidenceObject};

/// The same object with its data set changed, written as a file again.
pub(crate) fn sabotaged(object: &EvidenceObject, change: impl FnOnce(&mut DataSet<'static>)) -> Vec<u8> {
    let mut data_set = parse(&object.bytes).unwrap().data_set.to_little_endian();
    change(&mut data_set);
    let implementation =
        part10::Implementation { class_uid: Uid::parse("1.2.3").unwrap(), version_name: "TEST".into() };
    let mut bytes = part10::head(
        &SopClassUid::from_peer(data_set.str(tag::SOP_CLASS_UID).unwrap()).unwrap(),
        &SopInstanceUid::from_peer(data_set.str(tag::SOP_INSTANCE_UID).unwrap()).unwrap(),
        &TransferSyntaxUid::parse(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap(),
        &implementation,
        None,
    );
    bytes.extend(writer::write_explicit(&data_set).unwrap());
    bytes
}

/// Changes the items of a sequence.
fn items(data_set: &mut DataSet<'static>, sequence: Tag, change: impl FnOnce(&mut Vec<DataSet<'static>>)) {
    let mut items = data_set.items(sequence).to_vec();
    change(&mut items);
    data_set.put_items(sequence, items);
}

/// Changes the first item at the end of a path of sequences.
fn at(data_set: &mut DataSet<'static>, path: &[Tag], change: impl FnOnce(&mut DataSet<'static>)) {
    match path {
        [] => change(data_set),
        [sequence, rest @ ..] => items(data_set, *sequence, |items| at(&mut items[0], rest, change)),
    }
}

/// Judges one object of the case's set after `change`; prints one line for each complaint.
#[track_caller]
fn check_case(case: &Case, kind: Kind, change: impl FnOnce(&mut DataSet<'static>), want: Expect) {
    let set = case.render();
    let bytes = sabotaged(set.get(kind).unwrap(), change);
    let source = case.source();
    let siblings: Vec<&[u8]> =
        set.objects.iter().filter(|o| o.kind != kind).map(|o| o.bytes.as_slice()).collect();
    let knowledge =
        Knowledge { sources: &[&source], siblings: &siblings, findings: Some((&case.findings, &case.mask)) };
    let line = |complaint: &Complaint| match complaint.standing {
        Standing::Blocking => format!("{complaint}\n"),
        Standing::Inherited => format!("inherited {complaint}\n"),
    };
    want.assert_eq(&judge(&bytes, &knowledge).iter().map(line).collect::<String>());
}

#[track_caller]
fn check(kind: Kind, change: impl FnOnce(&mut DataSet<'static>), want: Expect) {
    check_case(&Case::new(), kind, change, want);
}

const FRAMES: Tag = tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;

#[test]
fn our_own_objects_pass() {
    for kind in Kind::ALL {
        check(kind, |_| {}, expect![""]);
    }
}

#[test]
fn frames_in_reverse_order_differ_from_the_mask() {
    check(
        Kind::Segmentation,
        |d| items(d, FRAMES, |frames| frames.reverse()),
        expect![[r#"
        gate/other-mask: 202 voxels differ from the mask, the first is column 1, row 1, slice 1: 0 for 1
    "#]],
    );
}

#[test]
fn pixels_of_frames_in_reverse_order_differ_from_the_mask() {
    let reversed = |d: &mut DataSet<'static>| {
        let bytes: Vec<u8> = d.bytes(tag::PIXEL_DATA).unwrap().iter().rev().copied().collect();
        d.put_as(tag::PIXEL_DATA, gantry_dicom::vr::Vr::OB, Value::Bytes(bytes.into()));
    };
    check(
        Kind::Segmentation,
        reversed,
        expect![[r#"
        gate/other-mask: 258 voxels differ from the mask, the first is column 3, row 0, slice 1: 2 for 0
    "#]],
    );
}

#[test]
fn positions_in_reverse_order_are_not_those_of_the_images() {
    let reversed = |frames: &mut Vec<DataSet<'static>>| {
        let places: Vec<_> = frames.iter().map(|f| f.items(tag::PLANE_POSITION_SEQUENCE).to_vec()).collect();
        let of_a_segment = 3;
        for (frame, place) in
            frames.iter_mut().take(of_a_segment).zip(places.into_iter().take(of_a_segment).rev())
        {
            frame.put_items(tag::PLANE_POSITION_SEQUENCE, place);
        }
    };
    check(
        Kind::Segmentation,
        |d| items(d, FRAMES, reversed),
        expect![[r#"
        gate/frames-disagree: frame 4 lies at -27.50 mm, its index 1 at -22.50 mm
        gate/frames-disagree: frame 6 lies at -22.50 mm, its index 3 at -27.50 mm
        gate/misplaced-frame: ImagePositionPatient (0020,0032) of frame 1 is [-100.25, -80.125, -22.5], that of its image 1.2.3.4.2 is [-100.25, -80.125, -27.5]
        gate/misplaced-frame: ImagePositionPatient (0020,0032) of frame 3 is [-100.25, -80.125, -27.5], that of its image 1.2.3.4.4 is [-100.25, -80.125, -22.5]
    "#]],
    );
}

#[test]
fn a_frame_without_derivation_image_is_caught() {
    check(
        Kind::Segmentation,
        |d| at(d, &[FRAMES], |frame| frame.remove(tag::DERIVATION_IMAGE_SEQUENCE)),
        expect![[r#"
            gate/misplaced-frame: frame 1 names no source image: DerivationImageSequence (0008,9124) is missing or empty
        "#]],
    );
}

#[test]
fn pixel_data_that_is_too_short_is_caught() {
    let short = |d: &mut DataSet<'static>| {
        let bytes = d.bytes(tag::PIXEL_DATA).unwrap();
        let bytes = bytes[..bytes.len() - 2].to_vec();
        d.put_as(tag::PIXEL_DATA, gantry_dicom::vr::Vr::OB, Value::Bytes(bytes.into()));
    };
    check(
        Kind::Segmentation,
        short,
        expect![[r#"
        gate/frames-disagree: PixelData (7FE0,0010) has 124 bytes, 7 frames of this size have 126
    "#]],
    );
    check(
        Kind::SecondaryCapture,
        short,
        expect![[r#"
        gate/frames-disagree: PixelData (7FE0,0010) has 104 bytes, 1 frames of this size have 106
    "#]],
    );
}

#[test]
fn a_segment_that_does_not_exist_is_caught_in_frames_and_in_reports() {
    let segment = |d: &mut DataSet<'static>| d.put_u16(tag::REFERENCED_SEGMENT_NUMBER, &[7]);
    check(
        Kind::Segmentation,
        |d| at(d, &[FRAMES, tag::SEGMENT_IDENTIFICATION_SEQUENCE], segment),
        expect![[r#"
            gate/frames-disagree: frame 1 names segment 7, which does not exist
            gate/frames-disagree: frame 2 is of segment 1, its index 1 is that of segment 7
            gate/frames-disagree: frame 3 is of segment 1, its index 1 is that of segment 7
            gate/other-mask: 40 voxels differ from the mask, the first is column 1, row 1, slice 1: 0 for 1
        "#]],
    );
    let in_tree = |d: &mut DataSet<'static>| {
        items(d, tag::CONTENT_SEQUENCE, |root| {
            let measurements = root.iter_mut().rev().nth(1).unwrap();
            items(measurements, tag::CONTENT_SEQUENCE, |groups| {
                items(&mut groups[0], tag::CONTENT_SEQUENCE, |group| {
                    let image =
                        group.iter_mut().find(|item| item.str(tag::VALUE_TYPE) == Some("IMAGE")).unwrap();
                    at(image, &[tag::REFERENCED_SOP_SEQUENCE], segment);
                });
            });
        });
    };
    check(
        Kind::Report,
        in_tree,
        expect![[r#"
        gate/dangling-reference: segment 7 of 2.25.250582969405695169274952184185070152035 is referred to, which has segments {1, 2, 3}
    "#]],
    );
}

#[test]
fn swapped_segments_differ_from_the_mask() {
    let swap = |d: &mut DataSet<'static>| {
        items(d, tag::SEGMENT_SEQUENCE, |segments| {
            let key = |item: &DataSet<'_>| item.str(tag::TRACKING_ID).unwrap().to_owned();
            let (one, two) = (key(&segments[0]), key(&segments[1]));
            segments[0].put_str(tag::TRACKING_ID, two);
            segments[1].put_str(tag::TRACKING_ID, one);
        });
    };
    check(
        Kind::Segmentation,
        swap,
        expect![[r#"
        gate/other-mask: 240 voxels differ from the mask, the first is column 1, row 1, slice 1: 2 for 1
    "#]],
    );
}

#[test]
fn index_values_are_unique_and_follow_segment_and_position() {
    let index =
        |values: [u32; 2]| move |d: &mut DataSet<'static>| d.put_u32(tag::DIMENSION_INDEX_VALUES, &values);
    let first = [FRAMES, tag::FRAME_CONTENT_SEQUENCE];
    check(
        Kind::Segmentation,
        |d| at(d, &first, index([1, 2])),
        expect![[r#"
        gate/frames-disagree: DimensionIndexValues (0020,9157) of frames 1 and 2 are both [1, 2]
        gate/frames-disagree: frame 2 lies at -25.00 mm, its index 2 at -27.50 mm
        gate/frames-disagree: frame 5 lies at -25.00 mm, its index 2 at -27.50 mm
        gate/frames-disagree: frame 7 lies at -25.00 mm, its index 2 at -27.50 mm
        gate/frames-disagree: the indices of positions do not follow the slice normal
    "#]],
    );
    check(
        Kind::Segmentation,
        |d| at(d, &first, index([2, 9])),
        expect![[r#"
        gate/frames-disagree: frame 4 is of segment 2, its index 2 is that of segment 1
        gate/frames-disagree: frame 5 is of segment 2, its index 2 is that of segment 1
        gate/frames-disagree: frame 6 is of segment 2, its index 2 is that of segment 1
        gate/frames-disagree: the indices of positions do not follow the slice normal
    "#]],
    );
}

#[test]
fn counts_that_disagree_are_caught() {
    check(
        Kind::Segmentation,
        |d| d.put_str(tag::NUMBER_OF_FRAMES, "8"),
        expect![[r#"
        gate/frames-disagree: NumberOfFrames (0028,0008) is "8", PerFrameFunctionalGroupsSequence (5200,9230) has 7 items
    "#]],
    );
}

#[test]
fn another_grid_or_space_than_the_sources_is_caught() {
    check(
        Kind::Segmentation,
        |d| {
            d.put_str(tag::FRAME_OF_REFERENCE_UID, "1.2.9");
            at(d, &[tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tag::PIXEL_MEASURES_SEQUENCE], |measures| {
                measures.put_str(tag::PIXEL_SPACING, "0.70\\0.85");
            });
            items(d, FRAMES, |frames| frames.truncate(1));
            d.put_str(tag::NUMBER_OF_FRAMES, "1");
        },
        expect![[r#"
            gate/frames-disagree: PixelData (7FE0,0010) has 126 bytes, 1 frames of this size have 18
            gate/frames-disagree: segment 2 has no frame
            gate/frames-disagree: segment 3 has no frame
            gate/misplaced-frame: PixelSpacing (0028,0030) of frame 1 is [0.7, 0.85], that of its image 1.2.3.4.2 is [0.7, 0.8]
            gate/misplaced-frame: FrameOfReferenceUID (0020,0052) is 1.2.9, that of the source images is 1.2.3.5
            gate/other-mask: the pixels cannot be compared with the mask: frame 1 does not lie on a slice of the volume: rows and columns are [11, 13], steps [VectorLps { x: 0.68, y: 0.51, z: 0.0 }, VectorLps { x: -0.42, y: 0.5599999999999999, z: 0.0 }]
        "#]],
    );
}

#[test]
fn references_that_are_listed_nowhere_are_caught() {
    let nothing =
        |d: &mut DataSet<'static>| items(d, tag::REFERENCED_INSTANCE_SEQUENCE, |images| images.truncate(4));
    check(
        Kind::SecondaryCapture,
        |d| at(d, &[tag::REFERENCED_SERIES_SEQUENCE], nothing),
        expect![[r#"
        gate/dangling-reference: 1.2.3.4.5 is referred to and is not in ReferencedSeriesSequence (0008,1115)
    "#]],
    );
    check(
        Kind::Report,
        |d| {
            at(d, &[tag::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE], |study| {
                items(study, tag::REFERENCED_SERIES_SEQUENCE, |series| series.truncate(1));
            });
        },
        expect![[r#"
            gate/dangling-reference: 2.25.250582969405695169274952184185070152035 is referred to and is not in CurrentRequestedProcedureEvidenceSequence (0040,A375)
        "#]],
    );
}

#[test]
fn missing_attributes_and_illegal_values_are_named() {
    check(
        Kind::Report,
        |d| {
            d.remove(tag::STUDY_TIME);
            d.put_str(tag::COMPLETION_FLAG, "DONE");
            d.put_str(tag::VERIFICATION_FLAG, "VERIFIED");
            d.put_str(tag::SERIES_DATE, "2026-11-25");
        },
        expect![[r#"
            gate/illegal-value: SeriesDate (0008,0021): DA value "2026-11-25" is not legal
            gate/missing-attribute: StudyTime (0008,0030) is missing, it is of type 2
            gate/illegal-value: CompletionFlag (0040,A491) is "DONE", allowed are ["PARTIAL", "COMPLETE"]
            gate/missing-attribute: VerifyingObserverSequence (0040,A073) is missing, it is of type 1
        "#]],
    );
    check(
        Kind::Segmentation,
        |d| {
            d.put_str(tag::SEGMENTATION_TYPE, "BITS");
            at(d, &[tag::SEGMENT_SEQUENCE], |segment| {
                segment.remove(tag::TRACKING_UID);
                segment.remove(tag::SEGMENT_ALGORITHM_NAME);
                at(segment, &[tag::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE], |code| {
                    code.put_empty(tag::CODE_MEANING)
                });
            });
        },
        expect![[r#"
            gate/incomplete-item: an item of SegmentedPropertyTypeCodeSequence (0062,000F) in SegmentSequence (0062,0002) has no CodeMeaning (0008,0104)
            gate/illegal-value: SegmentationType (0062,0001) is "BITS", allowed are ["BINARY", "FRACTIONAL"]
            gate/missing-attribute: SegmentAlgorithmName (0062,0009) in item 1 of SegmentSequence (0062,0002) is missing, it is of type 1
            gate/missing-attribute: TrackingUID (0062,0021) in item 1 of SegmentSequence (0062,0002) is missing, it is of type 1
            gate/other-mask: the pixels cannot be compared with the mask: the object is of SOP class "1.2.840.10008.5.1.4.1.1.66.4", not a BINARY segmentation
        "#]],
    );
}

#[test]
fn a_tree_item_without_what_its_value_type_needs_is_caught() {
    check(
        Kind::Report,
        |d| {
            items(d, tag::CONTENT_SEQUENCE, |root| {
                root[0].remove(tag::CONCEPT_CODE_SEQUENCE);
                root[1].put_str(tag::RELATIONSHIP_TYPE, "BELONGS TO");
                root[2].put_str(tag::VALUE_TYPE, "UID");
            });
        },
        expect![[r#"
            gate/broken-tree: content item 1 is CODE and has no ConceptCodeSequence (0040,A168)
            gate/broken-tree: RelationshipType (0040,A010) of content item 2 is "BELONGS TO"
            gate/broken-tree: ValueType (0040,A040) of content item 3 is "UID"
        "#]],
    );
}

#[test]
fn a_measurement_report_names_its_procedure_and_tracks_its_findings() {
    check(
        Kind::Report,
        |d| {
            items(d, tag::CONTENT_SEQUENCE, |root| {
                let measurements = root.iter_mut().rev().nth(1).unwrap();
                at(measurements, &[tag::CONTENT_SEQUENCE], |group| {
                    items(group, tag::CONTENT_SEQUENCE, |items| drop(items.drain(..2)));
                });
                let is_procedure = |item: &DataSet<'_>| {
                    crate::read::code(item.items(tag::CONCEPT_NAME_CODE_SEQUENCE).first())
                        == Some(crate::codes::PROCEDURE_REPORTED)
                };
                root.retain(|item| !is_procedure(item));
            });
        },
        expect![[r#"
            gate/broken-tree: the root has no Procedure reported
            gate/broken-tree: measurement group 1 has no Tracking Identifier
            gate/broken-tree: measurement group 1 has no Tracking Unique Identifier
        "#]],
    );
}

#[test]
fn laterality_stands_where_it_belongs() {
    let right = |d: &mut DataSet<'static>| d.put_str(tag::LATERALITY, "R");
    check(
        Kind::Segmentation,
        right,
        expect![[r#"
        gate/missing-attribute: Laterality (0020,0060) must not be there
    "#]],
    );
    check(
        Kind::SecondaryCapture,
        right,
        expect![[r#"
        gate/missing-attribute: Laterality (0020,0060) must not be there
    "#]],
    );
    check(
        Kind::SecondaryCapture,
        |d| d.put_str(tag::BODY_PART_EXAMINED, "LUNG"),
        expect![[r#"
        gate/missing-attribute: Laterality (0020,0060) is missing, it is of type 2
    "#]],
    );
}

#[test]
fn an_order_with_an_illegal_accession_number_is_inherited() {
    let mut case = Case::new();
    case.header.put_str(tag::ACCESSION_NUMBER, "more than sixteen characters");
    check_case(
        &case,
        Kind::Report,
        |_| {},
        expect![[r#"
        inherited gate/illegal-value: AccessionNumber (0008,0050): the value is not legal for VR SH
        inherited gate/illegal-value: AccessionNumber (0008,0050) in ReferencedRequestSequence (0040,A370): the value is not legal for VR SH
    "#]],
    );
}

#[test]
fn what_the_source_has_wrong_is_inherited() {
    let mut case = Case::new();
    case.header.put_str(tag::PATIENT_BIRTH_DATE, "1970");
    case.header.remove(tag::SPECIFIC_CHARACTER_SET);
    case.images.iter_mut().for_each(|image| {
        image.sop_instance = SopInstanceUid::from_peer(&format!("{}.01", image.sop_instance)).unwrap();
    });
    check_case(
        &case,
        Kind::SecondaryCapture,
        |_| {},
        expect![[r#"
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in ReferencedSeriesSequence (0008,1115): UI value "1.2.3.4.1.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in ReferencedSeriesSequence (0008,1115): UI value "1.2.3.4.2.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in ReferencedSeriesSequence (0008,1115): UI value "1.2.3.4.3.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in ReferencedSeriesSequence (0008,1115): UI value "1.2.3.4.4.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in ReferencedSeriesSequence (0008,1115): UI value "1.2.3.4.5.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in SourceImageSequence (0008,2112): UI value "1.2.3.4.1.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in SourceImageSequence (0008,2112): UI value "1.2.3.4.2.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in SourceImageSequence (0008,2112): UI value "1.2.3.4.3.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in SourceImageSequence (0008,2112): UI value "1.2.3.4.4.01" is not legal
        inherited gate/illegal-value: ReferencedSOPInstanceUID (0008,1155) in SourceImageSequence (0008,2112): UI value "1.2.3.4.5.01" is not legal
        inherited gate/illegal-value: PatientBirthDate (0010,0030): the value is not legal for VR DA
        inherited gate/illegal-value: PatientName (0010,0010) is not ASCII, and there is no SpecificCharacterSet (0008,0005)
    "#]],
    );
}

#[test]
fn what_is_no_whole_file_or_another_class_is_refused() {
    let refused = |bytes: &[u8]| {
        let complaints = judge(bytes, &Knowledge::default());
        assert!(!passes(&complaints));
        complaints[0].to_string()
    };
    let set = Case::new().render();
    let report = set.get(Kind::Report).unwrap();
    assert_eq!(
        refused(b"GIF89a"),
        "gate/unreadable: the object is no DICOM file: neither the DICM prefix nor a DICOM element at the beginning"
    );
    let torn = &report.bytes[..report.bytes.len() - 9];
    assert!(refused(torn).starts_with("gate/unreadable: the data set is damaged at "));
    let other = sabotaged(report, |d| d.put_str(tag::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2"));
    assert_eq!(
        refused(&other),
        "gate/unknown-class: SOPClassUID (0008,0016) \"1.2.840.10008.5.1.4.1.1.2\" is not judged here"
    );
}

#[test]
fn a_flood_of_complaints_is_cut_and_hides_no_blocking_one() {
    let mut list = Complaints::default();
    (0..2 * COMPLAINTS_MAX).for_each(|_| list.add_as(Standing::Inherited, Rule::Value, String::new()));
    list.add(Rule::Value, "blocking".into());
    assert_eq!(list.0.len(), COMPLAINTS_MAX);
    assert!(!passes(&list.0));
}
