//! The laws of what is done with studies: [`crate::runs::Runs`], and offers of [`crate::cases::Cases`].
#![expect(clippy::unwrap_used, reason = "a law fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a law fails by panicking")]

use gantry_definition::package::Class;
use gantry_flow::step::Lane;
use gantry_types::{
    digest::Digest,
    instant::{Instant, Stamp, UtcOffset},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};

use super::store::{IntakeStore, commit, object, receipt, site};
use crate::{
    blob::BlobRef,
    store::{
        Change, CommitError, EvidenceRow, IdentityRow, LateRow, MachineKey, MachineKind, MachineRow, Offer,
        PayloadItem, PayloadRow, PinnedPackage, ResultFile, ResultRow, Row, RunRow,
    },
};

fn study() -> StudyInstanceUid {
    StudyInstanceUid::from_peer("1.2").unwrap()
}

fn blob(offset: u64) -> BlobRef {
    BlobRef { container: 4, offset, length: 7 }
}

fn payload(ordinal: u32, objects: &[u64]) -> PayloadRow {
    let item = |object: &u64| PayloadItem { input: "chest".parse().unwrap(), object: *object };
    PayloadRow {
        site: site(),
        study: study(),
        workflow: "chest-ct".parse().unwrap(),
        ordinal,
        digest: Digest([3; 32]),
        frozen: Instant(8),
        items: objects.iter().map(item).collect(),
    }
}

fn run(id: &str) -> RunRow {
    RunRow {
        id: id.parse().unwrap(),
        site: site(),
        study: study(),
        workflow: "chest-ct".parse().unwrap(),
        version: 2,
        digest: Digest([4; 32]),
        ordinal: 1,
        began: Stamp { at: Instant(8), offset: UtcOffset::from_minutes(-210).unwrap() },
        lane: Lane::Urgent,
        packages: vec![PinnedPackage {
            task: "lungs".parse().unwrap(),
            app: "lung-density".parse().unwrap(),
            digest: Digest([5; 32]),
        }],
    }
}

fn result(id: &str) -> ResultRow {
    let file = |name: &str, offset| ResultFile {
        name: name.to_owned(),
        blob: blob(offset),
        digest: Digest([6; 32]),
    };
    ResultRow {
        run: id.parse().unwrap(),
        task: "lungs".parse().unwrap(),
        fence: 2,
        node: "node-a".parse().unwrap(),
        began: Instant(9),
        ended: Instant(10),
        files: vec![file("findings.json", 0), file("mask.gz", 4096)],
    }
}

fn evidence(sop: &str, class: Class, made: i64) -> EvidenceRow {
    EvidenceRow {
        site: site(),
        sop_instance: SopInstanceUid::from_peer(sop).unwrap(),
        sop_class: SopClassUid::from_peer("1.2.840.10008.5.1.4.1.1.66.4").unwrap(),
        transfer_syntax: TransferSyntaxUid::from_peer("1.2.840.10008.1.2.1").unwrap(),
        study: study(),
        series: SeriesInstanceUid::from_peer("2.25.9").unwrap(),
        run: "1a".parse().unwrap(),
        task: "lungs".parse().unwrap(),
        destination: "pacs".parse().unwrap(),
        class,
        blob: blob(8192),
        head_bytes: 340,
        digest: Digest([7; 32]),
        made: Instant(made),
    }
}

/// Payloads, runs, results and evidence are read back as they were written.
pub fn work_is_read_back(store: &dyn IntakeStore) {
    let late = LateRow {
        site: site(),
        study: study(),
        object: 12,
        workflow: "chest-ct".parse().unwrap(),
        ordinal: 1,
        noticed: Instant(20),
    };
    let mut rows: Vec<Row> =
        (10..13).map(|id| Row::Object(object(id, "1.2", &format!("1.2.3.{id}")))).collect();
    rows.extend([
        Row::Payload(payload(1, &[10, 11])),
        Row::Payload(payload(2, &[10, 11, 12])),
        Row::Late(late.clone()),
        Row::Late(late.clone()),
        Row::Run(run("1a")),
        Row::Run(run("1b")),
        Row::Result(result("1a")),
        Row::Evidence(evidence("2.25.2", Class::Research, 30)),
        Row::Evidence(evidence("2.25.1", Class::Test, 31)),
    ]);
    commit(store, rows);
    let (workflow, uid) = ("chest-ct".parse().unwrap(), study());
    for (ordinal, objects) in [(1, &[10, 11][..]), (2, &[10, 11, 12])] {
        let found = store.payload(&site(), &uid, &workflow, ordinal).unwrap().unwrap();
        assert_eq!(found, payload(ordinal, objects));
        let ids: Vec<u64> = store.payload_objects(&found).unwrap().iter().map(|row| row.id).collect();
        assert_eq!(ids, objects);
    }
    assert_eq!(store.payload(&site(), &uid, &workflow, 3).unwrap(), None);
    assert_eq!(store.late(&site(), &uid).unwrap(), [late]);
    assert_eq!(store.run(&"1a".parse().unwrap()).unwrap(), Some(run("1a")));
    assert_eq!(store.run(&"2".parse().unwrap()).unwrap(), None);
    assert_eq!(store.runs_of_study(&site(), &uid).unwrap(), [run("1a"), run("1b")]);
    assert_eq!(store.newest_runs(&site(), None, 9).unwrap(), [run("1b"), run("1a")]);
    assert_eq!(store.newest_runs(&site(), Some(&"1b".parse().unwrap()), 9).unwrap(), [run("1a")]);
    assert_eq!(store.results(&"1a".parse().unwrap()).unwrap(), [result("1a")]);
    assert_eq!(store.results(&"1b".parse().unwrap()).unwrap(), []);
    let sop = |uid: &str| SopInstanceUid::from_peer(uid).unwrap();
    assert_eq!(store.evidence(&site(), &sop("2.25.1")).unwrap(), Some(evidence("2.25.1", Class::Test, 31)));
    assert_eq!(store.evidence(&site(), &sop("2.25.3")).unwrap(), None);
    let in_order = [evidence("2.25.2", Class::Research, 30), evidence("2.25.1", Class::Test, 31)];
    assert_eq!(store.evidence_of_study(&site(), &uid).unwrap(), in_order);
    assert_eq!(store.newest_evidence(&site(), 1).unwrap(), [evidence("2.25.1", Class::Test, 31)]);
    let [older, newer] = &in_order;
    assert_eq!(store.older_evidence(newer, 9).unwrap(), std::slice::from_ref(older));
    assert_eq!(store.older_evidence(older, 9).unwrap(), []);
    assert_eq!(store.last_id().unwrap(), 0x1b, "a run's id is an id like others");
    assert_eq!(store.last_in_container(4).unwrap(), Some(blob(8192)), "nothing may be appended over it");
    assert_eq!(store.last_in_container(3).unwrap(), Some(object(12, "1.2", "1.2.3.12").blob));
    assert_eq!(store.last_in_container(5).unwrap(), None);
    assert_eq!(store.last_container().unwrap(), 4);
}

/// What is pinned stays as it was: a second row of the key is an error, and nothing of its change is written.
pub fn what_is_pinned_is_never_replaced(store: &dyn IntakeStore) {
    let rows = || {
        vec![
            Row::Payload(payload(1, &[10])),
            Row::Run(run("1a")),
            Row::Result(result("1a")),
            Row::Evidence(evidence("2.25.1", Class::Clinical, 30)),
        ]
    };
    commit(store, vec![Row::Object(object(10, "1.2", "1.2.3.4"))]);
    commit(store, rows());
    for row in rows() {
        let late = LateRow {
            site: site(),
            study: study(),
            object: 10,
            workflow: "chest-ct".parse().unwrap(),
            ordinal: 1,
            noticed: Instant(1),
        };
        let change = Change { rows: vec![Row::Late(late), row], ..Change::default() };
        assert!(matches!(store.commit(&change), Err(CommitError::Store(_))));
        assert_eq!(store.late(&site(), &study()).unwrap(), []);
    }
}

/// What Gantry made and somebody sends back is kept, and counts for nothing (AS1).
pub fn as1_evidence_that_comes_back_does_not_count(store: &dyn IntakeStore) {
    commit(
        store,
        vec![
            Row::Object(object(10, "1.2", "1.2.3.4")),
            Row::Receipt(receipt(20, 10)),
            Row::Object(object(11, "1.2", "2.25.1")),
            Row::Receipt(receipt(21, 11)),
            Row::Run(run("1a")),
            Row::Evidence(evidence("2.25.1", Class::Clinical, 30)),
        ],
    );
    let tallies = store.tallies(&site(), &study()).unwrap();
    assert_eq!(tallies.iter().map(|tally| tally.objects).collect::<Vec<_>>(), [1]);
    assert_eq!(store.objects(&site(), &study()).unwrap().len(), 2);
}

/// Urgent work is taken first, then what has waited longest; and what waits for a person is found.
pub fn offers_come_by_lane_and_age(store: &dyn IntakeStore) {
    let row = |name: &str, kind, offered: Option<(Lane, i64)>, person: Option<i64>| MachineRow {
        key: MachineKey { site: site(), kind, study: study(), name: name.into() },
        version: 1,
        state: String::new(),
        due: None,
        offered: offered.map(|(lane, since)| Offer { lane, since: Instant(since) }),
        person: person.map(Instant),
    };
    let all = [
        row("a", MachineKind::Run, Some((Lane::Routine, 5)), None),
        row("b", MachineKind::Run, Some((Lane::Urgent, 9)), None),
        row("c", MachineKind::Run, Some((Lane::Background, 1)), None),
        row("d", MachineKind::Run, Some((Lane::Routine, 4)), Some(7)),
        row("e", MachineKind::Run, None, None),
        row("f", MachineKind::Delivery, Some((Lane::Urgent, 1)), Some(6)),
        row("g", MachineKind::Publication, None, Some(8)),
    ];
    commit(store, all.iter().cloned().map(Row::Machine).collect());
    let names = |rows: Vec<MachineRow>| rows.into_iter().map(|row| row.key.name).collect::<String>();
    assert_eq!(names(store.offered(MachineKind::Run, 9).unwrap()), "bdac");
    assert_eq!(names(store.offered(MachineKind::Run, 2).unwrap()), "bd");
    assert_eq!(store.offered(MachineKind::Delivery, 9).unwrap(), [all[5].clone()]);
    assert_eq!(names(store.waiting_for_person(&site(), 9).unwrap()), "fdg");
    let taken = MachineRow { version: 2, offered: None, person: None, ..all[5].clone() };
    commit(store, vec![Row::Machine(taken)]);
    assert_eq!(store.offered(MachineKind::Delivery, 9).unwrap(), []);
    assert_eq!(names(store.waiting_for_person(&site(), 9).unwrap()), "dg");
}

/// What waits for one destination does not hide what waits for another.
pub fn offers_are_found_by_the_ends_of_their_names(store: &dyn IntakeStore) {
    let row = |name: &str, kind, since| MachineRow {
        key: MachineKey { site: site(), kind, study: study(), name: name.into() },
        version: 1,
        state: String::new(),
        due: None,
        offered: Some(Offer { lane: Lane::Routine, since: Instant(since) }),
        person: None,
    };
    let all = [
        row("1.2 pacs", MachineKind::Delivery, 3),
        row("1.3 pacs", MachineKind::Delivery, 1),
        row("1.4 old-pacs", MachineKind::Delivery, 0),
        row("1.5 pacs-2", MachineKind::Delivery, 0),
        row("1.6 pacs", MachineKind::Run, 0),
        row("pacs", MachineKind::Delivery, 0),
    ];
    commit(store, all.iter().cloned().map(Row::Machine).collect());
    let names = |ending, count| {
        let rows = store.offered_ending(MachineKind::Delivery, ending, count).unwrap();
        rows.into_iter().map(|row| row.key.name).collect::<Vec<_>>()
    };
    assert_eq!(names(" pacs", 9), ["1.3 pacs", "1.2 pacs"]);
    assert_eq!(names(" pacs", 1), ["1.3 pacs"]);
    assert_eq!(names(" elsewhere", 9), [""; 0]);
}

/// Each identity is kept once, however many objects name it, and those of another study are not mixed in.
pub fn identities_are_kept_once_and_by_study(store: &dyn IntakeStore) {
    let identity = |study: &str, patient_id: &str, issuer: &str| IdentityRow {
        site: site(),
        study: StudyInstanceUid::from_peer(study).unwrap(),
        patient_id: patient_id.to_owned(),
        issuer: issuer.to_owned(),
    };
    let all =
        [identity("1.2", "P1", ""), identity("1.2", "P1", "HOSPITAL"), identity("1.2", "P2", "HOSPITAL")];
    commit(store, all.iter().rev().cloned().map(Row::Identity).collect());
    commit(store, vec![Row::Identity(all[0].clone()), Row::Identity(identity("1.3", "P9", ""))]);
    assert_eq!(store.identities(&site(), &study()).unwrap(), all);
    let none = StudyInstanceUid::from_peer("1.4").unwrap();
    assert_eq!(store.identities(&site(), &none).unwrap(), []);
    assert_eq!(IdentityRow::contradiction(&all), Some((&all[0], &all[2])));
    assert_eq!(IdentityRow::contradiction(&all[..2]), None);
    assert!(all[0].may_be(&all[1]) && !all[1].may_be(&all[2]));
    assert!(!all[1].may_be(&identity("1.2", "P1", "ELSEWHERE")));
    commit(store, vec![Row::IdentityGone(all[2].clone()), Row::IdentityGone(identity("1.2", "P9", ""))]);
    assert_eq!(store.identities(&site(), &study()).unwrap(), all[..2]);
}
