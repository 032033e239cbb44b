//! EV5: the same findings rendered elsewhere, on another day, give the same bytes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use gantry_ports::{runs::Runs as _, store::EvidenceRow};
use gantry_sqlite::SqliteStore;
use gantry_tests::{
    notes, peer,
    served::{CONFIG, Served, apply, program, wait_for},
};
use tempfile::TempDir;

use super::{WORKFLOW, phantom, send};

/// A destination that nothing can be sent to; `class` decides whether a result may go there.
fn destination(class: &str) -> String {
    format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: {class} }}\n\
         aeTitle: NOWHERE\naddress: 127.0.0.1:9\n"
    )
}

fn copy(data: &Path, to: PathBuf) -> PathBuf {
    peer::run(Command::new("cp").arg("-a").arg(data).arg(&to));
    to
}

/// Has the quarantined result rendered by a server in this environment; the rows of its evidence.
fn rendered(data: &Path, scratch: &Path, environment: &[(&str, &str)]) -> Vec<EvidenceRow> {
    let mut command = Command::new(program());
    command.envs(environment.iter().copied());
    let served = Served::start_in(data, &mut command);
    apply(&served, scratch, &destination("research"));
    let _retried = served.ask(&["quarantine", "retry", "all"]);
    wait_for(&served, &["delivery", "list"], |list| {
        list["deliveries"].as_array().is_some_and(|all| all.len() == 3)
    });
    drop(served.stop());
    let store = SqliteStore::open(&data.join("gantry.db")).unwrap();
    let mut rows = store.newest_evidence(&"site".parse().unwrap(), 9).unwrap();
    rows.sort_by(|a, b| a.sop_instance.cmp(&b.sop_instance));
    rows
}

#[test]
fn ev5_two_zones_two_hosts_and_another_day_give_the_same_bytes() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", destination("clinical")));
    send(&served, "GANTRY", &[phantom(dir.path(), 41)]);
    let held = wait_for(&served, &["quarantine", "list"], |list| {
        list["quarantine"].as_array().is_some_and(|all| !all.is_empty())
    });
    let why = held["quarantine"][0]["why"].as_str().unwrap();
    assert!(why.contains("publish/class: a result of class research must not go to pacs"), "{why}");
    let stopped = served.stop();
    let library = dir.path().join("elsewhere.so");
    let source = notes::root().join("tests/c/elsewhere.c");
    peer::run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source));
    let here = copy(stopped.data(), dir.path().join("here"));
    let there = copy(stopped.data(), dir.path().join("there"));
    let here = rendered(&here, dir.path(), &[("TZ", "America/St_Johns")]);
    let preload = library.to_str().unwrap();
    let there = rendered(&there, dir.path(), &[("TZ", "Asia/Tokyo"), ("LD_PRELOAD", preload)]);
    let identity = |rows: &[EvidenceRow]| -> Vec<_> {
        rows.iter().map(|row| (row.sop_instance.clone(), row.series.clone(), row.digest)).collect()
    };
    assert_eq!(here.len(), 3);
    assert_eq!(identity(&here), identity(&there));
    let days = there[0].made.since(here[0].made).as_secs() / 86_400;
    assert_eq!(days, 217, "the second server lived on another day");
}
