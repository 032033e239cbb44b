//! Laws of the safety gate.

use expect_test::{Expect, expect};
use gantry_dicom::tag;

use super::*;
use crate::{fixture::Case, gate::sabotage, object::Kind};

/// Judges the segmentation of a case after `change` against a header after `revise`.
#[track_caller]
fn check(
    change: impl FnOnce(&mut DataSet<'static>),
    revise: impl FnOnce(&mut DataSet<'static>),
    want: Expect,
) {
    let case = Case::new();
    let set = case.render();
    let source = case.source();
    let mut header = case.header.clone();
    revise(&mut header);
    let allowed = Allowed { header_in_force: &header, sources: &[&source], siblings: &[], replaces: &[] };
    let bytes = sabotage(set.get(Kind::Segmentation).unwrap(), change);
    want.assert_eq(
        &judge(&bytes, &allowed).iter().map(|complaint| format!("{complaint}\n")).collect::<String>(),
    );
}

#[test]
fn our_own_object_passes() {
    check(|_| {}, |_| {}, expect![""]);
}

#[test]
fn one_changed_byte_of_identity_is_caught_and_not_shown() {
    let name = |d: &mut DataSet<'static>| {
        d.put(tag::PATIENT_NAME, Value::Bytes(b"\xC4neas^R\xFDdiger".to_vec().into()));
    };
    check(
        name,
        |_| {},
        expect![[r#"
        gate/other-identity: PatientName (0010,0010) is not that of the header in force
    "#]],
    );
    check(
        |d| d.put_str(tag::PATIENT_ID, "P-2"),
        |_| {},
        expect![[r#"
        gate/other-identity: PatientID (0010,0020) is not that of the header in force
    "#]],
    );
    check(
        |d| d.remove(tag::ISSUER_OF_PATIENT_ID),
        |_| {},
        expect![[r#"
        gate/other-identity: IssuerOfPatientID (0010,0021) is not that of the header in force
    "#]],
    );
    check(
        |d| d.put_str(tag::STUDY_INSTANCE_UID, "1.2.4"),
        |_| {},
        expect![[r#"
        gate/other-identity: StudyInstanceUID (0020,000D) is not that of the header in force
    "#]],
    );
}

#[test]
fn a_header_that_was_revised_since_makes_the_evidence_stale() {
    check(
        |_| {},
        |header| header.put_str(tag::ACCESSION_NUMBER, "A-18"),
        expect![[r#"
        gate/other-identity: AccessionNumber (0008,0050) is not that of the header in force
    "#]],
    );
}

#[test]
fn the_same_bytes_in_another_character_set_are_another_name() {
    check(
        |d| d.put_str(tag::SPECIFIC_CHARACTER_SET, "ISO_IR 101"),
        |_| {},
        expect![[r#"
        gate/other-identity: SpecificCharacterSet (0008,0005) is not that of the header in force
    "#]],
    );
}

#[test]
fn an_image_of_another_payload_and_identifiers_of_the_source_are_caught() {
    check(
        |d| {
            d.put_str(tag::SERIES_INSTANCE_UID, "1.2.3.4");
            let mut series = d.items(tag::REFERENCED_SERIES_SEQUENCE).to_vec();
            let mut images = series[0].items(tag::REFERENCED_INSTANCE_SEQUENCE).to_vec();
            images[0].put_str(tag::REFERENCED_SOP_INSTANCE_UID, "1.9.9");
            series[0].put_items(tag::REFERENCED_INSTANCE_SEQUENCE, images);
            d.put_items(tag::REFERENCED_SERIES_SEQUENCE, series);
        },
        |_| {},
        expect![[r#"
            gate/outside-payload: SeriesInstanceUID (0020,000E) 1.2.3.4 is that of the source images
            gate/outside-payload: 1.9.9 is referred to and is no image of the payload
        "#]],
    );
}
