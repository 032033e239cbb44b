//! Laws of cases: one payload however the objects came, none without them, none forgotten.

use alloc::{
    format,
    string::{String, ToString},
};

use expect_test::{Expect, expect};
use gantry_types::uid::StudyInstanceUid;
use proptest::prelude::*;

use super::*;
use crate::{
    names::{AssociationId, CaseKey},
    walk::{Coverage, Dice},
};

mod late;

const SECOND: i64 = 1_000_000;

fn at(seconds: i64) -> Instant {
    Instant(seconds * SECOND)
}

fn rules(inputs: &[&str], on_max_wait: OnMaxWait) -> Rules {
    Rules {
        inputs: inputs.iter().map(|input| input.parse().unwrap()).collect(),
        quiet: Duration::from_secs(20),
        association_end: Some(Duration::from_secs(3)),
        max_wait: Duration::from_secs(1800),
        on_max_wait,
        late: Late::Ignore,
    }
}

fn new() -> State {
    let case =
        CaseKey::Study { site: "site".parse().unwrap(), study: StudyInstanceUid::parse("1.2").unwrap() };
    State::new(Subject { case, workflow: "chest-ct".parse().unwrap() })
}

/// What the store knows: objects once each, when and how they came first.
#[derive(Default, Clone)]
struct Kept {
    objects: BTreeMap<(String, u32), (Instant, AssociationId)>,
    released: BTreeMap<AssociationId, Instant>,
    renewed: Option<Renewed>,
}

impl Kept {
    fn keep(&mut self, series: &str, number: u32, association: u64, now: Instant) {
        // A second reception of the same object changes nothing.
        self.objects.entry((series.to_string(), number)).or_insert((now, AssociationId(association)));
    }

    /// A workflow whose inputs `i` select series `1.i` of at least three objects.
    fn look(&self, rules: &Rules) -> Look {
        let mut selected = Selection::new();
        for (index, input) in rules.inputs.iter().enumerate() {
            for series in [format!("1.{index}.1"), format!("1.{index}.2")] {
                let mine: Vec<_> = self.objects.iter().filter(|((s, _), _)| *s == series).collect();
                if 3 <= mine.len() {
                    let tally = Tally {
                        objects: u32::try_from(mine.len()).unwrap(),
                        last: mine.iter().map(|(_, (kept, _))| *kept).max().unwrap(),
                        associations: mine.iter().map(|(_, (_, association))| *association).collect(),
                    };
                    selected
                        .entry(input.clone())
                        .or_default()
                        .insert(SeriesInstanceUid::parse(&series).unwrap(), tally);
                }
            }
        }
        let (released, renewed) = (self.released.clone(), self.renewed.unwrap_or(Renewed::Same));
        Look { matched: Match::Yes, selected, released, contradiction: None, renewed }
    }
}

fn show(step: &Step<State, Effect>) -> String {
    let stage = match &step.state.stage {
        Stage::NotMatched { clauses } => format!("not matched by {} clauses", clauses.len()),
        Stage::Waiting { selected, missing, .. } => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            format!("waiting with {}, missing [{}]", objects(selected), missing.join(" "))
        }
        Stage::Held { why, .. } => format!("held: {why:?}"),
        Stage::Frozen { signal, selected, late, amendment, .. } => {
            let what = match amendment {
                Amendment::None => String::new(),
                Amendment::At(_) => ", to be amended".to_string(),
                Amendment::Asked(at) => format!(", asked at {}", at.0 / SECOND),
                Amendment::Contested(at) => format!(", contested at {}", at.0 / SECOND),
            };
            format!("frozen by {signal:?} with {}, late {:?}{what}", objects(selected), late.values())
        }
        Stage::Expired { .. } => "expired".to_string(),
        Stage::Cancelled { by, .. } => format!("cancelled by {by}"),
    };
    let effects: Vec<String> = step
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Freeze { key, selected } => format!("freeze {} of {}", key.ordinal, objects(selected)),
            Effect::RecordLate { series, objects, .. } => format!("late {series} {objects}"),
        })
        .collect();
    let timers: Vec<String> =
        step.timers.iter().map(|timer| (timer.at.0 as f64 / SECOND as f64).to_string()).collect();
    format!("{stage} {effects:?} {timers:?}")
}

/// Runs a script: `SECONDS VERB ...`, one line each; prints what follows.
#[track_caller]
fn check(rules: &Rules, script: &str, want: Expect) {
    let mut kept = Kept::default();
    let mut state = new();
    let mut out = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let now = at(words[0].parse().unwrap());
        let by = Actor::from("anna");
        let event = match words[1] {
            "keep" => {
                let (series, count, association) = (words[2], words[3], words[4].parse().unwrap());
                let (from, to) = count.split_once('-').unwrap();
                for number in from.parse::<u32>().unwrap()..=to.parse().unwrap() {
                    kept.keep(series, number, association, now);
                }
                Event::Look(kept.look(rules))
            }
            "release" => {
                kept.released.insert(AssociationId(words[2].parse().unwrap()), now);
                Event::Look(kept.look(rules))
            }
            "other" | "same" | "smaller" | "revised" => {
                kept.renewed = Some(match words[1] {
                    "other" => Renewed::Other,
                    "same" => Renewed::Same,
                    "revised" => Renewed::Revised,
                    _ => Renewed::Smaller,
                });
                Event::Look(kept.look(rules))
            }
            "look" => Event::Look(kept.look(rules)),
            "unmatched" => {
                let matched = Match::No { clauses: Vec::new() };
                Event::Look(Look { matched, ..kept.look(rules) })
            }
            "contradict" => {
                let contradiction = Some(Contradiction::Patients("two patients".to_string()));
                Event::Look(Look { contradiction, ..kept.look(rules) })
            }
            "contest" => {
                let contradiction = Some(Contradiction::Revisions("two images".to_string()));
                Event::Look(Look { contradiction, ..kept.look(rules) })
            }
            "run" => Event::Run { by, look: kept.look(rules) },
            "again" => Event::Again { by, look: kept.look(rules) },
            "cancel" => Event::Cancel { by },
            other => panic!("{other}"),
        };
        let step = step(rules, &state, event, now);
        out += &format!("{line} -> {}\n", show(&step));
        state = step.state;
    }
    want.assert_eq(&out);
}

#[test]
fn the_first_signal_that_holds_decides() {
    let rules = rules(&["chest"], OnMaxWait::Run);
    check(
        &rules,
        "0 look
         1 keep 1.0.1 1-2 7
         2 keep 1.0.1 3-5 7
         4 release 7
         6 look
         7 look
         8 look
         9 run
         10 cancel",
        expect![[r#"
            0 look -> waiting with 0, missing [chest] [] []
            1 keep 1.0.1 1-2 7 -> waiting with 0, missing [chest] [] []
            2 keep 1.0.1 3-5 7 -> waiting with 5, missing [] [] ["22"]
            4 release 7 -> waiting with 5, missing [] [] ["7"]
            6 look -> waiting with 5, missing [] [] ["7"]
            7 look -> frozen by AssociationEnd with 5, late [] ["freeze 1 of 5"] []
            8 look -> frozen by AssociationEnd with 5, late [] [] []
            9 run -> frozen by AssociationEnd with 5, late [] [] []
            10 cancel -> frozen by AssociationEnd with 5, late [] [] []
        "#]],
    );
    check(
        &rules,
        "0 keep 1.0.1 1-3 7
         1 release 7
         2 keep 1.0.1 4-5 8
         3 release 8
         9 look
         22 look
         23 keep 1.0.1 1-6 9
         24 keep 1.0.2 1-3 9
         25 keep 2.1 1-9 9",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            1 release 7 -> waiting with 3, missing [] [] ["4"]
            2 keep 1.0.1 4-5 8 -> waiting with 5, missing [] [] ["22"]
            3 release 8 -> waiting with 5, missing [] [] ["22"]
            9 look -> waiting with 5, missing [] [] ["22"]
            22 look -> frozen by Quiet with 5, late [] ["freeze 1 of 5"] []
            23 keep 1.0.1 1-6 9 -> frozen by Quiet with 5, late [1] ["late 1.0.1 1"] []
            24 keep 1.0.2 1-3 9 -> frozen by Quiet with 5, late [1, 3] ["late 1.0.2 3"] []
            25 keep 2.1 1-9 9 -> frozen by Quiet with 5, late [1, 3] [] []
        "#]],
    );
}

#[test]
fn a_contradiction_holds_until_it_is_gone_and_changes_no_payload() {
    check(
        &rules(&["chest"], OnMaxWait::Run),
        "0 keep 1.0.1 1-3 7
         1 contradict
         30 contradict
         31 look
         40 contradict
         41 look
         70 contradict",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            1 contradict -> held: Contradiction(Patients("two patients")) [] []
            30 contradict -> held: Contradiction(Patients("two patients")) [] []
            31 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            40 contradict -> frozen by Quiet with 3, late [] [] []
            41 look -> frozen by Quiet with 3, late [] [] []
            70 contradict -> frozen by Quiet with 3, late [] [] []
        "#]],
    );
}

#[test]
fn a_look_that_comes_late_decides_as_one_in_time() {
    let hold = rules(&["chest"], OnMaxWait::Hold);
    check(
        &hold,
        "0 keep 1.0.1 1-3 7
         5000 look",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            5000 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
        "#]],
    );
    check(
        &hold,
        "0 keep 1.0.1 1-3 7
         1790 keep 1.0.1 4-4 7
         5000 look
         5001 look
         5002 run",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            1790 keep 1.0.1 4-4 7 -> waiting with 4, missing [] [] ["1800"]
            5000 look -> held: MaxWait [] []
            5001 look -> held: MaxWait [] []
            5002 run -> frozen by Person(Actor("anna")) with 4, late [] ["freeze 1 of 4"] []
        "#]],
    );
}

#[test]
fn an_input_without_series_is_never_frozen_and_goes_on_when_it_comes() {
    check(
        &rules(&["chest", "prior"], OnMaxWait::Run),
        "0 keep 1.0.1 1-3 7
         1 release 7
         60 run
         1800 look
         4000 keep 1.1.1 1-3 8
         4001 keep 1.1.1 4-4 8
         4021 look",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [prior] [] ["1800"]
            1 release 7 -> waiting with 3, missing [prior] [] ["1800"]
            60 run -> waiting with 3, missing [prior] [] ["1800"]
            1800 look -> held: Missing([InputName("prior")]) [] []
            4000 keep 1.1.1 1-3 8 -> waiting with 6, missing [] [] ["4020"]
            4001 keep 1.1.1 4-4 8 -> waiting with 7, missing [] [] ["4021"]
            4021 look -> frozen by Quiet with 7, late [] ["freeze 1 of 7"] []
        "#]],
    );
    check(
        &rules(&["chest", "prior"], OnMaxWait::Expire),
        "0 keep 1.0.1 1-3 7
         1 unmatched
         2 look
         1802 look
         1803 keep 1.1.1 1-3 8
         1804 cancel
         1805 run",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [prior] [] ["1800"]
            1 unmatched -> not matched by 0 clauses [] []
            2 look -> waiting with 3, missing [prior] [] ["1802"]
            1802 look -> expired [] []
            1803 keep 1.1.1 1-3 8 -> expired [] []
            1804 cancel -> cancelled by anna [] []
            1805 run -> frozen by Person(Actor("anna")) with 6, late [] ["freeze 1 of 6"] []
        "#]],
    );
}

/// Something that happens at a door: a reception, and whether it is the association's last.
#[derive(Debug, Clone)]
struct Reception {
    after_ms: i64,
    series: String,
    number: u32,
    association: u64,
}

/// Drives a case as a conductor does: it looks at every change and whenever a timer is due, a little late.
fn drive(rules: &Rules, receptions: &[Reception], lateness_ms: i64) -> (State, Vec<Effect>) {
    let mut kept = Kept::default();
    let mut state = new();
    let mut effects = Vec::new();
    let mut timers: Vec<Timer> = Vec::new();
    let mut now = at(0);
    let mut look = |kept: &Kept, now: Instant, timers: &mut Vec<Timer>| {
        let step = step(rules, &state, Event::Look(kept.look(rules)), now);
        effects.extend(step.effects);
        *timers = step.timers;
        state = step.state;
    };
    for (index, reception) in receptions.iter().enumerate() {
        let next = Instant(now.0 + reception.after_ms * 1000);
        while let Some(timer) = timers.first().filter(|timer| timer.at.0 + lateness_ms * 1000 < next.0) {
            let due = Instant(timer.at.0 + lateness_ms * 1000);
            look(&kept, due, &mut timers);
        }
        now = next;
        kept.keep(&reception.series, reception.number, reception.association, now);
        look(&kept, now, &mut timers);
        let comes_again =
            receptions.iter().skip(index + 1).any(|later| later.association == reception.association);
        if !comes_again {
            kept.released.insert(AssociationId(reception.association), now);
            look(&kept, now, &mut timers);
        }
    }
    while let Some(timer) = timers.first().cloned() {
        look(&kept, Instant(timer.at.0 + lateness_ms * 1000), &mut timers);
    }
    (state, effects)
}

/// Two series of an input, something that nobody selects, in any order, over any associations, some twice.
fn receptions(gap_ms: i64) -> impl Strategy<Value = Vec<Reception>> {
    let mut all: Vec<(String, u32)> = (1..=6).map(|number| ("1.0.1".to_string(), number)).collect();
    all.extend((1..=4).map(|number| ("1.0.2".to_string(), number)));
    all.extend((1..=3).map(|number| ("9.9".to_string(), number)));
    let twice = proptest::sample::subsequence(all.clone(), 0..all.len());
    twice
        .prop_flat_map(move |twice| {
            let mut objects = all.clone();
            objects.extend(twice);
            Just(objects).prop_shuffle()
        })
        .prop_flat_map(move |objects| {
            let count = objects.len();
            let how = proptest::collection::vec((0..gap_ms, 1..5_u64), count);
            (Just(objects), how)
        })
        .prop_map(|(objects, how)| {
            let reception = |((series, number), (after_ms, association))| Reception {
                after_ms,
                series,
                number,
                association,
            };
            objects.into_iter().zip(how).map(reception).collect()
        })
}

fn frozen(effects: &[Effect]) -> Vec<u64> {
    let count = |effect: &Effect| match effect {
        Effect::Freeze { selected, .. } => Some(objects(selected)),
        Effect::RecordLate { .. } => None,
    };
    effects.iter().filter_map(count).collect()
}

proptest! {
    /// AS2: whatever the order, the split and the repetitions, all objects are in the one payload. All of them come within
    /// the shortest wait: what is not selected yet, or comes again, does not lengthen it.
    #[test]
    fn as2_without_a_pause_everything_is_in_one_payload(
        receptions in receptions(110),
        lateness_ms in 0..4_000_i64,
    ) {
        let (_, effects) = drive(&rules(&["chest"], OnMaxWait::Hold), &receptions, lateness_ms);
        prop_assert_eq!(frozen(&effects), [10]);
        prop_assert_eq!(effects.len(), 1, "nothing is late: {:?}", effects);
    }

    /// The same by quiet alone.
    #[test]
    fn as2_by_quiet_everything_is_in_one_payload(
        receptions in receptions(750),
        lateness_ms in 0..30_000_i64,
    ) {
        let rules = Rules { association_end: None, ..rules(&["chest"], OnMaxWait::Hold) };
        let (_, effects) = drive(&rules, &receptions, lateness_ms);
        prop_assert_eq!(frozen(&effects), [10]);
        prop_assert_eq!(effects.len(), 1, "nothing is late: {:?}", effects);
    }

    /// AS2 with pauses of any length: one payload, and what is not in it is late.
    #[test]
    fn as2_with_pauses_there_is_one_payload_and_the_rest_is_late(
        receptions in receptions(40_000),
        lateness_ms in 0..60_000_i64,
    ) {
        let (state, effects) = drive(&rules(&["chest"], OnMaxWait::Hold), &receptions, lateness_ms);
        let counts = frozen(&effects);
        prop_assert_eq!(counts.len(), 1);
        let Stage::Frozen { late, selected, .. } = &state.stage else { panic!("{state:?}") };
        prop_assert_eq!(objects(selected), counts[0]);
        let late: u32 = late.values().sum();
        prop_assert_eq!(counts[0] + u64::from(late), 10);
    }
}

#[test]
fn nobody_selected_nothing_ready() {
    let mut kept = Kept::default();
    (1..100).for_each(|number| kept.keep("9.9", number, 1, at(1)));
    let step = step(
        &rules(&["chest"], OnMaxWait::Run),
        &new(),
        Event::Look(kept.look(&rules(&["chest"], OnMaxWait::Run))),
        at(9000),
    );
    assert!(step.effects.is_empty() && step.timers.is_empty(), "AS1");
    assert!(matches!(step.state.stage, Stage::Waiting { since: None, .. }));
}

const STAGES: &[&str] = &["not matched", "waiting", "held", "frozen", "expired", "cancelled"];
const EVENTS: &[&str] = &["unmatched", "incomplete", "waiting", "ready", "overdue", "run", "cancel"];

fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::NotMatched { .. } => "not matched",
        Stage::Waiting { .. } => "waiting",
        Stage::Held { .. } => "held",
        Stage::Frozen { .. } => "frozen",
        Stage::Expired { .. } => "expired",
        Stage::Cancelled { .. } => "cancelled",
    }
}

fn event_name(rules: &Rules, state: &State, event: &Event, now: Instant) -> &'static str {
    let look = match event {
        Event::Look(look) => look,
        Event::Run { .. } => return "run",
        Event::Again { .. } => return "again",
        Event::Cancel { .. } => return "cancel",
    };
    let since = match &state.stage {
        Stage::Waiting { since, .. } => since.unwrap_or(now),
        Stage::NotMatched { .. }
        | Stage::Held { .. }
        | Stage::Frozen { .. }
        | Stage::Expired { .. }
        | Stage::Cancelled { .. } => now,
    };
    let since = (objects(&look.selected) != 0).then_some(since);
    match see(rules, look, since, now) {
        Sight::Unmatched(_) => "unmatched",
        Sight::Waiting { missing, .. } if !missing.is_empty() => "incomplete",
        Sight::Waiting { .. } => "waiting",
        Sight::Ready(_) => "ready",
        Sight::Overdue { .. } => "overdue",
    }
}

fn random_look(dice: &mut Dice, rules: &Rules, now: Instant) -> Look {
    let mut kept = Kept::default();
    for series in ["1.0.1", "1.0.2", "1.1.1"] {
        let last = Instant(now.0 - i64::try_from(dice.below(40)).unwrap() * SECOND);
        for number in 0..u32::try_from(dice.below(6)).unwrap() {
            kept.keep(series, number, 1 + dice.below(2), last);
        }
    }
    if dice.below(2) == 0 {
        kept.released.insert(AssociationId(1), now);
    }
    let look = kept.look(rules);
    if dice.below(8) == 0 { Look { matched: Match::No { clauses: Vec::new() }, ..look } } else { look }
}

fn walked() -> Coverage {
    let mut coverage = Coverage::new(STAGES, EVENTS);
    let mut dice = Dice(1);
    for _ in 0..4000 {
        let policy = *dice.of(&[OnMaxWait::Run, OnMaxWait::Hold, OnMaxWait::Expire]);
        let rules = Rules { max_wait: Duration::from_secs(30), ..rules(&["chest", "prior"], policy) };
        let (mut state, mut now, mut freezes) = (new(), at(1000), 0);
        for _ in 0..30 {
            now = now.after(Duration::from_secs(dice.below(20)));
            let by = Actor::from("anna");
            let event = match dice.below(20) {
                0 => Event::Cancel { by },
                1 => Event::Run { by, look: random_look(&mut dice, &rules, now) },
                _ => Event::Look(random_look(&mut dice, &rules, now)),
            };
            let name = event_name(&rules, &state, &event, now);
            let step = step(&rules, &state, event, now);
            coverage.took(stage_name(&state.stage), name, stage_name(&step.state.stage));
            freezes += frozen(&step.effects).len();
            assert!(freezes <= 1, "AS2");
            for effect in &step.effects {
                if let Effect::Freeze { selected, .. } = effect {
                    assert_eq!(selected.len(), 2, "every input has something");
                }
            }
            if let Stage::Waiting { since: Some(_), .. } = step.state.stage {
                assert_eq!(step.timers.len(), 1, "a wait that nobody ends: {step:?}");
            }
            state = step.state;
        }
    }
    coverage
}

#[test]
fn every_transition_of_a_case_is_taken() {
    const BEGINS: &str = "the wait is counted from this look on";
    const OVER: &str = "nothing is waited for";
    let table = walked().judge(
        "case",
        &[
            ("not matched", "overdue", BEGINS),
            ("held", "overdue", BEGINS),
            ("frozen", "overdue", OVER),
            ("expired", "overdue", OVER),
            ("cancelled", "overdue", OVER),
        ],
    );
    expect![[r#"
        cancelled, cancel: cancelled
        cancelled, incomplete: cancelled
        cancelled, ready: cancelled
        cancelled, run: cancelled, frozen
        cancelled, unmatched: cancelled
        cancelled, waiting: cancelled
        expired, cancel: cancelled
        expired, incomplete: expired
        expired, ready: expired
        expired, run: expired, frozen
        expired, unmatched: expired
        expired, waiting: expired
        frozen, cancel: frozen
        frozen, incomplete: frozen
        frozen, ready: frozen
        frozen, run: frozen
        frozen, unmatched: frozen
        frozen, waiting: frozen
        held, cancel: cancelled
        held, incomplete: held
        held, ready: frozen, held
        held, run: frozen, held
        held, unmatched: not matched
        held, waiting: held, waiting
        not matched, cancel: cancelled
        not matched, incomplete: waiting
        not matched, ready: frozen
        not matched, run: frozen, not matched
        not matched, unmatched: not matched
        not matched, waiting: waiting
        waiting, cancel: cancelled
        waiting, incomplete: waiting
        waiting, overdue: expired, frozen, held
        waiting, ready: frozen
        waiting, run: frozen, waiting
        waiting, unmatched: not matched
        waiting, waiting: waiting
    "#]]
    .assert_eq(&table);
}
