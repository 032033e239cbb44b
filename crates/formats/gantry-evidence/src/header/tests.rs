//! Laws of copied headers.

use expect_test::{Expect, expect};
use gantry_dicom::data_set::Value;

use super::*;

/// Copies a header of these values; prints what arrives, then the notes.
#[track_caller]
fn check(values: &[(Tag, &str)], want: Expect) {
    let mut header = DataSet::new();
    for (tag, text) in values {
        header.put_str(*tag, *text);
    }
    check_header(&header, want);
}

#[track_caller]
fn check_header(header: &DataSet<'static>, want: Expect) {
    let mut notes = Vec::new();
    let copied = copy(header, &mut notes);
    let line = |element: &Element<'_>| match &element.value {
        Value::Bytes(bytes) => format!("{} {:?}\n", element.tag, String::from_utf8_lossy(bytes)),
        Value::Items(items) => format!("{} {} items\n", element.tag, items.len()),
        Value::Fragments(_) => String::new(),
    };
    // Those that every object has are shown only with a value.
    let shown = |element: &&Element<'_>| element.value != Value::Bytes(Vec::new().into());
    let mut text: String = copied.elements().iter().filter(shown).map(line).collect();
    text.extend(notes.iter().map(|note| format!("note: {note}\n")));
    want.assert_eq(&text);
}

#[test]
fn identity_is_copied_to_the_byte_and_anything_else_only_if_legal() {
    check(
        &[
            (tag::PATIENT_ID, "a patient identifier of more than sixty-four characters, which is illegal "),
            (tag::PATIENT_BIRTH_DATE, "1970.13.77"),
            (tag::PATIENT_AGE, "56 years"),
            (tag::PATIENT_WEIGHT, "80,5"),
            (tag::OCCUPATION, "piano tuner"),
        ],
        expect![[r#"
            (0010,0020) "a patient identifier of more than sixty-four characters, which is illegal "
            (0010,0030) "1970.13.77"
            (0010,2180) "piano tuner"
            note: PatientAge (0010,1010) of the source was not copied: AS value "56 years" is not legal
            note: PatientWeight (0010,1030) of the source was not copied: DS value "80,5" is not legal
        "#]],
    );
}

#[test]
fn attributes_of_type_2_that_the_source_lacks_are_there_and_empty() {
    let copied = copy(&DataSet::new(), &mut Vec::new());
    let tags: Vec<Tag> = copied.elements().iter().map(|element| element.tag).collect();
    assert_eq!(
        tags,
        [
            tag::STUDY_DATE,
            tag::STUDY_TIME,
            tag::ACCESSION_NUMBER,
            tag::REFERRING_PHYSICIAN_NAME,
            tag::PATIENT_NAME,
            tag::PATIENT_ID,
            tag::PATIENT_BIRTH_DATE,
            tag::PATIENT_SEX,
            tag::STUDY_INSTANCE_UID,
            tag::STUDY_ID,
        ]
    );
}

fn item(values: &[(Tag, &'static str)]) -> DataSet<'static> {
    let mut item = DataSet::new();
    values.iter().for_each(|(tag, text)| item.put_str(*tag, *text));
    item
}

#[test]
fn a_sequence_with_an_incomplete_item_is_left_out() {
    let mut header = DataSet::new();
    let instance = (tag::REFERENCED_SOP_INSTANCE_UID, "1.2.3");
    header.put_items(tag::REFERENCED_STUDY_SEQUENCE, vec![item(&[instance])]);
    header.put_items(
        tag::REFERENCED_PATIENT_SEQUENCE,
        vec![item(&[instance, (tag::REFERENCED_SOP_CLASS_UID, "1.2")])],
    );
    let code = [(tag::CODE_VALUE, "1"), (tag::CODING_SCHEME_DESIGNATOR, "99X")];
    header.put_items(tag::PROCEDURE_CODE_SEQUENCE, vec![item(&code)]);
    check_header(
        &header,
        expect![[r#"
            (0008,1120) 1 items
            note: ProcedureCodeSequence (0008,1032) of the source was not copied: an item has no CodeMeaning (0008,0104)
            note: ReferencedStudySequence (0008,1110) of the source was not copied: an item has no ReferencedSOPClassUID (0008,1150)
        "#]],
    );
}

#[test]
fn private_elements_in_items_and_values_of_another_kind_are_left_out() {
    let mut header = DataSet::new();
    let mut other = item(&[(tag::PATIENT_ID, "P-2")]);
    other.put_as(Tag(0x0009, 0x1001), Vr::LO, Value::Bytes(b"private".to_vec().into()));
    header.put_items(tag::OTHER_PATIENT_IDS_SEQUENCE, vec![other]);
    header.put_as(tag::PROCEDURE_CODE_SEQUENCE, Vr::UN, Value::Bytes(b"what".to_vec().into()));
    header.put_as(tag::PATIENT_ID, Vr::UN, Value::Bytes(b"P-1".to_vec().into()));
    let mut notes = Vec::new();
    let copied = copy(&header, &mut notes);
    assert_eq!(copied.items(tag::OTHER_PATIENT_IDS_SEQUENCE)[0].elements().len(), 1);
    assert_eq!(copied.get(tag::PATIENT_ID).unwrap().vr, Vr::LO, "as the dictionary says");
    assert_eq!(notes, [Note::WrongKind { attribute: tag::PROCEDURE_CODE_SEQUENCE }]);
}

#[test]
fn a_clinical_trial_module_is_copied_whole_or_not_at_all() {
    check(
        &[
            (tag::CLINICAL_TRIAL_SPONSOR_NAME, "S"),
            (tag::CLINICAL_TRIAL_PROTOCOL_ID, "P"),
            (tag::CLINICAL_TRIAL_SUBJECT_ID, "7"),
            (tag::CLINICAL_TRIAL_TIME_POINT_ID, ""),
            (tag::CLINICAL_TRIAL_SERIES_ID, "3"),
        ],
        expect![[r#"
            (0012,0010) "S"
            (0012,0020) "P"
            (0012,0040) "7"
            note: the Clinical Trial Series module of the source was not copied: it has no ClinicalTrialCoordinatingCenterName (0012,0060)
        "#]],
    );
}
