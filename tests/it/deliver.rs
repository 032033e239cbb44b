//! Delivering to real peers, over the store and the segments of a node.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, Instant as Monotonic},
};

use gantry_definition::package::Class;
use gantry_dicom::{
    part10,
    reader::{self, Limits, Stop},
    syntax, tag,
};
use gantry_dimse::negotiation::Implementation;
use gantry_flow::{
    delivery::{Confirmation, Event, Rules, Stage, State, Trouble, begin, step},
    names::DeliveryKey,
    step::Lane,
};
use gantry_gateway::delivering::{Couriers, Outside, Settings};
use gantry_image::grid::SpacingMm;
use gantry_net::TcpDialer;
use gantry_phantom::{
    acquisition::Acquisition,
    plain::{self, Insert},
    study::{Subject, study},
};
use gantry_ports::{
    blob::Blob as _,
    cases::Cases as _,
    clock::Clock,
    intake::Intake as _,
    news::News,
    runs::Runs as _,
    state::delivery as form,
    store::{Change, DocumentKind, DocumentRow, EvidenceRow, MachineKey, Row, RunRow, Store as _},
};
use gantry_segments::{Reserved, Segments};
use gantry_sqlite::SqliteStore;
use gantry_tests::peer::{self, Listening};
use gantry_types::{
    digest::Digest,
    instant::{Instant, Stamp, UtcOffset},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, Uid},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::send::{PEER, orthanc};

/// Until something that must happen has happened, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Real time, whose calendar can be put forward.
struct Ahead {
    began: Monotonic,
    ahead: AtomicI64,
}

impl Clock for Ahead {
    fn now(&self) -> Instant {
        Instant(self.monotonic().0 + self.ahead.load(Ordering::Relaxed))
    }

    fn offset(&self) -> UtcOffset {
        UtcOffset::UTC
    }

    fn monotonic(&self) -> Instant {
        Instant(i64::try_from(self.began.elapsed().as_micros()).unwrap())
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// A node whose couriers work while it lives.
struct Node {
    store: Arc<SqliteStore>,
    blob: Arc<Segments>,
    clock: Arc<Ahead>,
    news: News,
    running: Option<thread::JoinHandle<()>>,
    _dir: TempDir,
}

/// An object on its way.
struct Sent {
    machine: MachineKey,
    uid: String,
    data_set: Digest,
}

impl Node {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let settings = gantry_segments::Settings {
            segment_bytes: 8 << 20,
            spares: 1,
            reserve_bytes: 0,
            ..gantry_segments::Settings::default()
        };
        Self {
            store: Arc::new(SqliteStore::open(&dir.path().join("gantry.db")).unwrap()),
            blob: Arc::new(
                Segments::open(Reserved::take(&dir.path().join("segments")).unwrap(), settings, 0, &|_| {
                    Ok(None)
                })
                .unwrap(),
            ),
            clock: Arc::new(Ahead { began: Monotonic::now(), ahead: AtomicI64::new(0) }),
            news: News::default(),
            running: None,
            _dir: dir,
        }
    }

    fn commit(&self, rows: Vec<Row>) {
        self.store.commit(&Change { rows, ..Change::default() }).unwrap();
        self.news.tell();
    }

    fn destination(&self, peer: &Listening, rest: &str) {
        let text = format!(
            "apiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs }}\naeTitle: {PEER}\n\
             address: localhost:{}\n{rest}\n",
            peer.address().port()
        );
        self.commit(vec![Row::Document(DocumentRow {
            site: "site".parse().unwrap(),
            kind: DocumentKind::Destination,
            name: "pacs".to_owned(),
            version: 1,
            digest: sha256(text.as_bytes()),
            text,
            applied: self.clock.now(),
        })]);
    }

    /// Keeps a file as evidence, and queues it.
    fn queue(&self, file: &[u8]) -> Sent {
        let located = part10::locate(file).unwrap();
        let encoding = syntax::layout(&located.transfer_syntax).0;
        let data_set = reader::read(located.data_set, encoding, Limits::default(), Stop::AtEnd).data_set;
        let text = |tag| data_set.str(tag).unwrap();
        let kept = self.blob.append(&mut &*file, b"evidence").unwrap();
        self.blob.sync(&[kept.reference]).unwrap();
        let site: gantry_types::ids::SiteId = "site".parse().unwrap();
        let study = StudyInstanceUid::parse(text(tag::STUDY_INSTANCE_UID)).unwrap();
        let uid = SopInstanceUid::parse(text(tag::SOP_INSTANCE_UID)).unwrap();
        let evidence = EvidenceRow {
            site: site.clone(),
            sop_instance: uid.clone(),
            sop_class: SopClassUid::parse(text(tag::SOP_CLASS_UID)).unwrap(),
            transfer_syntax: located.transfer_syntax.clone(),
            study: study.clone(),
            series: SeriesInstanceUid::parse(text(tag::SERIES_INSTANCE_UID)).unwrap(),
            run: "r".parse().unwrap(),
            task: "t".parse().unwrap(),
            destination: "pacs".parse().unwrap(),
            class: Class::Clinical,
            blob: kept.reference,
            head_bytes: u32::try_from(file.len() - located.data_set.len()).unwrap(),
            digest: kept.digest,
            made: self.clock.now(),
        };
        let delivery = DeliveryKey { sop_instance: uid.clone(), destination: "pacs".parse().unwrap() };
        let machine = form::key(&site, &study, &delivery);
        let begun = begin(delivery, Lane::Routine, self.clock.now());
        if self.store.run(&evidence.run).unwrap().is_none() {
            self.commit(vec![Row::Run(run(&evidence))]);
        }
        self.commit(vec![Row::Evidence(evidence), Row::Machine(form::row(machine.clone(), &begun, 1))]);
        Sent { machine, uid: uid.to_string(), data_set: sha256(located.data_set) }
    }

    fn start(&mut self) {
        let outside = Outside {
            store: self.store.clone(),
            cases: self.store.clone(),
            runs: self.store.clone(),
            definitions: self.store.clone(),
            blob: self.blob.clone(),
            clock: self.clock.clone(),
            dial: Arc::new(TcpDialer),
            say: Arc::new(|_: &str| {}),
        };
        let implementation = Implementation {
            class: Uid::from_peer(part10::IMPLEMENTATION_CLASS_UID).unwrap(),
            version: "GANTRY_TEST".into(),
            maximum_length: 128 << 10,
        };
        let settings =
            Settings { site: "site".parse().unwrap(), node: "node".parse().unwrap(), implementation };
        let (couriers, news) = (Couriers::new(outside, settings), self.news.clone());
        self.running = Some(thread::spawn(move || couriers.run(&news)));
    }

    fn state(&self, sent: &Sent) -> State {
        form::state(&self.store.machine(&sent.machine).unwrap().unwrap()).unwrap()
    }

    #[track_caller]
    fn until(&self, sent: &Sent, is_there: impl Fn(&Stage) -> bool) -> State {
        let deadline = Monotonic::now() + PATIENCE;
        loop {
            let state = self.state(sent);
            if is_there(&state.stage) {
                return state;
            }
            assert!(Monotonic::now() < deadline, "{state:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A person's wish that an object be sent once more.
    fn resend(&self, sent: &Sent) {
        let row = self.store.machine(&sent.machine).unwrap().unwrap();
        let wish = Event::Send { by: "anna".into() };
        let step = step(&Rules::default(), &form::state(&row).unwrap(), wish, self.clock.now());
        self.commit(vec![Row::Machine(form::row(sent.machine.clone(), &step, row.version + 1))]);
    }

    /// The actions of the audit trail about an object, oldest first.
    fn audit(&self, sent: &Sent) -> Vec<String> {
        let rows = self.store.audit(10_000).unwrap().into_iter().rev();
        rows.filter(|row| row.subject == sent.uid).map(|row| row.action).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.news.end();
        if let Some(running) = self.running.take() {
            // One that panicked has failed the test by what it did not do.
            let _fell = running.join();
        }
    }
}

/// The run that it comes from.
fn run(evidence: &EvidenceRow) -> RunRow {
    RunRow {
        id: evidence.run.clone(),
        site: evidence.site.clone(),
        study: evidence.study.clone(),
        workflow: "chest".parse().unwrap(),
        version: 1,
        digest: Digest([0; 32]),
        ordinal: 1,
        began: Stamp { at: evidence.made, offset: UtcOffset::UTC },
        lane: Lane::Routine,
        packages: Vec::new(),
    }
}

fn is_sent(stage: &Stage) -> bool {
    matches!(stage, Stage::Sent { confirmation: Confirmation::NotAsked, .. })
}

/// Slices of a phantom, as files.
fn slices(count: usize, spacing_mm: f64) -> Vec<Vec<u8>> {
    let spacing = SpacingMm { row: spacing_mm, column: spacing_mm, slice: 20.0 };
    let phantom = plain::water(1, spacing, Insert::Nothing).unwrap();
    let subject = Subject { patient_name: "Phantom^Water", seed: 1 };
    let files = study(&phantom.hu, subject, &Acquisition::default()).unwrap();
    files.into_iter().take(count).map(|file| file.bytes).collect()
}

/// DL1: whatever a peer does, an object comes to it with its own UID and its own bytes, every time; and none waits
/// for another's sake.
#[test]
fn dl1_retries_bring_the_same_bytes_whatever_the_peer_does() {
    let test = "dl1_retries_bring_the_same_bytes_whatever_the_peer_does";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let (plan, log) = (dir.path().join("plan.json"), dir.path().join("log"));
    fs::write(&log, "").unwrap();
    let mut node = Node::new();
    let files = slices(7, 2.0);
    assert_eq!(files.len(), 7);
    let sent: Vec<Sent> = files.iter().map(|file| node.queue(file)).collect();
    let [plain, busy, refused, aborted, stalled, warned, last] = &sent[..] else { unreachable!("seven") };
    let answers: [(&Sent, &[&str]); 5] = [
        (busy, &["A700", "0111"]),
        (refused, &["C000", "C000", "C000", "0000"]),
        (aborted, &["abort", "abort"]),
        (stalled, &["stall"]),
        (warned, &["B000"]),
    ];
    let answers: BTreeMap<&str, &[&str]> =
        answers.into_iter().map(|(sent, answers)| (sent.uid.as_str(), answers)).collect();
    fs::write(&plan, json!(answers).to_string()).unwrap();
    let receiver = Listening::start(|port| {
        let mut command = Command::new(python);
        command.arg("tests/python/awkward_receiver.py").current_dir(gantry_tests::notes::root());
        command.arg(port.to_string()).arg(&plan).arg(&log);
        command
    });
    node.destination(
        &receiver,
        "timeouts: { connect: 2s, response: 2s }\nretry: { backoff: 1s, longest: 2s }",
    );
    let began = Monotonic::now();
    node.start();
    for (sent, failures) in [(plain, 0..=0), (warned, 0..=0), (last, 0..=0), (busy, 1..=1), (stalled, 1..=1)]
    {
        let state = node.until(sent, is_sent);
        assert!(failures.contains(&state.failures), "{state:?}");
    }
    // The first time the association may have been a used one, which is tried once more at once.
    assert_eq!(node.until(aborted, is_sent).failures.clamp(1, 2), node.state(aborted).failures);
    let state = node.until(refused, |stage| matches!(stage, Stage::Quarantined { .. }));
    assert!(matches!(state.stage, Stage::Quarantined { why: Trouble::Status(0xC000), .. }), "{state:?}");
    node.resend(refused);
    node.until(refused, is_sent);
    gantry_tests::notes::figure(&format!("delivering past a bad peer: {:?}", began.elapsed()));

    let log = read(&log);
    for one in &sent {
        let came: Vec<&Value> = log.iter().filter(|line| line["uid"] == one.uid.as_str()).collect();
        let wanted = answers.get(one.uid.as_str()).map_or(1, |answers| match answers {
            ["abort", ..] | ["stall"] => answers.len() + 1,
            _ => answers.len(),
        });
        assert_eq!(came.len(), wanted, "{came:?}");
        for line in came.iter().filter(|line| line["answer"] != "abort") {
            let digest = line["sha256"].as_str().unwrap();
            assert_eq!(format!("sha256:{digest}"), one.data_set.to_string(), "{line}");
        }
    }
    // Nothing else came, under no other UID.
    assert!(log.iter().all(|line| sent.iter().any(|one| line["uid"] == one.uid.as_str())));
    // What came behind the refused and the stalled one did not wait for them.
    let place = |of: &Sent, nth: usize| {
        let mut places = (0..log.len()).filter(|at| log[*at]["uid"] == of.uid.as_str());
        places.nth(nth).unwrap()
    };
    assert!(place(last, 0) < place(refused, 1) && place(last, 0) < place(stalled, 1), "{log:?}");
    assert_eq!(
        node.audit(refused),
        ["delivery/refused", "delivery/refused", "delivery/quarantined", "delivery/sent"]
    );
    assert_eq!(node.audit(stalled), ["delivery/broken", "delivery/sent"]);
}

fn read(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn storescp_gets_a_study_over_one_association() {
    let test = "storescp_gets_a_study_over_one_association";
    let Some(program) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let storescp = Listening::start(|port| {
        let mut command = Command::new(program);
        command.arg("--verbose").arg("--output-directory").arg(dir.path()).arg(port.to_string());
        command
    });
    let mut node = Node::new();
    node.destination(&storescp, "");
    let sent: Vec<Sent> = slices(3, 16.0).iter().map(|file| node.queue(file)).collect();
    node.start();
    for one in &sent {
        assert_eq!(node.until(one, is_sent).failures, 0);
        assert_eq!(node.audit(one), ["delivery/sent"]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    let said = storescp.said();
    assert_eq!(said.matches("Association Acknowledged").count(), 1, "{said}");
}

#[test]
fn orthanc_is_asked_and_confirms_a_study() {
    let test = "orthanc_is_asked_and_confirms_a_study";
    let Some(program) = peer::program(test, "Orthanc") else { return };
    let dir = TempDir::new().unwrap();
    let orthanc = orthanc(&program, dir.path());
    let mut node = Node::new();
    node.destination(&orthanc, "confirm: query");
    let sent: Vec<Sent> = slices(3, 16.0).iter().map(|file| node.queue(file)).collect();
    node.start();
    for one in &sent {
        node.until(one, |stage| matches!(stage, Stage::Confirming { .. }));
    }
    // An archive is given some seconds before it is asked.
    node.clock.ahead.fetch_add(6_000_000, Ordering::Relaxed);
    node.news.tell();
    for one in &sent {
        node.until(one, |stage| matches!(stage, Stage::Confirmed { .. }));
        assert_eq!(node.audit(one), ["delivery/sent", "delivery/confirmed"]);
    }
}
