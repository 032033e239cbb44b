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

/// A node with one slot, and a PACS that it delivers to.
fn at_work(storescp: &Path, dir: &Path, received: &Path) -> (Listening, Served) {
    let pacs = Listening::start(|port| {
        let mut command = Command::new(storescp);
        command.arg("--fork").arg("--output-directory").arg(received).arg(port.to_string());
        command
    });
    let node = Served::start_with(&format!("{CONFIG}[run]\nslots = 1\n"));
    let destination = format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: STORESCP\naddress: {}\n",
        pacs.address()
    );
    apply(&node, dir, &format!("{WORKFLOW}{destination}"));
    (pacs, node)
}

/// A backup that lost a byte, or was never finished, is not restored as if nothing were wrong.
#[track_caller]
fn check_that_damage_is_told(backup: &Path, dir: &Path) {
    let copied = dir.join("damaged");
    peer::run(Command::new("cp").arg("-r").arg(backup).arg(&copied));
    let restore = |to: &str| {
        let mut command = Command::new(program());
        let output = command.arg("restore").arg(&copied).arg("--data").arg(dir.join(to)).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let segments = fs::read_dir(copied.join("segments")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segments.filter(|path| path.extension().is_some_and(|end| end == "segment")).min().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // Within the content of the first record: behind the header's page and the record's block.
    bytes[4096 + 512 + 1000] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let (restored, said) = restore("from-damaged");
    assert!(!restored && said.contains("backup/damaged"), "{said}");
    fs::remove_file(copied.join("gantry.toml")).unwrap();
    let (restored, said) = restore("from-unfinished");
    assert!(!restored && said.contains("is no data folder"), "{said}");
}

#[test]
fn a_backup_under_load_is_restored_and_goes_on() {
    let test = "a_backup_under_load_is_restored_and_goes_on";
    let Some(storescp) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let received = dir.path().join("received");
    fs::create_dir(&received).unwrap();
    let (_pacs, node) = at_work(&storescp, dir.path(), &received);
    send(&node, "GANTRY", &[phantom(dir.path(), 91)]);
    let first = newest_study(&node);
    wait_for_outcome(&node, &first, "ran");
    let deliveries = wait_for_deliveries(&node, &first, "sent");
    let evidence = files(&received);
    assert_eq!(evidence.len(), 3);

    // While further studies wait to be computed, and more come in.
    let studies: Vec<_> = (92..100).map(|seed| phantom(dir.path(), seed)).collect();
    let (waiting, coming) = studies.split_at(6);
    waiting.iter().for_each(|study| send(&node, "GANTRY", &[study]));
    let mut sending = Command::new(program())
        .args(["send", &node.address().to_string(), "--called", "GANTRY"])
        .args(coming)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let backup = dir.path().join("backup");
    let made = order(&["backup", "--json", "--data"], &[node.data(), &backup]);
    assert!(7 <= made["studies"].as_u64().unwrap() && 300 < made["contents"].as_u64().unwrap(), "{made}");
    let again =
        Command::new(program()).args(["backup", "--data"]).arg(node.data()).arg(&backup).output().unwrap();
    assert!(!again.status.success(), "a backup is never written over");
    let running = |list: &Value| -> Vec<Value> {
        let all = list["runs"].as_array().unwrap().iter();
        all.filter(|run| run["state"] == "running").map(|run| run["run"].clone()).collect()
    };
    let under_way = running(&served::ask(&backup, &["runs", "list"]));
    assert!(!under_way.is_empty(), "nothing was under way: the backup proves little");
    assert!(sending.wait().unwrap().success(), "the node went on receiving");
    drop(node.stop());

    // Everything of the node is gone; another machine has the backup alone.
    fs::remove_dir_all(&received).unwrap();
    fs::create_dir(&received).unwrap();
    check_that_damage_is_told(&backup, dir.path());
    let data = dir.path().join("restored");
    let restored = order(&["restore", "--json"], &[&backup, Path::new("--data"), &data]);
    assert_eq!(restored["contents"], made["contents"]);
    let node = Served::start_in(&data, &mut Command::new(program()));
    wait_for(&node, &["runs", "list"], |list| running(list).is_empty());
    let told = served::ask(&data, &["runs", "list"]);
    let all = told["runs"].as_array().unwrap();
    assert_eq!(
        all.iter().filter(|run| run["study"] == first.as_str()).count(),
        1,
        "nothing runs twice: {told}"
    );
    // What was under way may have given results elsewhere: it is made anew, under other UIDs.
    for run in &under_way {
        let old = all.iter().find(|one| one["run"] == *run).unwrap();
        let anew = all.iter().find(|one| one["study"] == old["study"] && one["payload"] == 2);
        assert_eq!((&old["state"], &anew.unwrap()["state"]), (&"cancelled".into(), &"ran".into()), "{told}");
    }
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
