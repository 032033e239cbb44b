//! Laws of stacks.

use gantry_types::{
    header::{Contrast, Decimal, Identity, Planar, SampleSign},
    uid::{
        FrameOfReferenceUid, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid,
        TransferSyntaxUid,
    },
};

use super::*;
use crate::geometry::VoxelPoint;

const AXIAL: [&str; 6] = ["1", "0", "0", "0", "1", "0"];

fn decimals<const N: usize>(texts: [&str; N]) -> [Decimal; N] {
    texts.map(|text| Decimal::parse(text).unwrap())
}

fn header(position: [&str; 3], orientation: [&str; 6]) -> ImageHeader {
    ImageHeader {
        sop_class: SopClassUid::parse("1.2").unwrap(),
        sop_instance: SopInstanceUid::parse("1.2.3").unwrap(),
        study: StudyInstanceUid::parse("1.2.4").unwrap(),
        series: SeriesInstanceUid::parse("1.2.5").unwrap(),
        identity: Identity::default(),
        transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2.1").unwrap(),
        frame_of_reference: FrameOfReferenceUid::from_peer("1.2.6"),
        plane: Some(ImagePlane {
            position: decimals(position),
            orientation: decimals(orientation),
            spacing: decimals(["0.9", "0.8"]),
        }),
        format: Some(PixelFormat {
            rows: 3,
            columns: 4,
            frames: 1,
            samples_per_pixel: 1,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            sign: SampleSign::Unsigned,
            planar: Planar::Interleaved,
            photometric: "MONOCHROME2".into(),
        }),
        rescale: None,
        slice_thickness: None,
        image_type: vec!["ORIGINAL".into(), "PRIMARY".into(), "AXIAL".into()],
        modality: "CT".into(),
        manufacturer: String::new(),
        convolution_kernel: Vec::new(),
        contrast: Contrast::NotSaid,
        series_number: String::new(),
        series_description: String::new(),
        instance_number: String::new(),
        lossy: String::new(),
    }
}

fn axial(zs: &[&str]) -> Vec<ImageHeader> {
    zs.iter().map(|z| header(["-10", "-20", z], AXIAL)).collect()
}

fn made(headers: &[ImageHeader]) -> Result<Stack, StackError> {
    stack(&headers.iter().collect::<Vec<_>>())
}

#[track_caller]
fn refused(headers: &[ImageHeader], code: &str, sentence: &str) {
    let error = made(headers).unwrap_err();
    assert_eq!((error.code().0, &*error.to_string()), (code, sentence));
}

fn plane_of(header: &mut ImageHeader) -> &mut ImagePlane {
    header.plane.as_mut().unwrap()
}

fn format_of(header: &mut ImageHeader) -> &mut PixelFormat {
    header.format.as_mut().unwrap()
}

#[test]
fn slices_are_sorted_along_the_normal_and_their_distance_measured() {
    let stack = made(&axial(&["-20", "-30", "-25", "-35"])).unwrap();
    assert_eq!(stack.order, [3, 1, 2, 0]);
    assert_eq!(stack.grid.spacing().to_array(), [0.8, 0.9, 5.0]);
    assert_eq!(stack.grid.dims().to_array(), [4, 3, 4]);
    let last = stack.grid.to_lps(VoxelPoint { i: 1.0, j: 1.0, k: 3.0 });
    assert!((last - PointLps::new(-9.2, -19.1, -20.0)).length() < 1e-9);
}

#[test]
fn an_oblique_stack_with_positions_rounded_to_a_tenth_is_taken() {
    // Rows along x, columns tilted by 20 degrees; slices 3 mm apart along the normal.
    let orientation = ["1", "0", "0", "0", "0.939693", "-0.342020"];
    let headers: Vec<ImageHeader> = (0..40)
        .map(|n| {
            let (y, z) = (3.0 * f64::from(n) * 0.342_020, 3.0 * f64::from(n) * 0.939_693);
            header(["0.0", &format!("{y:.1}"), &format!("{z:.1}")], orientation)
        })
        .collect();
    let stack = made(&headers).unwrap();
    assert_eq!(stack.order, (0..40).collect::<Vec<_>>());
    assert!((stack.grid.spacing().slice - 3.0).abs() < 0.01);
}

#[test]
fn thin_slices_rounded_to_a_tenth_are_even_and_a_missing_one_is_not() {
    let zs: Vec<String> = (0..200).map(|n| format!("{:.1}", 0.625 * f64::from(n))).collect();
    let mut headers = axial(&zs.iter().map(String::as_str).collect::<Vec<_>>());
    assert!((made(&headers).unwrap().grid.spacing().slice - 0.625).abs() < 1e-3);
    for missing in [1, 100, 198] {
        let mut gap = headers.clone();
        gap.remove(missing);
        assert_eq!(made(&gap).unwrap_err().code().0, "image/uneven-spacing", "without {missing}");
    }
    headers.truncate(2);
    refused(&headers, "image/too-few-slices", "2 images are too few for a volume, which needs 3");
}

#[test]
fn gaps_doubles_and_tilt_are_refused_with_the_values() {
    refused(
        &axial(&["0", "5", "10", "20", "25", "35"]),
        "image/uneven-spacing",
        "slice distances run from 5.000 to 10.000 mm, a volume needs even ones",
    );
    refused(
        &axial(&["0", "5", "10", "10", "15"]),
        "image/duplicate-position",
        "two images lie at the same place, 10.00 mm along the slice normal",
    );
    let tilted = ["1", "0", "0", "0", "0.9483237", "-0.3173047"];
    let tilted: Vec<_> = ["0", "4.22", "8.44"].map(|z| header(["0", "0", z], tilted)).to_vec();
    refused(
        &tilted,
        "image/gantry-tilt",
        "the slices are sheared by 18.5 degrees: 1.34 mm sideways over 4.00 mm",
    );
}

#[test]
fn images_that_differ_are_refused_by_name() {
    let zs = ["0", "5", "10"];
    let with = |change: fn(&mut ImageHeader)| {
        let mut headers = axial(&zs);
        change(&mut headers[1]);
        headers
    };
    type Case = (fn(&mut ImageHeader), &'static str);
    let cases: [Case; 11] = [
        (|h| h.image_type[2] = "LOCALIZER".into(), "image/localizer"),
        (|h| h.plane = None, "image/no-plane"),
        (|h| h.format = None, "image/no-pixel-format"),
        (|h| format_of(h).frames = 2, "image/multi-frame"),
        (|h| format_of(h).samples_per_pixel = 3, "image/not-one-sample"),
        (|h| format_of(h).rows = 4, "image/mixed-size"),
        (|h| format_of(h).sign = SampleSign::Signed, "image/mixed-pixel-format"),
        (|h| h.frame_of_reference = None, "image/mixed-frame-of-reference"),
        (|h| plane_of(h).orientation[0] = Decimal::parse("0.9").unwrap(), "image/bad-orientation"),
        (|h| plane_of(h).spacing[0] = Decimal::parse("0").unwrap(), "image/bad-spacing"),
        (|h| plane_of(h).spacing[0] = Decimal::parse("0.91").unwrap(), "image/mixed-spacing"),
    ];
    for (change, code) in cases {
        assert_eq!(made(&with(change)).unwrap_err().code().0, code);
    }
    let mixed = with(|h| plane_of(h).orientation = decimals(["0", "1", "0", "0", "0", "-1"]));
    refused(&mixed, "image/mixed-orientation", "the images have 2 orientations ([2, 1] images each)");
    assert_eq!(orientation_groups(&mixed.iter().collect::<Vec<_>>()), [vec![0, 2], vec![1]]);
}

#[test]
fn patient_position_instance_number_and_rescale_do_not_matter() {
    let mut headers = axial(&["0", "5", "10"]);
    headers[0].instance_number = "3".into();
    headers[1].rescale = Some(gantry_types::header::Rescale {
        slope: Decimal::parse("2").unwrap(),
        intercept: Decimal::parse("0").unwrap(),
        kind: None,
    });
    assert_eq!(made(&headers).unwrap().order, [0, 1, 2]);
}
