//! Revisions of a small image; real encodings and copies are compared end to end, with DCMTK's.

use std::io;

use gantry_dicom::{
    data_set::{DataSet, Value},
    part10, syntax, tag,
    vr::Vr,
    writer,
};
use gantry_types::uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid};

use super::*;

const SIDE: u16 = 16;

struct Two([Vec<u8>; 2]);

impl Objects for Two {
    fn count(&self) -> usize {
        2
    }

    fn read(&self, number: usize) -> io::Result<Vec<u8>> {
        Ok(self.0[number].clone())
    }

    fn name(&self, number: usize) -> String {
        number.to_string()
    }
}

fn ramp(at: usize) -> i16 {
    i16::try_from(at * 37 % 1000).unwrap()
}

fn image(samples: impl Fn(usize) -> i16) -> DataSet<'static> {
    let mut data_set = DataSet::new();
    data_set.put_str(tag::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
    data_set.put_str(tag::SOP_INSTANCE_UID, "1.1");
    data_set.put_str(tag::STUDY_INSTANCE_UID, "1.2");
    data_set.put_str(tag::SERIES_INSTANCE_UID, "1.3");
    data_set.put_str(tag::PATIENT_NAME, "Test^Patient");
    data_set.put_u16(tag::SAMPLES_PER_PIXEL, &[1]);
    data_set.put_str(tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    data_set.put_u16(tag::ROWS, &[SIDE]);
    data_set.put_u16(tag::COLUMNS, &[SIDE]);
    data_set.put_u16(tag::BITS_ALLOCATED, &[16]);
    data_set.put_u16(tag::BITS_STORED, &[16]);
    data_set.put_u16(tag::HIGH_BIT, &[15]);
    data_set.put_u16(tag::PIXEL_REPRESENTATION, &[1]);
    let pixels: Vec<u8> = (0..usize::from(SIDE).pow(2)).flat_map(|at| samples(at).to_le_bytes()).collect();
    data_set.put_as(tag::PIXEL_DATA, Vr::OW, Value::Bytes(pixels.into()));
    data_set
}

fn file(data_set: &DataSet<'_>) -> Vec<u8> {
    let uid = |tag| data_set.str(tag).unwrap();
    let program =
        part10::Implementation { class_uid: Uid::parse("1.2.3").unwrap(), version_name: "TEST".to_owned() };
    let mut bytes = part10::head(
        &SopClassUid::parse(uid(tag::SOP_CLASS_UID)).unwrap(),
        &SopInstanceUid::parse(uid(tag::SOP_INSTANCE_UID)).unwrap(),
        &TransferSyntaxUid::parse(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap(),
        &program,
        None,
    );
    bytes.extend(writer::write_explicit(data_set).unwrap());
    bytes
}

#[track_caller]
fn compared(kept: &DataSet<'_>, new: &DataSet<'_>) -> Comparison {
    compare(&Two([file(kept), file(new)]), 0, 1)
}

#[test]
fn headers_and_pixels_are_judged_apart() {
    let kept = image(ramp);
    let mut renamed = image(ramp);
    renamed.put_str(tag::PATIENT_NAME, "Other^Name");
    let other = image(|at| ramp(at) + i16::from(at == 77));
    let check = |new: &DataSet<'_>, headers, is_equal| {
        let comparison = compared(&kept, new);
        assert_eq!(comparison.headers, headers);
        assert_eq!(comparison.pixels == Pixels::Equal, is_equal, "{comparison:?}");
    };
    check(&kept, Headers::Equal, true);
    check(&renamed, Headers::Differ, true);
    check(&other, Headers::Equal, false);
    assert_eq!(compared(&kept, &other).pixels, Pixels::Differ("samples of frame 1 differ".to_owned()));
    let mut inverted = image(ramp);
    inverted.put_str(tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME1");
    let sentence = "photometric interpretations of frame 1 differ";
    assert_eq!(compared(&kept, &inverted).pixels, Pixels::Differ(sentence.to_owned()));
}

#[test]
fn a_lossy_copy_is_known_by_its_values() {
    let kept = image(ramp);
    let copy = |samples: fn(usize) -> i16| {
        let mut copy = image(samples);
        copy.put_str(tag::LOSSY_IMAGE_COMPRESSION, "01");
        copy
    };
    let noisy = copy(|at| ramp(at) + i16::try_from(at % 5).unwrap() - 2);
    assert_eq!(compared(&kept, &noisy).pixels, Pixels::LossyCopy);
    let other = copy(|at| ramp(at * 3 + 5));
    let Pixels::Differ(why) = compared(&kept, &other).pixels else { panic!("another image") };
    assert!(why.contains("correlates by"), "{why}");
    // What was lost in the first cannot be a copy of what comes after it.
    let Pixels::Differ(_) = compared(&noisy, &kept).pixels else { panic!("the first one is the worse") };
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let kept = image(ramp);
    let mut larger = image(ramp);
    larger.put_u16(tag::ROWS, &[SIDE + 1]);
    let Pixels::Unknown(_) = compare(&Two([file(&kept), b"no DICOM".to_vec()]), 0, 1).pixels else {
        panic!("it is no DICOM")
    };
    assert_eq!(
        compared(&kept, &larger).pixels,
        Pixels::Differ("16 x 16 x 1 of 1 samples and 16 x 17 x 1 of 1 samples".to_owned())
    );
    let mut blind = image(ramp);
    blind.remove(tag::PIXEL_DATA);
    assert_eq!(compared(&kept, &blind).pixels, Pixels::Differ("only one of them has pixels".to_owned()));
    assert_eq!(compared(&blind, &blind).pixels, Pixels::Equal);
    // What stands beside equal pixels counts too, and no decoder knows it.
    let mut more = image(ramp);
    more.put_as(tag::DOUBLE_FLOAT_PIXEL_DATA, Vr::OD, Value::Bytes(vec![0; 8].into()));
    let mut less = image(ramp);
    less.put_as(tag::DOUBLE_FLOAT_PIXEL_DATA, Vr::OD, Value::Bytes(vec![1; 8].into()));
    let sentence = "floating-point pixels differ";
    assert_eq!(compared(&more, &less).pixels, Pixels::Differ(sentence.to_owned()));
}
