//! An application of a site's own: installed, run, and replaced by a newer version.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use gantry_tests::{
    notes, peer,
    served::{CONFIG, Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{newest_study, send};

const DOCUMENTS: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: own, class: test }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
ready: { quiet: 3s, associationEnd: 0s }
tasks:
  - { name: own, app: own-lesion, inputs: { image: chest } }
deliver:
  - { to: nowhere }
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: nowhere, class: test }
aeTitle: NOWHERE
address: 127.0.0.1:9
"#;

/// The demonstration's network under another name.
fn package(folder: &Path, title: &str) -> PathBuf {
    let shipped = notes::root().join("apps/phantom-lesion");
    fs::create_dir_all(folder).unwrap();
    let text = fs::read_to_string(shipped.join("app.toml")).unwrap();
    let text =
        text.replace("name = \"phantom-lesion\"", "name = \"own-lesion\"").replace("Phantom lesion", title);
    fs::write(folder.join("app.toml"), text).unwrap();
    fs::copy(shipped.join("model.onnx"), folder.join("model.onnx")).unwrap();
    folder.to_owned()
}

fn add(served: &Served, folder: &Path) -> Output {
    let mut command = Command::new(program());
    command.args(["app", "add", "--json"]).arg(folder).arg("--data").arg(served.data()).output().unwrap()
}

#[track_caller]
fn added(served: &Served, folder: &Path) -> Value {
    let output = add(served, folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["documents"][0].clone()
}

/// The only run of the newest study, once it is over.
#[track_caller]
fn run_of(served: &Served, dir: &Path, seed: u32) -> Value {
    let out = dir.join(format!("phantom-{seed}"));
    let seed = seed.to_string();
    peer::run(
        Command::new(program()).args(["phantom", "--kind", "lesions", "--seed", &seed, "-o"]).arg(&out),
    );
    send(served, "GANTRY", &[out.join("study")]);
    let study = newest_study(served);
    wait_for(served, &["study", "show", &study], |show| show["workflows"][0]["outcome"] == "ran");
    let runs = served.ask(&["runs", "list"]);
    let run =
        runs["runs"].as_array().unwrap().iter().find(|run| run["study"] == study.as_str()).unwrap().clone();
    served.ask(&["runs", "show", run["run"].as_str().unwrap()])
}

#[test]
fn an_application_of_ones_own_is_installed_run_and_replaced() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let file = dir.path().join("early.yaml");
    fs::write(&file, DOCUMENTS).unwrap();
    let early = Command::new(program())
        .args(["apply", "-f"])
        .arg(&file)
        .arg("--data")
        .arg(served.data())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(!early.status.success() && said.contains("there is no application `own-lesion`"), "{said}");

    let folder = package(&dir.path().join("own"), "Own");
    let first = added(&served, &folder);
    assert_eq!(
        (&first["name"], &first["version"], &first["isNew"]),
        (&"own-lesion".into(), &1.into(), &true.into())
    );
    assert_eq!(added(&served, &folder)["isNew"], false);
    apply(&served, dir.path(), DOCUMENTS);
    let run = run_of(&served, dir.path(), 61);
    assert_eq!(run["packages"][0]["digest"], first["digest"]);
    // What computed is on record (EV5).
    let engine = &run["results"][0]["engine"];
    assert_eq!(engine["onnxruntime"], "1.32.0", "{run}");
    assert!(engine["onnxruntime.library"].as_str().unwrap().starts_with("sha256:"), "{run}");
    assert!(engine["onnxruntime.threads"].is_string() && engine["processor"].is_string(), "{run}");

    let second = added(&served, &package(&folder, "Own, newer"));
    assert_eq!((&second["version"], &second["isNew"]), (&2.into(), &true.into()));
    let run = run_of(&served, dir.path(), 62);
    assert_eq!(run["packages"][0]["digest"], second["digest"]);
    // One that lacks what a workflow asserts would fail every run: it is refused.
    let asserting =
        DOCUMENTS.replace("inputs: { image: chest } }", "inputs: { image: chest }, assert: { ct: known } }");
    apply(&served, dir.path(), &asserting);
    let text = fs::read_to_string(folder.join("app.toml")).unwrap();
    fs::write(folder.join("app.toml"), text.replace("name = \"ct\"", "name = \"is-ct\"")).unwrap();
    let refused = add(&served, &folder);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("app/breaks-workflows"), "{said}");
    let list = served.ask(&["app", "list"]);
    let named =
        |name: &str| list["applications"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    let (own, shipped) = (named("own-lesion").unwrap(), named("lung-density").unwrap());
    assert_eq!((&own["title"], &own["slot"]), (&"Own, newer".into(), &50.into()));
    assert_eq!(shipped["slot"], 0);
}

#[test]
fn what_is_no_application_is_not_installed() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let refused = |change: &dyn Fn(&Path), code: &str| {
        let folder = package(&dir.path().join(code.replace('/', "-")), "Own");
        change(&folder);
        let output = add(&served, &folder);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{code}: {said}");
    };
    let edit = |folder: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join("app.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(folder.join("app.toml"), text.replace(from, to)).unwrap();
    };
    refused(&|folder| fs::write(folder.join("model.onnx"), b"no model").unwrap(), "infer/model");
    refused(&|folder| fs::remove_file(folder.join("model.onnx")).unwrap(), "app/invalid");
    refused(&|folder| edit(folder, "own-lesion", "lung-density"), "app/name-taken");
    let steps = |from, to| move |folder: &Path| edit(folder, from, to);
    refused(&steps("overlap = 0.25", "overlap = 1"), "network.overlap must be a share of a window");
    refused(&steps("patch = ", "pach = "), "did you mean it by `pach`?");
    refused(&steps("axes = \"SPL\"", "axes = \"SPI\""), "resample.axes must be three letters");
    refused(&steps("step = \"resample\"", "step = \"network\""), "network takes values on a grid");
    assert_eq!(served.ask(&["app", "list"])["applications"].as_array().unwrap().len(), 2);
}

/// A program whose library lies elsewhere: the environment names it, to workers too; else doctor says what is missing.
#[test]
fn the_library_may_lie_elsewhere() {
    let dir = TempDir::new().unwrap();
    let alone = dir.path().join("gantry");
    fs::copy(program(), &alone).unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("gantry.toml"), CONFIG).unwrap();
    let library = notes::root().join("target/onnxruntime/libonnxruntime.so.1.32.0");
    let served = Served::start_in(&data, Command::new(&alone).env("GANTRY_ONNXRUNTIME", &library));
    apply(&served, dir.path(), &DOCUMENTS.replace("app: own-lesion", "app: phantom-lesion"));
    // With a library that workers do not find, it would have failed.
    run_of(&served, dir.path(), 63);
    let doctor = |place: Option<&Path>| {
        let mut command = Command::new(&alone);
        command.args(["doctor", "--json", "--data"]).arg(&data);
        if let Some(place) = place {
            command.env("GANTRY_ONNXRUNTIME", place);
        }
        serde_json::from_slice::<Value>(&command.output().unwrap().stdout).unwrap()
    };
    let networks = doctor(Some(&library))["findings"]["networks"].clone();
    assert_eq!(networks["onnxruntime"], "1.32.0", "{networks}");
    assert_eq!(networks["onnxruntime.providers"], "CPUExecutionProvider");
    assert!(networks["onnxruntime.library"].as_str().unwrap().starts_with("sha256:"), "{networks}");
    let missing = doctor(None);
    assert!(missing["wrong"].to_string().contains("tools/onnxruntime.sh"), "{missing}");
}
