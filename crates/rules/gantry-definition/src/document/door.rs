//! `Door`: a title that we are called by.

use gantry_flow::names::{DoorName, SourceName};
use gantry_types::ae_title::AeTitle;

use super::{
    Kind, metadata,
    read::{Mapping, Problems, each, parsed},
};

/// A door.
#[derive(Debug, Clone, PartialEq)]
pub struct Door {
    /// Names it.
    pub name: DoorName,
    /// The titles that it is called by.
    pub ae_titles: Vec<AeTitle>,
    /// Whom it lets in.
    pub accepts: Accepts,
}

/// Whom a door lets in.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepts {
    /// Every source that has a document.
    EverySource,
    /// These sources.
    Only(Vec<SourceName>),
}

pub(super) fn read(top: &Mapping<'_>, problems: &mut Problems) -> Option<Door> {
    let metadata = metadata(top, Kind::Door, problems);
    let name = metadata.and_then(|m| m.required("name", problems)).and_then(|tree| parsed(tree, problems));
    let ae_titles = top.required("aeTitles", problems).and_then(|tree| each(tree, problems, parsed));
    let accepts = match top.get("accepts") {
        Some(tree) => each(tree, problems, parsed).map(Accepts::Only),
        None => Some(Accepts::EverySource),
    };
    Some(Door { name: name?, ae_titles: ae_titles?, accepts: accepts? })
}
