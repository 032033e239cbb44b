//! A look at a case: what is known of it now, and what follows from that by the clock.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::fmt;

use gantry_types::{findings::JudgedClause, instant::Instant, uid::SeriesInstanceUid};

use super::{Rules, Signal};
use crate::names::{AssociationId, InputName};

/// What is known of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether the workflow applies.
    pub matched: Match,
    /// The series that the inputs select.
    pub selected: Selection,
    /// When associations were released, of those that were. One that was aborted or lost is not here: its sender will
    /// come again with the rest, so only quiet counts.
    pub released: BTreeMap<AssociationId, Instant>,
    /// Why nothing may be made of what is there.
    pub contradiction: Option<Contradiction>,
    /// Of a case that has a payload: what a new one would be.
    pub renewed: Renewed,
}

/// Why nothing may be made of what is there, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// Its objects name more than one patient.
    Patients(String),
    /// An object came again and shows something else: somebody decides which is to be used.
    Revisions(String),
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Patients(why) | Self::Revisions(why) => f.write_str(why),
        }
    }
}

/// A payload that would be frozen now, compared with the one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// The same, or there is none to compare with, or nobody asked.
    Same,
    /// It would lack objects that the other has the number of: it is never frozen.
    Smaller,
    /// Others, and at least as many.
    Other,
    /// What was frozen is not in force any more: it names its patient otherwise now, or somebody set it aside.
    Revised,
}

/// Whether a workflow applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// It does.
    Yes,
    /// It does not, or that is not known.
    No {
        /// The clauses that failed or could not be known.
        clauses: Vec<JudgedClause>,
    },
}

/// By input, the series that meet its clause, with what is there of each.
pub type Selection = BTreeMap<InputName, BTreeMap<SeriesInstanceUid, Tally>>;

/// What is there of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Objects in force. Never 0.
    pub objects: u32,
    /// When the last of them was kept.
    pub last: Instant,
    /// The associations that brought them first; not those that brought them again.
    pub associations: BTreeSet<AssociationId>,
}

/// How many objects are selected; one that two inputs select counts twice.
#[must_use]
pub fn objects(selected: &Selection) -> u64 {
    selected.values().flat_map(BTreeMap::values).map(|tally| u64::from(tally.objects)).sum()
}

/// What a look means.
pub(super) enum Sight {
    /// The workflow does not apply.
    Unmatched(Vec<JudgedClause>),
    /// Not decided before `until`, if nothing more comes.
    Waiting { missing: Vec<InputName>, until: Option<Instant> },
    /// A signal holds.
    Ready(Signal),
    /// The longest wait was over before anything else held.
    Overdue { missing: Vec<InputName> },
}

impl Look {
    /// The inputs that have nothing selected.
    pub(super) fn missing(&self, rules: &Rules) -> Vec<InputName> {
        let is_empty = |input: &&InputName| self.selected.get(*input).is_none_or(BTreeMap::is_empty);
        rules.inputs.iter().filter(is_empty).cloned().collect()
    }

    /// When the last selected object came.
    pub(super) fn last(&self) -> Option<Instant> {
        self.tallies().map(|tally| tally.last).max()
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.selected.values().flat_map(BTreeMap::values)
    }

    /// When the one association was released that brought everything.
    fn only_association_released(&self) -> Option<Instant> {
        let all: BTreeSet<AssociationId> =
            self.tallies().flat_map(|tally| tally.associations.iter().copied()).collect();
        match (all.first(), all.len()) {
            (Some(only), 1) => self.released.get(only).copied(),
            (Some(_), _) | (None, _) => None,
        }
    }
}

pub(super) fn see(rules: &Rules, look: &Look, since: Option<Instant>, now: Instant) -> Sight {
    if let Match::No { clauses } = &look.matched {
        return Sight::Unmatched(clauses.clone());
    }
    let missing = look.missing(rules);
    let overdue = since.map(|since| (since.after(rules.max_wait), None));
    let mut signals: Vec<(Instant, Option<Signal>)> = Vec::new();
    if missing.is_empty() {
        let association_end = rules
            .association_end
            .zip(look.only_association_released())
            .map(|(wait, ended)| (ended.after(wait), Some(Signal::AssociationEnd)));
        let quiet = look.last().map(|last| (last.after(rules.quiet), Some(Signal::Quiet)));
        signals.extend(association_end.into_iter().chain(quiet));
    }
    signals.extend(overdue);
    // The earliest decides, even if several hold by now: it would have decided had somebody looked then. Of equal
    // ones the first of the list.
    match signals.into_iter().min_by_key(|(at, _)| *at) {
        Some((at, signal)) if at <= now => match signal {
            Some(signal) => Sight::Ready(signal),
            None => Sight::Overdue { missing },
        },
        first => Sight::Waiting { missing, until: first.map(|(at, _)| at) },
    }
}
