//! Sets: at most one object of each kind for an application, a case and a form profile, made together.

use crate::{
    error::RenderError,
    inputs::{Inputs, Regions},
    note::Note,
    object::{EvidenceObject, Kind},
    sc, seg,
    sr::{self, SegmentReference},
};

/// The objects of a set, in the order of their series numbers, and what was left out of them.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceSet {
    /// The objects.
    pub objects: Vec<EvidenceObject>,
    /// What was left out or written otherwise, each once.
    pub notes: Vec<Note>,
}

impl EvidenceSet {
    /// The object of a kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Option<&EvidenceObject> {
        self.objects.iter().find(|object| object.kind == kind)
    }
}

/// Renders what the profile asks for. The report refers to the segmentation of its own set.
///
/// # Errors
/// [`RenderError`]; then there is no set.
pub fn render(inputs: &Inputs<'_>) -> Result<EvidenceSet, RenderError> {
    let wants = |kind| inputs.profile.kinds.contains(&kind);
    let regions = Regions::find(inputs)?;
    let mut notes = inputs.source.notes().to_vec();
    let mut objects = Vec::new();
    if wants(Kind::SecondaryCapture) {
        let no_picture = || RenderError::NoPicture { profile: inputs.profile.name.as_str().to_owned() };
        let picture = inputs.picture.as_ref().ok_or_else(no_picture)?;
        objects.push(sc::render(inputs, picture, &mut notes)?);
    }
    let mut segmentation = None;
    if wants(Kind::Segmentation) {
        match seg::render_regions(inputs, &regions, &mut notes)? {
            seg::Segmentation::Made(object) => segmentation = Some(*object),
            seg::Segmentation::NothingToShow => notes.push(Note::NoSegmentation),
        }
    }
    let report = if wants(Kind::Report) {
        let reference = segmentation.as_ref().map_or(SegmentReference::None, SegmentReference::To);
        Some(sr::render_regions(inputs, &regions, reference, &mut notes)?)
    } else {
        None
    };
    objects.extend(segmentation);
    objects.extend(report);
    Ok(EvidenceSet { objects, notes: each_once(notes) })
}

fn each_once(notes: Vec<Note>) -> Vec<Note> {
    let mut once: Vec<Note> = Vec::new();
    for note in notes {
        if !once.contains(&note) {
            once.push(note);
        }
    }
    once
}

#[cfg(test)]
mod tests;
