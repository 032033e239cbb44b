//! `Source`: somebody who may send to us.

use gantry_flow::names::SourceName;
use gantry_types::ae_title::AeTitle;

use super::{
    Kind, metadata,
    read::{Mapping, Problems, each, number, parsed, text},
    tree::Tree,
    values::Cidr,
};

/// Somebody who may send to us.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Names it.
    pub name: SourceName,
    /// How it calls itself.
    pub ae_title: AeTitle,
    /// Where it may call from.
    pub addresses: Vec<Cidr>,
    /// Who issues its patient ids, where the objects do not say it.
    pub issuer_of_patient_id: Option<String>,
    /// Who issues its accession numbers, where the objects do not say it.
    pub issuer_of_accession_number: Option<String>,
    /// The IANA name of the time zone of its dates and times. Whether it exists, the time zone database knows.
    pub zone: String,
    /// Of two headers of one object, that of the higher authority is in force.
    pub authority: u32,
}

pub(super) fn read(top: &Mapping<'_>, problems: &mut Problems) -> Option<Source> {
    let metadata = metadata(top, Kind::Source, problems);
    let name = metadata.and_then(|m| m.required("name", problems)).and_then(|tree| parsed(tree, problems));
    let ae_title = top.required("aeTitle", problems).and_then(|tree| parsed(tree, problems));
    let addresses = top.required("addresses", problems).and_then(|tree| each(tree, problems, parsed));
    let issuers = top.get("issuers").and_then(|tree| Mapping::open(tree, "Source.issuers", problems));
    let mut issuer = |key| issuers.and_then(|m| m.get(key)).and_then(|tree| line(tree, problems));
    let (issuer_of_patient_id, issuer_of_accession_number) = (issuer("patientId"), issuer("accessionNumber"));
    let zone = top.get("zone").map_or(Some("UTC".to_owned()), |tree| zone(tree, problems));
    let authority = top.get("authority").map_or(Some(0), |tree| number(tree, 0..=100, problems));
    Some(Source {
        name: name?,
        ae_title: ae_title?,
        addresses: addresses?,
        issuer_of_patient_id,
        issuer_of_accession_number,
        zone: zone?,
        authority: authority?,
    })
}

/// A text of one line that fits into an element of VR LO.
fn line(tree: &Tree, problems: &mut Problems) -> Option<String> {
    let written = text(tree, problems)?;
    let is_short = (1..=64).contains(&written.chars().count());
    if is_short && !written.contains(|c: char| c.is_control() || c == '\\') {
        return Some(written.to_owned());
    }
    let what = format!("`{written}` is not 1 to 64 characters without backslash and line end");
    problems.add(tree.at, what, None);
    None
}

/// The form of an IANA name: `Europe/Berlin`, `UTC`, `Etc/GMT+3`.
fn zone(tree: &Tree, problems: &mut Problems) -> Option<String> {
    let written = text(tree, problems)?;
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    if written.len() <= 64 && written.split('/').all(is_part) {
        return Some(written.to_owned());
    }
    let hint = "write an IANA name such as `Europe/Berlin`".to_owned();
    problems.add(tree.at, format!("`{written}` is no name of a time zone"), Some(hint));
    None
}
