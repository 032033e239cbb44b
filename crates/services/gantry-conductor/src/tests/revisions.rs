//! Revisions (RC2): what is not told apart decides nothing, and what cannot be told apart is left to a person.

use std::{collections::BTreeMap, io};

use gantry_ports::{
    job::{
        comparison::{self, Comparison, Headers, Pixels},
        names,
    },
    performer::Ending,
    store::{AttentionRow, ObjectRow, ReceiptRow, Reception, Row, Standing},
};
use gantry_types::uid::SeriesInstanceUid;

use super::*;
use crate::{DecideError, Use};

impl Bench {
    /// An object comes again and differs, as far as a door can tell.
    fn keep_revision(&self, series: &str, number: u32) {
        let sop = Self::uid(series, number);
        let revision = u32::try_from(self.store.revisions(&self.site(), &sop).unwrap().len()).unwrap() + 1;
        let new = self.object(&sop, &SeriesInstanceUid::parse(series).unwrap(), "Scanner");
        let new = ObjectRow { revision, standing: Standing::Undecided, ..new };
        let receipt = ReceiptRow {
            id: self.conductor.outside.ids.next(),
            object: new.id,
            association: 1,
            received: self.conductor.outside.clock.now(),
            reception: Reception::Kept,
            deviations: String::new(),
        };
        let mark =
            AttentionRow { site: self.site(), study: self.study(), mark: self.conductor.outside.ids.next() };
        self.commit(vec![Row::Object(new), Row::Receipt(receipt), Row::Attention(mark)]);
    }

    fn standings(&self, series: &str, number: u32) -> Vec<Standing> {
        let all = self.store.revisions(&self.site(), &Self::uid(series, number)).unwrap();
        all.into_iter().map(|row| row.standing).collect()
    }
}

/// Three objects of a series that a workflow selects, the first of them in two revisions; everything has come.
fn bench() -> Bench {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.keep_revision("1.1", 1);
    bench.release(1);
    for _ in 0..4 {
        bench.pass(30 * SECOND);
        bench.turn();
    }
    bench
}

fn tell(bench: &Bench, play: impl Fn() -> Play + Send + Sync + 'static) -> bool {
    let performer = bench.performer(move |_| play());
    let told = bench.conductor.tell_next(&*performer, &News::default()).unwrap();
    for _ in 0..4 {
        bench.pass(30 * SECOND);
        bench.turn();
    }
    told
}

fn answer(headers: Headers, pixels: Pixels) -> Play {
    let bytes = comparison::encode(&[Comparison { headers, pixels }]).unwrap();
    let files = BTreeMap::from([(names::COMPARISON.to_owned(), bytes)]);
    Play::Answer { news: Vec::new(), outcome: Outcome::Ran, files }
}

#[track_caller]
fn check(play: impl Fn() -> Play + Send + Sync + 'static, first: Standing, second: Standing, runs: usize) {
    let bench = bench();
    assert!(tell(&bench, play));
    assert_eq!(bench.standings("1.1", 1), [first, second]);
    assert_eq!(bench.runs(), runs);
}

#[test]
fn rc2_nothing_is_frozen_before_revisions_are_told_apart() {
    use Standing::{Conflict, InForce, LossyCopy, Reencoded, Superseded};
    let bench = bench();
    assert_eq!(bench.standings("1.1", 1), [InForce, Standing::Wanted]);
    assert_eq!(bench.runs(), 0);
    check(|| answer(Headers::Equal, Pixels::Equal), InForce, Reencoded, 1);
    check(|| answer(Headers::Differ, Pixels::LossyCopy), InForce, LossyCopy, 1);
    check(|| answer(Headers::Differ, Pixels::Equal), Superseded, InForce, 1);
    check(|| answer(Headers::Equal, Pixels::Differ("one".to_owned())), InForce, Conflict, 0);
    check(|| answer(Headers::Equal, Pixels::Unknown("why".to_owned())), InForce, Conflict, 0);
}

#[test]
fn rc2_a_worker_that_breaks_leaves_a_conflict_and_one_that_does_not_start_leaves_it_open() {
    let bench = bench();
    let no_worker = || {
        Play::Error(PerformError::Spawn { program: "gantry".to_owned(), source: io::ErrorKind::Other.into() })
    };
    assert!(!tell(&bench, no_worker));
    assert_eq!(bench.standings("1.1", 1), [Standing::InForce, Standing::Wanted]);
    let crash = || Play::Error(PerformError::Crashed { ending: Ending::Signal(11), said: String::new() });
    assert!(tell(&bench, crash));
    assert_eq!(bench.standings("1.1", 1), [Standing::InForce, Standing::Conflict]);
    assert_eq!(bench.runs(), 0);
}

/// Something comes while a worker compares: what was read is told all the same, what came is another revision.
#[test]
fn rc2_a_revision_that_comes_meanwhile_is_told_after_the_first() {
    let bench = bench();
    let other = bench.clone();
    let meanwhile = std::sync::Once::new();
    assert!(!tell(&bench, move || {
        meanwhile.call_once(|| other.keep_revision("1.1", 1));
        answer(Headers::Equal, Pixels::Equal)
    }));
    assert_eq!(bench.standings("1.1", 1), [Standing::InForce, Standing::Wanted, Standing::Wanted]);
    assert!(tell(&bench, || answer(Headers::Equal, Pixels::Equal)));
    assert_eq!(bench.standings("1.1", 1), [Standing::InForce, Standing::Reencoded, Standing::Wanted]);
}

/// Bytes that rotted must not keep others from being told apart.
#[test]
fn rc2_a_damaged_object_leaves_identities_as_they_are() {
    let bench = bench();
    bench.identify("P1", "");
    bench.identify("P1", "HOSPITAL");
    bench.damage("1.1", 3);
    assert!(tell(&bench, || answer(Headers::Equal, Pixels::Equal)));
    assert_eq!(bench.standings("1.1", 1), [Standing::InForce, Standing::Reencoded]);
    assert_eq!(bench.store.identities(&bench.site(), &bench.study()).unwrap().len(), 2);
}

#[test]
fn rd1_who_ended_a_conflict_and_why_is_told_and_it_ends_once() {
    let bench = bench();
    assert!(tell(&bench, || answer(Headers::Equal, Pixels::Differ("one".to_owned()))));
    let workflow = "chest-ct".parse().unwrap();
    let decide = || {
        let newest = Decision::Use(Use::Newest);
        bench.conductor.decide(
            &bench.study(),
            &workflow,
            newest,
            &Actor::from("anna"),
            "the technologist knows",
        )
    };
    decide().unwrap();
    assert_eq!(bench.standings("1.1", 1), [Standing::SetAside, Standing::InForce]);
    let trail = bench.store.audit(9).unwrap();
    let audit = trail.iter().find(|row| row.action == "intake/conflict-decided").unwrap();
    assert_eq!(audit.actor, "anna");
    assert_eq!(audit.detail, "revision 2 is used, by anna: the technologist knows");
    assert!(matches!(decide().unwrap_err(), DecideError::NoConflict));
}
