//! Deliveries to peers whose every answer is a case, over memory twins and loopback.

mod class;
mod patient;
mod peer;
mod refused;
mod sabotage;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use gantry_definition::package::Class;
use gantry_dicom::syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use gantry_flow::{
    delivery::{Asked, Confirmation, Trouble, Withheld, begin, step},
    names::DeliveryKey,
    step::{Fence, Lane},
};
use gantry_net::{TcpDialer, TcpDoor};
use gantry_ports::{
    blob::BlobRef,
    intake::Intake as _,
    memory::{MemoryBlob, MemoryStore},
    state::delivery as form,
    store::{Change, DocumentKind, DocumentRow, EvidenceRow, MachineKey, Row},
};
use gantry_types::{
    digest::Digest,
    instant::UtcOffset,
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid, Uid},
};
use sha2::{Digest as _, Sha256};

use super::*;
use peer::{Peer, Play};

const SEG: &str = "1.2.840.10008.5.1.4.1.1.66.4";
const SR: &str = "1.2.840.10008.5.1.4.1.1.88.34";
const SC: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Until something that must happen has happened, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Real time, whose calendar can be put forward.
struct Ahead {
    began: std::time::Instant,
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

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn site() -> SiteId {
    "site".parse().unwrap()
}

fn study() -> StudyInstanceUid {
    StudyInstanceUid::parse("1.2").unwrap()
}

/// A node with couriers; they work while it lives.
struct Node {
    store: Arc<MemoryStore>,
    blob: Arc<MemoryBlob>,
    clock: Arc<Ahead>,
    couriers: Arc<Couriers>,
    news: News,
    said: Arc<Mutex<Vec<String>>>,
    running: Option<thread::JoinHandle<()>>,
}

impl Node {
    fn new() -> Self {
        Self::with_runs(|store| store)
    }

    fn with_runs(runs: impl FnOnce(Arc<MemoryStore>) -> Arc<dyn Runs>) -> Self {
        let store = Arc::new(MemoryStore::default());
        let blob = Arc::new(MemoryBlob::new(64 << 20, digest));
        let clock = Arc::new(Ahead { began: std::time::Instant::now(), ahead: AtomicI64::new(0) });
        let said = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&said);
        let outside = Outside {
            store: store.clone(),
            cases: store.clone(),
            runs: runs(store.clone()),
            definitions: store.clone(),
            blob: blob.clone(),
            clock: clock.clone(),
            dial: Arc::new(TcpDialer),
            say: Arc::new(move |sentence: &str| hears.lock().unwrap().push(sentence.to_owned())),
        };
        let implementation = Implementation {
            class: Uid::from_peer("1.2.3").unwrap(),
            version: "TEST".into(),
            maximum_length: 16_384,
        };
        let settings = Settings { site: site(), node: "node-a".parse().unwrap(), implementation };
        let couriers = Arc::new(Couriers::new(outside, settings));
        Self { store, blob, clock, couriers, news: News::default(), said, running: None }
    }

    fn commit(&self, rows: Vec<Row>) {
        self.store.commit(&Change { rows, ..Change::default() }).unwrap();
        self.news.tell();
    }

    /// A destination on a port of loopback.
    fn destination(&self, name: &str, port: u16, rest: &str) {
        let text = format!(
            "apiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: {name}, class: research }}\n\
             aeTitle: PEER\naddress: 127.0.0.1:{port}\n{rest}\n"
        );
        let row = DocumentRow {
            site: site(),
            kind: DocumentKind::Destination,
            name: name.to_owned(),
            version: 1,
            digest: digest(text.as_bytes()),
            text,
            applied: Instant(0),
        };
        gantry_ports::definitions::body(&row).unwrap();
        self.commit(vec![Row::Document(row)]);
    }

    /// An object, and its delivery.
    fn object(&self, number: usize, class: &str, lane: Lane, destination: &str) -> MachineKey {
        let bytes = content(number, 1000);
        self.object_of(number, class, lane, destination, &bytes, digest(&bytes))
    }

    fn object_of(
        &self,
        number: usize,
        class: &str,
        lane: Lane,
        destination: &str,
        bytes: &[u8],
        digest: Digest,
    ) -> MachineKey {
        let blob: BlobRef = self.blob.append(&mut &*bytes, b"").unwrap().reference;
        let sop_instance = uid(number);
        let evidence = EvidenceRow {
            site: site(),
            sop_instance: sop_instance.clone(),
            sop_class: SopClassUid::parse(class).unwrap(),
            transfer_syntax: TransferSyntaxUid::parse(EXPLICIT_VR_LITTLE_ENDIAN).unwrap(),
            study: study(),
            series: SeriesInstanceUid::parse("1.2.3").unwrap(),
            run: "r".parse().unwrap(),
            task: "t".parse().unwrap(),
            destination: destination.parse().unwrap(),
            class: Class::Research,
            blob,
            head_bytes: HEAD_BYTES,
            digest,
            made: self.clock.now(),
        };
        let delivery = DeliveryKey { sop_instance, destination: destination.parse().unwrap() };
        let key = form::key(&site(), &study(), &delivery);
        let machine = form::row(key.clone(), &begin(delivery, lane, self.clock.now()), 1);
        self.commit(vec![Row::Evidence(evidence), Row::Machine(machine)]);
        key
    }

    fn start(&mut self) {
        let (couriers, news) = (Arc::clone(&self.couriers), self.news.clone());
        self.running = Some(thread::spawn(move || couriers.run(&news)));
    }

    fn put_forward(&self, duration: Duration) {
        self.clock.ahead.fetch_add(i64::try_from(duration.as_micros()).unwrap(), Ordering::Relaxed);
        self.news.tell();
    }

    fn state(&self, key: &MachineKey) -> State {
        form::state(&self.store.machine(key).unwrap().unwrap()).unwrap()
    }

    /// Waits until the delivery is as it should be.
    #[track_caller]
    fn until(&self, key: &MachineKey, is_there: impl Fn(&Stage) -> bool) -> State {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let state = self.state(key);
            if is_there(&state.stage) {
                return state;
            }
            assert!(std::time::Instant::now() < deadline, "{state:?}, said {:?}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn until_sent(&self, key: &MachineKey) -> State {
        self.until(key, |stage| matches!(stage, Stage::Sent { .. }))
    }

    #[track_caller]
    fn until_retrying(&self, key: &MachineKey) -> Trouble {
        let stage = self.until(key, |stage| matches!(stage, Stage::Retrying { .. })).stage;
        let Stage::Retrying { why, .. } = stage else { unreachable!("waited for") };
        why
    }

    /// A person's wish.
    fn resend(&self, key: &MachineKey) {
        let row = self.store.machine(key).unwrap().unwrap();
        let state = form::state(&row).unwrap();
        let step = step(
            &gantry_flow::delivery::Rules::default(),
            &state,
            Event::Send { by: "anna".into() },
            self.clock.now(),
        );
        self.commit(vec![Row::Machine(form::row(key.clone(), &step, row.version + 1))]);
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// What was said, once it is so much: it follows what is written.
    #[track_caller]
    fn until_said(&self, count: usize) -> Vec<String> {
        let deadline = std::time::Instant::now() + PATIENCE;
        while self.said().len() < count {
            assert!(std::time::Instant::now() < deadline, "{:?}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
        self.said()
    }

    /// Waits until so many attempts have not succeeded, and the next one waits.
    #[track_caller]
    fn until_failed(&self, key: &MachineKey, failures: u32) {
        self.until_retrying(key);
        let deadline = std::time::Instant::now() + PATIENCE;
        while self.state(key).failures < failures {
            assert!(std::time::Instant::now() < deadline, "{:?}", self.state(key));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Actions and details of the audit trail about an object, oldest first.
    fn audit(&self, number: usize) -> Vec<(String, String)> {
        let subject = uid(number).to_string();
        let rows = self.store.audit(10_000).unwrap().into_iter().rev();
        rows.filter(|row| row.subject == subject).map(|row| (row.action, row.detail)).collect()
    }

    /// Ends, and says how long that took.
    fn end(&mut self) -> Duration {
        let began = std::time::Instant::now();
        self.news.end();
        if let Some(running) = self.running.take() {
            running.join().unwrap();
        }
        began.elapsed()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.news.end();
    }
}

const HEAD_BYTES: u32 = 4;

fn content(number: usize, length: usize) -> Vec<u8> {
    let mut bytes = b"HEAD".to_vec();
    bytes.extend((0..length).map(|at| u8::try_from((at * 7 + number) % 251).unwrap()));
    bytes
}

fn uid(number: usize) -> SopInstanceUid {
    SopInstanceUid::parse(&format!("1.2.3.{number}")).unwrap()
}

const QUICK: &str = "timeouts: { connect: 1s, response: 1s }";

#[test]
fn the_objects_of_a_study_go_over_one_association_byte_for_byte() {
    let mut node = Node::new();
    let peer = Peer::start(&[SEG, SR, SC], |_| Play::Status(0));
    node.destination("pacs", peer.port(), "");
    let keys: Vec<_> = [SEG, SR, SC]
        .iter()
        .enumerate()
        .map(|(n, class)| node.object(n, class, Lane::Routine, "pacs"))
        .collect();
    // Of more than one piece, on a line that is kept.
    let large = content(9, 5 << 20);
    node.start();
    for key in &keys {
        assert_eq!(node.until_sent(key).failures, 0);
    }
    let last = node.object_of(9, SC, Lane::Routine, "pacs", &large, digest(&large));
    node.until_sent(&last);
    assert!(node.end() < Duration::from_secs(3));
    let got = peer.got();
    assert_eq!(got.iter().map(|object| object.association).max(), Some(0), "{got:?}");
    for (object, number) in got.iter().zip([0, 1, 2, 9]) {
        let made = if number == 9 { large.clone() } else { content(number, 1000) };
        assert_eq!((object.uid.clone(), object.digest), (uid(number).to_string(), digest(&made[4..])));
    }
    assert_eq!(node.audit(0), [("delivery/sent".into(), "to pacs: status 0000; attempt 1".into())]);
    assert_eq!(node.said(), [""; 0]);
}

#[test]
fn dl1_bytes_that_are_not_those_that_were_made_never_leave() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    node.destination("pacs", peer.port(), "");
    let bytes = content(1, 100);
    let rotten = node.object_of(1, SC, Lane::Urgent, "pacs", &content(2, 100), digest(&bytes));
    let short = node.object_of(2, SC, Lane::Urgent, "pacs", b"HEAD", digest(b"HEAD"));
    let odd = node.object_of(3, SC, Lane::Urgent, "pacs", b"HEADodd", digest(b"HEADodd"));
    let sound = node.object(4, SC, Lane::Routine, "pacs");
    node.start();
    node.until_sent(&sound);
    for key in [&rotten, &short, &odd] {
        let stage = node.until(key, |stage| matches!(stage, Stage::Quarantined { .. })).stage;
        assert!(
            matches!(stage, Stage::Quarantined { why: Trouble::Withheld(Withheld::Damaged(_)), .. }),
            "{stage:?}"
        );
    }
    let uids: Vec<String> = peer.got().into_iter().map(|object| object.uid).collect();
    assert_eq!(uids, [uid(4).to_string()]);
    assert_eq!(node.audit(1)[0].0, "delivery/quarantined");
}

#[test]
fn a_peer_that_ends_the_association_between_objects_has_refused_none() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::StatusAndAbort(0));
    node.destination("pacs", peer.port(), "");
    let keys: Vec<_> = (0..3).map(|n| node.object(n, SC, Lane::Routine, "pacs")).collect();
    node.start();
    for key in &keys {
        assert_eq!(node.until_sent(key).failures, 0);
    }
    assert_eq!(peer.got().len(), 3);
}

/// The answer to one object, said twice, is no answer to the next.
#[test]
fn an_answer_counts_for_its_own_object_only() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |got| match got.uid.as_str() {
        "1.2.3.0" => Play::StatusTwice(0),
        _ => Play::Status(0xC000),
    });
    node.destination("pacs", peer.port(), "");
    let taken = node.object(0, SC, Lane::Urgent, "pacs");
    let refused = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    node.until_sent(&taken);
    assert_eq!(node.until_retrying(&refused), Trouble::Status(0xC000));
    assert_eq!(node.state(&refused).refusals, 1);
}

#[test]
fn every_way_to_fail_has_its_name() {
    let mut node = Node::new();
    let aborting = Peer::start(&[SC], |_| Play::Abort);
    let silent = Peer::start(&[SC], |_| Play::Silent);
    let rejecting = Peer::start(&[], |_| Play::Silent);
    let mute = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deserted = {
        let door = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        door.address().unwrap().port()
    };
    node.destination("aborting", aborting.port(), QUICK);
    node.destination("silent", silent.port(), QUICK);
    node.destination("rejecting", rejecting.port(), QUICK);
    node.destination("mute", mute.address().unwrap().port(), QUICK);
    node.destination("deserted", deserted, QUICK);
    let names = ["aborting", "silent", "rejecting", "mute", "deserted"];
    let keys: Vec<_> =
        names.iter().enumerate().map(|(n, name)| node.object(n, SC, Lane::Routine, name)).collect();
    node.start();
    let troubles: Vec<String> = keys.iter().map(|key| node.until_retrying(key).to_string()).collect();
    assert_eq!(troubles[0], "the association was aborted");
    assert_eq!(troubles[1], "the destination did not answer in time");
    assert_eq!(
        troubles[2],
        "the destination rejected the association: CalledAeTitleNotRecognized (result 1, source 1, reason 7)"
    );
    assert_eq!(troubles[3], "the destination did not answer in time");
    assert!(troubles[4].starts_with("the destination cannot be reached: 127.0.0.1:"), "{}", troubles[4]);
    // Each is told once; the next attempt, half a minute later, is the same trouble.
    node.until_said(names.len());
    node.put_forward(Duration::from_secs(60));
    node.until_failed(&keys[4], 2);
    let said = node.said();
    assert_eq!(said.len(), names.len(), "{said:?}");
    assert!(said.iter().any(|sentence| sentence == "destination aborting: the association was aborted"));
}

/// UR1: both couriers of a destination, and one of another, wait for peers that say nothing.
#[test]
fn ur1_what_stalls_holds_up_neither_urgent_objects_nor_other_destinations() {
    let mut node = Node::new();
    let urgent = uid(99).to_string();
    let stalling =
        Peer::start(&[SC], move |got| if got.uid == urgent { Play::Status(0) } else { Play::Silent });
    let sound = Peer::start(&[SC], |_| Play::Status(0));
    node.destination("stalling", stalling.port(), "");
    node.destination("sound", sound.port(), "");
    // More than are looked at in one turn.
    let stalled: Vec<_> = (0..90).map(|n| node.object(n, SC, Lane::Routine, "stalling")).collect();
    let other = node.object(98, SC, Lane::Background, "sound");
    node.start();
    let is_sending = |key: &&MachineKey| matches!(node.state(key).stage, Stage::Sending { .. });
    node.until_sent(&other);
    let deadline = std::time::Instant::now() + PATIENCE;
    while stalled.iter().filter(is_sending).count() < 2 {
        assert!(std::time::Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    }
    let key = node.object(99, SC, Lane::Urgent, "stalling");
    node.until_sent(&key);
    assert_eq!(stalled.iter().filter(is_sending).count(), 2);
    // Ending waits for nobody, and what was under way is tried again.
    let took = node.end();
    assert!(took < Duration::from_secs(4), "{took:?}");
    let retrying =
        stalled.iter().filter(|key| matches!(node.state(key).stage, Stage::Retrying { .. })).count();
    assert_eq!(retrying, 2);
    assert_eq!(node.said(), [""; 0]);
}

#[test]
fn arrival_is_asked_for_and_what_is_not_found_is_sent_again() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    node.destination("pacs", peer.port(), "confirm: query");
    let keys: Vec<_> = (0..3).map(|n| node.object(n, SC, Lane::Routine, "pacs")).collect();
    peer.has(&uid(0));
    peer.has(&uid(1));
    node.start();
    let is_waiting = |stage: &Stage| matches!(stage, Stage::Confirming { asked: Asked::NotYet, .. });
    for key in &keys {
        node.until(key, is_waiting);
    }
    node.put_forward(Duration::from_secs(6));
    for key in &keys[..2] {
        node.until(key, |stage| matches!(stage, Stage::Confirmed { .. }));
    }
    for query in 2..=6 {
        node.until(&keys[2], |stage| matches!(stage, Stage::Confirming { query: now, asked: Asked::NotYet, .. } if *now == query));
        node.put_forward(Duration::from_secs(600));
    }
    assert_eq!(node.until_retrying(&keys[2]), Trouble::NotFound);
    peer.has(&uid(2));
    node.put_forward(Duration::from_secs(600));
    node.until(&keys[2], |stage| is_waiting(stage) && peer.got().len() == 4);
    node.put_forward(Duration::from_secs(6));
    node.until(&keys[2], |stage| matches!(stage, Stage::Confirmed { .. }));
    let actions = |number| node.audit(number).into_iter().map(|(action, _)| action).collect::<Vec<_>>();
    assert_eq!(actions(0), ["delivery/sent", "delivery/confirmed"]);
    assert_eq!(actions(2), ["delivery/sent", "delivery/not-found", "delivery/sent", "delivery/confirmed"]);
    let twice: Vec<_> = peer.got().into_iter().filter(|object| object.uid == uid(2).to_string()).collect();
    assert_eq!((twice.len(), twice[0].digest), (2, twice[1].digest));
}

#[test]
fn a_peer_without_queries_is_believed_after_a_while() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    peer.take_no_queries();
    node.destination("pacs", peer.port(), "confirm: query");
    let key = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    for query in 1..=6 {
        node.until(&key, |stage| matches!(stage, Stage::Confirming { query: now, asked: Asked::NotYet, .. } if *now == query));
        node.put_forward(Duration::from_secs(600));
    }
    let state = node.until_sent(&key);
    assert!(matches!(state.stage, Stage::Sent { confirmation: Confirmation::NotAnswered, .. }), "{state:?}");
    assert_eq!(peer.got().len(), 1);
    assert_eq!(node.audit(1).last().unwrap().0, "delivery/not-confirmed");
}

#[test]
fn what_is_for_nobody_known_stays_and_is_told_once() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    let key = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    node.until_said(1);
    node.news.tell();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(node.said(), ["objects wait for pacs: there is no document of destination pacs"]);
    assert_eq!(node.state(&key).stage, Stage::Queued);
    // And goes as soon as there is a document.
    node.destination("pacs", peer.port(), "");
    node.until_sent(&key);
}

#[test]
fn what_the_last_process_was_sending_is_taken_back() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::Status(0x0111));
    node.destination("pacs", peer.port(), "");
    let ours = node.object(1, SC, Lane::Routine, "pacs");
    let theirs = node.object(2, SC, Lane::Routine, "pacs");
    for (key, by) in [(&ours, "node-a"), (&theirs, "node-b")] {
        let row = node.store.machine(key).unwrap().unwrap();
        let claimed = Event::Claimed { node: by.parse().unwrap(), lease: Duration::from_secs(600) };
        let rules = gantry_flow::delivery::Rules::default();
        let step = step(&rules, &form::state(&row).unwrap(), claimed, node.clock.now());
        node.commit(vec![Row::Machine(form::row(key.clone(), &step, row.version + 1))]);
    }
    assert_eq!(node.couriers.recover().unwrap(), 1);
    assert_eq!(node.until_retrying(&ours), Trouble::Association(Broken::Aborted));
    node.start();
    node.put_forward(Duration::from_secs(60));
    let state = node.until_sent(&ours);
    assert_eq!((state.fence, state.failures), (Fence(2), 1));
    assert!(matches!(node.state(&theirs).stage, Stage::Sending { .. }));
    // The other node is gone for good: its lease runs out.
    node.put_forward(Duration::from_secs(600));
    assert_eq!(node.until_retrying(&theirs), Trouble::SenderLost);
    node.put_forward(Duration::from_secs(60));
    node.until_sent(&theirs);
}
