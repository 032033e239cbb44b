//! Findings without arrays: what an application answers, apart from its masks.
//!
//! *Found nothing*, *could not decide* and *did not run* are three different answers: a segment may be absent, a
//! measurement may be declined with its reason, and an application that did not run leaves no findings at all.

use alloc::{string::String, vec::Vec};

use crate::code::Code;

/// What an application found in one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// Regions, in the order of their label numbers.
    pub segments: Vec<SegmentFinding>,
    /// Measurements that belong to no single segment.
    pub measurements: Vec<Measurement>,
}

/// A region of the label mask that the findings come with.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentFinding {
    /// Names the finding within its application, for ever: tracking identifiers are derived from it.
    pub key: String,
    /// Its value in the label mask, 1 upwards without gaps.
    pub label: u8,
    /// What readers see, at most 64 characters.
    pub name: String,
    /// Segmented Property Category (CID 7150).
    pub category: Code,
    /// Segmented Property Type (CID 7151).
    pub property: Code,
    /// Laterality, where the structure is paired.
    pub laterality: Option<Code>,
    /// How viewers should colour it.
    pub colour: Rgb,
    /// What was measured in it.
    pub measurements: Vec<Measurement>,
}

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub [u8; 3]);

/// One quantity, measured or declined.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Names the measurement within its segment or application.
    pub key: String,
    /// What was measured.
    pub concept: Code,
    /// How it was derived from many values: mean, maximum ...
    pub derivation: Option<Code>,
    /// By which method.
    pub method: Option<Code>,
    /// In which unit (UCUM).
    pub unit: Code,
    /// The answer.
    pub value: MeasuredValue,
}

/// The answer to a measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum MeasuredValue {
    /// A finite number in the measurement's unit.
    Number(f64),
    /// Not attempted: a clause of the contract failed or could not be known.
    Declined {
        /// The clauses with the values seen, for people.
        reason: String,
    },
}

/// What became of a clause of an eligibility contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Met,
    /// It does not hold.
    Failed,
    /// What it asks about is not known.
    Unknown,
}

/// A clause that was judged, with what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedClause {
    /// Its name in the contract.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The sentence for people, with the values seen.
    pub seen: String,
}
