//! Why a workflow does or does not apply to a study: each clause, the values seen, the verdict (DC1).
//!
//! The same judgement feeds the machine of the case ([`Explanation::look`]) and what people are shown, so the two
//! cannot differ.

use std::collections::BTreeMap;

use gantry_flow::{
    case::{Look, Match, Renewed, Tally},
    names::{AssociationId, InputName},
};
use gantry_types::{
    findings::{JudgedClause, Verdict},
    instant::Instant,
    uid::SeriesInstanceUid,
};

use super::Workflow;
use crate::expression::{Clause, Facts, Judgement, Tables, Truth};

/// What is known of a study: the variables of [`super::variables::VARIABLES`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StudyFacts {
    /// `study.*`, `calledAe`, `callingAe`.
    pub study: Facts,
    /// `series.*`, by series.
    pub series: BTreeMap<SeriesInstanceUid, Facts>,
}

/// The judgement of a workflow about a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it applies.
    pub applies: Judgement,
    /// By input and series, whether it is selected.
    pub inputs: BTreeMap<InputName, BTreeMap<SeriesInstanceUid, Judgement>>,
}

impl Workflow {
    /// Judges a study.
    #[must_use]
    pub fn explain(&self, facts: &StudyFacts) -> Explanation {
        let tables = Tables::new();
        let judge_series = |input: &super::Input| {
            let judge = |(uid, series): (&SeriesInstanceUid, &Facts)| {
                let mut all = facts.study.clone();
                all.extend(series.clone());
                (uid.clone(), input.series.judge(&all, &tables))
            };
            facts.series.iter().map(judge).collect()
        };
        Explanation {
            applies: self.applies.judge(&facts.study, &tables),
            inputs: self.inputs.iter().map(|(name, input)| (name.clone(), judge_series(input))).collect(),
        }
    }
}

impl Explanation {
    /// The series that an input selects.
    pub fn selected(&self, input: &InputName) -> impl Iterator<Item = &SeriesInstanceUid> {
        let judged = self.inputs.get(input).into_iter().flatten();
        judged.filter(|(_, judgement)| judgement.truth == Truth::True).map(|(uid, _)| uid)
    }

    /// The clauses because of which it does not apply.
    #[must_use]
    pub fn against(&self) -> Vec<JudgedClause> {
        let clauses = || self.applies.clauses.iter();
        let is_against = |clause: &&Clause| clause.truth != Truth::True;
        // Under a `!` it is a true clause that stands against it: then all are said.
        if clauses().any(|clause| is_against(&clause)) {
            clauses().filter(is_against).map(judged).collect()
        } else {
            clauses().map(judged).collect()
        }
    }

    /// What the machine of the case sees, given what is there of each series and which associations were released.
    #[must_use]
    pub fn look(
        &self,
        tallies: &BTreeMap<SeriesInstanceUid, Tally>,
        released: &BTreeMap<AssociationId, Instant>,
    ) -> Look {
        let matched = match self.applies.truth {
            Truth::True => Match::Yes,
            Truth::False | Truth::Unknown => Match::No { clauses: self.against() },
        };
        let tally = |uid: &SeriesInstanceUid| Some((uid.clone(), tallies.get(uid)?.clone()));
        let of_input = |name: &InputName| self.selected(name).filter_map(tally).collect();
        let selected = self.inputs.keys().map(|name| (name.clone(), of_input(name))).collect();
        Look { matched, selected, released: released.clone(), contradiction: None, renewed: Renewed::Same }
    }
}

fn judged(clause: &Clause) -> JudgedClause {
    let verdict = match clause.truth {
        Truth::True => Verdict::Met,
        Truth::False => Verdict::Failed,
        Truth::Unknown => Verdict::Unknown,
    };
    let seen: Vec<String> = clause.seen.iter().map(|(name, value)| format!("{name} is {value}")).collect();
    JudgedClause { name: clause.text.clone(), verdict, seen: seen.join(", ") }
}
