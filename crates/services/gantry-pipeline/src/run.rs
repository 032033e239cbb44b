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
use gantry_ports::infer::{Infer, InferError};
use gantry_types::{
    error_code::ErrorCode,
    findings::{Findings, JudgedClause, MeasuredValue, Measurement, SegmentFinding, Verdict},
};

use crate::{
    application::Application,
    facts::facts,
    inference::{
        decide::ChannelsError,
        network::{self, NetworkError, Scores},
    },
    lungs::{self, LungsOutcome},
    objects::{Objects, Series},
    picture::{self, Page},
    steps::BuiltIn,
    volume::{self, Loaded, Refusal},
};

/// The clause by which an image is declined of which the network would not see all.
const UNSEEN: &str = "image-within-grid";
/// The clause by which an image without any contrast is declined.
const FLAT: &str = "image-has-values";

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
    /// A network begins with a window.
    Window {
        /// How many are done.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// The application's own computing is over.
    Computed,
    /// Findings and picture are there.
    Described,
}

/// Why an application gives no answer at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A grid that its own constructor would have refused, or that a package asks for and nobody can hold.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A network's channels.
    #[error(transparent)]
    Channels(#[from] ChannelsError),
    /// Steps in an order that their check would have refused.
    #[error("the steps do not follow one another")]
    Order,
}

impl RunError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Network(NetworkError::Infer(error)) => error.code(),
            Self::Grid(_) | Self::Network(_) | Self::Channels(_) | Self::Order => {
                ErrorCode("work/application")
            }
        }
    }
}

impl From<InferError> for RunError {
    fn from(error: InferError) -> Self {
        Self::Network(error.into())
    }
}

/// Runs an application on a series. `asserted` names clauses that a workflow vouches for.
///
/// # Errors
/// [`RunError`]: the application or the engine is at fault, not the series.
pub fn run(
    application: &Application,
    infer: &dyn Infer,
    objects: &dyn Objects,
    series: &Series,
    asserted: &[String],
    mark: &mut dyn FnMut(Mark),
) -> Result<Outcome, RunError> {
    let package = &application.package;
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
    let progress = &mut |done, of| mark(Mark::Window { done, of });
    let mut labels = match compute(application, infer, &loaded.volume, progress)? {
        Ok(labels) => labels,
        Err(clause) => return Ok(Outcome::Declined(vec![clause])),
    };
    mark(Mark::Computed);
    leave_out_undeclared(package, &mut labels);
    let contract = judge(&package.contract);
    let findings = describe(package, &labels, &loaded.volume, &contract);
    let picture = picture::draw(package, &findings, &loaded.volume, &labels)?;
    mark(Mark::Described);
    let clauses = eligibility.into_iter().chain(contract).collect();
    Ok(Outcome::Ran(Box::new(Ran { loaded, findings, labels, picture, clauses })))
}

/// What is at hand between two steps.
enum Matter {
    Image,
    Values(Volume<f32>),
    Scores(Scores),
    Labels(Labels),
}

/// The labels that the last step gives, or the clause by which a step declines.
fn compute(
    application: &Application,
    infer: &dyn Infer,
    volume: &Volume<i16>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Result<Labels, JudgedClause>, RunError> {
    let failed =
        |name: &str, seen: String| JudgedClause { name: name.to_owned(), verdict: Verdict::Failed, seen };
    let mut at_hand = Matter::Image;
    for step in &application.steps {
        at_hand = match (step, at_hand) {
            (BuiltIn::Lungs(parameters), Matter::Image) => match lungs::lungs(volume, parameters)? {
                LungsOutcome::Found(found) => Matter::Labels(found.labels),
                LungsOutcome::Declined(decline) => {
                    return Ok(Err(failed(decline.clause().name(), decline.to_string())));
                }
            },
            (BuiltIn::Resample(parameters), Matter::Image) => match parameters.unseen_mm(volume.grid())? {
                Some(mm) => {
                    let seen = format!("the image reaches {mm:.0} mm beyond the grid that the network sees");
                    return Ok(Err(failed(UNSEEN, seen)));
                }
                None => Matter::Values(parameters.apply(volume)?),
            },
            (BuiltIn::Intensity(intensity), Matter::Values(mut values)) => match intensity.apply(&mut values)
            {
                Ok(()) => Matter::Values(values),
                Err(flat) => return Ok(Err(failed(FLAT, flat.to_string()))),
            },
            (BuiltIn::Network(own), Matter::Values(values)) => {
                // Every model was found when the application was read.
                let model = application.file(&own.model).unwrap_or_default();
                let mut network = infer.load(model)?;
                let (window, activation) = (&own.window, own.activation);
                Matter::Scores(network::infer(&mut *network, values, window, activation, progress)?)
            }
            (BuiltIn::Decide(parameters), Matter::Scores(scores)) => {
                Matter::Labels(parameters.apply(scores, volume.grid())?)
            }
            (BuiltIn::Components(parameters), Matter::Labels(mut labels)) => {
                parameters.apply(&mut labels);
                Matter::Labels(labels)
            }
            (BuiltIn::Require(parameters), Matter::Labels(labels)) => match parameters.lacking(&labels) {
                Some(seen) => return Ok(Err(failed(&parameters.clause, seen))),
                None => Matter::Labels(labels),
            },
            (
                BuiltIn::Lungs(_)
                | BuiltIn::Resample(_)
                | BuiltIn::Intensity(_)
                | BuiltIn::Network(_)
                | BuiltIn::Decide(_)
                | BuiltIn::Components(_)
                | BuiltIn::Require(_),
                Matter::Image | Matter::Values(_) | Matter::Scores(_) | Matter::Labels(_),
            ) => return Err(RunError::Order),
        };
    }
    match at_hand {
        Matter::Labels(labels) => Ok(Ok(labels)),
        Matter::Image | Matter::Values(_) | Matter::Scores(_) => Err(RunError::Order),
    }
}

/// Labels that no finding declares helped to decide, and are told to nobody.
fn leave_out_undeclared(package: &Package, labels: &mut Labels) {
    // Labels of findings ascend from 1 without gaps.
    let declared = package.findings.len();
    for label in labels.data_mut() {
        if declared < usize::from(*label) {
            *label = 0;
        }
    }
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
