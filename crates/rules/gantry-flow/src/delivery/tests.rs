//! Laws of deliveries: an object arrives or a person hears of it; what is not known to have arrived is sent again.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use expect_test::{Expect, expect};
use gantry_types::uid::SopInstanceUid;
use proptest::prelude::*;

use super::*;
use crate::walk::{Coverage, Dice};

const SECOND: i64 = 1_000_000;
const LEASE: Duration = Duration::from_secs(10);
const JITTER: Jitter = Jitter(0);

fn at(seconds: i64) -> Instant {
    Instant(seconds * SECOND)
}

fn begun() -> Step<State, Effect> {
    let sop_instance = SopInstanceUid::parse("2.25.1").unwrap();
    begin(DeliveryKey { sop_instance, destination: "pacs".parse().unwrap() }, Lane::Routine, at(0))
}

fn confirming() -> Rules {
    let wait = Duration::from_secs(5);
    Rules {
        confirm: Confirm::ByQuery { wait, queries: 2, timeout: Duration::from_secs(30) },
        ..Rules::default()
    }
}

fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::Sending { .. } => "sending",
        Stage::Retrying { .. } => "retrying",
        Stage::Sent { .. } => "sent",
        Stage::Confirming { .. } => "confirming",
        Stage::Confirmed { .. } => "confirmed",
        Stage::Quarantined { .. } => "quarantined",
    }
}

fn show(step: &Step<State, Effect>) -> String {
    let why = match &step.state.stage {
        Stage::Retrying { why, .. } | Stage::Quarantined { why, .. } => format!(" ({why})"),
        Stage::Sent { confirmation, .. } => format!(" ({confirmation:?})"),
        Stage::Queued | Stage::Sending { .. } | Stage::Confirming { .. } | Stage::Confirmed { .. } => {
            String::new()
        }
    };
    let effects: Vec<String> = step
        .effects
        .iter()
        .map(|effect| match effect {
            Effect::Offer { .. } => "offer".to_string(),
            Effect::Send { fence, .. } => format!("send #{}", fence.0),
            Effect::Query { query, .. } => format!("query {query}"),
        })
        .collect();
    let timers: Vec<String> = step.timers.iter().map(|timer| format!("{}", timer.at.0 / SECOND)).collect();
    format!("{}{why} [{}] [{}]", stage_name(&step.state.stage), effects.join(", "), timers.join(", "))
}

fn withheld(why: Withheld, fence: u64) -> Event {
    Event::Withheld { fence: Fence(fence), why, jitter: JITTER }
}

/// Runs a script: `SECONDS VERB ...`, one line each; prints what follows.
#[track_caller]
fn check(rules: &Rules, script: &str, want: Expect) {
    let mut state = begun().state;
    let mut out = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        let answer =
            |answer| Event::Queried { query: u32::try_from(number(2)).unwrap(), answer, jitter: JITTER };
        let event = match words[1] {
            "claim" => Event::Claimed { node: "node-a".parse().unwrap(), lease: LEASE },
            "beat" => Event::Heartbeat { fence: Fence(number(2)), lease: LEASE },
            "answer" => Event::Answered {
                fence: Fence(number(2)),
                status: u16::from_str_radix(words[3], 16).unwrap(),
                jitter: JITTER,
            },
            "abort" => Event::Broken { fence: Fence(number(2)), how: Broken::Aborted, jitter: JITTER },
            "context" => {
                let how = Broken::NoContext("Segmentation Storage".to_string());
                Event::Broken { fence: Fence(number(2)), how, jitter: JITTER }
            }
            "damaged" => withheld(Withheld::Damaged("rotten".to_string()), number(2)),
            "laxer" => withheld(Withheld::Laxer("it takes no tests".to_string()), number(2)),
            "unread" => withheld(Withheld::Unreadable("busy".to_string()), number(2)),
            "due" => Event::Due { jitter: JITTER },
            "found" => answer(Answer::Found),
            "missing" => answer(Answer::NotFound),
            "silent" => answer(Answer::NotAnswered),
            "send" => Event::Send { by: "anna".into() },
            other => panic!("{other}"),
        };
        let step = step(rules, &state, event, at(words[0].parse().unwrap()));
        out += &format!("{line} -> {}\n", show(&step));
        state = step.state;
    }
    want.assert_eq(&out);
}

#[test]
fn a_destination_that_cannot_now_is_tried_for_days_with_growing_patience() {
    check(
        &Rules::default(),
        "1 claim
         2 answer 1 A700
         31 due
         32 due
         33 claim
         34 abort 2
         34 answer 2 0000
         94 due
         95 claim
         105 due
         106 answer 3 0000
         225 due
         226 claim
         227 answer 4 0111",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 answer 1 A700 -> retrying (the destination answered with status A700) [] [32]
            31 due -> retrying (the destination answered with status A700) [] [32]
            32 due -> queued [offer] []
            33 claim -> sending [send #2] [43]
            34 abort 2 -> retrying (the association was aborted) [] [94]
            34 answer 2 0000 -> retrying (the association was aborted) [] [94]
            94 due -> queued [offer] []
            95 claim -> sending [send #3] [105]
            105 due -> retrying (the sender was lost with its node) [] [225]
            106 answer 3 0000 -> retrying (the sender was lost with its node) [] [225]
            225 due -> queued [offer] []
            226 claim -> sending [send #4] [236]
            227 answer 4 0111 -> sent (NotAsked) [] []
        "#]],
    );
    check(
        &Rules::default(),
        "600000 claim
         604799 abort 1
         604830 due
         604831 claim
         604832 abort 2",
        expect![[r#"
            600000 claim -> sending [send #1] [600010]
            604799 abort 1 -> retrying (the association was aborted) [] [604829]
            604830 due -> queued [offer] []
            604831 claim -> sending [send #2] [604841]
            604832 abort 2 -> quarantined (given up after trying for too long; at last: the association was aborted) [] []
        "#]],
    );
}

#[test]
fn a_refused_object_is_tried_three_times_and_then_a_person_hears_of_it() {
    check(
        &Rules::default(),
        "1 claim
         2 answer 1 A900
         32 due
         33 claim
         34 answer 2 0122
         94 due
         95 claim
         96 answer 3 C000
         97 due
         98 claim
         99 send
         100 claim
         101 answer 4 B007",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 answer 1 A900 -> retrying (the destination answered with status A900) [] [32]
            32 due -> queued [offer] []
            33 claim -> sending [send #2] [43]
            34 answer 2 0122 -> retrying (the destination answered with status 0122) [] [94]
            94 due -> queued [offer] []
            95 claim -> sending [send #3] [105]
            96 answer 3 C000 -> quarantined (the destination answered with status C000) [] []
            97 due -> quarantined (the destination answered with status C000) [] []
            98 claim -> quarantined (the destination answered with status C000) [] []
            99 send -> queued [offer] []
            100 claim -> sending [send #4] [110]
            101 answer 4 B007 -> sent (NotAsked) [] []
        "#]],
    );
}

/// Three in all, whichever way it refuses.
#[test]
fn a_class_that_is_not_accepted_is_a_refused_object() {
    check(
        &Rules::default(),
        "1 claim
         2 context 1
         32 due
         33 claim
         34 answer 2 0122
         94 due
         95 claim
         96 context 3
         97 send
         98 claim
         99 context 4",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 context 1 -> retrying (the destination accepted no presentation context for Segmentation Storage) [] [32]
            32 due -> queued [offer] []
            33 claim -> sending [send #2] [43]
            34 answer 2 0122 -> retrying (the destination answered with status 0122) [] [94]
            94 due -> queued [offer] []
            95 claim -> sending [send #3] [105]
            96 context 3 -> quarantined (the destination accepted no presentation context for Segmentation Storage) [] []
            97 send -> queued [offer] []
            98 claim -> sending [send #4] [108]
            99 context 4 -> retrying (the destination accepted no presentation context for Segmentation Storage) [] [129]
        "#]],
    );
}

#[test]
fn dl1_damaged_bytes_are_tried_no_more_and_unreadable_ones_are() {
    check(
        &Rules::default(),
        "1 claim
         2 unread 1
         2 damaged 1
         32 due
         33 claim
         34 damaged 1
         34 damaged 2
         35 send
         36 claim
         37 answer 3 0000",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 unread 1 -> retrying (what is kept of the object cannot be read: busy) [] [32]
            2 damaged 1 -> retrying (what is kept of the object cannot be read: busy) [] [32]
            32 due -> queued [offer] []
            33 claim -> sending [send #2] [43]
            34 damaged 1 -> sending [] [43]
            34 damaged 2 -> quarantined (what is kept of the object is damaged: rotten) [] []
            35 send -> queued [offer] []
            36 claim -> sending [send #3] [46]
            37 answer 3 0000 -> sent (NotAsked) [] []
        "#]],
    );
}

#[test]
fn dl2_what_a_destination_must_not_have_waits_for_a_person_at_once() {
    check(
        &Rules::default(),
        "1 claim
         2 laxer 1
         700000 due
         700001 send
         700002 claim
         700003 answer 2 0000",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 laxer 1 -> quarantined (it takes no tests) [] []
            700000 due -> quarantined (it takes no tests) [] []
            700001 send -> queued [offer] []
            700002 claim -> sending [send #2] [700012]
            700003 answer 2 0000 -> sent (NotAsked) [] []
        "#]],
    );
}

#[test]
fn arrival_is_confirmed_by_asking_and_what_is_not_found_is_sent_again() {
    check(
        &confirming(),
        "1 claim
         2 answer 1 0000
         7 due
         8 missing 1
         9 found 1
         18 due
         19 found 2
         20 send",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 answer 1 0000 -> confirming [] [7]
            7 due -> confirming [query 1] [37]
            8 missing 1 -> confirming [] [18]
            9 found 1 -> confirming [] [18]
            18 due -> confirming [query 2] [48]
            19 found 2 -> confirmed [] []
            20 send -> queued [offer] []
        "#]],
    );
    check(
        &confirming(),
        "1 claim
         2 answer 1 0000
         7 due
         8 missing 1
         18 due
         19 missing 2
         49 due
         50 claim
         51 answer 2 0111",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 answer 1 0000 -> confirming [] [7]
            7 due -> confirming [query 1] [37]
            8 missing 1 -> confirming [] [18]
            18 due -> confirming [query 2] [48]
            19 missing 2 -> retrying (the destination took it, but does not find it when asked) [] [49]
            49 due -> queued [offer] []
            50 claim -> sending [send #2] [60]
            51 answer 2 0111 -> confirming [] [56]
        "#]],
    );
    check(
        &confirming(),
        "1 claim
         2 answer 1 0000
         7 due
         37 due
         47 due
         48 silent 2",
        expect![[r#"
            1 claim -> sending [send #1] [11]
            2 answer 1 0000 -> confirming [] [7]
            7 due -> confirming [query 1] [37]
            37 due -> confirming [] [47]
            47 due -> confirming [query 2] [77]
            48 silent 2 -> sent (NotAnswered) [] []
        "#]],
    );
}

#[test]
fn jitter_spreads_attempts_over_half_the_wait_again() {
    let rules = Rules::default();
    let claimed =
        step(&rules, &begun().state, Event::Claimed { node: "n".parse().unwrap(), lease: LEASE }, at(0));
    let next = |jitter| {
        let how = Broken::Unreachable("refused".to_string());
        step(&rules, &claimed.state, Event::Broken { fence: Fence(1), how, jitter }, at(0)).timers[0].at
    };
    assert_eq!(next(Jitter(0)), at(30));
    assert_eq!(next(Jitter(0x8000)), Instant(37_500_000));
    assert!(next(Jitter(u16::MAX)) < at(45));
}

fn random_event(dice: &mut Dice, state: &State) -> Event {
    let fence = Fence(state.fence.0.saturating_sub(dice.below(4) / 3));
    let jitter = Jitter(u16::try_from(dice.below(65536)).unwrap());
    let query = 1 + u32::try_from(dice.below(2)).unwrap();
    match dice.below(17) {
        0..=3 => Event::Claimed { node: "node-a".parse().unwrap(), lease: LEASE },
        4 => Event::Heartbeat { fence, lease: LEASE },
        5 | 6 => {
            let status = *dice.of(&[0x0000, 0xA700, 0xC000, 0x0111, 0x0122]);
            Event::Answered { fence, status, jitter }
        }
        7 => {
            let how = [Broken::Aborted, Broken::TimedOut, Broken::NoContext("SEG".to_string())];
            Event::Broken { fence, how: dice.of(&how).clone(), jitter }
        }
        8..=10 => {
            let answer = *dice.of(&[Answer::Found, Answer::NotFound, Answer::NotAnswered]);
            Event::Queried { query, answer, jitter }
        }
        11 if dice.below(4) == 0 => {
            let why = [
                Withheld::Damaged("rotten".to_string()),
                Withheld::Unreadable("busy".to_string()),
                Withheld::Laxer("it takes no tests".to_string()),
            ];
            Event::Withheld { fence, why: dice.of(&why).clone(), jitter }
        }
        12 if dice.below(3) == 0 => Event::Send { by: "anna".into() },
        _ => Event::Due { jitter },
    }
}

proptest! {
    /// Whatever happened: if senders claim and the destination takes it, it arrives; no fence is used twice.
    #[test]
    fn dl1_every_delivery_arrives_or_is_quarantined(seed: u64, faults in 0..120_u32) {
        let rules = confirming();
        let mut dice = Dice(seed);
        let mut now = at(0);
        let mut last = begun();
        let mut newest = Fence::NONE;
        for _ in 0..faults {
            now = now.after(Duration::from_secs(dice.below(4000)));
            last = step(&rules, &last.state, random_event(&mut dice, &last.state), now);
            for effect in &last.effects {
                if let Effect::Send { fence, .. } = effect {
                    prop_assert!(newest < *fence, "fence reused");
                    newest = *fence;
                }
            }
        }
        for _ in 0..20 {
            match last.state.stage {
                Stage::Confirmed { .. } | Stage::Quarantined { .. } | Stage::Sent { .. } => return Ok(()),
                Stage::Queued => {
                    last = step(&rules, &last.state, Event::Claimed { node: "n".parse().unwrap(), lease: LEASE }, now);
                    let fence = last.state.fence;
                    last = step(&rules, &last.state, Event::Answered { fence, status: 0, jitter: JITTER }, now);
                }
                Stage::Sending { .. } | Stage::Retrying { .. } | Stage::Confirming { .. } => {
                    now = now.max(last.timers.first().expect("a wait that nobody ends").at);
                    last = step(&rules, &last.state, Event::Due { jitter: JITTER }, now);
                }
            }
        }
        prop_assert!(false, "does not end: {:?}", last.state);
    }
}

const STAGES: &[&str] = &["queued", "sending", "retrying", "sent", "confirming", "confirmed", "quarantined"];
const EVENTS: &[&str] = &["claimed", "heartbeat", "answered", "broken", "withheld", "due", "queried", "send"];

fn walked() -> Coverage {
    let mut coverage = Coverage::new(STAGES, EVENTS);
    let mut dice = Dice(1);
    for turn in 0..6000 {
        let rules = if turn % 4 == 0 { Rules::default() } else { confirming() };
        let (mut state, mut now) = (begun().state, at(0));
        for _ in 0..40 {
            // Sometimes a long pause, so that giving up is seen too.
            let pause = if dice.below(20) == 0 { 300_000 } else { 50 };
            now = now.after(Duration::from_secs(dice.below(pause)));
            let event = random_event(&mut dice, &state);
            let word = match &event {
                Event::Claimed { .. } => "claimed",
                Event::Heartbeat { .. } => "heartbeat",
                Event::Answered { .. } => "answered",
                Event::Broken { .. } => "broken",
                Event::Withheld { .. } => "withheld",
                Event::Due { .. } => "due",
                Event::Queried { .. } => "queried",
                Event::Send { .. } => "send",
            };
            let step = step(&rules, &state, event, now);
            coverage.took(stage_name(&state.stage), word, stage_name(&step.state.stage));
            state = step.state;
        }
    }
    coverage
}

#[test]
fn every_transition_of_a_delivery_is_taken() {
    let table = walked().judge("delivery", &[]);
    expect![[r#"
        confirmed, answered: confirmed
        confirmed, broken: confirmed
        confirmed, claimed: confirmed
        confirmed, due: confirmed
        confirmed, heartbeat: confirmed
        confirmed, queried: confirmed
        confirmed, send: queued
        confirmed, withheld: confirmed
        confirming, answered: confirming
        confirming, broken: confirming
        confirming, claimed: confirming
        confirming, due: confirming, sent
        confirming, heartbeat: confirming
        confirming, queried: confirmed, confirming, quarantined, retrying, sent
        confirming, send: queued
        confirming, withheld: confirming
        quarantined, answered: quarantined
        quarantined, broken: quarantined
        quarantined, claimed: quarantined
        quarantined, due: quarantined
        quarantined, heartbeat: quarantined
        quarantined, queried: quarantined
        quarantined, send: queued
        quarantined, withheld: quarantined
        queued, answered: queued
        queued, broken: queued
        queued, claimed: sending
        queued, due: queued
        queued, heartbeat: queued
        queued, queried: queued
        queued, send: queued
        queued, withheld: queued
        retrying, answered: retrying
        retrying, broken: retrying
        retrying, claimed: retrying
        retrying, due: queued, retrying
        retrying, heartbeat: retrying
        retrying, queried: retrying
        retrying, send: queued
        retrying, withheld: retrying
        sending, answered: confirming, quarantined, retrying, sending, sent
        sending, broken: quarantined, retrying, sending
        sending, claimed: sending
        sending, due: quarantined, retrying, sending
        sending, heartbeat: sending
        sending, queried: sending
        sending, send: sending
        sending, withheld: quarantined, retrying, sending
        sent, answered: sent
        sent, broken: sent
        sent, claimed: sent
        sent, due: sent
        sent, heartbeat: sent
        sent, queried: sent
        sent, send: queued
        sent, withheld: sent
    "#]]
    .assert_eq(&table);
}
