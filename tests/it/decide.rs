//! What workflows make of a study that came in: by itself, and as `gantry why` tells it with the values seen.

use std::process::Command;

use gantry_tests::{
    peer,
    served::{Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::receive::make_objects;

const DOCUMENTS: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest }
for: study
match: study.modalities.exists(m, m == "CT") && "GANTRY" in calledAe
inputs:
  thin: { series: 'series.modality == "CT" && series.thickness <= 1.5 && series.instances >= 3' }
tasks:
  - { name: lungs, app: lung-density, inputs: { image: thin } }
deliver:
  - { to: pacs }
---
apiVersion: gantry/v1
kind: Workflow
metadata: { name: plain }
for: study
match: study.description == "Chest" || study.modalities.exists(m, m == "MR")
inputs:
  any: { series: 'series.contrast == "given"' }
tasks:
  - { name: lungs, app: lung-density, inputs: { image: any } }
deliver:
  - { to: pacs }
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs }
aeTitle: ORTHANC
address: 127.0.0.1:4242
"#;

/// What came in is looked at by itself: each workflow has one outcome, whether it applies or not (DC1).
#[test]
fn a_study_that_something_came_to_is_looked_at() {
    let test = "a_study_that_something_came_to_is_looked_at";
    let dir = TempDir::new().unwrap();
    let objects = dir.path().join("objects");
    let Some(()) = make_objects(test, &objects, &["--count", "3"]) else { return };
    let served = Served::start();
    apply(&served, dir.path(), DOCUMENTS);
    let address = served.address().to_string();
    peer::run(Command::new(program()).args(["send", &address, "--called", "GANTRY"]).arg(&objects));
    let show = wait_for(&served, &["study", "show", "Aone"], |show| {
        outcome(show, "chest")["sentence"].as_str().is_some_and(|sentence| sentence.starts_with("3 objects"))
    });
    let chest = outcome(&show, "chest");
    assert_eq!(chest["outcome"], "waiting", "{chest}");
    assert!(chest["sentence"].as_str().unwrap().contains("decided at"), "{chest}");
    let plain = outcome(&show, "plain");
    assert_eq!(plain["outcome"], "not matched", "{plain}");
    assert!(plain["sentence"].as_str().unwrap().contains("study.description is absent"), "{plain}");
    assert_eq!(show["late"], serde_json::json!([]));
}

/// One workflow's part of `study show`.
fn outcome(show: &Value, name: &str) -> Value {
    let all = show["workflows"].as_array().unwrap();
    all.iter().find(|one| one["workflow"] == name).cloned().unwrap_or_else(|| panic!("{name} in {show}"))
}

#[test]
fn why_tells_each_clause_with_the_values_seen() {
    let test = "why_tells_each_clause_with_the_values_seen";
    let dir = TempDir::new().unwrap();
    let objects = dir.path().join("objects");
    let Some(()) = make_objects(test, &objects, &["--count", "3"]) else { return };
    let served = Served::start();
    let address = served.address().to_string();
    peer::run(Command::new(program()).args(["send", &address, "--called", "GANTRY"]).arg(&objects));
    apply(&served, dir.path(), DOCUMENTS);
    let why = served.ask(&["why", "Aone"]);
    let named = |name: &str| {
        let all = why["workflows"].as_array().unwrap();
        all.iter()
            .find(|workflow| workflow["name"] == name)
            .unwrap_or_else(|| panic!("{name} in {why}"))
            .clone()
    };
    let chest = named("chest");
    assert_eq!(chest["match"]["truth"], "true", "{chest}");
    let series: Vec<&Value> = chest["inputs"]["thin"].as_object().unwrap().values().collect();
    assert_eq!((series.len(), &series[0]["truth"]), (1, &"true".into()), "{chest}");
    let seen: Vec<String> =
        series[0]["clauses"].as_array().unwrap().iter().map(|c| c["seen"].to_string()).collect();
    assert_eq!(
        seen,
        [r#"{"series.modality":"\"CT\""}"#, r#"{"series.thickness":"1"}"#, r#"{"series.instances":"3"}"#]
    );
    // The objects say nothing of a description: that is not "no".
    let plain = named("plain");
    assert_eq!(plain["match"]["truth"], "unknown", "{plain}");
    assert_eq!(plain["match"]["clauses"][0]["seen"]["study.description"], "absent");
    let inputs = plain["inputs"]["any"].as_object().unwrap();
    assert!(inputs.values().all(|judged| judged["truth"] == "unknown"), "{plain}");
}
