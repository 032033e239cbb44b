//! Packages: what an application says of itself in `app.toml`.
//!
//! A package names its contract (clauses over the image's facts), its steps with their parameters, and the findings it
//! may give, each with its codes and plausible range. What a step does is the business of `gantry-pipeline`.
//!
//! Invariants
//! - Every clause is checked against the published variables when the package is read.
//! - Labels of findings ascend from 1 without gaps; codes have legal lengths; ranges are ordered.

mod document;

use std::{collections::BTreeMap, fmt, str::FromStr};

use gantry_types::{
    code::Code,
    findings::{Findings, JudgedClause, MeasuredValue, Rgb, Verdict},
    ids::AppName,
};

use crate::expression::{Expression, Facts, Scope, Tables, Truth, Type};

/// A package.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Its name in commands and documents.
    pub name: AppName,
    /// Its version, at most 16 characters.
    pub version: String,
    /// What people call it.
    pub title: String,
    /// Who made it.
    pub manufacturer: String,
    /// What it is for, and what not.
    pub intended_use: String,
    /// For whom its results are.
    pub class: Class,
    /// Under which licence it is given.
    pub licence: String,
    /// Algorithm family (CID 7162).
    pub family: Code,
    /// Body Part Examined (0018,0015) of its results, if it proves it from the pixels.
    pub body_part: Option<String>,
    /// What must hold for it to run at all.
    pub eligibility: Vec<ContractClause>,
    /// What must hold for single measurements, by name.
    pub contract: Vec<ContractClause>,
    /// Tables that clauses look things up in.
    pub tables: Tables,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// What it may find.
    pub findings: Vec<DeclaredFinding>,
    /// The values that the picture shows as black and as white; nothing is what the image has.
    pub window: Option<[i16; 2]>,
    /// What it may cost.
    pub resources: Resources,
}

/// A value that nobody should believe.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{finding}.{measurement} is {value}, plausible is {from} to {to}")]
pub struct Implausible {
    /// The finding's key.
    pub finding: String,
    /// The measurement's key.
    pub measurement: String,
    /// The value.
    pub value: f64,
    /// The smallest plausible value.
    pub from: f64,
    /// The largest plausible value.
    pub to: f64,
}

impl Package {
    /// Whether it has a clause of this name, for all of it or for single measurements: one that may be asserted.
    #[must_use]
    pub fn has_clause(&self, name: &str) -> bool {
        self.eligibility.iter().chain(&self.contract).any(|clause| clause.name == name)
    }

    /// Values outside of their plausible range, or of measurements that the package does not declare. A result that
    /// has any is not delivered.
    #[must_use]
    pub fn implausible(&self, findings: &Findings) -> Vec<Implausible> {
        let of_segments = findings.segments.iter().flat_map(|segment| {
            segment.measurements.iter().map(move |measurement| (segment.key.as_str(), measurement))
        });
        let of_no_segment = findings.measurements.iter().map(|measurement| ("", measurement));
        let mut found = Vec::new();
        for (finding, measurement) in of_segments.chain(of_no_segment) {
            let MeasuredValue::Number(value) = measurement.value else { continue };
            let declared = self.findings.iter().find(|declared| declared.key == finding);
            let range = declared
                .and_then(|declared| declared.measurements.iter().find(|own| own.key == measurement.key))
                .map(|own| own.plausible);
            // What is not declared, and what is no number, lies in no range.
            let [from, to] = range.unwrap_or([f64::NAN; 2]);
            if !(from <= value && value <= to) {
                let (finding, measurement) = (finding.to_owned(), measurement.key.clone());
                found.push(Implausible { finding, measurement, value, from, to });
            }
        }
        found
    }
}

/// For whom results are (DL2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// For tests.
    Test,
    /// For research.
    Research,
    /// For care.
    Clinical,
}

impl Class {
    /// All of them, the laxest first.
    pub const ALL: [Self; 3] = [Self::Test, Self::Research, Self::Clinical];

    /// As documents and rows write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Research => "research",
            Self::Clinical => "clinical",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a class is one of test, research, clinical")]
pub struct NoClass;

impl FromStr for Class {
    type Err = NoClass;

    fn from_str(word: &str) -> Result<Self, NoClass> {
        Self::ALL.into_iter().find(|class| class.as_str() == word).ok_or(NoClass)
    }
}

/// A clause of the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct ContractClause {
    /// Its name: workflows assert it by this.
    pub name: String,
    /// When it is met.
    pub condition: Expression,
    /// What it means, for people.
    pub sentence: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which.
    pub name: String,
    /// What it is told.
    pub parameters: BTreeMap<String, Parameter>,
}

/// A parameter of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// One number.
    Number(f64),
    /// Several, as a range or along axes.
    Numbers(Vec<f64>),
    /// A word, a name, or a sentence.
    Text(String),
}

/// A segment that the package may find.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredFinding {
    /// Names it for ever.
    pub key: String,
    /// Its value in the label mask.
    pub label: u8,
    /// What readers see.
    pub name: String,
    /// Segmented Property Category.
    pub category: Code,
    /// Segmented Property Type.
    pub property: Code,
    /// Laterality.
    pub laterality: Option<Code>,
    /// How viewers should colour it.
    pub colour: Rgb,
    /// What is measured in it.
    pub measurements: Vec<DeclaredMeasurement>,
}

/// A measurement that the package may give.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredMeasurement {
    /// Names it within its finding.
    pub key: String,
    /// What is measured.
    pub quantity: Quantity,
    /// Its concept.
    pub concept: Code,
    /// How it is derived.
    pub derivation: Option<Code>,
    /// By which method.
    pub method: Option<Code>,
    /// Its unit.
    pub unit: Code,
    /// From and to: outside of it the result is not believed.
    pub plausible: [f64; 2],
    /// Names of contract clauses without which it is declined.
    pub requires: Vec<String>,
}

/// What can be measured in a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// Its volume, millilitres.
    Volume,
    /// The mean of its voxels.
    Mean,
    /// The share of its voxels below a value, percent.
    PercentageBelow(i16),
}

/// What an attempt may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Memory of the worker, MiB.
    pub memory_mib: u64,
    /// Time of an attempt, seconds.
    pub time_secs: u64,
}

/// Why a text is no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The TOML itself, or a key that is not known.
    #[error("{0}")]
    Document(String),
    /// A value that is not legal, with its place in the document.
    #[error("{place}: {why}")]
    Value {
        /// Which key.
        place: String,
        /// What is wrong.
        why: String,
    },
}

/// The variables that clauses of a package may use. What an image does not say is absent, and so unknown.
pub const VARIABLES: &[(&str, Type, &str)] = &[
    ("image.modality", Type::Text, "Modality (0008,0060)"),
    ("image.manufacturer", Type::Text, "Manufacturer (0008,0070); absent if empty"),
    ("image.kernel", Type::Text, "Convolution Kernel (0018,1210), its first value; absent if empty"),
    (
        "image.contrast",
        Type::Text,
        "`given` if an attribute of the Contrast/Bolus module (PS3.3 C.7.6.4) tells of an agent in any image; else \
         absent",
    ),
    (
        "image.thickness",
        Type::Number,
        "the largest of Slice Thickness (0018,0050), the measured slice distance and both pixel spacings, mm; absent \
         without Slice Thickness",
    ),
    ("image.sliceDistance", Type::Number, "measured distance between slices, mm"),
    ("image.slices", Type::Number, "number of slices"),
];

/// The scope of a package's clauses.
fn scope(tables: &Tables) -> Scope {
    let columns = |table: &crate::expression::Table| table.rows.first().map_or(0, |(keys, _)| keys.len());
    Scope {
        variables: VARIABLES.iter().map(|(name, kind, _)| (*name, *kind)).collect(),
        tables: tables.iter().map(|(name, table)| (name.clone(), columns(table))).collect(),
    }
}

impl Package {
    /// Reads `app.toml`.
    ///
    /// # Errors
    /// [`PackageError`] names the place and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, PackageError> {
        document::parse(text)
    }

    /// The declared finding with this label.
    #[must_use]
    pub fn finding(&self, label: u8) -> Option<&DeclaredFinding> {
        self.findings.iter().find(|finding| finding.label == label)
    }
}

impl ContractClause {
    /// Judges the clause; an unknown one that the workflow asserts is met, and the words say who said so.
    #[must_use]
    pub fn judge(&self, facts: &Facts, tables: &Tables, asserted: &[String]) -> JudgedClause {
        let judgement = self.condition.judge(facts, tables);
        let mut words: Vec<String> = Vec::new();
        for clause in &judgement.clauses {
            for (name, value) in &clause.seen {
                let seen = format!("{name} is {value}");
                if !words.contains(&seen) {
                    words.push(seen);
                }
            }
        }
        let is_asserted = asserted.contains(&self.name);
        let verdict = match judgement.truth {
            Truth::True => Verdict::Met,
            Truth::False => Verdict::Failed,
            Truth::Unknown if is_asserted => {
                words.push("asserted by the workflow".to_owned());
                Verdict::Met
            }
            Truth::Unknown => Verdict::Unknown,
        };
        let seen = format!("{}: {}", self.sentence, words.join(", "));
        JudgedClause { name: self.name.clone(), verdict, seen }
    }
}

#[cfg(test)]
mod tests;
