//! A case, seen by one workflow.

use std::collections::{BTreeMap, BTreeSet};

use gantry_flow::{
    case::{Amendment, Contradiction, Effect, HeldWhy, Selection, Signal, Stage, State, Tally},
    names::{Actor, AssociationId, CaseKey, InputName, Subject},
    step::Step,
};
use gantry_types::{instant::Instant, uid::SeriesInstanceUid};
use serde::{Deserialize, Serialize};

use super::StateError;
use crate::{
    job::wire::Clause,
    store::{MachineKey, MachineKind, MachineRow},
};

const WHAT: &str = "case";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    NotMatched {
        clauses: Vec<Clause>,
    },
    Waiting {
        since: Option<i64>,
        selected: WireSelection,
        missing: Vec<String>,
        until: Option<i64>,
    },
    Held {
        /// Inputs that have nothing.
        missing: Option<Vec<String>>,
        /// What contradicts itself; without both it is held because its longest wait is over.
        contradiction: Option<String>,
        /// Whether it is one of revisions, and not of patients.
        #[serde(default)]
        of_revisions: bool,
        at: i64,
        selected: WireSelection,
    },
    Frozen {
        ordinal: u32,
        signal: WireSignal,
        at: i64,
        selected: WireSelection,
        late: BTreeMap<String, u32>,
        /// When it is amended; neither this nor `asked`: nothing is to become of what came late.
        #[serde(default)]
        amend_at: Option<i64>,
        /// Since when a person is asked.
        #[serde(default)]
        asked: Option<i64>,
        #[serde(default)]
        contested: Option<i64>,
        #[serde(default)]
        ignored: u32,
        #[serde(default)]
        amended: u32,
    },
    Expired {
        at: i64,
        selected: WireSelection,
    },
    Cancelled {
        by: String,
        at: i64,
    },
}

type WireSelection = BTreeMap<String, BTreeMap<String, WireTally>>;

#[derive(Serialize, Deserialize)]
struct WireTally {
    objects: u32,
    last: i64,
    associations: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireSignal {
    AssociationEnd,
    Quiet,
    MaxWait,
    Late,
    Revised,
    Person(String),
}

/// The machine of a case, seen by a workflow.
#[must_use]
pub fn key(subject: &Subject) -> MachineKey {
    let CaseKey::Study { site, study } = &subject.case;
    MachineKey {
        site: site.clone(),
        kind: MachineKind::Case,
        study: study.clone(),
        name: subject.workflow.to_string(),
    }
}

/// The row of a state, in this version.
#[must_use]
pub fn row(step: &Step<State, Effect>, version: u64) -> MachineRow {
    let person = match &step.state.stage {
        Stage::Held { at, .. }
        | Stage::Frozen { amendment: Amendment::Asked(at) | Amendment::Contested(at), .. } => Some(*at),
        Stage::NotMatched { .. }
        | Stage::Waiting { .. }
        | Stage::Frozen { .. }
        | Stage::Expired { .. }
        | Stage::Cancelled { .. } => None,
    };
    MachineRow {
        key: key(&step.state.subject),
        version,
        state: encode(&step.state),
        due: super::due(&step.timers),
        offered: None,
        person,
    }
}

/// The state in a row.
///
/// # Errors
/// [`StateError`].
pub fn state(row: &MachineRow) -> Result<State, StateError> {
    let case = CaseKey::Study { site: row.key.site.clone(), study: row.key.study.clone() };
    decode(&row.state, Subject { case, workflow: super::name(WHAT, &row.key.name)? })
}

fn encode(state: &State) -> String {
    super::write(&match &state.stage {
        Stage::NotMatched { clauses } => {
            Form::NotMatched { clauses: clauses.iter().map(Clause::from).collect() }
        }
        Stage::Waiting { since, selected, missing, until } => Form::Waiting {
            since: since.map(|at| at.0),
            selected: selection(selected),
            missing: texts(missing),
            until: until.map(|at| at.0),
        },
        Stage::Held { why, at, selected } => Form::Held {
            missing: match why {
                HeldWhy::MaxWait | HeldWhy::Contradiction(_) => None,
                HeldWhy::Missing(missing) => Some(texts(missing)),
            },
            contradiction: match why {
                HeldWhy::MaxWait | HeldWhy::Missing(_) => None,
                HeldWhy::Contradiction(why) => Some(why.to_string()),
            },
            of_revisions: matches!(why, HeldWhy::Contradiction(Contradiction::Revisions(_))),
            at: at.0,
            selected: selection(selected),
        },
        Stage::Frozen { ordinal, signal, at, selected, late, amendment, ignored, amended } => Form::Frozen {
            ordinal: *ordinal,
            signal: match signal {
                Signal::AssociationEnd => WireSignal::AssociationEnd,
                Signal::Quiet => WireSignal::Quiet,
                Signal::MaxWait => WireSignal::MaxWait,
                Signal::Late => WireSignal::Late,
                Signal::Revised => WireSignal::Revised,
                Signal::Person(by) => WireSignal::Person(by.to_string()),
            },
            at: at.0,
            selected: selection(selected),
            late: late.iter().map(|(series, count)| (series.to_string(), *count)).collect(),
            amend_at: match amendment {
                Amendment::At(at) => Some(at.0),
                Amendment::None | Amendment::Asked(_) | Amendment::Contested(_) => None,
            },
            asked: match amendment {
                Amendment::Asked(at) => Some(at.0),
                Amendment::None | Amendment::At(_) | Amendment::Contested(_) => None,
            },
            contested: match amendment {
                Amendment::Contested(at) => Some(at.0),
                Amendment::None | Amendment::At(_) | Amendment::Asked(_) => None,
            },
            ignored: *ignored,
            amended: *amended,
        },
        Stage::Expired { at, selected } => Form::Expired { at: at.0, selected: selection(selected) },
        Stage::Cancelled { by, at } => Form::Cancelled { by: by.to_string(), at: at.0 },
    })
}

fn texts(names: &[InputName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn selection(selected: &Selection) -> WireSelection {
    let tally = |(series, tally): (&SeriesInstanceUid, &Tally)| {
        let associations = tally.associations.iter().map(|id| id.0).collect();
        (series.to_string(), WireTally { objects: tally.objects, last: tally.last.0, associations })
    };
    selected.iter().map(|(input, series)| (input.to_string(), series.iter().map(tally).collect())).collect()
}

fn decode(text: &str, subject: Subject) -> Result<State, StateError> {
    let stage = match super::read(WHAT, text)? {
        Form::NotMatched { clauses } => {
            Stage::NotMatched { clauses: clauses.into_iter().map(Into::into).collect() }
        }
        Form::Waiting { since, selected, missing, until } => Stage::Waiting {
            since: since.map(Instant),
            selected: selection_back(selected)?,
            missing: names(&missing)?,
            until: until.map(Instant),
        },
        Form::Held { missing, contradiction, of_revisions, at, selected } => Stage::Held {
            why: match (missing, contradiction) {
                (None, None) => HeldWhy::MaxWait,
                (Some(missing), _) => HeldWhy::Missing(names(&missing)?),
                (None, Some(why)) if of_revisions => HeldWhy::Contradiction(Contradiction::Revisions(why)),
                (None, Some(why)) => HeldWhy::Contradiction(Contradiction::Patients(why)),
            },
            at: Instant(at),
            selected: selection_back(selected)?,
        },
        Form::Frozen {
            ordinal,
            signal,
            at,
            selected,
            late,
            amend_at,
            asked,
            contested,
            ignored,
            amended,
        } => Stage::Frozen {
            ordinal,
            signal: match signal {
                WireSignal::AssociationEnd => Signal::AssociationEnd,
                WireSignal::Quiet => Signal::Quiet,
                WireSignal::MaxWait => Signal::MaxWait,
                WireSignal::Late => Signal::Late,
                WireSignal::Revised => Signal::Revised,
                WireSignal::Person(by) => Signal::Person(Actor::from(&*by)),
            },
            at: Instant(at),
            selected: selection_back(selected)?,
            late: late
                .into_iter()
                .map(|(uid, count)| Ok((series(&uid)?, count)))
                .collect::<Result<_, StateError>>()?,
            amendment: match (amend_at, asked, contested) {
                (Some(at), _, _) => Amendment::At(Instant(at)),
                (None, Some(at), _) => Amendment::Asked(Instant(at)),
                (None, None, Some(at)) => Amendment::Contested(Instant(at)),
                (None, None, None) => Amendment::None,
            },
            ignored,
            amended,
        },
        Form::Expired { at, selected } => {
            Stage::Expired { at: Instant(at), selected: selection_back(selected)? }
        }
        Form::Cancelled { by, at } => Stage::Cancelled { by: Actor::from(&*by), at: Instant(at) },
    };
    Ok(State { subject, stage })
}

fn names(texts: &[String]) -> Result<Vec<InputName>, StateError> {
    texts.iter().map(|text| super::name(WHAT, text)).collect()
}

fn series(uid: &str) -> Result<SeriesInstanceUid, StateError> {
    SeriesInstanceUid::from_peer(uid).ok_or_else(|| StateError::Value { what: WHAT, value: uid.to_owned() })
}

fn selection_back(form: WireSelection) -> Result<Selection, StateError> {
    let tally = |(uid, tally): (String, WireTally)| {
        let associations: BTreeSet<AssociationId> =
            tally.associations.into_iter().map(AssociationId).collect();
        Ok((series(&uid)?, Tally { objects: tally.objects, last: Instant(tally.last), associations }))
    };
    let input = |(name, tallies): (String, BTreeMap<String, WireTally>)| {
        let tallies = tallies.into_iter().map(tally).collect::<Result<_, StateError>>()?;
        Ok((super::name(WHAT, &name)?, tallies))
    };
    form.into_iter().map(input).collect()
}

#[cfg(test)]
mod tests {
    use gantry_types::{
        findings::{JudgedClause, Verdict},
        uid::StudyInstanceUid,
    };

    use super::*;

    #[test]
    fn every_stage_is_read_back() {
        let case =
            CaseKey::Study { site: "site".parse().unwrap(), study: StudyInstanceUid::parse("1.2").unwrap() };
        let subject = Subject { case, workflow: "chest-ct".parse().unwrap() };
        let tally = Tally {
            objects: 3,
            last: Instant(9),
            associations: BTreeSet::from([AssociationId(u64::MAX), AssociationId(2)]),
        };
        let uid = SeriesInstanceUid::parse("1.2.3").unwrap();
        let chest: InputName = "chest".parse().unwrap();
        let selected: Selection = BTreeMap::from([(chest.clone(), BTreeMap::from([(uid.clone(), tally)]))]);
        let clause =
            JudgedClause { name: "a == b".to_owned(), verdict: Verdict::Unknown, seen: String::new() };
        let (at, by) = (Instant(7), Actor::from("anna"));
        let amended = |signal, amendment| Stage::Frozen {
            ordinal: 2,
            signal,
            at,
            selected: selected.clone(),
            late: BTreeMap::from([(uid.clone(), 2)]),
            amendment,
            ignored: 1,
            amended: 1,
        };
        let frozen = |signal| amended(signal, Amendment::None);
        let held = |why| Stage::Held { why, at, selected: selected.clone() };
        for stage in [
            Stage::NotMatched { clauses: vec![clause] },
            Stage::Waiting {
                since: None,
                selected: Selection::new(),
                missing: vec![chest.clone()],
                until: None,
            },
            Stage::Waiting { since: Some(at), selected: selected.clone(), missing: vec![], until: Some(at) },
            held(HeldWhy::MaxWait),
            held(HeldWhy::Missing(vec![chest])),
            held(HeldWhy::Contradiction(Contradiction::Patients("two patients".to_owned()))),
            held(HeldWhy::Contradiction(Contradiction::Revisions("two images".to_owned()))),
            frozen(Signal::AssociationEnd),
            frozen(Signal::Quiet),
            frozen(Signal::MaxWait),
            frozen(Signal::Person(by.clone())),
            amended(Signal::Late, Amendment::At(Instant(8))),
            amended(Signal::Quiet, Amendment::Asked(at)),
            amended(Signal::Revised, Amendment::Contested(at)),
            Stage::Expired { at, selected: selected.clone() },
            Stage::Cancelled { by, at },
        ] {
            let state = State { subject: subject.clone(), stage };
            let is_held = matches!(
                state.stage,
                Stage::Held { .. }
                    | Stage::Frozen { amendment: Amendment::Asked(_) | Amendment::Contested(_), .. }
            );
            let step = Step { state, effects: Vec::new(), timers: Vec::new() };
            let mut row = row(&step, 3);
            assert_eq!(super::state(&row).unwrap(), step.state);
            assert_eq!(row.person, is_held.then_some(at));
            row.state.clear();
            assert!(super::state(&row).is_err());
        }
    }
}
