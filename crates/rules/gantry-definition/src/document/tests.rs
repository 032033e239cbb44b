//! Laws of documents: what is accepted, and what people are told about the rest.

use expect_test::{Expect, expect};
use gantry_flow::{
    case::{self, Late, OnMaxWait, Tally},
    names::{AssociationId, CaseKey, Subject},
    step::Lane,
};
use gantry_types::{instant::Instant, uid::SeriesInstanceUid};

use super::*;
use crate::expression::{Facts, Value};

mod refused;

/// The example of the design.
const WORKFLOW: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: clinical }
for: study
match: study.modalities.exists(m, m == "CT") && "GANTRY" in calledAe   # lists over the study's receipts
inputs:
  chest:
    series: series.modality == "CT" && series.instances >= 40
    choose: thinnest            # one series; also: newest, all
ready:                          # the first signal that holds, over the selected objects alone
  quiet: 20s                    # none for that long
  associationEnd: 3s
  maxWait: 30m
  onMaxWait: run                # run, hold (default), expire
late: { do: amend, settle: 60s, max: 2 }
lane: routine                   # urgent, routine, background; may be an expression
tasks:
  - name: lungs
    app: lung-density
    inputs: { image: chest }
    assert: { contrast: none }
    timeout: 10m
    retry: { attempts: 3, backoff: 30s }
deliver:
  - to: pacs
    what: [seg, sr, sc]
"#;

const OTHERS: &str = r#"
apiVersion: gantry/v1
kind: Source
metadata: { name: ct-room-2 }
aeTitle: CT ROOM 2
addresses: [10.1.2.3, "fd00::/8"]
issuers: { patientId: HOSPITAL-A, accessionNumber: RIS }
zone: Europe/Berlin
authority: 10
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs }
aeTitle: ORTHANC
address: 127.0.0.1:4242
confirm: query
---
apiVersion: gantry/v1
kind: Door
metadata:
  name: main
aeTitles: [GANTRY, GANTRY CT]
---
"#;

fn workflow(text: &str) -> Workflow {
    let documents = read(text).unwrap();
    match documents.into_iter().next().unwrap().body {
        Body::Workflow(workflow) => *workflow,
        Body::Source(_) | Body::Destination(_) | Body::Door(_) => panic!("another kind"),
    }
}

/// Replaces a part of the good workflow, which must be there; prints what is said about the result.
#[track_caller]
fn check(good: &str, bad: &str, want: Expect) {
    assert!(WORKFLOW.contains(good), "{good}");
    check_file(&WORKFLOW.replacen(good, bad, 1), want);
}

#[track_caller]
fn check_file(file: &str, want: Expect) {
    let out = match read(file) {
        Ok(documents) => {
            let names = documents.iter().map(|document| format!("{} {}\n", document.kind(), document.name()));
            names.collect::<String>()
        }
        Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    };
    want.assert_eq(&out);
}

#[test]
fn the_example_of_the_design_is_read() {
    let workflow = workflow(WORKFLOW);
    assert_eq!(workflow.class, Class::Clinical);
    assert_eq!(workflow.rules.on_max_wait, OnMaxWait::Run);
    assert_eq!(workflow.rules.late, Late::Amend { settle: std::time::Duration::from_secs(60), max: 2 });
    assert_eq!(workflow.lane.lane(&Facts::new()), Lane::Routine);
    expect![[r#"
        Rules {
            inputs: [
                InputName(
                    "chest",
                ),
            ],
            quiet: 20s,
            association_end: Some(
                3s,
            ),
            max_wait: 1800s,
            on_max_wait: Run,
            late: Amend {
                settle: 60s,
                max: 2,
            },
        }
        {
            TaskName(
                "lungs",
            ): TaskUse {
                app: AppName(
                    "lung-density",
                ),
                inputs: {
                    "image": InputName(
                        "chest",
                    ),
                },
                asserted: {
                    "contrast": "none",
                },
            },
        }
        [
            Delivery {
                to: DestinationName(
                    "pacs",
                ),
                what: Some(
                    [
                        Seg,
                        Sr,
                        Sc,
                    ],
                ),
            },
        ]
    "#]]
    .assert_eq(&format!("{:#?}\n{:#?}\n{:#?}\n", workflow.rules, workflow.tasks, workflow.deliver));
}

#[test]
fn a_file_may_hold_many_documents_and_its_layout_does_not_matter() {
    check_file(
        &format!("---{WORKFLOW}---{OTHERS}"),
        expect![[r#"
            Workflow chest-ct
            Source ct-room-2
            Destination pacs
            Door main
        "#]],
    );
    check_file("", expect![[r#""#]]);
    let canonical = |text: &str| String::from_utf8(read(text).unwrap().swap_remove(0).canonical).unwrap();
    let door = "apiVersion: gantry/v1\nkind: Door\nmetadata: {name: main}\naeTitles: [A]\n";
    let other =
        "# a comment\nkind: 'Door'\naeTitles:\n - \"A\"\nmetadata:\n   name: main\napiVersion: gantry/v1\n";
    expect![[r#"{"aeTitles":["A"],"apiVersion":"gantry/v1","kind":"Door","metadata":{"name":"main"}}"#]]
        .assert_eq(&canonical(door));
    assert_eq!(canonical(door), canonical(other));
    assert_ne!(canonical(door), canonical(&door.replace("[A]", "[B]")));
}

#[test]
fn sources_destinations_and_doors_have_their_defaults() {
    let lines = |body: &Body| format!("{body:?}").replace(" { ", "\n  ").replace(", ", "\n  ");
    let documents = read(OTHERS).unwrap();
    let shown: Vec<String> = documents.iter().map(|document| lines(&document.body)).collect();
    expect![[r#"
        Source(Source
          name: SourceName("ct-room-2")
          ae_title: AeTitle("CT ROOM 2")
          addresses: [Cidr
          address: 10.1.2.3
          prefix: 32 }
          Cidr
          address: fd00::
          prefix: 8 }]
          issuer_of_patient_id: Some("HOSPITAL-A")
          issuer_of_accession_number: Some("RIS")
          zone: "Europe/Berlin"
          authority: 10 })
        Destination(Destination
          name: DestinationName("pacs")
          class: Clinical
          ae_title: AeTitle("ORTHANC")
          address: HostPort
          host: "127.0.0.1"
          port: 4242 }
          calling: AeTitle("GANTRY")
          what: [Seg
          Sr
          Sc]
          series_base: 9000
          confirm: Query
          connect_timeout: 10s
          response_timeout: 60s
          rules: Rules
          backoff: 30s
          backoff_max: 3600s
          give_up_after: 604800s
          confirm: ByQuery
          wait: 5s
          queries: 6
          timeout: 60s } } })
        Door(Door
          name: DoorName("main")
          ae_titles: [AeTitle("GANTRY")
          AeTitle("GANTRY CT")]
          accepts: EverySource })"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn a_lane_may_depend_on_the_study_and_what_is_unknown_is_routine() {
    let text = WORKFLOW.replace(
        "lane: routine ",
        "lane: 'study.description.contains(\"STAT\") ? \"urgent\" : \"background\"'",
    );
    let rule = workflow(&text).lane;
    let described = |text: &str| Facts::from([("study.description", Value::Text(text.to_owned()))]);
    assert_eq!(rule.lane(&described("CHEST STAT")), Lane::Urgent);
    assert_eq!(rule.lane(&described("CHEST")), Lane::Background);
    assert_eq!(rule.lane(&Facts::new()), Lane::Routine);
}

fn series(uid: &str) -> SeriesInstanceUid {
    SeriesInstanceUid::parse(uid).unwrap()
}

fn facts(called: Option<&str>, chest_instances: f64) -> StudyFacts {
    let of_series = |modality: &str, instances: f64| {
        Facts::from([
            ("series.modality", Value::Text(modality.to_owned())),
            ("series.instances", Value::Number(instances)),
        ])
    };
    let mut study = Facts::from([("study.modalities", Value::Texts(vec!["CT".to_owned(), "SR".to_owned()]))]);
    study.extend(called.map(|title| ("calledAe", Value::Texts(vec![title.to_owned()]))));
    StudyFacts {
        study,
        series: BTreeMap::from([
            (series("1.1"), of_series("CT", 3.0)),
            (series("1.2"), of_series("CT", chest_instances)),
            (series("1.3"), of_series("SR", 100.0)),
        ]),
    }
}

#[test]
fn dc1_the_explanation_names_each_clause_with_the_values_seen() {
    let workflow = workflow(WORKFLOW);
    let show = |explanation: &Explanation| {
        let mut out = format!("applies: {}\n", explanation.applies.truth);
        for clause in &explanation.applies.clauses {
            out += &format!("  {} {} {:?}\n", clause.truth, clause.text, clause.seen);
        }
        for (input, judged) in &explanation.inputs {
            for (uid, judgement) in judged {
                out += &format!("{input} {uid}: {}\n", judgement.truth);
                for clause in &judgement.clauses {
                    out += &format!("  {} {} {:?}\n", clause.truth, clause.text, clause.seen);
                }
            }
        }
        out
    };
    expect![[r#"
        applies: true
          true study.modalities.exists(m, m == "CT") [("study.modalities", "[\"CT\", \"SR\"]")]
          true "GANTRY" in calledAe [("calledAe", "[\"GANTRY\"]")]
        chest 1.1: false
          true series.modality == "CT" [("series.modality", "\"CT\"")]
          false series.instances >= 40 [("series.instances", "3")]
        chest 1.2: true
          true series.modality == "CT" [("series.modality", "\"CT\"")]
          true series.instances >= 40 [("series.instances", "90")]
        chest 1.3: false
          false series.modality == "CT" [("series.modality", "\"SR\"")]
          true series.instances >= 40 [("series.instances", "100")]
    "#]]
    .assert_eq(&show(&workflow.explain(&facts(Some("GANTRY"), 90.0))));
    let unknown = workflow.explain(&facts(None, 90.0));
    assert_eq!(unknown.applies.truth, crate::expression::Truth::Unknown);
    expect![[r#"
        [
            JudgedClause {
                name: "\"GANTRY\" in calledAe",
                verdict: Unknown,
                seen: "calledAe is absent",
            },
        ]"#]]
    .assert_eq(&format!("{:#?}", unknown.against()));
}

/// From a document and facts to a frozen payload: the same judgement decides and is shown.
#[test]
fn a_look_made_from_a_document_steps_the_case() {
    let workflow = workflow(WORKFLOW);
    let at = |seconds: i64| Instant(seconds * 1_000_000);
    let case = CaseKey::Study {
        site: "site".parse().unwrap(),
        study: gantry_types::uid::StudyInstanceUid::parse("1").unwrap(),
    };
    let mut state = case::State::new(Subject { case, workflow: workflow.name.clone() });
    let mut stages = Vec::new();
    for (now, called, objects) in [
        (1, None, 39),
        (2, Some("OTHER"), 39),
        (3, Some("GANTRY"), 39),
        (4, Some("GANTRY"), 40),
        (24, Some("GANTRY"), 40),
    ] {
        let explanation = workflow.explain(&facts(called, f64::from(objects)));
        let associations = [AssociationId(1)].into();
        let tally = Tally { objects, last: at(4), associations };
        let tallies = BTreeMap::from([(series("1.1"), tally.clone()), (series("1.2"), tally)]);
        let look = explanation.look(&tallies, &BTreeMap::new());
        let step = case::step(&workflow.rules, &state, case::Event::Look(look), at(now));
        let name = format!("{:?}", step.state.stage);
        let name = name.split_whitespace().next().unwrap();
        stages.push(format!("{name}, {} effects, {} timers", step.effects.len(), step.timers.len()));
        state = step.state;
    }
    expect![[r#"
        NotMatched, 0 effects, 0 timers
        NotMatched, 0 effects, 0 timers
        Waiting, 0 effects, 0 timers
        Waiting, 0 effects, 1 timers
        Frozen, 1 effects, 0 timers"#]]
    .assert_eq(&stages.join("\n"));
}

#[test]
fn every_key_is_documented_once() {
    let mut seen = std::collections::BTreeSet::new();
    for row in keys::KEYS {
        assert!(seen.insert((row.mapping, row.key)), "{row:?}");
        assert!(!row.default.is_empty() && !row.meaning.is_empty(), "{row:?}");
    }
}

/// What people read is what the program knows.
#[test]
fn the_published_page_has_every_key_and_every_variable() {
    let page = include_str!("../../../../../docs/documents.md");
    for row in keys::KEYS {
        let heading = format!("## `{}`\n", row.mapping);
        let section = page.split(&heading).nth(1).unwrap_or_else(|| panic!("{heading}"));
        let section = section.split("\n## ").next().unwrap();
        let line = format!("| `{}` | {} | {} |", row.key, row.default, row.meaning);
        assert!(section.contains(&line), "{heading}{line}");
    }
    for (name, _, meaning) in variables::VARIABLES {
        assert!(page.contains(&format!("| `{name}` |")) && page.contains(meaning), "{name}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, keys::KEYS.len() + variables::VARIABLES.len(), "no line that the program does not know");
}
