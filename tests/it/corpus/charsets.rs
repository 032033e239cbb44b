//! Names of the corpus in their character sets.

use gantry_dicom::{
    charset, part10,
    reader::{self, Limits, Stop},
    syntax, tag,
};
use gantry_tests::{corpus, notes};

use super::file;

#[test]
fn names_in_every_character_set_are_read() {
    let Some(shared) = corpus::shared("names_in_every_character_set_are_read") else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for entry in corpus::entries(&shared).iter().filter(|entry| entry["kind"] == "charset") {
        let path = entry["paths"][0].as_str().unwrap();
        let facts = &entry["facts"];
        // The encoder's input where the file was made; else what a reader of the field makes of it.
        let made = facts["expected"]["PatientName"].as_str().or(facts["expected"].as_str());
        // Two files have no name at all.
        let read = facts["patient_name_utf8_pydicom"].as_str().filter(|name| *name != "None");
        let Some(wanted) = made.or(read) else { continue };
        let bytes = file(&shared, path);
        let located = part10::locate(&bytes).unwrap();
        let encoding = syntax::layout(&located.transfer_syntax).0;
        let data_set = reader::read(located.data_set, encoding, Limits::default(), Stop::AtEnd).data_set;
        let name = charset::text(&data_set, tag::PATIENT_NAME);
        // Empty trailing groups and components say nothing.
        if name.trim_end_matches(['=', '^']) == wanted.trim_end_matches(['=', '^']) {
            right += 1;
        } else {
            wrong.push(format!("{path}: {name:?}, wanted {wanted:?}"));
        }
    }
    notes::figure(&format!("corpus/charsets: {right} names read, {} wrong", wrong.len()));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
