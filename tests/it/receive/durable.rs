//! RC1: a success on the wire means data and rows on stable storage.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use gantry_tests::{
    notes, peer,
    served::{Served, program},
};
use tempfile::TempDir;

use super::make_objects;

/// One line of the trace that matters: a sync of a file, or a write of a C-STORE-RSP.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Step {
    SyncSegment,
    SyncLog,
    Respond,
}

/// Reads `strace -f -yy` output into the steps between objects.
fn steps(trace: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in trace.lines() {
        let synced = line.contains("fdatasync(") || line.contains("fsync(");
        if synced && line.contains(".segment>") && !line.contains("resumed") {
            steps.push(Step::SyncSegment);
        } else if synced && line.contains("-wal>") {
            steps.push(Step::SyncLog);
        // A response is the only P-DATA-TF (type 4) that the server writes to a socket.
        } else if (line.contains("writev(") || line.contains("sendto(") || line.contains("write("))
            && line.contains("<TCP:")
            && line.contains("\"\\4\\0")
        {
            steps.push(Step::Respond);
        }
    }
    steps
}

#[test]
fn data_then_rows_are_synced_before_each_success() {
    let test = "data_then_rows_are_synced_before_each_success";
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, dir.path(), &["--count", "12"]) else { return };
    let Some(strace) = peer::program(test, "strace") else { return };
    if !can_trace(&strace) {
        // Containers often forbid ptrace; that is no fault of the program, and is said.
        notes::figure(&format!("{test}: ptrace is not allowed here, not checked"));
        return;
    }
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    // A growing segment would be synced when it is made; a spare is there from the second start on.
    fs::write(data.join("gantry.toml"), gantry_tests::served::CONFIG).unwrap();
    drop(Served::start_in(&data, &mut Command::new(program())).stop());
    let trace = dir.path().join("trace");
    let served = Served::start_in(
        &data,
        Command::new(strace)
            .args(["-f", "-yy", "-s", "16", "-e", "trace=fdatasync,fsync,writev,write,sendto", "-o"])
            .arg(&trace)
            .arg(program()),
    );
    send(&served, dir.path());
    drop(served);
    let steps = steps(&fs::read_to_string(&trace).unwrap());
    let responses = steps.iter().filter(|step| **step == Step::Respond).count();
    assert_eq!(responses, 12, "{steps:?}");
    // One object at a time: the two steps before each response are the two syncs, in order.
    for at in (0..steps.len()).filter(|at| steps[*at] == Step::Respond) {
        assert!(
            steps[..at].ends_with(&[Step::SyncSegment, Step::SyncLog]),
            "before response {at}: {:?}",
            &steps[..=at]
        );
    }
}

fn can_trace(strace: &Path) -> bool {
    let tried = Command::new(strace).args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

fn send(served: &Served, path: &Path) {
    let files: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dcm"))
        .collect();
    peer::run(
        Command::new(program())
            .args(["send", &served.address().to_string(), "--called", "GANTRY"])
            .args(files),
    );
}

/// The sender's list of successes is the judge: whatever it holds is there after the restart, whole.
#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let test = "nothing_acknowledged_is_lost_when_the_process_is_killed";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, dir.path(), &["--count", "300", "--size", "64"]) else { return };
    let script = notes::root().join("tests/python/send_and_list.py");
    let mut served = Served::start();
    let mut acknowledged = std::collections::BTreeSet::new();
    for round in 0..10_u64 {
        let list = dir.path().join(format!("list-{round}"));
        let mut sender = Command::new(&python)
            .arg(&script)
            .arg(served.port())
            .arg(dir.path())
            .arg(&list)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Waits for a first success, then a time that differs from round to round.
        while fs::metadata(&list).map_or(0, |list| list.len()) == 0 {
            std::thread::sleep(Duration::from_millis(5));
            assert!(sender.try_wait().unwrap().is_none(), "the sender ended early");
        }
        std::thread::sleep(Duration::from_millis(100 + round * 137 % 600));
        let killed = served.kill();
        sender.wait().unwrap();
        acknowledged.extend(fs::read_to_string(&list).unwrap().lines().map(str::to_owned));
        served = killed.restart();
    }
    let study = super::only_study(&served);
    let kept: std::collections::BTreeSet<String> = super::objects(&study)
        .iter()
        .map(|object| object["sopInstance"].as_str().unwrap().to_owned())
        .collect();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert_eq!(lost, Vec::<&String>::new(), "of {} acknowledged", acknowledged.len());
    assert!(super::objects(&study).iter().all(|object| object["standing"] == "inForce"));
    let out = dir.path().join("export");
    // Export verifies every checksum and fails on damage.
    let uid = study["uid"].as_str().unwrap();
    let exported = served.ask(&["study", "export", uid, "-o", out.to_str().unwrap()]);
    assert_eq!(exported["damaged"], 0);
    notes::figure(&format!("kill -9 while receiving: 10 kills, {} acknowledged, 0 lost", acknowledged.len()));
}
