//! Evidence that has passed both gates, from what was found: the same for a publication and for `gantry run`.

use gantry_definition::package::{Class, Implausible, Package};
use gantry_evidence::{
    error::RenderError,
    gate::{self, Complaint, Knowledge, Standing},
    inputs::Inputs,
    object::{EvidenceObject, Kind},
    run::{Application, ResultClass},
    safety::{self, Allowed},
    set::{self, EvidenceSet},
};
use gantry_types::{digest::Digest, error_code::ErrorCode};

use crate::why::said;

/// Evidence that may leave, as far as what is found in it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The objects.
    pub set: EvidenceSet,
    /// Faults that they share with the source, each once: they block nothing.
    pub inherited: Vec<String>,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// It cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Nobody should believe it.
    #[error("the findings are not plausible: {}", said(.0))]
    Implausible(Vec<Implausible>),
    /// A gate refuses an object.
    #[error("the {} did not pass the gates: {}", kind.name(), said(complaints))]
    Refused {
        /// Which.
        kind: Kind,
        /// What blocks it; never empty.
        complaints: Vec<Complaint>,
    },
}

impl MakeError {
    /// The stable code; of several complaints that of the first.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Render(error) => error.code(),
            Self::Implausible(_) => ErrorCode("publish/implausible"),
            Self::Refused { complaints, .. } => {
                complaints.first().map_or(ErrorCode("publish/refused"), |first| first.rule.code())
            }
        }
    }
}

/// How objects are rendered, and who judges them: a value, so that a test can render badly and see that it is noticed.
/// What it does by itself is what is done.
pub trait Craft: Send + Sync {
    /// Renders what the profile asks for.
    ///
    /// # Errors
    /// [`RenderError`]; then there is no set.
    fn render(&self, inputs: &Inputs<'_>) -> Result<EvidenceSet, RenderError> {
        set::render(inputs)
    }

    /// What both gates, form and safety, have to say against an object of a set.
    fn judge(&self, object: &EvidenceObject, set: &EvidenceSet, inputs: &Inputs<'_>) -> Vec<Complaint> {
        judge(object, set, inputs)
    }
}

/// The only craft outside of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gantrys;

impl Craft for Gantrys {}

/// Renders a set and lets both gates judge each of its objects.
///
/// # Errors
/// [`MakeError`]; then nothing of the set may leave.
pub fn make(craft: &dyn Craft, inputs: &Inputs<'_>, package: &Package) -> Result<Made, MakeError> {
    let set = craft.render(inputs)?;
    let implausible = package.implausible(inputs.findings);
    if !implausible.is_empty() {
        return Err(MakeError::Implausible(implausible));
    }
    let mut inherited = Vec::new();
    for object in &set.objects {
        let (blocking, shared): (Vec<_>, Vec<_>) = craft
            .judge(object, &set, inputs)
            .into_iter()
            .partition(|complaint| complaint.standing == Standing::Blocking);
        if !blocking.is_empty() {
            return Err(MakeError::Refused { kind: object.kind, complaints: blocking });
        }
        for complaint in shared {
            let sentence = complaint.to_string();
            if !inherited.contains(&sentence) {
                inherited.push(sentence);
            }
        }
    }
    Ok(Made { set, inherited })
}

fn judge(object: &EvidenceObject, set: &EvidenceSet, inputs: &Inputs<'_>) -> Vec<Complaint> {
    let others = || set.objects.iter().filter(|other| other.kind != object.kind);
    let siblings: Vec<&[u8]> = others().map(|other| &*other.bytes).collect();
    let uids: Vec<_> = others().map(|other| &other.sop_instance).collect();
    let sources = &[inputs.source];
    let findings = inputs.mask.map(|mask| (inputs.findings, mask));
    let knowledge = Knowledge { sources, siblings: &siblings, findings };
    let allowed = Allowed {
        header_in_force: inputs.source.header(),
        sources,
        siblings: &uids,
        replaces: inputs.replaces,
    };
    let mut complaints = gate::judge(&object.bytes, &knowledge);
    complaints.extend(safety::judge(&object.bytes, &allowed));
    complaints
}

/// The application, as evidence names it.
#[must_use]
pub fn application(package: &Package, digest: Digest) -> Application {
    Application {
        name: package.name.clone(),
        version: package.version.clone(),
        title: package.title.clone(),
        manufacturer: package.manufacturer.clone(),
        intended_use: package.intended_use.clone(),
        family: package.family.clone(),
        digest,
        body_part: package.body_part.clone(),
    }
}

/// The class, as evidence says it.
#[must_use]
pub const fn result_class(class: Class) -> ResultClass {
    match class {
        Class::Test => ResultClass::Test,
        Class::Research => ResultClass::Research,
        Class::Clinical => ResultClass::Clinical,
    }
}
