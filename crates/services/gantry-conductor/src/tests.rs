//! Laws of the conductor, over the in-memory twins: what came in becomes one run, and nothing is forgotten.

mod bench;
mod revisions;

use std::sync::{Arc, Mutex, mpsc::channel};

use expect_test::expect;
use gantry_flow::{case, run};
use gantry_ports::{
    cases::Cases as _,
    intake::Intake as _,
    job::{Complaint, Outcome},
    memory::Play,
    news::News,
    performer::{News as Heard, PerformError},
    runs::Runs as _,
    state,
    store::{MachineKind, Store as _},
};
use gantry_types::{
    findings::{JudgedClause, Verdict},
    instant::Instant,
};

use gantry_flow::names::Actor;

use super::{Decision, Performers, Slot};
use bench::{Bench, SECOND, Sabotage, WORKFLOW};

#[test]
fn as2_a_study_becomes_one_run_however_it_came() {
    // In one association; over two, shuffled and once more; one object each.
    let ways: [&[(&str, u32, u64)]; 3] = [
        &[("1.1", 1, 1), ("1.1", 2, 1), ("1.1", 3, 1)],
        &[("1.1", 3, 1), ("1.1", 1, 2), ("1.1", 3, 2), ("1.1", 2, 1), ("1.1", 1, 1)],
        &[("1.1", 2, 1), ("1.1", 3, 2), ("1.1", 1, 3)],
    ];
    let mut digests = Vec::new();
    for way in ways {
        let bench = Bench::new(WORKFLOW);
        for (series, number, association) in way {
            bench.keep(series, *number, *association);
            bench.pass(SECOND);
            bench.turn();
        }
        for association in 1..=3 {
            bench.release(association);
            bench.turn();
        }
        bench.pass(30 * SECOND);
        bench.turn();
        bench.pass(30 * SECOND);
        bench.turn();
        let runs = bench.store.newest_runs(&bench.site(), None, 9).unwrap();
        assert_eq!(runs.len(), 1, "{way:?}");
        let payload =
            bench.store.payload(&bench.site(), &bench.study(), &runs[0].workflow, 1).unwrap().unwrap();
        assert_eq!(payload.items.len(), 3);
        digests.push(payload.digest);
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "the same objects are the same payload");
}

#[test]
fn nothing_is_frozen_before_the_look_is_still_true() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    // A fourth object is kept by another between look and commit.
    bench.intrude(|bench| bench.keep("1.1", 4, 2));
    bench.turn();
    assert_eq!(bench.runs(), 0);
    bench.pass(30 * SECOND);
    bench.turn();
    assert_eq!(bench.runs(), 1);
    let workflow = "chest-ct".parse().unwrap();
    let payload = bench.store.payload(&bench.site(), &bench.study(), &workflow, 1).unwrap().unwrap();
    assert_eq!(payload.items.len(), 4);
}

#[test]
fn late_objects_are_recorded_each_once_and_change_nothing_else() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    for number in 4..=5 {
        bench.keep("1.1", number, 2);
        bench.pass(SECOND);
        bench.turn();
        bench.turn();
    }
    bench.keep("1.2", 9, 2);
    bench.pass(30 * SECOND);
    bench.turn();
    let late = bench.store.late(&bench.site(), &bench.study()).unwrap();
    assert_eq!(
        late.iter().map(|row| row.object).collect::<Vec<_>>(),
        [bench.id("1.1", 4), bench.id("1.1", 5)]
    );
    assert_eq!(bench.runs(), 1);
}

#[test]
fn as1_evidence_that_comes_back_makes_nothing_ready_and_is_not_late() {
    let bench = Bench::new(&WORKFLOW.replace("series.instances >= 3", "series.instances >= 1"));
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    bench.finish(Play::Answer { news: vec![], outcome: Outcome::Ran, files: Default::default() });
    let before = bench.store.machines(&bench.site(), MachineKind::Case, &bench.study()).unwrap();
    bench.make_evidence("2.25.1");
    bench.keep_again("2.25.1", "2.25.9", 3);
    bench.release(3);
    bench.pass(60 * SECOND);
    bench.turn();
    assert_eq!(bench.store.machines(&bench.site(), MachineKind::Case, &bench.study()).unwrap(), before);
    assert_eq!(bench.store.late(&bench.site(), &bench.study()).unwrap(), []);
    assert_eq!(bench.runs(), 1);
}

#[test]
fn as1_what_another_gantry_made_is_no_series_of_the_study() {
    let bench = Bench::new(&WORKFLOW.replace("series.instances >= 3", "series.instances >= 1"));
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.keep_made("1.9", 1);
    bench.release(1);
    bench.turn();
    let workflow = "chest-ct".parse().unwrap();
    let payload = bench.store.payload(&bench.site(), &bench.study(), &workflow, 1).unwrap().unwrap();
    assert_eq!(payload.items.len(), 3);
}

#[test]
fn a_forgotten_association_end_is_made_up_for_by_the_timer() {
    quiet_decides_by_the_timer(Sabotage::None);
}

fn quiet_decides_by_the_timer(sabotage: Sabotage) {
    let bench = Bench::sabotaged(WORKFLOW, sabotage);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.turn();
    bench.pass(18 * SECOND);
    bench.turn();
    assert_eq!(bench.runs(), 0);
    bench.pass(SECOND);
    bench.turn();
    assert_eq!(bench.runs(), 1);
}

#[test]
fn rn2_an_answer_under_an_old_fence_does_not_count_while_another_computes() {
    a_stale_answer_does_not_count(Sabotage::None);
}

fn a_stale_answer_does_not_count(sabotage: Sabotage) {
    let bench = Bench::sabotaged(WORKFLOW, sabotage);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    // Two attempts compute at once: the lease of the first has run out.
    let attempt = |name: &'static str| {
        let ((begun, begins), (answer, answers)) = (channel(), channel::<()>());
        let (begun, answers) = (Mutex::new(begun), Mutex::new(answers));
        let performer = bench.performer(move |_| {
            begun.lock().unwrap().send(()).unwrap();
            answers.lock().unwrap().recv().unwrap();
            Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files(name) }
        });
        let conductor = Arc::clone(&bench.conductor);
        let thread = std::thread::spawn(move || {
            conductor.run_next(Slot::Any, Performers::all(&*performer), &News::default()).unwrap()
        });
        begins.recv().unwrap();
        (answer, thread)
    };
    let (first_answers, first) = attempt("first");
    bench.pass(31 * SECOND);
    bench.turn();
    let (second_answers, second) = attempt("second");
    first_answers.send(()).unwrap();
    first.join().unwrap();
    let run = bench.store.newest_runs(&bench.site(), None, 1).unwrap().remove(0);
    let is_accepted = !bench.store.results(&run.id).unwrap().is_empty();
    second_answers.send(()).unwrap();
    second.join().unwrap();
    assert!(!is_accepted, "the answer of an attempt that lost its lease was accepted");
    let results = bench.store.results(&run.id).unwrap();
    let file = results[0].files.iter().find(|file| file.name == "findings.json").unwrap();
    assert_eq!(bench.bytes(file.blob), b"second");
}

/// Decorators around the store break a promise; the test that guards it must notice.
#[test]
fn sabotages_turn_their_tests_red() {
    for (sabotage, test) in [
        (Sabotage::TimerForgotten, quiet_decides_by_the_timer as fn(Sabotage)),
        (Sabotage::FenceReused, a_stale_answer_does_not_count),
    ] {
        assert!(std::panic::catch_unwind(|| test(sabotage)).is_err(), "{sabotage:?} was not noticed");
    }
}

fn clause() -> JudgedClause {
    JudgedClause { name: "thin".into(), verdict: Verdict::Failed, seen: "5 mm".into() }
}

#[test]
fn every_end_of_an_attempt_is_the_end_of_its_run_or_another_attempt() {
    let why = || Complaint { code: "image/gap".into(), sentence: "a slice is missing".into() };
    let answer = |outcome| Play::Answer { news: vec![Heard::Alive], outcome, files: Default::default() };
    let mut lines = String::new();
    for (name, plays) in [
        ("ran", vec![answer(Outcome::Ran)]),
        ("declined", vec![answer(Outcome::Declined(vec![clause()]))]),
        ("refused", vec![answer(Outcome::Refused(why()))]),
        ("fails once", vec![answer(Outcome::Failed(why())), answer(Outcome::Ran)]),
        ("crashes always", (0..9).map(|_| Play::Error(PerformError::Closed)).collect()),
    ] {
        let bench = Bench::new(WORKFLOW);
        (1..=3).for_each(|number| bench.keep("1.1", number, 1));
        bench.release(1);
        bench.turn();
        let attempts = bench.finish_all(plays);
        let machine = bench.run_machine();
        let state = state::run::state(&machine).unwrap();
        let (_, task) = state.tasks.first_key_value().unwrap();
        let stage = format!("{:?}", task.stage);
        let stage = stage.split_whitespace().next().unwrap().to_lowercase();
        let error = task.last_error.as_ref().map(|error| error.code.as_str());
        let publications =
            bench.store.machines(&bench.site(), MachineKind::Publication, &bench.study()).unwrap().len();
        lines += &format!("{name}: {stage} after {attempts}, {error:?}, {publications} publications\n");
    }
    expect![[r#"
        ran: ran after 1, None, 1 publications
        declined: declined after 1, None, 0 publications
        refused: failed after 1, Some("image/gap"), 0 publications
        fails once: ran after 2, Some("image/gap"), 1 publications
        crashes always: failed after 3, Some("work/closed"), 0 publications
    "#]]
    .assert_eq(&lines);
}

#[test]
fn rn2_an_answer_under_an_old_fence_changes_nothing() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    // While the first attempt computes, its lease runs out and a second one takes the task and answers.
    let first = bench.performer(|bench| {
        bench.pass(31 * SECOND);
        bench.turn();
        bench.finish(Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files("second") });
        Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files("first") }
    });
    assert!(bench.conductor.run_next(Slot::Any, Performers::all(&*first), &News::default()).unwrap());
    let run = bench.store.newest_runs(&bench.site(), None, 1).unwrap().remove(0);
    let results = bench.store.results(&run.id).unwrap();
    assert_eq!(results.iter().map(|row| row.fence).collect::<Vec<_>>(), [2]);
    let file = results[0].files.iter().find(|file| file.name == "findings.json").unwrap();
    assert_eq!(bench.bytes(file.blob), b"second");
    let publications = bench.store.machines(&bench.site(), MachineKind::Publication, &bench.study()).unwrap();
    assert_eq!(publications.len(), 1);
}

#[test]
fn rn1_what_the_last_process_had_leased_is_made_again() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    let killed = bench.performer(|bench| {
        // The process dies here; another one starts on the same rows.
        let reborn = bench.reborn();
        assert_eq!(reborn.conductor.recover().unwrap(), 1);
        assert_eq!(reborn.conductor.recover().unwrap(), 0);
        reborn.finish(Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files("again") });
        Play::Error(PerformError::Cancelled)
    });
    bench.conductor.run_next(Slot::Any, Performers::all(&*killed), &News::default()).unwrap();
    let state = state::run::state(&bench.run_machine()).unwrap();
    assert_eq!(state.outcome(), Some(run::Outcome::Ran));
    assert_eq!(state.tasks.values().map(|task| task.losses).sum::<u32>(), 1);
}

#[test]
fn a_stop_gives_the_attempt_back() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    let news = News::default();
    let stopping = bench.performer({
        let news = news.clone();
        move |_| {
            news.end();
            Play::Answer { news: vec![Heard::Alive], outcome: Outcome::Ran, files: Default::default() }
        }
    });
    bench.conductor.run_next(Slot::Any, Performers::all(&*stopping), &news).unwrap();
    let machine = bench.run_machine();
    assert!(machine.offered.is_some(), "{machine:?}");
    bench.finish(Play::Answer { news: vec![], outcome: Outcome::Ran, files: Default::default() });
    assert_eq!(state::run::state(&bench.run_machine()).unwrap().outcome(), Some(run::Outcome::Ran));
}

#[test]
fn a_workflow_that_comes_later_judges_what_came_lately() {
    let bench = Bench::empty();
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    assert_eq!(bench.store.attention(&bench.site(), 9).unwrap(), [], "nobody wants it looked at");
    bench.apply(WORKFLOW);
    bench.pass(SECOND);
    bench.turn();
    bench.pass(30 * SECOND);
    bench.turn();
    assert_eq!(bench.runs(), 1);
    // A new version judges only cases without a payload.
    bench.apply(&WORKFLOW.replace("10s", "11s"));
    bench.pass(30 * SECOND);
    bench.turn();
    assert_eq!(bench.runs(), 1);
}

#[test]
fn a_case_that_does_not_match_says_the_clause_and_matches_when_it_changes() {
    let bench = Bench::new(&WORKFLOW.replace("\"CT\")", "\"CT\") && study.instances >= 4"));
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.turn();
    let stage = |bench: &Bench| {
        let machines = bench.store.machines(&bench.site(), MachineKind::Case, &bench.study()).unwrap();
        state::case::state(&machines[0]).unwrap().stage
    };
    let case::Stage::NotMatched { clauses } = stage(&bench) else { panic!() };
    assert_eq!(clauses.len(), 1);
    assert_eq!(clauses[0].seen, "study.instances is 3");
    bench.keep("1.1", 4, 1);
    bench.pass(SECOND);
    bench.turn();
    assert!(matches!(stage(&bench), case::Stage::Waiting { .. }));
}

#[test]
fn a_damaged_object_does_not_silence_its_series_or_others() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.keep("1.2", 1, 1);
    bench.damage("1.1", 1);
    bench.damage("1.2", 1);
    bench.release(1);
    bench.turn();
    assert_eq!(bench.runs(), 1, "the next object speaks for the series");
    // The run itself needs every object, and says which is damaged.
    let performer = bench.performer(|_| panic!("nothing is performed"));
    assert!(bench.conductor.run_next(Slot::Any, Performers::all(&*performer), &News::default()).unwrap());
    let state = state::run::state(&bench.run_machine()).unwrap();
    let error = state.tasks.values().next().unwrap().last_error.clone().unwrap();
    assert_eq!(error.code, "run/damaged-object");
    assert!(error.sentence.contains("1.1.1"), "{error:?}");
}

#[test]
fn looks_cost_nothing_when_nothing_is_wanted() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    let counter = bench.store.counter().unwrap();
    bench.pass(60 * SECOND);
    bench.turn();
    assert_eq!(bench.store.counter().unwrap(), counter);
    assert!(Arc::strong_count(&bench.store) > 1, "the conductor works on this very store");
}

#[test]
fn what_fails_for_one_workflow_fails_for_no_other() {
    let bench = Bench::new(WORKFLOW);
    bench.apply(
        &WORKFLOW.replace("name: chest-ct", "name: a-gone").replace("app: lung-density", "app: not-there"),
    );
    bench.turn();
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    assert_eq!(bench.runs(), 1);
    assert!(bench.said().iter().any(|line| line.contains("a-gone") && line.contains("not-there")));
    assert_eq!(bench.store.attention(&bench.site(), 9).unwrap().len(), 1, "it wants to be looked at again");
}

#[test]
fn studies_that_cannot_be_looked_at_do_not_stand_before_others() {
    let bench = Bench::new(WORKFLOW);
    (0..100).for_each(|number| bench.spoil_study(&format!("9.{number}")));
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    for _ in 0..4 {
        bench.turn();
    }
    assert_eq!(bench.runs(), 1);
}

/// What the version that froze the payload did not select is not late for it.
#[test]
fn what_was_there_in_time_is_not_late_for_a_newer_version() {
    let bench = Bench::new(&WORKFLOW.replace("series.instances >= 3", "series.instances >= 5"));
    (1..=5).for_each(|number| bench.keep("1.1", number, 1));
    (1..=3).for_each(|number| bench.keep("1.2", number, 1));
    bench.release(1);
    bench.turn();
    bench.apply(WORKFLOW);
    bench.turn();
    bench.turn();
    assert_eq!(bench.store.late(&bench.site(), &bench.study()).unwrap(), []);
    bench.keep("1.1", 6, 2);
    bench.turn();
    assert_eq!(bench.store.late(&bench.site(), &bench.study()).unwrap().len(), 1);
}

#[test]
fn rn1_a_run_that_cannot_be_read_waits_for_a_person_and_for_nobody_else() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    bench.change_run(|row| {
        row.state = row.state.replace("queued", "another-stage");
        (row.due, row.offered) = (Some(Instant(0)), None);
    });
    let state = bench.run_machine().state;
    bench.turn();
    let row = bench.run_machine();
    assert_eq!((row.due, row.offered, row.person.is_some(), row.state), (None, None, true, state));
}

/// A commit that was written although it failed must find its bytes.
#[test]
fn bytes_that_a_row_may_name_are_not_freed() {
    let bench = Bench::sabotaged(WORKFLOW, Sabotage::WrittenAndFailed);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    let play = || Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files("kept") };
    let performer = bench.performer(move |_| play());
    assert!(bench.conductor.run_next(Slot::Any, Performers::all(&*performer), &News::default()).unwrap());
    let run = bench.store.newest_runs(&bench.site(), None, 1).unwrap().remove(0);
    let results = bench.store.results(&run.id).unwrap();
    assert_eq!(bench.bytes(results[0].files[0].blob), b"kept");
}

#[test]
fn a_study_of_two_patients_is_held_and_goes_on_when_there_is_one() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.identify("P1", "");
    bench.identify("P1", "HOSPITAL");
    bench.identify("P2", "HOSPITAL");
    bench.release(1);
    bench.turn();
    let machines = bench.store.machines(&bench.site(), MachineKind::Case, &bench.study()).unwrap();
    let stage = state::case::state(&machines[0]).unwrap().stage;
    let case::Stage::Held { why: case::HeldWhy::Contradiction(case::Contradiction::Patients(why)), .. } =
        stage
    else {
        panic!("{stage:?}")
    };
    assert_eq!(why, "objects of this study name two patients, `P1` and `P2` of HOSPITAL");
    assert!(machines[0].person.is_some());
    assert_eq!(bench.runs(), 0);
    assert!(!bench.said().iter().any(|line| line.contains("P2")), "no patient's data in the log");
}

#[test]
fn a_full_disk_begins_no_run_and_fails_none() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    bench.fill_disk(true);
    let performer = bench.performer(|_| panic!("nothing is performed"));
    assert!(!bench.conductor.run_next(Slot::Any, Performers::all(&*performer), &News::default()).unwrap());
    assert!(bench.run_machine().offered.is_some());
    bench.fill_disk(false);
    // It fills while the attempt computes: the answer waits for room, and is none the worse for it.
    let performer = bench.performer(|bench| {
        bench.fill_disk(true);
        Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files("kept") }
    });
    let other = bench.clone();
    let making_room = std::thread::spawn(move || {
        while !other.said().iter().any(|line| line.contains("cannot be kept yet")) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        other.fill_disk(false);
        other.pass(6 * SECOND);
    });
    assert!(bench.conductor.run_next(Slot::Any, Performers::all(&*performer), &News::default()).unwrap());
    making_room.join().unwrap();
    let state = state::run::state(&bench.run_machine()).unwrap();
    assert_eq!(state.outcome(), Some(run::Outcome::Ran));
    assert_eq!(state.tasks.values().map(|task| task.failures).sum::<u32>(), 0);
}

/// A slot that is kept free for urgent work takes nothing else, and takes that (UR1).
#[test]
fn ur1_the_urgent_slot_takes_urgent_work_alone() {
    for (lane, takes) in [("routine", false), ("background", false), ("urgent", true)] {
        let workflow = WORKFLOW.replace("tasks:", &format!("lane: {lane}\ntasks:"));
        let bench = Bench::new(&workflow);
        (1..=3).for_each(|number| bench.keep("1.1", number, 1));
        bench.release(1);
        bench.turn();
        let answer = || Play::Answer { news: vec![], outcome: Outcome::Ran, files: bench::files("own") };
        let (urgent, other) =
            (bench.performer(move |_| answer()), bench.performer(|_| panic!("not this one")));
        let performers = Performers { urgent: &*urgent, other: &*other };
        assert_eq!(
            bench.conductor.run_next(Slot::Urgent, performers, &News::default()).unwrap(),
            takes,
            "{lane}"
        );
    }
}

/// Who cancels a run, and who wants it once more, and why, stands in the trail (RD1).
#[test]
fn rd1_cancelling_and_running_anew_are_told_with_who_and_why() {
    let bench = Bench::new(WORKFLOW);
    (1..=3).for_each(|number| bench.keep("1.1", number, 1));
    bench.release(1);
    bench.turn();
    let run = bench.store.newest_runs(&bench.site(), None, 1).unwrap().remove(0);
    let machine = bench.store.machines(&bench.site(), MachineKind::Run, &bench.study()).unwrap().remove(0);
    let by = Actor::from("anna");
    assert!(bench.conductor.cancel(&machine, &by, "wrong patient bed").unwrap());
    bench.conductor.decide(&bench.study(), &run.workflow, Decision::Again, &by, "it was right").unwrap();
    let trail: Vec<String> = bench
        .store
        .audit(100)
        .unwrap()
        .iter()
        .map(|row| format!("{} {}: {}", row.actor, row.action, row.detail))
        .collect();
    for (action, reason) in [("run/cancelled", "wrong patient bed"), ("case/decided", "it was right")] {
        let told = |line: &&String| line.starts_with(&format!("anna {action}: ")) && line.contains(reason);
        assert!(trail.iter().any(|line| told(&line)), "{action}: {trail:?}");
    }
    let runs = bench.store.runs_of_study(&bench.site(), &bench.study()).unwrap();
    assert_eq!(runs.iter().map(|run| run.ordinal).collect::<Vec<_>>(), [1, 2]);
}
