//! What a person can decide about a case as it is now: what would apply, and nothing that would be refused.

use gantry_conductor::{Decision, Use};
use gantry_flow::case::{self, Amendment, Contradiction, HeldWhy, Stage};

/// The decisions that apply, the usual first. `is_running` says that its newest run is under way.
#[must_use]
pub fn choices(case: &case::State, is_running: bool) -> Vec<Decision> {
    match &case.stage {
        // The document says whether it applies; what is missing can only come.
        Stage::NotMatched { .. } => Vec::new(),
        Stage::Waiting { missing, .. } if !missing.is_empty() => vec![Decision::Skip],
        Stage::Frozen { amendment: Amendment::Contested(_), .. } => {
            vec![Decision::Use(Use::First), Decision::Use(Use::Newest)]
        }
        Stage::Held { why: HeldWhy::Contradiction(Contradiction::Revisions(_)), .. } => {
            vec![Decision::Use(Use::First), Decision::Use(Use::Newest), Decision::Skip]
        }
        Stage::Held {
            why: HeldWhy::Missing(_) | HeldWhy::Contradiction(Contradiction::Patients(_)), ..
        } => {
            vec![Decision::Skip]
        }
        Stage::Waiting { .. } | Stage::Held { why: HeldWhy::MaxWait, .. } | Stage::Expired { .. } => {
            vec![Decision::Go, Decision::Skip]
        }
        Stage::Cancelled { .. } => vec![Decision::Go],
        Stage::Frozen { amendment: Amendment::At(_) | Amendment::Asked(_), .. } => {
            vec![Decision::Go, Decision::Skip]
        }
        // A run that is under way is cancelled first.
        Stage::Frozen { .. } if is_running => Vec::new(),
        Stage::Frozen { .. } => vec![Decision::Again],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gantry_flow::{
        case::Signal,
        names::{Actor, CaseKey, Subject},
    };
    use gantry_types::{instant::Instant, uid::StudyInstanceUid};

    use super::*;

    fn of(stage: Stage, is_running: bool) -> Vec<Decision> {
        let case = CaseKey::Study {
            site: "site".parse().unwrap(),
            study: StudyInstanceUid::parse("1.2.3").unwrap(),
        };
        let new = case::State::new(Subject { case, workflow: "chest-ct".parse().unwrap() });
        choices(&case::State { stage, ..new }, is_running)
    }

    fn held(why: HeldWhy) -> Stage {
        Stage::Held { why, at: Instant(0), selected: BTreeMap::new() }
    }

    fn frozen(amendment: Amendment) -> Stage {
        Stage::Frozen {
            ordinal: 1,
            signal: Signal::Quiet,
            at: Instant(0),
            selected: BTreeMap::new(),
            late: BTreeMap::new(),
            amendment,
            ignored: 0,
            amended: 0,
        }
    }

    #[test]
    fn nothing_is_offered_that_would_be_refused() {
        use Decision::{Again, Go, Skip};
        let brain = || vec!["brain".parse().unwrap()];
        for (stage, is_running, want) in [
            (held(HeldWhy::MaxWait), false, &[Go, Skip][..]),
            (held(HeldWhy::Missing(brain())), false, &[Skip]),
            (held(HeldWhy::Contradiction(Contradiction::Patients("two".to_owned()))), false, &[Skip]),
            (
                held(HeldWhy::Contradiction(Contradiction::Revisions("two".to_owned()))),
                false,
                &[Decision::Use(Use::First), Decision::Use(Use::Newest), Skip],
            ),
            (Stage::NotMatched { clauses: Vec::new() }, false, &[]),
            (Stage::Cancelled { by: Actor::from("lena"), at: Instant(0) }, false, &[Go]),
            (frozen(Amendment::None), true, &[]),
            (frozen(Amendment::None), false, &[Again]),
            (frozen(Amendment::Asked(Instant(0))), false, &[Go, Skip]),
            (
                frozen(Amendment::Contested(Instant(0))),
                false,
                &[Decision::Use(Use::First), Decision::Use(Use::Newest)],
            ),
        ] {
            let shown = format!("{stage:?}");
            assert_eq!(of(stage, is_running), want, "{shown}");
        }
    }
}
