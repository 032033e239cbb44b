//! RC3 and RC5: every limit is crossed once, and the answer is the right one on the wire.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gantry_tests::{
    corpus, notes, peer,
    served::{CONFIG, Served, program},
};
use tempfile::TempDir;

use super::{durable, make_objects};

/// An A-ASSOCIATE-RQ for verification.
fn associate_rq(called: &str) -> Vec<u8> {
    fn item(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 0, length[0], length[1]], body].concat()
    }
    let context =
        [&[1, 0, 0, 0][..], &item(0x30, b"1.2.840.10008.1.1"), &item(0x40, b"1.2.840.10008.1.2")].concat();
    let user = [item(0x51, &[0, 0, 0x40, 0]), item(0x52, b"1.2.3.4")].concat();
    let mut body = vec![0, 1, 0, 0];
    body.extend(format!("{called:<16}{:<16}", "LIMITS").bytes());
    body.extend([0; 32]);
    body.extend(item(0x10, b"1.2.840.10008.3.1.1.1"));
    body.extend(item(0x20, &context));
    body.extend(item(0x50, &user));
    [&[1, 0][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), &body].concat()
}

/// One PDU: type and body; nothing at the end of the stream.
fn read_pdu(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 6];
    stream.read_exact(&mut header).ok()?;
    let length = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
    let mut body = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some((header[0], body))
}

pub(super) fn associate(served: &Served, called: &str) -> (TcpStream, Option<(u8, Vec<u8>)>) {
    let mut stream = served.connect().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(&associate_rq(called)).unwrap();
    let answer = read_pdu(&mut stream);
    (stream, answer)
}

#[track_caller]
pub(super) fn check_rejected(served: &Served, called: &str, codes: [u8; 3]) {
    let (_, answer) = associate(served, called);
    let (kind, body) = answer.expect("an answer");
    assert_eq!((kind, &body[1..]), (3, &codes[..]));
}

#[track_caller]
fn check_echo(served: &Served) -> Duration {
    let started = Instant::now();
    peer::run(Command::new(program()).args(["echo", &served.address().to_string(), "--called", "GANTRY"]));
    started.elapsed()
}

#[test]
fn an_unknown_called_title_is_rejected_and_listed() {
    let served = Served::start();
    check_rejected(&served, "NOBODY", [1, 1, 7]);
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let refused = served.ask(&["source", "refused"]);
        if refused["refused"][0]["calling"] == "LIMITS" {
            assert_eq!(refused["refused"][0]["called"], "NOBODY");
            assert_eq!(refused["refused"][0]["address"], "127.0.0.1");
            assert!(refused["refused"][0]["reason"].as_str().unwrap().starts_with("1/1/7"));
            return;
        }
        assert!(Instant::now() < deadline, "{refused}");
    }
}

#[test]
fn associations_beyond_the_limits_are_rejected_for_now() {
    for (in_all, per_peer) in [(9, 2), (2, 9)] {
        check_limit(in_all, per_peer);
    }
}

/// Two associations are let in, the third is not, until the two are gone.
#[track_caller]
fn check_limit(in_all: usize, per_peer: usize) {
    let limits = format!("[dicom]\nassociations = {in_all}\nassociations_per_peer = {per_peer}");
    let served = Served::start_with(&CONFIG.replace("[dicom]", &limits));
    let held: Vec<TcpStream> = (0..2)
        .map(|_| {
            let (stream, answer) = associate(&served, "GANTRY");
            assert_eq!(answer.map(|(kind, _)| kind), Some(2));
            stream
        })
        .collect();
    check_rejected(&served, "GANTRY", [2, 3, 2]);
    drop(held);
    // The places come back when the connections are gone.
    let deadline = Instant::now() + Duration::from_secs(5);
    while associate(&served, "GANTRY").1.map(|(kind, _)| kind) != Some(2) {
        assert!(Instant::now() < deadline, "the places did not come back");
    }
}

/// A disk that takes 0.3 s for each sync, a queue of one: while one object is being kept and one waits, no more come in.
#[test]
fn associations_are_rejected_for_now_while_the_queue_is_full() {
    let test = "associations_are_rejected_for_now_while_the_queue_is_full";
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, dir.path(), &["--count", "3", "--size", "16"]) else { return };
    let Some(strace) = durable::tracer(test) else { return };
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("gantry.toml"), CONFIG.replace("[dicom]", "[dicom]\nqueue = 1")).unwrap();
    let mut command = Command::new(strace);
    command.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync"]);
    command.args(["-e", "inject=fdatasync:delay_enter=300000"]).arg(program());
    let served = Served::start_in(&data, &mut command);
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let mut sender = Command::new(program());
            sender.args(["send", &served.address().to_string(), "--called", "GANTRY"]).arg(dir.path());
            sender.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, answer) = associate(&served, "GANTRY");
        if let Some((3, body)) = answer {
            assert_eq!(&body[1..], [2, 3, 1]);
            break;
        }
        assert!(Instant::now() < deadline, "the queue was never full");
    }
    for mut sender in senders {
        // One that came while the queue was full was told so, and its objects stay with it.
        let _rejected = sender.wait().unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while associate(&served, "GANTRY").1.map(|(kind, _)| kind) != Some(2) {
        assert!(Instant::now() < deadline, "the door stays shut");
    }
}

#[test]
fn a_pdu_above_the_cap_is_answered_with_abort() {
    let config = CONFIG.replace("[dicom]", "[dicom]\npdu_bytes_max = 1048576");
    let served = Served::start_with(&config);
    let (mut stream, answer) = associate(&served, "GANTRY");
    assert_eq!(answer.map(|(kind, _)| kind), Some(2));
    stream.write_all(&[4, 0, 0, 0x20, 0, 0]).unwrap();
    assert_eq!(read_pdu(&mut stream), Some((7, vec![0, 0, 2, 6])));
}

#[test]
fn an_idle_association_is_aborted_and_a_silent_connection_closed() {
    let config = CONFIG.replace("artim_secs = 2", "artim_secs = 1").replace("idle_secs = 4", "idle_secs = 1");
    let served = Served::start_with(&config);
    let mut silent = served.connect().unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (mut idle, answer) = associate(&served, "GANTRY");
    assert_eq!(answer.map(|(kind, _)| kind), Some(2));
    assert_eq!(read_pdu(&mut idle), Some((7, vec![0, 0, 2, 0])));
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0, "ARTIM closes it");
}

#[test]
fn five_hundred_silent_sockets_do_not_delay_an_echo() {
    let served = Served::start_with(&CONFIG.replace("artim_secs = 2", "artim_secs = 60"));
    let quiet = check_echo(&served);
    let held: Vec<TcpStream> = (0..500).map(|_| served.connect().unwrap()).collect();
    let crowded = check_echo(&served);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    notes::figure(&format!(
        "C-ECHO alone {quiet:.1?}, with 500 silent sockets {crowded:.1?}, load {load:.4}"
    ));
    // The peers of the field stop for 29 s here.
    assert!(crowded < quiet + Duration::from_secs(1), "{crowded:?}; load {load}");
    drop(held);
}

#[test]
fn at_the_disk_reserve_objects_are_refused_with_a700_and_taken_again_later() {
    let test = "at_the_disk_reserve_objects_are_refused_with_a700_and_taken_again_later";
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, &dir.path().join("objects"), &["--count", "2"]) else { return };
    // The disk has room for two GiB more than the reserve; somebody else takes three of them, and gives them back.
    let filler = dir.path().join("filler");
    let free_mib = {
        let output = peer::run(Command::new("df").args(["-BM", "--output=avail"]).arg(dir.path()));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().nth(1).unwrap().trim().trim_end_matches('M').parse::<u64>().unwrap()
    };
    assert!(4096 < free_mib, "{free_mib} MiB are free: too few for this test");
    let reserve = format!("reserve_mib = {}", free_mib - 2048);
    let served = Served::start_with(&CONFIG.replace("reserve_mib = 16", &reserve));
    let send = |served: &Served| {
        Command::new(program())
            .args(["send", &served.address().to_string(), "--called", "GANTRY"])
            .arg(dir.path().join("objects"))
            .output()
            .unwrap()
    };
    peer::run(Command::new("fallocate").args(["-l", "3GiB"]).arg(&filler));
    let refused = send(&served);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("status A700") && said.contains("reserve"), "{said}");
    assert_eq!(served.ask(&["study", "list"])["studies"].as_array().unwrap().len(), 0);
    fs::remove_file(&filler).unwrap();
    assert!(send(&served).status.success(), "it recovers by itself");
}

#[test]
fn an_object_above_the_limit_is_refused_and_the_next_is_taken() {
    let test = "an_object_above_the_limit_is_refused_and_the_next_is_taken";
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, &dir.path().join("1"), &["--size", "800", "--study", "large"]) else {
        return;
    };
    let Some(()) = make_objects(test, &dir.path().join("2"), &["--study", "small"]) else { return };
    let served = Served::start_with(&CONFIG.replace("[storage]", "[storage]\nobject_mib_max = 1"));
    let output = Command::new(program())
        .args(["send", &served.address().to_string(), "--called", "GANTRY"])
        .arg(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("status A700") && said.contains("larger than 1048576 bytes"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("sent 1 of 2"));
    assert_eq!(served.ask(&["study", "list"])["studies"].as_array().unwrap().len(), 1);
}

/// Streams of hostile clients; after each the door still answers.
#[test]
fn hostile_streams_leave_the_door_open() {
    let test = "hostile_streams_leave_the_door_open";
    let Some(shared) = corpus::shared(test) else { return };
    let config = CONFIG
        .replace("artim_secs = 2", "artim_secs = 1")
        .replace("idle_secs = 4", "idle_secs = 1")
        .replace("[dicom]", "[dicom]\nae_title = \"ANY-SCP\"");
    let served = Served::start_with(&config);
    let entries: Vec<_> = corpus::entries(&shared)
        .into_iter()
        .filter(|entry| entry["paths"][0].as_str().unwrap().ends_with(".pdu"))
        .collect();
    // Most of them end by a timeout of the door, so they wait side by side.
    std::thread::scope(|scope| {
        for some in entries.chunks(8) {
            let (served, shared) = (&served, &shared);
            scope.spawn(move || some.iter().for_each(|entry| check_stream(served, shared, entry)));
        }
    });
    let echo = Command::new(program())
        .args(["echo", &served.address().to_string(), "--called", "ANY-SCP"])
        .status()
        .unwrap();
    assert!(echo.success());
    notes::figure(&format!(
        "hostile streams: {} answered or closed, the door open afterwards",
        entries.len()
    ));
}

fn check_stream(served: &Served, shared: &std::path::Path, entry: &serde_json::Value) {
    let path = entry["paths"][0].as_str().unwrap();
    let bytes = fs::read(shared.join("data").join(path)).unwrap();
    let mut stream = served.connect().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    // The door may have closed already: that is an answer.
    let _closed = stream.write_all(&bytes);
    let mut got = Vec::new();
    let read = (&stream).take(1 << 20).read_to_end(&mut got);
    let timed_out = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!timed_out, "{path}: neither answered nor closed");
    let must = entry["facts"]["must"].as_str().unwrap_or_default();
    if must == "A-ASSOCIATE-AC, C-ECHO-RSP 0000, A-RELEASE-RP" {
        assert!(got.starts_with(&[2]) && got.ends_with(&[6, 0, 0, 0, 0, 4, 0, 0, 0, 0]), "{path}: {got:?}");
    }
    // Only where one answer is allowed.
    let is_only = |answer| must.starts_with(answer) && !must.contains(" or ");
    if is_only("A-ABORT") {
        let abort = got.len().checked_sub(10).map(|at| &got[at..at + 6]);
        assert_eq!(abort, Some(&[7, 0, 0, 0, 0, 4][..]), "{path}: {got:?}");
    }
    if is_only("A-ASSOCIATE-RJ") {
        assert!(got.starts_with(&[3]), "{path}: {got:?}");
    }
}
