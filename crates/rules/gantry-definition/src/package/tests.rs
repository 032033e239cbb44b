//! Laws of packages.

use expect_test::{Expect, expect};
use gantry_types::findings::{Measurement, SegmentFinding};

use super::*;
use crate::expression::{Facts, Value};

const GOOD: &str = r#"
[app]
name = "test-app"
version = "1.0.0"
title = "Test"
manufacturer = "Tester"
intended_use = "Tests"
class = "test"
licence = "Apache-2.0"
family = ["123110", "DCM", "Artificial Intelligence"]

[[eligibility]]
name = "ct"
clause = 'image.modality == "CT"'
sentence = "the image is a CT"

[[contract]]
name = "kernel"
clause = 'lookup("sharpness", image.manufacturer, image.kernel) != "sharp"'
sentence = "the kernel is not sharp"

[[tables.sharpness]]
keys = ["Philips*", "B"]
value = "soft"

[[steps]]
step = "lungs"
air_below_hu = -400
mean_hu = [-950, -500]

[[findings]]
key = "right-lung"
label = 1
name = "Right lung"
category = ["91723000", "SCT", "Anatomical Structure"]
property = ["39607008", "SCT", "Lung"]
laterality = ["24028007", "SCT", "Right"]
colour = [80, 160, 255]

[[findings.measurements]]
key = "laa"
quantity = "percentage-below"
below = -950
concept = ["LAA950", "99GANTRY", "Percentage of lung below -950 HU"]
unit = ["%", "UCUM", "percent"]
plausible = [0, 100]
requires = ["kernel"]

[resources]
memory_mib = 2048
time_secs = 600
"#;

#[test]
fn a_package_is_read_whole() {
    let package = Package::parse(GOOD).unwrap();
    assert_eq!((package.name.as_str(), package.class), ("test-app", Class::Test));
    assert_eq!(package.steps[0].parameters["mean_hu"], Parameter::Numbers(vec![-950.0, -500.0]));
    let finding = package.finding(1).unwrap();
    assert_eq!(finding.laterality, Some(gantry_types::code::RIGHT));
    assert_eq!(finding.measurements[0].quantity, Quantity::PercentageBelow(-950));
}

#[track_caller]
fn check(from: &str, to: &str, want: Expect) {
    assert!(GOOD.contains(from), "{from}");
    let error = Package::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
    want.assert_eq(&format!("{error}\n"));
}

#[test]
fn mistakes_are_named_with_their_place() {
    check(
        "title = \"Test\"",
        "titel = \"Test\"",
        expect![[r#"
        TOML parse error at line 5, column 1
          |
        5 | titel = "Test"
          | ^^^^^
        unknown field `titel`, expected one of `name`, `version`, `title`, `manufacturer`, `intended_use`, `class`, `licence`, `family`, `body_part`
    "#]],
    );
    check(
        "image.modality ==",
        "image.modalty ==",
        expect![[r#"
        eligibility.ct: `image.modalty` is not known: did you mean `image.modality`?
    "#]],
    );
    check(
        "label = 1",
        "label = 2",
        expect![[r#"
        findings.right-lung: its label must be 1: labels ascend from 1 without gaps
    "#]],
    );
    check(
        "below = -950",
        "",
        expect![[r#"
        findings.right-lung.laa: percentage-below needs `below`
    "#]],
    );
    check(
        "requires = [\"kernel\"]",
        "requires = [\"kernal\"]",
        expect![[r#"
        findings.right-lung.laa: requires `kernal`, which the contract does not have
    "#]],
    );
    check(
        "plausible = [0, 100]",
        "plausible = [100, 0]",
        expect![[r#"
        findings.right-lung.laa: the plausible range must ascend
    "#]],
    );
    check(
        "keys = [\"Philips*\", \"B\"]",
        "keys = [\"B\"]",
        expect![[r#"
        contract.kernel: `lookup("sharpness") with 2 keys instead of 1` is not supported here
    "#]],
    );
}

#[test]
fn an_unknown_clause_can_be_asserted_and_a_failed_one_cannot() {
    let package = Package::parse(GOOD).unwrap();
    let judge = |maker: Option<&str>, kernel: &str, asserted: &[String]| {
        let mut facts = Facts::from([("image.kernel", Value::Text(kernel.to_owned()))]);
        facts.extend(maker.map(|maker| ("image.manufacturer", Value::Text(maker.to_owned()))));
        let judged = package.contract[0].judge(&facts, &package.tables, asserted);
        format!("{:?} {}", judged.verdict, judged.seen)
    };
    let asserted = ["kernel".to_owned()];
    expect![[r#"Met the kernel is not sharp: image.manufacturer is "Philips", image.kernel is "B""#]]
        .assert_eq(&judge(Some("Philips"), "B", &[]));
    expect![[r#"Unknown the kernel is not sharp: image.manufacturer is absent, image.kernel is "B""#]]
        .assert_eq(&judge(None, "B", &[]));
    expect![[r#"Met the kernel is not sharp: image.manufacturer is absent, image.kernel is "B", asserted by the workflow"#]]
        .assert_eq(&judge(None, "B", &asserted));
}

#[test]
fn values_beyond_their_range_or_without_one_are_implausible() {
    let package = Package::parse(GOOD).unwrap();
    let declared = &package.findings[0];
    let with = |key: &str, value| {
        let of = &declared.measurements[0];
        let measurement = Measurement {
            key: key.to_owned(),
            concept: of.concept.clone(),
            derivation: None,
            method: None,
            unit: of.unit.clone(),
            value,
        };
        let segment = SegmentFinding {
            key: declared.key.clone(),
            label: declared.label,
            name: declared.name.clone(),
            category: declared.category.clone(),
            property: declared.property.clone(),
            laterality: None,
            colour: declared.colour,
            measurements: vec![measurement],
        };
        let findings = Findings { segments: vec![segment], measurements: Vec::new() };
        package.implausible(&findings).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let number = MeasuredValue::Number;
    assert_eq!(with("laa", number(0.0)) + &with("laa", number(100.0)), "");
    assert_eq!(with("laa", number(100.1)), "right-lung.laa is 100.1, plausible is 0 to 100");
    assert!(with("laa", number(f64::NAN)).contains("NaN"));
    assert!(with("invented", number(1.0)).contains("right-lung.invented is 1"));
    assert_eq!(with("laa", MeasuredValue::Declined { reason: String::new() }), "");
}

/// What people read is what the program knows.
#[test]
fn the_published_page_has_every_variable() {
    let page = include_str!("../../../../../docs/packages.md");
    for (name, _, meaning) in VARIABLES {
        assert!(page.contains(&format!("| `{name}` | {meaning} |")), "{name}");
    }
}
