//! A backup of a node that is at work, restored elsewhere: what was there is there, to the byte, and goes on.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use gantry_tests::{
    peer::{self, Listening},
    served::{self, CONFIG, Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, phantom, send, wait_for_deliveries, wait_for_outcome};

/// Files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

#[track_caller]
fn order(arguments: &[&str], paths: &[&Path]) -> Value {
    let output = Command::new(program()).args(arguments).args(paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_backup_under_load_is_restored_and_goes_on() {
    let test = "a_backup_under_load_is_restored_and_goes_on";
    let Some(storescp) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let received = dir.path().join("received");
    fs::create_dir(&received).unwrap();
    let pacs = Listening::start(|port| {
        let mut command = Command::new(storescp);
        command.arg("--fork").arg("--output-directory").arg(&received).arg(port.to_string());
        command
    });
    let node = Served::start_with(&format!("{CONFIG}[run]\nslots = 1\n"));
    let destination = format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: STORESCP\naddress: {}\n",
        pacs.address()
    );
    apply(&node, dir.path(), &format!("{WORKFLOW}{destination}"));
    send(&node, "GANTRY", &[phantom(dir.path(), 91)]);
    let first = newest_study(&node);
    wait_for_outcome(&node, &first, "ran");
    let deliveries = wait_for_deliveries(&node, &first, "sent");
    let evidence = files(&received);
    assert_eq!(evidence.len(), 3);

    // While further studies come in and are computed.
    let studies: Vec<_> = (92..96).map(|seed| phantom(dir.path(), seed)).collect();
    let mut sending = Command::new(program())
        .args(["send", &node.address().to_string(), "--called", "GANTRY"])
        .args(&studies)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&node, &["study", "list"], |list| 2 <= list["studies"].as_array().unwrap().len());
    let backup = dir.path().join("backup");
    let made = order(&["backup", "--json", "--data"], &[node.data(), &backup]);
    assert!(2 <= made["studies"].as_u64().unwrap() && 60 < made["contents"].as_u64().unwrap(), "{made}");
    let again =
        Command::new(program()).args(["backup", "--data"]).arg(node.data()).arg(&backup).output().unwrap();
    assert!(!again.status.success(), "a backup is never written over");
    assert!(sending.wait().unwrap().success(), "the node went on receiving");
    drop(node.stop());

    // Everything of the node is gone; another machine has the backup alone.
    fs::remove_dir_all(&received).unwrap();
    fs::create_dir(&received).unwrap();
    let data = dir.path().join("restored");
    let restored = order(&["restore", "--json"], &[&backup, Path::new("--data"), &data]);
    assert_eq!(restored["contents"], made["contents"]);
    let node = Served::start_in(&data, &mut Command::new(program()));
    let known = |list: &Value| list["runs"].as_array().unwrap().iter().all(|run| run["state"] != "running");
    wait_for(&node, &["runs", "list"], known);
    let told = served::ask(&data, &["runs", "list"]);
    let of_first =
        told["runs"].as_array().unwrap().iter().filter(|run| run["study"] == first.as_str()).count();
    assert_eq!(of_first, 1, "nothing runs twice: {told}");
    // What was made before is sent once more from the restored node: the same bytes.
    for delivery in &deliveries {
        let asked = served::ask(&data, &["delivery", "resend", delivery["sopInstance"].as_str().unwrap()]);
        assert!(asked.is_object(), "{asked}");
    }
    wait_for(&node, &["delivery", "list"], |_| {
        let now = files(&received);
        evidence.keys().all(|name| now.get(name).is_some_and(|bytes| bytes.len() == evidence[name].len()))
    });
    let now = files(&received);
    assert!(evidence.iter().all(|(name, bytes)| now[name] == *bytes), "other bytes than before");
}
