//! What a user types first: demo and init.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use gantry_tests::{
    notes,
    peer::{self, Listening},
    served::{ask, program},
};
use serde_json::Value;
use tempfile::TempDir;

fn gantry(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().unwrap()
}

/// The summary lets another program judge: folders, files, times, and every check with what was expected and seen.
#[test]
fn the_demonstration_shows_the_whole_way_and_judges_itself() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("demo");
    let output = gantry(&["demo", "--once", "--json", "--seed", "7", "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = summary["checks"].as_array().unwrap();
    assert!(13 <= checks.len() && checks.iter().all(|check| check["isMet"] == true), "{checks:?}");
    for key in ["study", "truth"] {
        assert!(Path::new(summary[key].as_str().unwrap()).is_dir(), "{summary}");
    }
    let evidence = summary["evidence"].as_array().unwrap();
    assert_eq!(evidence.len(), 6, "three objects of each application");
    for file in evidence {
        assert_eq!(&fs::read(file.as_str().unwrap()).unwrap()[128..132], b"DICM");
    }
    let stages = summary["stages"].as_object().unwrap();
    for stage in ["send", "ready", "run", "publish", "deliver", "lesions run", "lesions deliver", "total"] {
        assert!(stages[stage].as_f64().unwrap() < 300.0, "{stages:?}");
    }
    notes::figure(&format!(
        "demo, debug build: {:.1} s from ready to delivered, of which the worker {:.1} s",
        stages["ready to delivered"].as_f64().unwrap(),
        stages["run"].as_f64().unwrap()
    ));
    // The folder stays, and is not taken for another demonstration.
    let again = gantry(&["demo", "--once", "--out", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(5), "{again:?}");
}

fn init<'a>(data: &'a str, pacs: &'a str) -> Vec<&'a str> {
    vec!["init", "--data", data, "--pacs", pacs, "--pacs-ae-title", "STORESCP"]
}

#[test]
fn init_proves_a_pacs_before_it_takes_it_into_use() {
    let test = "init_proves_a_pacs_before_it_takes_it_into_use";
    let Some(storescp) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let received = dir.path().join("received");
    fs::create_dir(&received).unwrap();
    let data = dir.path().join("data");
    let path = data.to_str().unwrap();

    // Nobody listens there: the data folder is made, the PACS is not added.
    let absent = gantry(&init(path, "127.0.0.1:9"));
    assert_eq!(absent.status.code(), Some(4), "{absent:?}");
    assert!(data.join("gantry.toml").is_file());
    assert!(!data.join("documents").exists());

    let pacs = Listening::start(|port| {
        let mut command = Command::new(storescp);
        command.arg("--output-directory").arg(&received).arg(port.to_string());
        command
    });
    let output = gantry(&init(path, &pacs.address().to_string()));
    assert!(output.status.success(), "{output:?}");
    let file = fs::read_dir(&received).unwrap().next().expect("a test object").unwrap().path();
    if let Some(dciodvfy) = peer::program(test, "dciodvfy") {
        let output = Command::new(dciodvfy).arg(file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.lines().any(|line| line.starts_with("Error")), "{said}");
    }
    // What it wrote can be applied as it is, the example of a workflow too.
    let documents = data.join("documents");
    fs::rename(documents.join("chest-ct.yaml.example"), documents.join("chest-ct.yaml")).unwrap();
    let applied = ask(&data, &["apply", "-f", documents.to_str().unwrap()]);
    let of = |kind: &str| -> Value {
        let all = applied["documents"].as_array().unwrap();
        all.iter().find(|one| one["kind"] == kind).cloned().unwrap_or_default()
    };
    assert_eq!((&of("Destination")["isNew"], &of("Destination")["name"]), (&false.into(), &"pacs".into()));
    assert_eq!((&of("Workflow")["isNew"], &of("Workflow")["version"]), (&true.into(), &1.into()));
}
