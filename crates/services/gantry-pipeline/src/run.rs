//! A package on a series: eligibility, volume, steps, findings, picture.
//!
//! The three answers are kept apart: it ran; it declined, by which clause; the series was refused before it could be
//! asked. What goes wrong beyond that is an error of the package.

use gantry_definition::package::{ContractClause, DeclaredFinding, DeclaredMeasurement, Package, Quantity};
use gantry_image::{
    grid::GridError,
    measure,
    volume::{Labels, Volume},
};
use gantry_types::findings::{Findings, JudgedClause, MeasuredValue, Measurement, SegmentFinding, Verdict};

use crate::{
    facts::facts,
    lungs::{self, LungsOutcome},
    objects::{Objects, Series},
    picture::{self, Page},
    steps::{self, BuiltIn, StepError},
    volume::{self, Loaded, Refusal},
};

/// What came of a run.
#[derive(Debug)]
pub enum Outcome {
    /// The application answered.
    Ran(Box<Ran>),
    /// The application declined: the clauses that failed or could not be known.
    Declined(Vec<JudgedClause>),
    /// The series could not be made a volume.
    Refused(Refusal),
}

/// An answer.
#[derive(Debug)]
pub struct Ran {
    /// The series as a volume.
    pub loaded: Loaded,
    /// What was found.
    pub findings: Findings,
    /// The label mask, on the grid of the volume.
    pub labels: Labels,
    /// The summary picture.
    pub picture: Page,
    /// All clauses that were judged.
    pub clauses: Vec<JudgedClause>,
}

/// What a run passes, in order; whoever listens notes the time (SP1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A slice was decoded.
    Slice(usize),
    /// The volume is there.
    Loaded,
    /// The application's own computing begins.
    Computing,
    /// The application's own computing is over.
    Computed,
    /// Findings and picture are there.
    Described,
}

/// Why a package cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its steps.
    #[error(transparent)]
    Steps(#[from] StepError),
    /// A grid that its own constructor would have refused.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// Runs a package on a series. `asserted` names clauses that a workflow vouches for.
///
/// # Errors
/// [`RunError`]: the package is at fault, not the series.
pub fn run(
    package: &Package,
    objects: &dyn Objects,
    series: &Series,
    asserted: &[String],
    mark: &mut dyn FnMut(Mark),
) -> Result<Outcome, RunError> {
    let steps = steps::check(package)?;
    let loaded = match volume::load(objects, series, &mut |slice| mark(Mark::Slice(slice))) {
        Ok(loaded) => loaded,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    mark(Mark::Loaded);
    let facts = facts(&loaded);
    let judge = |clauses: &[ContractClause]| -> Vec<JudgedClause> {
        clauses.iter().map(|clause| clause.judge(&facts, &package.tables, asserted)).collect()
    };
    let eligibility = judge(&package.eligibility);
    let unmet: Vec<JudgedClause> =
        eligibility.iter().filter(|clause| clause.verdict != Verdict::Met).cloned().collect();
    if !unmet.is_empty() {
        return Ok(Outcome::Declined(unmet));
    }
    mark(Mark::Computing);
    let labels = match compute(&steps, &loaded.volume)? {
        Ok(labels) => labels,
        Err(clause) => return Ok(Outcome::Declined(vec![clause])),
    };
    mark(Mark::Computed);
    let contract = judge(&package.contract);
    let findings = describe(package, &labels, &loaded.volume, &contract);
    let picture = picture::draw(package, &findings, &loaded.volume, &labels)?;
    mark(Mark::Described);
    let clauses = eligibility.into_iter().chain(contract).collect();
    Ok(Outcome::Ran(Box::new(Ran { loaded, findings, labels, picture, clauses })))
}

/// The labels that the last step gives, or the clause by which a step declines.
fn compute(steps: &[BuiltIn], volume: &Volume<i16>) -> Result<Result<Labels, JudgedClause>, GridError> {
    let mut labels = Labels::filled(*volume.grid(), 0);
    for step in steps {
        match step {
            BuiltIn::Lungs(parameters) => match lungs::lungs(volume, parameters)? {
                LungsOutcome::Found(found) => labels = found.labels,
                LungsOutcome::Declined(decline) => {
                    let name = decline.clause().name().to_owned();
                    return Ok(Err(JudgedClause {
                        name,
                        verdict: Verdict::Failed,
                        seen: decline.to_string(),
                    }));
                }
            },
        }
    }
    Ok(Ok(labels))
}

fn describe(package: &Package, labels: &Labels, volume: &Volume<i16>, contract: &[JudgedClause]) -> Findings {
    let segment = |declared: &DeclaredFinding| SegmentFinding {
        key: declared.key.clone(),
        label: declared.label,
        name: declared.name.clone(),
        category: declared.category.clone(),
        property: declared.property.clone(),
        laterality: declared.laterality.clone(),
        colour: declared.colour,
        measurements: declared
            .measurements
            .iter()
            .filter_map(|measurement| measured(measurement, declared.label, labels, volume, contract))
            .collect(),
    };
    Findings { segments: package.findings.iter().map(segment).collect(), measurements: Vec::new() }
}

/// A measurement with its value; nothing where there is no voxel to measure.
fn measured(
    declared: &DeclaredMeasurement,
    label: u8,
    labels: &Labels,
    volume: &Volume<i16>,
    contract: &[JudgedClause],
) -> Option<Measurement> {
    let unmet: Vec<&str> = contract
        .iter()
        .filter(|clause| declared.requires.contains(&clause.name) && clause.verdict != Verdict::Met)
        .map(|clause| clause.seen.as_str())
        .collect();
    let value = if unmet.is_empty() {
        MeasuredValue::Number(match declared.quantity {
            Quantity::Volume => measure::region(labels, label)?.volume_ml,
            Quantity::Mean => measure::mean(labels, label, volume)?,
            Quantity::PercentageBelow(limit) => measure::percentage_below(labels, label, volume, limit)?,
        })
    } else {
        MeasuredValue::Declined { reason: unmet.join("; ") }
    };
    Some(Measurement {
        key: declared.key.clone(),
        concept: declared.concept.clone(),
        derivation: declared.derivation.clone(),
        method: declared.method.clone(),
        unit: declared.unit.clone(),
        value,
    })
}
