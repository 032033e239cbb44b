//! Laws of runs: they end, whatever is killed; one result is accepted, and never that of a stale attempt.

use alloc::{collections::BTreeSet, format, string::String, vec};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::walk::{Coverage, Dice};

const SECOND: i64 = 1_000_000;
const LEASE: Duration = Duration::from_secs(10);

fn at(seconds: i64) -> Instant {
    Instant(seconds * SECOND)
}

fn name(text: &str) -> TaskName {
    text.parse().unwrap()
}

fn task(task: &str, after: &[&str]) -> TaskPlan {
    TaskPlan {
        name: name(task),
        after: after.iter().map(|after| name(after)).collect(),
        timeout: Duration::from_secs(60),
        retry: Retry { attempts: 3, backoff: Duration::from_secs(30) },
    }
}

fn chain() -> Plan {
    Plan::new(vec![task("lungs", &[]), task("report", &["lungs"])]).unwrap()
}

fn begun(plan: &Plan) -> Step<State, Effect> {
    begin(plan, "run-1".parse().unwrap(), Lane::Routine, at(0))
}

fn claimed(task: &str) -> Event {
    Event::Claimed { task: name(task), node: "node-a".parse().unwrap(), lease: LEASE }
}

fn ran() -> AttemptResult {
    AttemptResult::Ran { result: Digest([1; 32]) }
}

fn failed(remedy: Remedy) -> AttemptResult {
    let failure = Failure { code: "worker/crashed".into(), sentence: "signal 11".into() };
    AttemptResult::Failed { failure, remedy }
}

fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::Blocked => "blocked",
        Stage::Queued { .. } => "queued",
        Stage::Leased { .. } => "leased",
        Stage::Backoff { .. } => "back-off",
        Stage::Ran { .. } => "ran",
        Stage::Declined { .. } => "declined",
        Stage::Failed { .. } => "failed",
        Stage::Cancelled { .. } => "cancelled",
        Stage::Skipped { .. } => "skipped",
    }
}

fn show(step: &Step<State, Effect>) -> String {
    let tasks: Vec<String> = step
        .state
        .tasks
        .iter()
        .map(|(name, task)| format!("{name} {} #{}", stage_name(&task.stage), task.fence.0))
        .collect();
    let effects: Vec<String> = step
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Offer { task, .. } => format!("offer {task}"),
            Effect::Start(key) => format!("start {} #{}", key.task, key.fence.0),
            Effect::Stop(key) => format!("stop {} #{}", key.task, key.fence.0),
            Effect::Accept { attempt, .. } => format!("accept {} #{}", attempt.task, attempt.fence.0),
            Effect::End { outcome, .. } => format!("end {outcome:?}"),
        })
        .collect();
    let timers: Vec<String> =
        step.timers.iter().map(|timer| format!("{} {}", timer.key, timer.at.0 / SECOND)).collect();
    format!("{} [{}] [{}]", tasks.join(", "), effects.join(", "), timers.join(", "))
}

/// Runs a script: `SECONDS VERB TASK FENCE`, one line each; prints what follows.
#[track_caller]
fn check(plan: &Plan, script: &str, want: Expect) {
    let first = begun(plan);
    let mut out = format!("{}\n", show(&first));
    let mut state = first.state;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let task = words.get(2).copied().unwrap_or("none");
        let fence = Fence(words.get(3).map_or(0, |fence| fence.parse().unwrap()));
        let finished = |result| Event::Finished { task: name(task), fence, result };
        let event = match words[1] {
            "claim" => claimed(task),
            "beat" => Event::Heartbeat { task: name(task), fence, lease: LEASE },
            "ran" => finished(ran()),
            "declined" => finished(AttemptResult::Declined { clauses: Vec::new() }),
            "failed" => finished(failed(Remedy::Retry)),
            "hopeless" => finished(failed(Remedy::GiveUp)),
            "lost" => Event::Lost { task: name(task), fence },
            "due" => Event::Due,
            "cancel" => Event::Cancel { by: "anna".into() },
            "again" => Event::Again { by: "anna".into() },
            other => panic!("{other}"),
        };
        let step = step(plan, &state, event, at(words[0].parse().unwrap()));
        out += &format!("{line} -> {}\n", show(&step));
        state = step.state;
    }
    want.assert_eq(&out);
}

#[test]
fn what_failed_is_tried_again_when_somebody_says_so() {
    check(
        &chain(),
        "1 claim lungs
         2 again
         3 hopeless lungs 1
         4 again
         5 claim lungs
         6 hopeless lungs 1
         7 ran lungs 2
         8 claim report
         9 again",
        expect![[r#"
            lungs queued #0, report blocked #0 [offer lungs] []
            1 claim lungs -> lungs leased #1, report blocked #0 [start lungs #1] [task/lungs 11]
            2 again -> lungs leased #1, report blocked #0 [] [task/lungs 11]
            3 hopeless lungs 1 -> lungs failed #1, report skipped #0 [end Failed] []
            4 again -> lungs queued #1, report blocked #0 [offer lungs] []
            5 claim lungs -> lungs leased #2, report blocked #0 [start lungs #2] [task/lungs 15]
            6 hopeless lungs 1 -> lungs leased #2, report blocked #0 [] [task/lungs 15]
            7 ran lungs 2 -> lungs ran #2, report queued #0 [accept lungs #2, offer report] []
            8 claim report -> lungs ran #2, report leased #1 [start report #1] [task/report 18]
            9 again -> lungs ran #2, report leased #1 [] [task/report 18]
        "#]],
    );
}

#[test]
fn tasks_run_one_after_the_other_and_the_run_ends_once() {
    check(
        &chain(),
        "1 claim report
         1 claim lungs
         1 claim lungs
         2 ran lungs 1
         3 ran lungs 1
         4 claim report
         5 ran report 1
         6 cancel
         7 due",
        expect![[r#"
            lungs queued #0, report blocked #0 [offer lungs] []
            1 claim report -> lungs queued #0, report blocked #0 [] []
            1 claim lungs -> lungs leased #1, report blocked #0 [start lungs #1] [task/lungs 11]
            1 claim lungs -> lungs leased #1, report blocked #0 [] [task/lungs 11]
            2 ran lungs 1 -> lungs ran #1, report queued #0 [accept lungs #1, offer report] []
            3 ran lungs 1 -> lungs ran #1, report queued #0 [] []
            4 claim report -> lungs ran #1, report leased #1 [start report #1] [task/report 14]
            5 ran report 1 -> lungs ran #1, report ran #1 [accept report #1, end Ran] []
            6 cancel -> lungs ran #1, report ran #1 [] []
            7 due -> lungs ran #1, report ran #1 [] []
        "#]],
    );
}

#[test]
fn rn2_a_stale_attempt_changes_nothing() {
    check(
        &chain(),
        "1 claim lungs
         11 due
         12 claim lungs
         13 ran lungs 1
         14 beat lungs 1
         15 lost lungs 1
         16 ran lungs 3
         20 beat lungs 2
         19 beat lungs 2
         25 declined lungs 2
         26 ran lungs 2",
        expect![[r#"
            lungs queued #0, report blocked #0 [offer lungs] []
            1 claim lungs -> lungs leased #1, report blocked #0 [start lungs #1] [task/lungs 11]
            11 due -> lungs queued #1, report blocked #0 [stop lungs #1, offer lungs] []
            12 claim lungs -> lungs leased #2, report blocked #0 [start lungs #2] [task/lungs 22]
            13 ran lungs 1 -> lungs leased #2, report blocked #0 [] [task/lungs 22]
            14 beat lungs 1 -> lungs leased #2, report blocked #0 [] [task/lungs 22]
            15 lost lungs 1 -> lungs leased #2, report blocked #0 [] [task/lungs 22]
            16 ran lungs 3 -> lungs leased #2, report blocked #0 [] [task/lungs 22]
            20 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 30]
            19 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 30]
            25 declined lungs 2 -> lungs declined #2, report skipped #0 [end Declined] []
            26 ran lungs 2 -> lungs declined #2, report skipped #0 [] []
        "#]],
    );
}

#[test]
fn failures_are_tried_again_with_patience_and_at_last_given_up() {
    check(
        &chain(),
        "1 claim lungs
         2 failed lungs 1
         31 due
         32 due
         33 claim lungs
         40 beat lungs 2
         49 beat lungs 2
         58 beat lungs 2
         67 beat lungs 2
         76 beat lungs 2
         85 beat lungs 2
         93 ran lungs 2
         153 due
         154 claim lungs
         155 failed lungs 3",
        expect![[r#"
            lungs queued #0, report blocked #0 [offer lungs] []
            1 claim lungs -> lungs leased #1, report blocked #0 [start lungs #1] [task/lungs 11]
            2 failed lungs 1 -> lungs back-off #1, report blocked #0 [] [task/lungs 32]
            31 due -> lungs back-off #1, report blocked #0 [] [task/lungs 32]
            32 due -> lungs queued #1, report blocked #0 [offer lungs] []
            33 claim lungs -> lungs leased #2, report blocked #0 [start lungs #2] [task/lungs 43]
            40 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 50]
            49 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 59]
            58 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 68]
            67 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 77]
            76 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 86]
            85 beat lungs 2 -> lungs leased #2, report blocked #0 [] [task/lungs 93]
            93 ran lungs 2 -> lungs back-off #2, report blocked #0 [stop lungs #2] [task/lungs 153]
            153 due -> lungs queued #2, report blocked #0 [offer lungs] []
            154 claim lungs -> lungs leased #3, report blocked #0 [start lungs #3] [task/lungs 164]
            155 failed lungs 3 -> lungs failed #3, report skipped #0 [end Failed] []
        "#]],
    );
    check(
        &chain(),
        "1 claim lungs
         2 hopeless lungs 1",
        expect![[r#"
            lungs queued #0, report blocked #0 [offer lungs] []
            1 claim lungs -> lungs leased #1, report blocked #0 [start lungs #1] [task/lungs 11]
            2 hopeless lungs 1 -> lungs failed #1, report skipped #0 [end Failed] []
        "#]],
    );
    check(
        &chain(),
        "1 claim lungs
         2 cancel
         3 ran lungs 1",
        expect![[r#"
            lungs queued #0, report blocked #0 [offer lungs] []
            1 claim lungs -> lungs leased #1, report blocked #0 [start lungs #1] [task/lungs 11]
            2 cancel -> lungs cancelled #1, report cancelled #0 [stop lungs #1, end Cancelled] []
            3 ran lungs 1 -> lungs cancelled #1, report cancelled #0 [] []
        "#]],
    );
}

#[test]
fn a_task_that_takes_its_node_with_it_ends_too() {
    let plan = Plan::new(vec![task("lungs", &[])]).unwrap();
    let mut state = begun(&plan).state;
    for turn in 1..=u64::from(LOSSES_MAX) {
        let now = at(i64::try_from(turn).unwrap());
        assert_eq!(state.outcome(), None);
        state = step(&plan, &state, claimed("lungs"), now).state;
        state = step(&plan, &state, Event::Lost { task: name("lungs"), fence: Fence(turn) }, now).state;
    }
    assert_eq!(state.outcome(), Some(Outcome::Failed));
    assert_eq!(state.tasks[&name("lungs")].failures, 0);
}

#[test]
fn branches_end_by_themselves_and_the_worst_is_the_outcome() {
    let plan = Plan::new(vec![task("a", &[]), task("b", &["a"]), task("c", &["a"]), task("d", &["b", "c"])])
        .unwrap();
    check(
        &plan,
        "1 claim a
         2 ran a 1
         3 claim b
         3 claim c
         4 declined c 1
         5 hopeless b 1",
        expect![[r#"
            a queued #0, b blocked #0, c blocked #0, d blocked #0 [offer a] []
            1 claim a -> a leased #1, b blocked #0, c blocked #0, d blocked #0 [start a #1] [task/a 11]
            2 ran a 1 -> a ran #1, b queued #0, c queued #0, d blocked #0 [accept a #1, offer b, offer c] []
            3 claim b -> a ran #1, b leased #1, c queued #0, d blocked #0 [start b #1] [task/b 13]
            3 claim c -> a ran #1, b leased #1, c leased #1, d blocked #0 [start c #1] [task/b 13, task/c 13]
            4 declined c 1 -> a ran #1, b leased #1, c declined #1, d skipped #0 [] [task/b 13]
            5 hopeless b 1 -> a ran #1, b failed #1, c declined #1, d skipped #0 [end Failed] []
        "#]],
    );
}

/// What a node does with an attempt: its messages may come late, twice or never.
fn random_event(dice: &mut Dice, state: &State) -> Event {
    let names: Vec<TaskName> = state.tasks.keys().cloned().collect();
    let task = dice.of(&names).clone();
    let last = state.tasks[&task].fence.0;
    let fence = Fence(last.saturating_sub(dice.below(3)));
    let result = match dice.below(6) {
        0 | 1 => ran(),
        2 => AttemptResult::Declined { clauses: Vec::new() },
        3 => failed(Remedy::GiveUp),
        _ => failed(Remedy::Retry),
    };
    match dice.below(12) {
        0 => Event::Lost { task, fence },
        1 if dice.below(8) == 0 => Event::Cancel { by: "anna".into() },
        1..=3 => Event::Heartbeat { task, fence, lease: LEASE },
        4..=6 => Event::Finished { task, fence, result },
        7..=9 => Event::Claimed { task, node: "node-a".parse().unwrap(), lease: LEASE },
        _ => Event::Due,
    }
}

/// Watches a run from outside.
#[derive(Default)]
struct Witness {
    accepted: BTreeMap<TaskName, Fence>,
    started: BTreeSet<AttemptKey>,
    ends: u32,
}

impl Witness {
    fn saw(&mut self, before: &State, event: &Event, step: &Step<State, Effect>) {
        for effect in &step.effects {
            match effect {
                Effect::Start(key) => {
                    assert!(self.started.last().is_none_or(|_| !self.started.contains(key)), "fence reused");
                    let older = self.started.iter().filter(|old| old.task == key.task);
                    assert!(older.into_iter().all(|old| old.fence < key.fence), "fences ascend");
                    self.started.insert(key.clone());
                }
                Effect::Accept { attempt, .. } => {
                    let newest =
                        self.started.iter().filter(|old| old.task == attempt.task).map(|old| old.fence);
                    assert_eq!(newest.max(), Some(attempt.fence), "RN2: a stale attempt was accepted");
                    let before = self.accepted.insert(attempt.task.clone(), attempt.fence);
                    assert_eq!(before, None, "RN2: two results were accepted");
                }
                Effect::End { .. } => self.ends += 1,
                Effect::Offer { .. } | Effect::Stop(_) => {}
            }
        }
        assert!(self.ends <= 1, "a run ends once");
        assert_eq!(self.ends == 1, step.state.outcome().is_some());
        for (name, task) in &step.state.tasks {
            let was = &before.tasks[name];
            assert!(!was.stage.is_final() || was == task, "what has ended stays: {event:?}");
            if task.stage == Stage::Blocked {
                continue;
            }
            let has_timer = step.timers.iter().any(|timer| timer.key.0 == format!("task/{name}"));
            let wants_timer = matches!(task.stage, Stage::Leased { .. } | Stage::Backoff { .. });
            assert_eq!(has_timer, wants_timer, "RN1: a wait that nobody ends");
        }
    }
}

fn diamond() -> Plan {
    Plan::new(vec![task("a", &[]), task("b", &["a"]), task("c", &["a"]), task("d", &["b", "c"])]).unwrap()
}

proptest! {
    /// RN1 and RN2: kills, lost leases, late and repeated messages; when they stop, the run ends by its timers and by
    /// nodes that take what is queued.
    #[test]
    fn rn1_every_run_ends_whatever_is_killed(seed: u64, faults in 0..80_u32) {
        let plan = diamond();
        let mut dice = Dice(seed);
        let mut witness = Witness::default();
        let mut step_now = begun(&plan);
        let mut now = at(0);
        for _ in 0..faults {
            now = now.after(Duration::from_secs(dice.below(15)));
            let state = step_now.state.clone();
            let event = random_event(&mut dice, &state);
            step_now = step(&plan, &state, event.clone(), now);
            witness.saw(&state, &event, &step_now);
        }
        // The faults are over: nodes claim and answer; attempts under way are dead and only timers end them.
        let mut turns = 0;
        while step_now.state.outcome().is_none() {
            turns += 1;
            prop_assert!(turns < 100, "does not end: {:?}", step_now.state);
            let state = step_now.state.clone();
            let queued = state.tasks.iter().find(|(_, task)| matches!(task.stage, Stage::Queued { .. }));
            let events = match (queued, step_now.timers.iter().min()) {
                (Some((task, was)), _) => {
                    let fence = was.fence.next();
                    vec![claimed(task.as_str()), Event::Finished { task: task.clone(), fence, result: ran() }]
                }
                (None, Some(timer)) => {
                    now = now.max(timer.at);
                    vec![Event::Due]
                }
                (None, None) => panic!("RN1: nobody would come back to {state:?}"),
            };
            for event in events {
                let before = step_now.state.clone();
                step_now = step(&plan, &before, event.clone(), now);
                witness.saw(&before, &event, &step_now);
            }
        }
        prop_assert_eq!(witness.ends, 1);
        if step_now.state.outcome() == Some(Outcome::Ran) {
            prop_assert_eq!(witness.accepted.len(), 4);
        }
    }
}

const STAGES: &[&str] =
    &["blocked", "queued", "leased", "back-off", "ran", "declined", "failed", "cancelled", "skipped"];
const EVENTS: &[&str] = &["claimed", "heartbeat", "finished", "lost", "due", "cancel", "again"];

fn walked() -> Coverage {
    let plan = diamond();
    let mut coverage = Coverage::new(STAGES, EVENTS);
    let mut dice = Dice(1);
    for _ in 0..3000 {
        let mut state = begun(&plan).state;
        let mut now = at(0);
        for _ in 0..60 {
            now = now.after(Duration::from_secs(dice.below(8)));
            let is_again = dice.below(15) == 0;
            let event =
                if is_again { Event::Again { by: "anna".into() } } else { random_event(&mut dice, &state) };
            let (word, concerned) = match &event {
                Event::Claimed { task, .. } => ("claimed", Some(task.clone())),
                Event::Heartbeat { task, .. } => ("heartbeat", Some(task.clone())),
                Event::Finished { task, .. } => ("finished", Some(task.clone())),
                Event::Lost { task, .. } => ("lost", Some(task.clone())),
                Event::Due => ("due", None),
                Event::Cancel { .. } => ("cancel", None),
                Event::Again { .. } => ("again", None),
            };
            let step = step(&plan, &state, event, now);
            for (name, task) in &state.tasks {
                if concerned.as_ref().is_none_or(|concerned| concerned == name) {
                    coverage.took(stage_name(&task.stage), word, stage_name(&step.state.tasks[name].stage));
                }
            }
            state = step.state;
        }
    }
    coverage
}

#[test]
fn every_transition_of_a_task_is_taken() {
    let table = walked().judge("run", &[]);
    expect![[r#"
        back-off, again: back-off
        back-off, cancel: cancelled
        back-off, claimed: back-off
        back-off, due: back-off, queued
        back-off, finished: back-off
        back-off, heartbeat: back-off
        back-off, lost: back-off
        blocked, again: blocked
        blocked, cancel: cancelled
        blocked, claimed: blocked
        blocked, due: blocked
        blocked, finished: blocked
        blocked, heartbeat: blocked
        blocked, lost: blocked
        cancelled, again: cancelled
        cancelled, cancel: cancelled
        cancelled, claimed: cancelled
        cancelled, due: cancelled
        cancelled, finished: cancelled
        cancelled, heartbeat: cancelled
        cancelled, lost: cancelled
        declined, again: declined
        declined, cancel: declined
        declined, claimed: declined
        declined, due: declined
        declined, finished: declined
        declined, heartbeat: declined
        declined, lost: declined
        failed, again: queued
        failed, cancel: failed
        failed, claimed: failed
        failed, due: failed
        failed, finished: failed
        failed, heartbeat: failed
        failed, lost: failed
        leased, again: leased
        leased, cancel: cancelled
        leased, claimed: leased
        leased, due: back-off, leased, queued
        leased, finished: back-off, declined, failed, leased, ran
        leased, heartbeat: leased
        leased, lost: leased, queued
        queued, again: queued
        queued, cancel: cancelled
        queued, claimed: leased
        queued, due: queued
        queued, finished: queued
        queued, heartbeat: queued
        queued, lost: queued
        ran, again: ran
        ran, cancel: ran
        ran, claimed: ran
        ran, due: ran
        ran, finished: ran
        ran, heartbeat: ran
        ran, lost: ran
        skipped, again: blocked, skipped
        skipped, cancel: skipped
        skipped, claimed: skipped
        skipped, due: skipped
        skipped, finished: skipped
        skipped, heartbeat: skipped
        skipped, lost: skipped
    "#]]
    .assert_eq(&table);
}
