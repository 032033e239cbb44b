//! Freezing: which of the series that meet an input's clause are taken, and what the payload's digest is over.
//!
//! Both depend on what the objects say, never on how or when they came (AS2).

use alloc::{collections::BTreeMap, vec::Vec};
use core::cmp::Ordering;

use gantry_types::{
    digest::Digest,
    uid::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid},
};

use crate::names::InputName;

/// Which of an input's series are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choose {
    /// The one of the thinnest slices; of equal ones the one with most objects.
    Thinnest,
    /// The one that was made last; of equal ones the one with most objects.
    Newest,
    /// All.
    All,
}

/// What a choice looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The series.
    pub series: SeriesInstanceUid,
    /// Objects in force.
    pub objects: u32,
    /// Slice thickness in millimetres; unknown is thicker than any known.
    pub thickness_mm: Option<f64>,
    /// Series Date and Time as `YYYYMMDDHHMMSS`; unknown is older than any known.
    pub made: Option<alloc::string::String>,
}

/// The series that are taken, in the order of their UIDs. Empty only if there is no candidate.
#[must_use]
pub fn choose(rule: Choose, candidates: &[Candidate]) -> Vec<SeriesInstanceUid> {
    let mut series: Vec<SeriesInstanceUid> = match rule {
        Choose::All => candidates.iter().map(|candidate| candidate.series.clone()).collect(),
        Choose::Thinnest => best(candidates, |a, b| {
            let thickness = |c: &Candidate| c.thickness_mm.unwrap_or(f64::INFINITY);
            thickness(a).total_cmp(&thickness(b))
        }),
        Choose::Newest => best(candidates, |a, b| b.made.cmp(&a.made)),
    };
    series.sort();
    series
}

/// The least by `order`; of equal ones that with most objects, then that with the least UID, so that nothing depends
/// on arrival.
fn best(
    candidates: &[Candidate],
    order: impl Fn(&Candidate, &Candidate) -> Ordering,
) -> Vec<SeriesInstanceUid> {
    candidates
        .iter()
        .min_by(|a, b| {
            order(a, b).then_with(|| b.objects.cmp(&a.objects)).then_with(|| a.series.cmp(&b.series))
        })
        .map(|candidate| candidate.series.clone())
        .into_iter()
        .collect()
}

/// One object of a payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The study.
    pub study: StudyInstanceUid,
    /// The object.
    pub sop_instance: SopInstanceUid,
    /// Which revision of it, from 1.
    pub revision: u32,
    /// SHA-256 of its bytes as kept.
    pub digest: Digest,
}

/// What a payload's digest is taken over: per input, its objects in the order of their UIDs, lengths before texts.
#[must_use]
pub fn canonical_bytes(payload: &BTreeMap<InputName, Vec<Item>>) -> Vec<u8> {
    let mut bytes = b"gantry/payload/1".to_vec();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        number(bytes, text.len());
        bytes.extend(text.as_bytes());
    };
    number(&mut bytes, payload.len());
    for (input, items) in payload {
        text(&mut bytes, input.as_str());
        let mut items: Vec<&Item> = items.iter().collect();
        items.sort();
        number(&mut bytes, items.len());
        for item in items {
            text(&mut bytes, item.study.as_str());
            text(&mut bytes, item.sop_instance.as_str());
            bytes.extend(item.revision.to_be_bytes());
            bytes.extend(item.digest.0);
        }
    }
    bytes
}

fn number(bytes: &mut Vec<u8>, count: usize) {
    // Lossless: no platform that we build for has a wider usize.
    bytes.extend(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned as _, string::ToString, vec};

    use super::*;

    fn candidate(series: &str, objects: u32, thickness_mm: Option<f64>, made: Option<&str>) -> Candidate {
        let series = SeriesInstanceUid::parse(series).unwrap();
        Candidate { series, objects, thickness_mm, made: made.map(str::to_owned) }
    }

    #[test]
    fn the_choice_does_not_depend_on_order_and_prefers_what_is_known() {
        let candidates = vec![
            candidate("1.4", 100, Some(1.0), None),
            candidate("1.3", 100, Some(1.0), Some("20260102")),
            candidate("1.2", 90, Some(1.0), Some("20260102")),
            candidate("1.1", 500, None, Some("20250101")),
        ];
        for turn in 0..candidates.len() {
            let mut turned = candidates.clone();
            turned.rotate_left(turn);
            for (rule, want) in
                [(Choose::Thinnest, "1.3"), (Choose::Newest, "1.3"), (Choose::All, "1.1 1.2 1.3 1.4")]
            {
                let chosen: Vec<_> = choose(rule, &turned).iter().map(ToString::to_string).collect();
                assert_eq!(chosen.join(" "), want, "{rule:?}");
            }
        }
        assert!(choose(Choose::Thinnest, &[]).is_empty());
    }

    #[test]
    fn the_bytes_of_a_payload_tell_every_part_of_it_apart() {
        let item = |sop: &str, revision| Item {
            study: StudyInstanceUid::parse("1.2").unwrap(),
            sop_instance: SopInstanceUid::parse(sop).unwrap(),
            revision,
            digest: Digest([7; 32]),
        };
        let payload = |input: &str, items: Vec<Item>| {
            canonical_bytes(&BTreeMap::from([(input.parse().unwrap(), items)]))
        };
        let bytes = payload("a", vec![item("1.2.3", 1), item("1.2.4", 1)]);
        assert_eq!(bytes, payload("a", vec![item("1.2.4", 1), item("1.2.3", 1)]));
        for other in [
            payload("b", vec![item("1.2.3", 1), item("1.2.4", 1)]),
            payload("a", vec![item("1.2.3", 1)]),
            payload("a", vec![item("1.2.3", 2), item("1.2.4", 1)]),
        ] {
            assert_ne!(bytes, other);
        }
    }
}
