//! The whole way: a study goes in over DICOM, its evidence comes out in a PACS; however it came, once.

mod again;
mod backup;
mod chest;
mod early;
mod held;
mod kills;
mod lanes;
mod late;
mod once;
mod own;
mod revised;

use std::{path::Path, process::Command};

use gantry_tests::{
    peer,
    served::{Served, program, wait_for},
};
use serde_json::Value;

/// The workflow of these tests.
pub(crate) const WORKFLOW: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
ready: { quiet: 3s, associationEnd: 0s }
tasks:
  - name: lungs
    app: lung-density
    inputs: { image: chest }
    retry: { attempts: 3, backoff: 1s }
deliver:
  - { to: pacs }
"#;

/// Writes a phantom; the folder of its study.
pub(crate) fn phantom(dir: &Path, seed: u32) -> std::path::PathBuf {
    let out = dir.join(format!("phantom-{seed}"));
    peer::run(Command::new(program()).args(["phantom", "--seed", &seed.to_string(), "-o"]).arg(&out));
    out.join("study")
}

/// Sends files or folders over one association.
#[track_caller]
pub(crate) fn send<P: AsRef<Path>>(served: &Served, called: &str, paths: &[P]) {
    let mut command = Command::new(program());
    command.args(["send", &served.address().to_string(), "--called", called]);
    peer::run(command.args(paths.iter().map(AsRef::as_ref)));
}

/// The one outcome of a study for the workflow, once it is as wanted.
#[track_caller]
pub(crate) fn wait_for_outcome(served: &Served, study: &str, outcome: &str) -> Value {
    wait_for(served, &["study", "show", study], |show| workflow(show)["outcome"] == outcome)
}

fn workflow(show: &Value) -> Value {
    let all = show["workflows"].as_array();
    all.and_then(|all| all.iter().find(|one| one["workflow"] == "chest-ct")).cloned().unwrap_or_default()
}

/// The deliveries, once all of a study are as wanted.
#[track_caller]
pub(crate) fn wait_for_deliveries(served: &Served, study: &str, state: &str) -> Vec<Value> {
    let of_study = |list: &Value| -> Vec<Value> {
        let all = list["deliveries"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["study"] == study).collect()
    };
    let list = wait_for(served, &["delivery", "list"], |list| {
        let all = of_study(list);
        all.len() == 3 && all.iter().all(|one| one["state"] == state)
    });
    of_study(&list)
}

/// The UID of the study that was received last.
#[track_caller]
pub(crate) fn newest_study(served: &Served) -> String {
    let list = wait_for(served, &["study", "list"], |list| list["studies"][0]["uid"].is_string());
    list["studies"][0]["uid"].as_str().unwrap_or_default().to_owned()
}

fn runs(served: &Served) -> Vec<Value> {
    served.ask(&["runs", "list"])["runs"].as_array().cloned().unwrap_or_default()
}
