//! Laws of sources.

use gantry_dicom::tag;
use gantry_types::{header::Decimal, instant::Instant, uid::StudyInstanceUid};

use super::*;
use crate::fixture::Case;

fn refused(change: impl FnOnce(&mut Case)) -> String {
    let mut case = Case::new();
    change(&mut case);
    let images: Vec<&ImageHeader> = case.images.iter().collect();
    Source::new(&case.header, &images).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn images_that_do_not_belong_together_are_no_source() {
    assert_eq!(refused(|case| case.images.clear()), "there are no source images");
    assert_eq!(
        refused(|case| case.header.put_str(tag::STUDY_INSTANCE_UID, "1.9")),
        r#"the header in force is of study "1.9", the images are of study "1.2.3""#
    );
    let mixed =
        "the image 1.2.3.4.3 is of another patient, study, series, size or frame of reference than the first";
    assert_eq!(refused(|case| case.images[2].study = StudyInstanceUid::parse("1.9").unwrap()), mixed);
    assert_eq!(refused(|case| case.images[2].frame_of_reference = None), mixed);
    assert_eq!(refused(|case| case.images[2].identity.patient_id = b"OTHER"[..].into()), mixed);
    assert_eq!(
        refused(|case| case.images[2].plane = None),
        "the image 1.2.3.4.3 has no readable position, orientation, spacing or size"
    );
}

#[test]
fn images_against_the_normal_are_refused_instead_of_reordered() {
    assert_eq!(
        refused(|case| case.images.reverse()),
        "the image 1.2.3.4.4 does not lie further along the slice normal than the one before it"
    );
}

#[test]
fn a_grid_that_is_shifted_flipped_or_cut_is_not_that_of_the_images() {
    let Case { grid, .. } = Case::new();
    let source = Case::new().source();
    assert_eq!(source.difference_from(&grid), None);
    let [a, b, c] = grid.steps();
    let with = |origin, steps| Grid::new(grid.dims(), origin, steps).unwrap();
    let flipped = with(grid.origin() + c * 4.0, [a, b, -c]);
    let half_a_pixel = with(grid.origin() + a * 0.5, [a, b, c]);
    let mirrored = with(grid.origin() + a * 12.0, [-a, b, c]);
    let stretched = with(grid.origin(), [a * 1.2, b, c]);
    for other in [flipped, half_a_pixel, mirrored, stretched] {
        assert!(source.difference_from(&other).unwrap().contains("beside the pixel of image"), "{other:?}");
    }
    let smaller = Case::of_size([13, 11, 4]).grid;
    assert_eq!(
        source.difference_from(&smaller).unwrap(),
        "it has [13, 11, 4] voxels, the images have [13, 11, 5]"
    );
}

#[test]
fn our_times_are_shown_in_the_offset_that_the_source_announces() {
    let mut case = Case::new();
    let stamp = Stamp { at: Instant(0), offset: UtcOffset::UTC };
    for (offset, minutes) in [("+0530", 330), ("-0100", -60), ("0100", 0), ("+25", 0), ("", 0)] {
        case.header.put_str(tag::TIMEZONE_OFFSET_FROM_UTC, offset);
        assert_eq!(case.source().shown(stamp).offset.minutes(), minutes, "{offset:?}");
    }
}

#[test]
fn positions_keep_their_spelling() {
    let mut case = Case::new();
    let spelled = Decimal::parse("-1.00250e2").unwrap();
    case.images.iter_mut().for_each(|image| image.plane.as_mut().unwrap().position[0] = spelled.clone());
    assert_eq!(&*case.source().images()[0].plane.position[0].text, "-1.00250e2");
}
