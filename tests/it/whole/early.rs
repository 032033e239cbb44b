//! Readiness belongs to the workflow: what one selects may be whole while the rest of the study still comes.

use std::{
    fs,
    process::{Command, Stdio},
};

use gantry_tests::{
    notes,
    peer::{self, Listening},
    served::{CONFIG, Served, apply, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, phantom, runs};

fn outcome(show: &Value, workflow: &str) -> Value {
    let all = show["workflows"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["workflow"] == workflow).unwrap_or_default()["outcome"].clone()
}

#[test]
fn a_series_is_delivered_while_its_association_brings_others() {
    let test = "a_series_is_delivered_while_its_association_brings_others";
    let Some(python) = peer::python(test) else { return };
    let Some(storescp) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let received = dir.path().join("received");
    fs::create_dir(&received).unwrap();
    let pacs = Listening::start(|port| {
        let mut command = Command::new(storescp);
        command.arg("--output-directory").arg(&received).arg(port.to_string());
        command
    });
    let served = Served::start_with(CONFIG);
    let whole = WORKFLOW.replace("chest-ct", "whole-study").replace(" && series.instances >= 40", "");
    let address = pacs.address();
    apply(
        &served,
        dir.path(),
        &format!(
            "{WORKFLOW}---\n{}---\napiVersion: gantry/v1\nkind: Destination\n\
             metadata: {{ name: pacs, class: research }}\naeTitle: STORESCP\naddress: {address}\n",
            whole.trim_start()
        ),
    );
    let stop = dir.path().join("stop");
    let mut sender = Command::new(python)
        .arg(notes::root().join("tests/python/slow_sender.py"))
        .args(["127.0.0.1", &served.port()])
        .args([&phantom(dir.path(), 90), &stop])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let study = newest_study(&served);
    let list = wait_for(&served, &["delivery", "list"], |list| {
        let all = list["deliveries"].as_array().cloned().unwrap_or_default();
        all.len() == 3 && all.iter().all(|one| one["state"] == "sent")
    });
    assert_eq!(sender.try_wait().unwrap(), None, "the association is open: {list}");
    let show = served.ask(&["study", "show", &study]);
    assert_eq!((outcome(&show, "chest-ct"), outcome(&show, "whole-study")), ("ran".into(), "waiting".into()));
    assert_eq!(runs(&served).len(), 1);
    fs::write(&stop, "").unwrap();
    assert!(sender.wait().unwrap().success());
    wait_for(&served, &["study", "show", &study], |show| outcome(show, "whole-study") == "ran");
    assert_eq!(runs(&served).len(), 2);
}
