//! Content items (PS3.3 C.17.3), one function for each value type that we write.

use gantry_dicom::{data_set::DataSet, tag};
use gantry_types::code::Code;

use crate::{
    attribute::{put_code, put_text, put_uid, sop_reference},
    error::RenderError,
    number::{Exactness, decimal_string},
};

type Item = DataSet<'static>;

/// How an item belongs to the one that holds it (PS3.3 table C.17.3-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relationship {
    Contains,
    HasObsContext,
    HasAcqContext,
    HasConceptMod,
}

impl Relationship {
    const fn term(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasObsContext => "HAS OBS CONTEXT",
            Self::HasAcqContext => "HAS ACQ CONTEXT",
            Self::HasConceptMod => "HAS CONCEPT MOD",
        }
    }
}

fn begin(
    relationship: Option<Relationship>,
    value_type: &str,
    concept: Option<&Code>,
) -> Result<Item, RenderError> {
    let mut item = DataSet::new();
    if let Some(relationship) = relationship {
        put_text(&mut item, tag::RELATIONSHIP_TYPE, relationship.term())?;
    }
    put_text(&mut item, tag::VALUE_TYPE, value_type)?;
    if let Some(concept) = concept {
        put_code(&mut item, tag::CONCEPT_NAME_CODE_SEQUENCE, concept)?;
    }
    Ok(item)
}

/// A container; the root has no relationship. `template` is of DCMR.
pub(super) fn container(
    relationship: Option<Relationship>,
    concept: &Code,
    template: Option<&str>,
    children: Vec<Item>,
) -> Result<Item, RenderError> {
    let mut item = begin(relationship, "CONTAINER", Some(concept))?;
    put_text(&mut item, tag::CONTINUITY_OF_CONTENT, "SEPARATE")?;
    if let Some(template) = template {
        let mut identification = DataSet::new();
        put_text(&mut identification, tag::MAPPING_RESOURCE, "DCMR")?;
        put_text(&mut identification, tag::TEMPLATE_IDENTIFIER, template)?;
        item.put_items(tag::CONTENT_TEMPLATE_SEQUENCE, vec![identification]);
    }
    Ok(with(item, children))
}

/// The item with children; an empty Content Sequence is not legal.
pub(super) fn with(mut item: Item, children: Vec<Item>) -> Item {
    if !children.is_empty() {
        item.put_items(tag::CONTENT_SEQUENCE, children);
    }
    item
}

pub(super) fn code(relationship: Relationship, concept: &Code, value: &Code) -> Result<Item, RenderError> {
    let mut item = begin(Some(relationship), "CODE", Some(concept))?;
    put_code(&mut item, tag::CONCEPT_CODE_SEQUENCE, value)?;
    Ok(item)
}

pub(super) fn text(relationship: Relationship, concept: &Code, value: &str) -> Result<Item, RenderError> {
    let mut item = begin(Some(relationship), "TEXT", Some(concept))?;
    put_text(&mut item, tag::TEXT_VALUE, value)?;
    Ok(item)
}

pub(super) fn uid_ref(relationship: Relationship, concept: &Code, uid: &str) -> Result<Item, RenderError> {
    let mut item = begin(Some(relationship), "UIDREF", Some(concept))?;
    put_uid(&mut item, tag::UID, uid);
    Ok(item)
}

/// A reference to an image, or to a segment of a segmentation.
pub(super) fn image(
    concept: Option<&Code>,
    sop_class: &str,
    sop_instance: &str,
    segment: Option<u16>,
) -> Result<Item, RenderError> {
    let mut item = begin(Some(Relationship::Contains), "IMAGE", concept)?;
    let mut reference = sop_reference(sop_class, sop_instance);
    if let Some(segment) = segment {
        reference.put_u16(tag::REFERENCED_SEGMENT_NUMBER, &[segment]);
    }
    item.put_items(tag::REFERENCED_SOP_SEQUENCE, vec![reference]);
    Ok(item)
}

/// A number with its unit. The caller vouches that it is finite.
pub(super) fn num(concept: &Code, value: f64, unit: &Code) -> Result<Item, RenderError> {
    let mut item = begin(Some(Relationship::Contains), "NUM", Some(concept))?;
    let mut measured = DataSet::new();
    let (decimal, exactness) = decimal_string(value);
    put_text(&mut measured, tag::NUMERIC_VALUE, &decimal)?;
    if exactness == Exactness::Rounded {
        measured.put_f64(tag::FLOATING_POINT_VALUE, value);
    }
    put_code(&mut measured, tag::MEASUREMENT_UNITS_CODE_SEQUENCE, unit)?;
    item.put_items(tag::MEASURED_VALUE_SEQUENCE, vec![measured]);
    Ok(item)
}
