//! RC1: a success on the wire means data and rows on stable storage.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
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

/// Reads `strace -f -yy` output into the steps between objects. A sync counts when it has come back without an error,
/// a response when its write begins. The log must be synced by `fdatasync`: `fsync` would also wait for the file's time
/// stamps. Only the log syncs of the thread that syncs data count: those of the conductor keep no object.
fn steps(trace: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut begun = BTreeMap::new();
    for line in trace.lines() {
        let thread = line.split_whitespace().next();
        let sync = match line.contains("fdatasync(") {
            true if line.contains(".segment>") => Some(Step::SyncSegment),
            true if line.contains("-wal>") => Some(Step::SyncLog),
            _ if line.contains("<... fdatasync resumed>") => begun.remove(&thread),
            _ => None,
        };
        match sync {
            Some(sync) if line.ends_with("<unfinished ...>") => drop(begun.insert(thread, sync)),
            Some(sync) if line.ends_with(" = 0") => steps.push((thread, sync)),
            Some(_) => {}
            // A response is the only P-DATA-TF (type 4) that the server writes to a socket.
            None if ["writev(", "sendto(", "write("].iter().any(|call| line.contains(call))
                && line.contains("<TCP:")
                && line.contains("\"\\4\\0") =>
            {
                steps.push((thread, Step::Respond));
            }
            None => {}
        }
    }
    let mut data = BTreeMap::<_, usize>::new();
    let of_data = steps.iter().filter(|(_, step)| *step == Step::SyncSegment);
    of_data.for_each(|(thread, _)| *data.entry(*thread).or_default() += 1);
    let keeper = data.into_iter().max_by_key(|(_, count)| *count).map(|(thread, _)| thread);
    let counts = |(thread, step): &(Option<&str>, Step)| *step != Step::SyncLog || Some(*thread) == keeper;
    steps.into_iter().filter(counts).map(|(_, step)| step).collect()
}

/// The steps of a server that receives twelve objects one by one, started by `command`.
fn steps_of_twelve(dir: &Path, strace: &Path, preload: Option<&Path>) -> Vec<Step> {
    let data = dir.join("data");
    fs::create_dir(&data).unwrap();
    // A growing segment would be synced when it is made; a spare is there from the second start on.
    fs::write(data.join("gantry.toml"), gantry_tests::served::CONFIG).unwrap();
    drop(Served::start_in(&data, &mut Command::new(program())).stop());
    let trace = dir.join("trace");
    let mut command = Command::new(strace);
    command.args(["-D", "-f", "-yy", "-s", "16", "-e", "trace=fdatasync,fsync,writev,write,sendto"]);
    if let Some(library) = preload {
        command.arg("-E").arg(format!("LD_PRELOAD={}", library.display()));
    }
    command.arg("-o").arg(&trace).arg(program());
    let served = Served::start_in(&data, &mut command);
    send(&served, dir);
    let pid = served.pid().to_string();
    let is_last = |line: &str| line.split_whitespace().eq([&pid, "+++", "exited", "with", "0", "+++"]);
    drop(served.stop());
    // strace writes on for a moment.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let trace = fs::read_to_string(&trace).unwrap();
        if trace.lines().any(is_last) {
            return steps(&trace);
        }
        assert!(Instant::now() < deadline, "{trace}");
    }
}

/// Whether each of twelve responses comes after the sync of its data and then of its rows.
fn is_durable(steps: &[Step]) -> bool {
    let responses = (0..steps.len()).filter(|at| steps[*at] == Step::Respond);
    let sound = responses.filter(|at| steps[..*at].ends_with(&[Step::SyncSegment, Step::SyncLog]));
    sound.count() == 12
}

/// Twelve objects and strace, or a note why not.
fn prepared(test: &str, dir: &Path) -> Option<std::path::PathBuf> {
    make_objects(test, dir, &["--count", "12"])?;
    tracer(test)
}

/// strace, where it may be used. With `-D` the traced program is the child, not strace: it ends when the test ends.
pub(super) fn tracer(test: &str) -> Option<std::path::PathBuf> {
    let strace = peer::program(test, "strace")?;
    if can_trace(&strace) {
        return Some(strace);
    }
    // Containers often forbid ptrace; that is no fault of the program, and is said.
    notes::figure(&format!("{test}: ptrace is not allowed here, not checked"));
    None
}

#[test]
fn data_then_rows_are_synced_before_each_success() {
    let test = "data_then_rows_are_synced_before_each_success";
    let dir = TempDir::new().unwrap();
    let Some(strace) = prepared(test, dir.path()) else { return };
    let steps = steps_of_twelve(dir.path(), &strace, None);
    assert!(is_durable(&steps), "{steps:?}");
}

/// The check above is worth something: it fails where nothing is synced.
#[test]
fn swallowed_syncs_are_noticed() {
    let test = "swallowed_syncs_are_noticed";
    let dir = TempDir::new().unwrap();
    let Some(strace) = prepared(test, dir.path()) else { return };
    let library = dir.path().join("no_sync.so");
    let source = notes::root().join("tests/c/no_sync.c");
    peer::run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source));
    let steps = steps_of_twelve(dir.path(), &strace, Some(&library));
    assert_eq!(steps.iter().filter(|step| **step == Step::Respond).count(), 12);
    assert!(!is_durable(&steps), "{steps:?}");
}

#[test]
fn a_sync_counts_when_it_has_come_back_without_an_error() {
    let segment = "7 fdatasync(3</d/1.segment>";
    let respond = "8 writev(9<TCP:[a]>, [{iov_base=\"\\4\\0\"...";
    let after = format!("{segment} <unfinished ...>\n{respond}) = 8\n7 <... fdatasync resumed>) = 0");
    assert_eq!(steps(&after), [Step::Respond, Step::SyncSegment]);
    assert_eq!(steps(&format!("{segment}) = -1 EIO (Input/output error)\n{respond}) = 8")), [Step::Respond]);
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
