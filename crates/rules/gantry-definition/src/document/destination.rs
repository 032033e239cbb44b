//! `Destination`: somebody whom we send to.

use std::time::Duration;

use gantry_flow::{
    delivery::{Confirm, Rules},
    names::DestinationName,
};
use gantry_types::ae_title::AeTitle;

use super::{
    Kind, class, metadata,
    read::{Mapping, Problems, choice, duration_or, each, number, parsed},
    tree::Tree,
    values::HostPort,
};
use crate::package::Class;

/// A destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Names it.
    pub name: DestinationName,
    /// What may go there: nothing laxer (DL2).
    pub class: Class,
    /// How it is called.
    pub ae_title: AeTitle,
    /// Where it listens.
    pub address: HostPort,
    /// As whom we call.
    pub calling: AeTitle,
    /// Kinds of evidence that it takes.
    pub what: Vec<EvidenceKind>,
    /// First of the Series Numbers that our objects get there.
    pub series_base: u32,
    /// Whether it is asked for what it took.
    pub confirm: Confirmation,
    /// Until it is connected and associated.
    pub connect_timeout: Duration,
    /// Until a response comes.
    pub response_timeout: Duration,
    /// How patient deliveries to it are.
    pub rules: Rules,
}

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceKind {
    /// Segmentation.
    Seg,
    /// Structured report.
    Sr,
    /// Secondary capture.
    Sc,
}

/// Whether a destination is asked for what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// By C-FIND.
    Query,
    /// Its answer to C-STORE is believed.
    None,
}

impl EvidenceKind {
    /// As documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seg => "seg",
            Self::Sr => "sr",
            Self::Sc => "sc",
        }
    }
}

const KINDS: &[(&str, EvidenceKind)] = &[
    (EvidenceKind::Seg.as_str(), EvidenceKind::Seg),
    (EvidenceKind::Sr.as_str(), EvidenceKind::Sr),
    (EvidenceKind::Sc.as_str(), EvidenceKind::Sc),
];

/// How arrival is asked for: indexing a large object takes an archive some seconds.
const QUERY_WAIT: Duration = Duration::from_secs(5);
const QUERIES_MAX: u32 = 6;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn read(top: &Mapping<'_>, problems: &mut Problems) -> Option<Destination> {
    let metadata = metadata(top, Kind::Destination, problems);
    let name = metadata.and_then(|m| m.required("name", problems)).and_then(|tree| parsed(tree, problems));
    let class = metadata.and_then(|m| class(&m, problems));
    let ae_title = top.required("aeTitle", problems).and_then(|tree| parsed(tree, problems));
    let address = top.required("address", problems).and_then(|tree| parsed(tree, problems));
    let calling = match top.get("callingAeTitle") {
        Some(tree) => parsed(tree, problems),
        None => AeTitle::parse("GANTRY").ok(),
    };
    let what = match top.get("what") {
        Some(tree) => kinds(tree, problems),
        None => Some(KINDS.iter().map(|(_, kind)| *kind).collect()),
    };
    // Room for the kinds and slots that are added to it, within an IS.
    let series_base =
        top.get("seriesBase").map_or(Some(9000), |tree| number(tree, 1..=2_000_000_000, problems));
    let confirms = &[("query", Confirmation::Query), ("none", Confirmation::None)];
    let confirm =
        top.get("confirm").map_or(Some(Confirmation::None), |tree| choice(tree, confirms, problems));
    let timeouts = top.get("timeouts").map(|tree| Mapping::open(tree, "Destination.timeouts", problems));
    let mut timeout = |key, default| {
        let tree = timeouts.flatten().and_then(|m| m.get(key));
        duration_or(tree, Duration::from_secs(default), SECOND..=HOUR, problems)
    };
    let (connect_timeout, response_timeout) = (timeout("connect", 10), timeout("response", 60));
    let rules =
        rules(top, confirm.unwrap_or(Confirmation::None), response_timeout.unwrap_or(SECOND), problems);
    Some(Destination {
        name: name?,
        class: class?,
        ae_title: ae_title?,
        address: address?,
        calling: calling?,
        what: what?,
        series_base: series_base?,
        confirm: confirm?,
        connect_timeout: connect_timeout?,
        response_timeout: response_timeout?,
        rules: rules?,
    })
}

/// Kinds of evidence, each once.
pub(super) fn kinds(tree: &Tree, problems: &mut Problems) -> Option<Vec<EvidenceKind>> {
    each(tree, problems, |item, problems| choice(item, KINDS, problems))
}

fn rules(
    top: &Mapping<'_>,
    confirm: Confirmation,
    response_timeout: Duration,
    problems: &mut Problems,
) -> Option<Rules> {
    let retry = top.get("retry").map(|tree| Mapping::open(tree, "Destination.retry", problems));
    let get = |key| retry.flatten().and_then(|m: Mapping<'_>| m.get(key));
    let defaults = Rules::default();
    let backoff = duration_or(get("backoff"), defaults.backoff, SECOND..=HOUR, problems);
    let backoff_max = duration_or(get("longest"), defaults.backoff_max, SECOND..=DAY, problems);
    let give_up_after = duration_or(get("giveUpAfter"), defaults.give_up_after, HOUR..=90 * DAY, problems);
    let confirm = match confirm {
        Confirmation::None => Confirm::No,
        Confirmation::Query => {
            Confirm::ByQuery { wait: QUERY_WAIT, queries: QUERIES_MAX, timeout: response_timeout }
        }
    };
    Some(Rules { backoff: backoff?, backoff_max: backoff_max?, give_up_after: give_up_after?, confirm })
}
