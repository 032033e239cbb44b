//! What becomes of objects that come after the payload was frozen.

use super::*;

fn with(late: Late) -> Rules {
    Rules { late, ..rules(&["chest"], OnMaxWait::Run) }
}

#[test]
fn late_objects_are_frozen_anew_once_nothing_more_comes() {
    check(
        &with(Late::Amend { settle: Duration::from_secs(60), max: 2 }),
        "0 keep 1.0.1 1-3 7
         20 look
         30 other
         30 keep 1.0.1 4-4 8
         50 keep 1.0.1 5-5 8
         109 look
         110 look
         111 same
         200 other
         200 keep 1.0.1 6-6 9
         260 look
         300 keep 1.0.1 7-7 9
         400 look",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            20 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            30 other -> frozen by Quiet with 3, late [] [] []
            30 keep 1.0.1 4-4 8 -> frozen by Quiet with 3, late [1], to be amended ["late 1.0.1 1"] ["90"]
            50 keep 1.0.1 5-5 8 -> frozen by Quiet with 3, late [2], to be amended ["late 1.0.1 2"] ["110"]
            109 look -> frozen by Quiet with 3, late [2], to be amended [] ["110"]
            110 look -> frozen by Late with 5, late [] ["freeze 2 of 5"] []
            111 same -> frozen by Late with 5, late [] [] []
            200 other -> frozen by Late with 5, late [] [] []
            200 keep 1.0.1 6-6 9 -> frozen by Late with 5, late [1], to be amended ["late 1.0.1 1"] ["260"]
            260 look -> frozen by Late with 6, late [] ["freeze 3 of 6"] []
            300 keep 1.0.1 7-7 9 -> frozen by Late with 6, late [1] ["late 1.0.1 1"] []
            400 look -> frozen by Late with 6, late [1] [] []
        "#]],
    );
}

/// What a person has made anew does not use up what the workflow does by itself.
#[test]
fn runs_anew_count_for_no_amendment() {
    check(
        &with(Late::Amend { settle: Duration::from_secs(60), max: 1 }),
        "0 keep 1.0.1 1-3 7
         20 look
         21 again
         22 again
         30 other
         30 keep 1.0.1 4-4 8
         90 look
         100 keep 1.0.1 5-5 8
         200 look",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            20 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            21 again -> frozen by Person(Actor("anna")) with 3, late [] ["freeze 2 of 3"] []
            22 again -> frozen by Person(Actor("anna")) with 3, late [] ["freeze 3 of 3"] []
            30 other -> frozen by Person(Actor("anna")) with 3, late [] [] []
            30 keep 1.0.1 4-4 8 -> frozen by Person(Actor("anna")) with 3, late [1], to be amended ["late 1.0.1 1"] ["90"]
            90 look -> frozen by Late with 4, late [] ["freeze 4 of 4"] []
            100 keep 1.0.1 5-5 8 -> frozen by Late with 4, late [1] ["late 1.0.1 1"] []
            200 look -> frozen by Late with 4, late [1] [] []
        "#]],
    );
}

#[test]
fn a_smaller_payload_or_one_of_a_study_that_does_not_match_is_never_frozen() {
    let rules = with(Late::Amend { settle: Duration::from_secs(60), max: 2 });
    check(
        &rules,
        "0 keep 1.0.1 1-3 7
         20 look
         30 smaller
         31 keep 1.0.2 1-3 8
         100 look",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            20 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            30 smaller -> frozen by Quiet with 3, late [] [] []
            31 keep 1.0.2 1-3 8 -> frozen by Quiet with 3, late [3] ["late 1.0.2 3"] []
            100 look -> frozen by Quiet with 3, late [3] [] []
        "#]],
    );
    check(
        &rules,
        "0 keep 1.0.1 1-3 7
         20 look
         30 other
         31 keep 1.0.1 4-4 8
         95 unmatched
         96 contradict
         97 look",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            20 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            30 other -> frozen by Quiet with 3, late [] [] []
            31 keep 1.0.1 4-4 8 -> frozen by Quiet with 3, late [1], to be amended ["late 1.0.1 1"] ["91"]
            95 unmatched -> frozen by Quiet with 3, late [1] [] []
            96 contradict -> frozen by Quiet with 3, late [1] [] []
            97 look -> frozen by Late with 4, late [] ["freeze 2 of 4"] []
        "#]],
    );
}

#[test]
fn a_person_is_asked_and_asked_again_only_for_what_is_new() {
    check(
        &with(Late::Hold),
        "0 keep 1.0.1 1-3 7
         20 look
         30 other
         30 keep 1.0.1 4-4 8
         40 look
         50 cancel
         60 look
         70 keep 1.0.1 5-5 8
         80 run
         90 same
         91 cancel
         92 again
         93 smaller
         94 again",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            20 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            30 other -> frozen by Quiet with 3, late [] [] []
            30 keep 1.0.1 4-4 8 -> frozen by Quiet with 3, late [1], asked at 30 ["late 1.0.1 1"] []
            40 look -> frozen by Quiet with 3, late [1], asked at 30 [] []
            50 cancel -> frozen by Quiet with 3, late [1] [] []
            60 look -> frozen by Quiet with 3, late [1] [] []
            70 keep 1.0.1 5-5 8 -> frozen by Quiet with 3, late [2], asked at 70 ["late 1.0.1 2"] []
            80 run -> frozen by Person(Actor("anna")) with 5, late [] ["freeze 2 of 5"] []
            90 same -> frozen by Person(Actor("anna")) with 5, late [] [] []
            91 cancel -> frozen by Person(Actor("anna")) with 5, late [] [] []
            92 again -> frozen by Person(Actor("anna")) with 5, late [] ["freeze 3 of 5"] []
            93 smaller -> frozen by Person(Actor("anna")) with 5, late [] [] []
            94 again -> frozen by Person(Actor("anna")) with 5, late [] [] []
        "#]],
    );
}

/// Whatever happens: payloads follow one another, never smaller, and no more of them by themselves than the rule says.
#[test]
fn amendments_are_bounded_and_never_forgotten() {
    let mut dice = Dice(7);
    let mut amended = 0;
    for _ in 0..2000 {
        let late =
            *dice.of(&[Late::Ignore, Late::Hold, Late::Amend { settle: Duration::from_secs(20), max: 2 }]);
        let rules = Rules { late, ..rules(&["chest", "prior"], OnMaxWait::Run) };
        let (mut state, mut now, mut last, mut alone) = (new(), at(1000), 0, 0);
        for _ in 0..40 {
            now = now.after(Duration::from_secs(dice.below(20)));
            let renewed = *dice.of(&[Renewed::Same, Renewed::Smaller, Renewed::Other, Renewed::Other]);
            let look = Look { renewed, ..random_look(&mut dice, &rules, now) };
            let by = Actor::from("anna");
            let event = match dice.below(30) {
                0 => Event::Cancel { by },
                1 => Event::Run { by, look },
                2 => Event::Again { by, look },
                _ => Event::Look(look),
            };
            let step = step(&rules, &state, event, now);
            for effect in &step.effects {
                let Effect::Freeze { key, .. } = effect else { continue };
                assert_eq!(key.ordinal, last + 1, "ordinals follow one another");
                assert!(last == 0 || renewed != Renewed::Smaller, "a smaller payload was frozen");
                last = key.ordinal;
                let Stage::Frozen { signal, .. } = &step.state.stage else { panic!("{step:?}") };
                alone += u32::from(*signal == Signal::Late);
            }
            if let Stage::Frozen { amendment: Amendment::At(at), .. } = step.state.stage {
                assert_eq!(step.timers.iter().map(|timer| timer.at).collect::<Vec<_>>(), [at], "forgotten");
            }
            state = step.state;
        }
        assert!(alone <= if matches!(late, Late::Amend { .. }) { 2 } else { 0 }, "{late:?}: {alone}");
        amended += alone;
    }
    assert!(200 < amended, "{amended} amendments are too few to have tried it");
}

/// Whatever the workflow says of late objects: what was frozen is not in force any more.
#[test]
fn what_was_corrected_is_frozen_anew_and_what_is_contested_waits_for_a_person() {
    check(
        &with(Late::Ignore),
        "0 keep 1.0.1 1-3 7
         20 look
         30 contest
         31 contest
         32 run
         33 look
         34 revised
         35 same
         36 look
         37 contradict",
        expect![[r#"
            0 keep 1.0.1 1-3 7 -> waiting with 3, missing [] [] ["20"]
            20 look -> frozen by Quiet with 3, late [] ["freeze 1 of 3"] []
            30 contest -> frozen by Quiet with 3, late [], contested at 30 [] []
            31 contest -> frozen by Quiet with 3, late [], contested at 30 [] []
            32 run -> frozen by Quiet with 3, late [], contested at 30 [] []
            33 look -> frozen by Quiet with 3, late [] [] []
            34 revised -> frozen by Revised with 3, late [] ["freeze 2 of 3"] []
            35 same -> frozen by Revised with 3, late [] [] []
            36 look -> frozen by Revised with 3, late [] [] []
            37 contradict -> frozen by Revised with 3, late [] [] []
        "#]],
    );
}
