//! What the demonstration's evidence must be, by the truth of its phantom.

use std::ops::RangeInclusive;

use gantry_dicom::{charset, part10, reader, syntax, tag};
use gantry_evidence::{
    object::Kind,
    read::{read_report, read_segmentation},
};
use gantry_image::volume::Labels;
use gantry_phantom::chest::{AIRWAY, LEFT_LUNG, LESION, Phantom, RIGHT_LUNG};
use gantry_ports::store::{ObjectRow, StudyRow};
use serde_json::{Value, json};

use crate::{
    node::Node,
    report::{Failure, unreadable},
};

/// The keys of the findings, by the labels of the truth.
const SEGMENTS: &[(&str, u8, Bound)] = &[
    ("right-lung", RIGHT_LUNG, Bound { dice_min: 0.98, volume: 0.97..=1.03 }),
    ("left-lung", LEFT_LUNG, Bound { dice_min: 0.98, volume: 0.97..=1.03 }),
    // The airway's lumen is what lies well inside its wall.
    ("airways", AIRWAY, Bound { dice_min: 0.0, volume: 0.4..=1.15 }),
    ("lesion", LESION, Bound { dice_min: 0.8, volume: 0.75..=1.25 }),
];

/// What is asked of a segment.
struct Bound {
    /// The smallest overlap with the truth.
    dice_min: f64,
    /// Its volume in the report, as a share of the truth's.
    volume: RangeInclusive<f64>,
}

/// A comparison.
pub(super) struct Check {
    pub(super) name: String,
    pub(super) expected: String,
    pub(super) seen: String,
    pub(super) is_met: bool,
}

impl Check {
    pub(super) fn as_json(&self) -> Value {
        json!({ "name": self.name, "expected": self.expected, "seen": self.seen, "isMet": self.is_met })
    }
}

fn check(
    name: impl Into<String>,
    expected: impl Into<String>,
    seen: impl Into<String>,
    is_met: bool,
) -> Check {
    Check { name: name.into(), expected: expected.into(), seen: seen.into(), is_met }
}

/// All comparisons.
pub(super) fn judge(
    node: &Node,
    study: &StudyRow,
    objects: &[(ObjectRow, Vec<u8>)],
    truth: &Phantom,
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    let runs = node.runs.runs_of_study(&node.site, &study.uid).map_err(unreadable)?.len();
    let wanted = super::WORKFLOWS.len();
    checks.push(check("runs", wanted.to_string(), runs.to_string(), runs == wanted));
    let made = node.runs.evidence_of_study(&node.site, &study.uid).map_err(unreadable)?;
    for kind in Kind::ALL {
        let of_kind = objects.iter().filter(|(row, _)| row.sop_class.as_str() == kind.sop_class()).count();
        let name = format!("{} in the PACS", kind.name());
        checks.push(check(name, wanted.to_string(), of_kind.to_string(), of_kind == wanted));
    }
    let same = objects
        .iter()
        .filter(|(row, bytes)| {
            let own = made.iter().find(|own| own.sop_instance == row.sop_instance);
            own.is_some_and(|own| data_set(bytes) == stored(node, own).as_deref().and_then(data_set))
        })
        .count();
    let all = made.len().to_string();
    checks.push(check("objects that arrived as they were stored", all, same.to_string(), same == made.len()));
    checks.push(identity(study, objects));
    for (row, bytes) in objects {
        match Kind::of_sop_class(row.sop_class.as_str()) {
            Some(Kind::Segmentation) => segmentation(bytes, truth, &mut checks),
            Some(Kind::Report) => report(bytes, truth, &mut checks),
            Some(Kind::SecondaryCapture) | None => {}
        }
    }
    for (key, ..) in SEGMENTS {
        if !checks.iter().any(|check| check.name == volume_of(key)) {
            checks.push(check(volume_of(key), "a number", "none", false));
        }
    }
    Ok(checks)
}

/// The application that made an object.
pub(super) fn application(
    node: &Node,
    study: &StudyRow,
    object: &ObjectRow,
) -> Result<Option<String>, Failure> {
    let made = node.runs.evidence_of_study(&node.site, &study.uid).map_err(unreadable)?;
    let own = made.into_iter().find(|own| own.sop_instance == object.sop_instance);
    let Some(own) = own else { return Ok(None) };
    let run = node.runs.run(&own.run).map_err(unreadable)?;
    let package = run.and_then(|run| run.packages.into_iter().find(|package| package.task == own.task));
    Ok(package.map(|package| package.app.to_string()))
}

/// The bytes of an evidence object as they were stored before they were sent.
fn stored(node: &Node, own: &gantry_ports::store::EvidenceRow) -> Option<Vec<u8>> {
    node.outside.blob.read(own.blob, 0..own.blob.length).ok()
}

/// The data set of a file: the head is written by whoever keeps it.
fn data_set(file: &[u8]) -> Option<&[u8]> {
    part10::locate(file).ok().map(|located| located.data_set)
}

/// Patient and study are those of the images (EV3).
fn identity(study: &StudyRow, objects: &[(ObjectRow, Vec<u8>)]) -> Check {
    let expected = format!("{} in study {}", study.patient_id, study.uid);
    let seen: Vec<String> = objects
        .iter()
        .map(|(row, bytes)| {
            let encoding = syntax::layout(&row.transfer_syntax).0;
            let limits = reader::Limits::default();
            let own = data_set(bytes).unwrap_or_default();
            let read = reader::read(own, encoding, limits, reader::Stop::AtEnd).data_set;
            let uid = read.str(tag::STUDY_INSTANCE_UID).unwrap_or_default().to_owned();
            format!("{} in study {uid}", charset::text(&read, tag::PATIENT_ID))
        })
        .collect();
    let is_met = !seen.is_empty() && seen.iter().all(|one| *one == expected);
    let mut seen = seen;
    seen.dedup();
    check("patient and study of the evidence", expected, seen.join(", "), is_met)
}

fn segmentation(bytes: &[u8], truth: &Phantom, checks: &mut Vec<Check>) {
    let label = |segment: &gantry_evidence::read::Segment| {
        let found = SEGMENTS.iter().find(|(key, ..)| *key == segment.tracking_id);
        found.map(|(_, label, _)| *label)
    };
    let reading = read_segmentation(bytes);
    let own = reading.and_then(|reading| {
        let keys: Vec<String> = reading.segments.iter().map(|segment| segment.tracking_id.clone()).collect();
        Ok((reading.labels_on(truth.labels.grid(), label)?, keys))
    });
    let (own, keys) = match own {
        Ok(own) => own,
        Err(error) => {
            checks.push(check("the SEG is read back", "yes", error.to_string(), false));
            return;
        }
    };
    for (key, label, bound) in SEGMENTS.iter().filter(|(key, ..)| keys.iter().any(|own| own == key)) {
        let both = count(&own, &truth.labels, |own, truth| own == *label && truth == *label);
        let (of_own, of_truth) = (
            count(&own, &truth.labels, |own, _| own == *label),
            count(&own, &truth.labels, |_, truth| truth == *label),
        );
        let dice = 2.0 * both / (of_own + of_truth);
        if 0.0 < bound.dice_min {
            let expected = format!("Dice at least {}", bound.dice_min);
            checks.push(check(*key, expected, format!("{dice:.4}"), bound.dice_min <= dice));
        }
    }
}

fn count(own: &Labels, truth: &Labels, both: impl Fn(u8, u8) -> bool) -> f64 {
    let pairs = own.data().iter().zip(truth.data());
    pairs.filter(|(own, truth)| both(**own, **truth)).count() as f64
}

fn volume_of(key: &str) -> String {
    format!("volume of {key} in the SR")
}

fn report(bytes: &[u8], truth: &Phantom, checks: &mut Vec<Check>) {
    let reading = match read_report(bytes) {
        Ok(reading) => reading,
        Err(error) => {
            checks.push(check("the SR is read back", "yes", error.to_string(), false));
            return;
        }
    };
    for (key, label, bound) in SEGMENTS {
        let volume = reading.measurements.iter().find(|measurement| {
            let of_key = measurement.group.as_ref().is_some_and(|group| group.tracking_id == *key);
            of_key && measurement.unit.value == "ml"
        });
        // A report has the volumes of its own application.
        let Some(volume) = volume else { continue };
        let wanted = truth.volume_ml(*label);
        let share = volume.value / wanted;
        checks.push(check(
            volume_of(key),
            format!("{wanted:.1} ml, {} to {} of it", bound.volume.start(), bound.volume.end()),
            format!("{:.1} ml", volume.value),
            bound.volume.contains(&share),
        ));
    }
}
