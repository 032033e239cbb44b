//! What a set of evidence is rendered from, and the regions that its findings have.
//!
//! A rendering is a pure function of [`Inputs`].

use gantry_image::volume::Labels;
use gantry_types::{
    findings::{Findings, SegmentFinding},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid},
};

use crate::{
    error::RenderError, object::Kind, profile::FormProfile, run::RunRecord, sc::Picture, source::Source,
    uid::UidScope,
};

/// Everything that a rendering depends on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The source images and the header in force.
    pub source: &'a Source,
    /// The accepted findings.
    pub findings: &'a Findings,
    /// The label mask on the grid of the source images; may be absent if no segment is declared.
    pub mask: Option<&'a Labels>,
    /// The picture for the secondary capture.
    pub picture: Option<Picture<'a>>,
    /// How the result came about.
    pub run: &'a RunRecord,
    /// What UIDs are derived from.
    pub scope: &'a UidScope,
    /// What the destination gets.
    pub profile: &'a FormProfile,
    /// The objects that this set replaces: those of a rerun, an amendment or an earlier issue.
    pub replaces: &'a [Replaced],
}

/// An object that a new one replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// What it is; only the object of the same kind names it.
    pub kind: Kind,
    /// Its SOP class.
    pub sop_class: SopClassUid,
    /// Its SOP instance.
    pub sop_instance: SopInstanceUid,
    /// Its series.
    pub series: SeriesInstanceUid,
}

/// The findings, told apart by whether they have a voxel.
#[derive(Debug)]
pub(crate) struct Regions<'a> {
    pub(crate) present: Vec<Region<'a>>,
    pub(crate) absent: Vec<&'a SegmentFinding>,
}

/// A finding with voxels: a segment.
#[derive(Debug)]
pub(crate) struct Region<'a> {
    pub(crate) finding: &'a SegmentFinding,
    /// Segment Number (0062,0004): from 1 without gaps, in the order of the findings.
    pub(crate) number: u16,
    /// The slices that it has voxels in, ascending.
    pub(crate) slices: Vec<usize>,
}

impl<'a> Regions<'a> {
    /// Finds each segment's slices in one pass over the mask.
    pub(crate) fn find(inputs: &Inputs<'a>) -> Result<Self, RenderError> {
        let segments = &inputs.findings.segments;
        let Some(mask) = inputs.mask else {
            return match segments.len() {
                0 => Ok(Self { present: Vec::new(), absent: Vec::new() }),
                segments => Err(RenderError::NoMask { segments }),
            };
        };
        if let Some(difference) = inputs.source.difference_from(mask.grid()) {
            return Err(RenderError::OtherGrid { difference });
        }
        let slices_by_label = slices_by_label(mask);
        check_labels(segments, &slices_by_label)?;
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        let mut number = 0;
        for finding in segments {
            match slices_by_label.get(usize::from(finding.label)) {
                Some(slices) if !slices.is_empty() => {
                    number += 1;
                    present.push(Region { finding, number, slices: slices.clone() });
                }
                Some(_) | None => absent.push(finding),
            }
        }
        Ok(Self { present, absent })
    }
}

/// For each label, the slices that have it.
fn slices_by_label(mask: &Labels) -> Vec<Vec<usize>> {
    let mut by_label = vec![Vec::new(); 256];
    for (k, plane) in mask.data().chunks_exact(mask.dims().plane()).enumerate() {
        let mut seen = [false; 256];
        for label in plane {
            if let Some(seen) = seen.get_mut(usize::from(*label)) {
                *seen = true;
            }
        }
        for (slices, _) in by_label.iter_mut().zip(seen).filter(|(_, seen)| *seen) {
            slices.push(k);
        }
    }
    by_label
}

fn check_labels(segments: &[SegmentFinding], slices_by_label: &[Vec<usize>]) -> Result<(), RenderError> {
    let mut declared = [false; 256];
    for finding in segments {
        match declared.get_mut(usize::from(finding.label)) {
            Some(taken) if finding.label != 0 && !*taken => *taken = true,
            Some(_) | None => {
                return Err(RenderError::BadLabel { key: finding.key.clone(), label: finding.label });
            }
        }
    }
    let undeclared = (0..=255u8)
        .zip(declared)
        .zip(slices_by_label)
        .find(|((label, declared), slices)| *label != 0 && !declared && !slices.is_empty());
    match undeclared {
        Some(((label, _), _)) => Err(RenderError::UndeclaredLabel { label }),
        None => Ok(()),
    }
}
