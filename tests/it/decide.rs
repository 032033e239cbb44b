//! `gantry why`: what workflows make of a study that came in, with the values seen.

use std::{fs, process::Command};

use gantry_ports::{cases::Cases as _, intake::Intake as _};
use gantry_sqlite::SqliteStore;
use gantry_tests::{
    peer,
    served::{Served, program},
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

/// What came in is there for whoever decides: a mark for its study, and what is there of its series.
#[test]
fn a_study_that_something_came_to_wants_attention() {
    let test = "a_study_that_something_came_to_wants_attention";
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, dir.path(), &["--count", "3"]) else { return };
    let served = Served::start();
    let address = served.address().to_string();
    peer::run(Command::new(program()).args(["send", &address, "--called", "GANTRY"]).arg(dir.path()));
    let data = served.stop();
    let store = SqliteStore::open(&data.data().join("gantry.db")).unwrap();
    let site = "site".parse().unwrap();
    let wanted = store.attention(&site, 10).unwrap();
    assert_eq!(wanted.len(), 1, "{wanted:?}");
    let tallies = store.tallies(&site, &wanted[0].study).unwrap();
    assert_eq!((tallies.len(), tallies[0].objects), (1, 3));
    // The sender released its association, and the mark is of that: it is newer than every row of an object.
    assert_eq!(store.releases(&tallies[0].associations).unwrap().len(), 1);
    assert!(store.last_id().unwrap() < wanted[0].mark, "{wanted:?}");
}

#[test]
fn why_tells_each_clause_with_the_values_seen() {
    let test = "why_tells_each_clause_with_the_values_seen";
    let dir = TempDir::new().unwrap();
    let objects = dir.path().join("objects");
    let Some(()) = make_objects(test, &objects, &["--count", "3"]) else { return };
    let documents = dir.path().join("documents.yaml");
    fs::write(&documents, DOCUMENTS).unwrap();
    let served = Served::start();
    let address = served.address().to_string();
    peer::run(Command::new(program()).args(["send", &address, "--called", "GANTRY"]).arg(&objects));
    peer::run(Command::new(program()).args(["apply", "--data"]).arg(served.data()).arg("-f").arg(&documents));
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
