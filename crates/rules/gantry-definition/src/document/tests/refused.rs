//! Laws of what is refused: the place, the text, and what to do about it.

use expect_test::expect;

use super::{OTHERS, WORKFLOW, check, check_file};
use crate::document::read;

#[test]
fn unknown_keys_and_kinds_are_refused_with_the_nearest() {
    check(
        "quiet: 20s",
        "quite: 20s",
        expect![[r#"
            12:3: `ready` has no key `quite`
            hint: did you mean `quiet`?
        "#]],
    );
    check(
        "for: study",
        "fro: study",
        expect![[r#"
            5:1: a Workflow has no key `fro`
            hint: it has `apiVersion`, `kind`, `metadata`, `for`, `match`, `inputs`, `ready`, `late`, `lane`, `tasks`, `deliver`
        "#]],
    );
    check(
        "deliver:",
        "deliver_to:",
        expect![[r#"
            25:1: a Workflow has no key `deliver_to`
            hint: did you mean `deliver`?
        "#]],
    );
    check(
        "choose: thinnest",
        "choose: thinest",
        expect![[r#"
            10:13: `thinest` is none of `thinnest`, `newest`, `all`
            hint: did you mean `thinnest`?
        "#]],
    );
}

#[test]
fn another_kind_or_version_is_refused() {
    check(
        "kind: Workflow",
        "kind: Workfolw",
        expect![[r#"
            3:7: `Workfolw` is none of `Workflow`, `Source`, `Destination`, `Door`
            hint: did you mean `Workflow`?
        "#]],
    );
    check(
        "kind: Workflow",
        "type: Workflow",
        expect![[r#"
            2:1: `kind` is missing
        "#]],
    );
    check(
        "gantry/v1",
        "gantry/v2",
        expect![[r#"
            2:13: `gantry/v2` is no version that is read here
            hint: write `apiVersion: gantry/v1`
        "#]],
    );
    check(
        "class: clinical",
        "class: clinic",
        expect![[r#"
            4:36: `clinic` is none of `clinical`, `research`, `test`
            hint: did you mean `clinical`?
        "#]],
    );
    check(
        "lane: routine ",
        "lane: ",
        expect![[r#"
            17:1: `lane` has no value
            hint: leave the key out for its default: routine
        "#]],
    );
    check(
        "for: study",
        "for: patient",
        expect![[r#"
            5:6: `patient` is none of `study`
        "#]],
    );
}

#[test]
fn unknown_words_inside_lists_and_tasks_are_refused() {
    check(
        "timeout: 10m",
        "tiemout: 10m\n    memory: 3",
        expect![[r#"
            23:5: a task has no key `tiemout`
            hint: did you mean `timeout`?
            24:5: a task has no key `memory`
            hint: it has `name`, `app`, `inputs`, `after`, `assert`, `timeout`, `retry`
        "#]],
    );
    check(
        "{ image: chest }",
        "{ image: breast }",
        expect![[r#"
            21:22: `breast` is none of `chest`
        "#]],
    );
    check(
        "onMaxWait: run ",
        "onMaxWait: no ",
        expect![[r#"
            15:14: `no` is none of `run`, `hold`, `expire`
        "#]],
    );
    check(
        "what: [seg, sr, sc]",
        "what: [seg, rs, seg]",
        expect![[r#"
            27:17: `rs` is none of `seg`, `sr`, `sc`
            27:21: the text `seg` stands in the list twice
        "#]],
    );
}

#[test]
fn values_of_the_wrong_form_are_told_with_what_was_meant() {
    check(
        "quiet: 20s",
        "quiet: 20",
        expect![[r#"
            12:10: `20` is no time
            hint: write `20s`, `3m`, `1h30m` or `7d`
        "#]],
    );
    check(
        "quiet: 20s",
        "quiet: 2h",
        expect![[r#"
            14:12: `maxWait` of 30m is over before `quiet` of 2h can decide anything
            hint: make `maxWait` longer
        "#]],
    );
    check(
        "maxWait: 30m",
        "maxWait: 60d",
        expect![[r#"
            14:12: `60d` is not from 1s to 30d
        "#]],
    );
    check(
        "attempts: 3",
        "attempts: 0",
        expect![[r#"
            24:24: `0` is no number from 1 to 10
        "#]],
    );
    check(
        "attempts: 3",
        "attempts: 03",
        expect![[r#"
            24:24: `03` is no number from 1 to 10
        "#]],
    );
}

#[test]
fn shapes_and_names_of_the_wrong_form_are_told() {
    check(
        "name: chest-ct",
        "name: Chest CT",
        expect![[r#"
            4:19: workflow "Chest CT" is not 1 to 64 characters of a-z, 0-9 and hyphen
        "#]],
    );
    check(
        "what: [seg, sr, sc]",
        "what: seg",
        expect![[r#"
            27:11: this must be a list, but is the text `seg`
            hint: write `[one, two]`, or one `- item` a line
        "#]],
    );
    check(
        "{ image: chest }",
        "chest",
        expect![[r#"
            21:13: `inputs` must be a mapping, but is the text `chest`
        "#]],
    );
    check(
        "  - to: pacs\n",
        "  - to: pacs\n  - to: pacs\n",
        expect![[r#"
            27:5: destination `pacs` stands in the list twice
        "#]],
    );
    check(
        "  - name: lungs\n",
        "  - name: lungs\n    after: [report]\n",
        expect![[r#"
            19:3: task `lungs` comes after `report`, which is not there
        "#]],
    );
    check(
        "match: study",
        "wenn: study",
        expect![[r#"
            2:1: `match` is missing
            6:1: a Workflow has no key `wenn`
            hint: it has `apiVersion`, `kind`, `metadata`, `for`, `match`, `inputs`, `ready`, `late`, `lane`, `tasks`, `deliver`
        "#]],
    );
    check(
        "metadata: { name: chest-ct, class: clinical }",
        "metadata:",
        expect![[r#"
            4:1: `metadata` is missing
        "#]],
    );
    check(
        "{ do: amend, settle: 60s, max: 2 }",
        "{ do: hold, max: 2 }",
        expect![[r#"
        16:24: only `do: amend` has `settle` and `max`
    "#]],
    );
    check(
        "{ do: amend, settle: 60s, max: 2 }",
        "amends",
        expect![[r#"
        16:7: `amends` is none of `ignore`, `hold`, `amend`
        hint: did you mean `amend`?
    "#]],
    );
}

#[test]
fn a_problem_of_an_expression_has_its_place_in_the_file() {
    check(
        "study.modalities.exists",
        "study.modalties.exists",
        expect![[r#"
            6:8: `study.modalties` is not known here
            hint: did you mean `study.modalities`?
        "#]],
    );
    check(
        ">= 40",
        ">= \"40\"",
        expect![[r#"
            9:60: `"40"` is text, but must be a number
        "#]],
    );
    check(
        "series.instances >= 40",
        "series.instances >=",
        expect![[r#"
            9:59: the expression cannot be read: mismatched input at the end
        "#]],
    );
    check(
        "series.modality == \"CT\" && series",
        "series.modality === \"CT\" && series",
        expect![[r#"
            9:31: the expression cannot be read: token recognition error at: '= '
        "#]],
    );
    check(
        "m == \"CT\") &&",
        "m == \"CT\") & &",
        expect![[r#"
            6:46: the expression cannot be read: token recognition error at: '& '
        "#]],
    );
    check(
        "study.modalities.exists(m, m == \"CT\") && ",
        "series.modality == \"CT\" && ",
        expect![[r#"
            6:8: `series.modality` is not known here
            hint: what is said of one series stands in `inputs`, in the input's `series`
        "#]],
    );
}

#[test]
fn its_place_is_found_in_folded_and_quoted_texts_too() {
    check(
        "series: series.modality == \"CT\" && series.instances >= 40",
        "series: >\n      series.modality == \"CT\"\n      && series.instanzes >= 40",
        expect![[r#"
            11:10: `series.instanzes` is not known here
            hint: did you mean `series.instances`?
        "#]],
    );
    check(
        "series: series.modality == \"CT\" && series.instances >= 40",
        "series: 'series.modality == \"CT\" && series.matrix > 5'",
        expect![[r#"
            9:41: `series.matrix` is not known here
            hint: there are `calledAe`, `callingAe`, `series.bodyPart`, `series.contrast`, `series.description`, `series.imageType`, `series.instances`, `series.kernel`, `series.manufacturer`, `series.modality`, `series.model`, `series.protocol`, `series.sopClasses`, `series.thickness`, `study.accessionNumber`, `study.description`, `study.instances`, `study.modalities`, `study.series`
        "#]],
    );
    check(
        "lane: routine ",
        "lane: 'study.description.contains(\"STAT\") ? \"urgnt\" : \"routine\"'",
        expect![[r#"
            17:46: `urgnt` is not known here
            hint: did you mean `urgent`?
        "#]],
    );
    check(
        "lane: routine ",
        "lane: 'study.descripton.contains(\"STAT\") ? \"urgent\" : \"routine\"'",
        expect![[r#"
            17:8: `study.descripton` is not known here
            hint: did you mean `study.description`?
        "#]],
    );
    check(
        "\"GANTRY\" in calledAe",
        "study.description.map(d, d)",
        expect![[r#"
            6:8: `this quantifier` is not supported here
        "#]],
    );
}

#[test]
fn addresses_titles_and_names_are_checked() {
    let bad = OTHERS
        .replace("aeTitle: CT ROOM 2", "aeTitle: CT ROOM NUMBER TWO")
        .replace("10.1.2.3", "10.1.2.3/8")
        .replace("Europe/Berlin", "+01:00")
        .replace("authority: 10", "authority: -1")
        .replace("127.0.0.1:4242", "127.0.0.1")
        .replace("confirm: query", "confirm: yes\nseriesBase: 9e3\nretry: { giveUpAfter: 5m }")
        .replace("GANTRY CT]", "GANTRY]\naccepts: CT ROOM 2");
    check_file(
        &bad,
        expect![[r#"
            5:10: the AE title "CT ROOM NUMBER TWO" is longer than 16 characters
            6:13: `10.1.2.3/8` is an address with a network behind it: write `10.0.0.0/8` for all of it, or `10.1.2.3`
            8:7: `+01:00` is no name of a time zone
            hint: write an IANA name such as `Europe/Berlin`
            9:12: `-1` is no number from 0 to 100
            15:10: `127.0.0.1` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
            16:10: `yes` is none of `query`, `none`
            17:13: `9e3` is no number from 1 to 2000000000
            18:23: `5m` is not from 1h to 90d
            24:20: the text `GANTRY` stands in the list twice
            25:10: this must be a list, but is the text `CT ROOM 2`
            hint: write `[one, two]`, or one `- item` a line
        "#]],
    );
    check_file(
        &format!("{OTHERS}{OTHERS}").replace("---\n\n", "---\n"),
        expect![[r#"
            24:1: there are two documents Source `ct-room-2`
            hint: the first is in line 2
            33:1: there are two documents Destination `pacs`
            hint: the first is in line 11
            40:1: there are two documents Door `main`
            hint: the first is in line 18
        "#]],
    );
    check_file(
        "kind: Door\n",
        expect![[r#"
            1:1: `apiVersion` is missing
            1:1: `metadata` is missing
            1:1: `aeTitles` is missing
        "#]],
    );
    check_file(
        "just text\n",
        expect![[r#"
            1:1: a document must be a mapping, but is the text `just text`
        "#]],
    );
    check_file(
        "- a\n- list\n",
        expect![[r#"
            1:1: a document must be a mapping, but is a list
        "#]],
    );
}

#[test]
fn many_problems_are_told_at_once_and_in_order() {
    let bad = WORKFLOW.replace("20s", "20").replace("thinnest", "thin").replace("app:", "apps:");
    check_file(
        &bad,
        expect![[r#"
            10:13: `thin` is none of `thinnest`, `newest`, `all`
            12:10: `20` is no time
            hint: write `20s`, `3m`, `1h30m` or `7d`
            19:5: `app` is missing
            20:5: a task has no key `apps`
            hint: did you mean `app`?
        "#]],
    );
}

/// No file, however broken, ends the process.
#[test]
fn broken_files_are_answered() {
    for end in 0..WORKFLOW.len() {
        let _either = read(&WORKFLOW[..end]).is_ok();
        let mut twisted = WORKFLOW.as_bytes().to_vec();
        twisted[end] = b"{}[]:\"'#|>&*!%@`\n\t-"[end % 19];
        let _either = read(&String::from_utf8(twisted).unwrap()).is_ok();
    }
}
