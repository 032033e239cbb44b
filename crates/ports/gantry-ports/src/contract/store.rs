//! The laws of [`crate::store::Store`] and [`crate::intake::Intake`].
#![expect(clippy::unwrap_used, reason = "a law fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a law fails by panicking")]

use gantry_types::{
    ae_title::AeTitle,
    digest::Digest,
    ids::SiteId,
    instant::Instant,
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};

use crate::{
    blob::BlobRef,
    cases::Cases,
    definitions::Definitions,
    intake::{Intake, StudySearch},
    runs::Runs,
    store::{
        AssociationEnd, AssociationRow, AttentionRow, AuditRow, Change, CommitError, DocumentKind,
        DocumentRow, Expectation, MachineKey, MachineKind, MachineRow, ObjectRow, REFUSALS_MAX, ReceiptRow,
        Reception, RefusalRow, Row, SeriesRow, SeriesTally, Standing, Store, StudyRow,
    },
};

/// What the laws need: the write door and the reading side.
pub trait IntakeStore: Store + Intake + Definitions + Cases + Runs {}

impl<S: Store + Intake + Definitions + Cases + Runs> IntakeStore for S {}

pub(super) fn site() -> SiteId {
    "site".parse().unwrap()
}

fn study(uid: &str, received: i64) -> StudyRow {
    StudyRow {
        site: site(),
        uid: StudyInstanceUid::from_peer(uid).unwrap(),
        first_received: Instant(received),
        patient_id: "P1".into(),
        patient_id_issuer: "HOSPITAL".into(),
        patient_name: "Müller^Jörg".into(),
        accession_number: "A1".into(),
        accession_issuer: "RIS".into(),
        study_date: "20261125".into(),
        description: "CT Thorax".into(),
    }
}

fn series(study: &str, uid: &str) -> SeriesRow {
    SeriesRow {
        site: site(),
        study: StudyInstanceUid::from_peer(study).unwrap(),
        uid: SeriesInstanceUid::from_peer(uid).unwrap(),
        modality: "CT".into(),
        number: "2".into(),
        description: "5mm".into(),
    }
}

pub(super) fn object(id: u64, study: &str, sop_instance: &str) -> ObjectRow {
    ObjectRow {
        id,
        site: site(),
        study: StudyInstanceUid::from_peer(study).unwrap(),
        series: SeriesInstanceUid::from_peer("1.2.3").unwrap(),
        sop_instance: SopInstanceUid::from_peer(sop_instance).unwrap(),
        sop_class: SopClassUid::from_peer("1.2.840.10008.5.1.4.1.1.2").unwrap(),
        transfer_syntax: TransferSyntaxUid::from_peer("1.2.840.10008.1.2.1").unwrap(),
        blob: BlobRef { container: 3, offset: id * 4096, length: 500 },
        head_bytes: 340,
        digest: Digest([7; 32]),
        revision: 1,
        standing: Standing::InForce,
    }
}

pub(super) fn receipt(id: u64, object: u64) -> ReceiptRow {
    ReceiptRow {
        id,
        object,
        association: 1,
        received: Instant(5),
        reception: Reception::Kept,
        deviations: String::new(),
    }
}

fn association(id: u64) -> AssociationRow {
    AssociationRow {
        id,
        called: AeTitle::parse("GANTRY").unwrap(),
        calling: "CT ROOM 2".into(),
        address: "10.0.0.7".into(),
        began: Instant(1),
        ended: None,
    }
}

fn refusal(calling: &str, last: i64) -> RefusalRow {
    RefusalRow {
        called: "GANTRY".into(),
        calling: calling.into(),
        address: "10.0.0.9".into(),
        reason: "1/1/3".into(),
        last: Instant(last),
    }
}

pub(super) fn commit(store: &dyn IntakeStore, rows: Vec<Row>) -> u64 {
    store.commit(&Change { rows, ..Change::default() }).unwrap().counter
}

/// Every kind of row is read back as it was written.
pub fn rows_are_read_back(store: &dyn IntakeStore) {
    let audit = AuditRow {
        at: Instant(9),
        actor: "door GANTRY".into(),
        action: "intake/object-kept".into(),
        subject: "1.2.3.4".into(),
        detail: "revision 1".into(),
    };
    let change = Change {
        expect: Vec::new(),
        rows: vec![
            Row::Study(study("1.2", 5)),
            Row::Series(series("1.2", "1.2.3")),
            Row::Association(association(1)),
            Row::Object(object(10, "1.2", "1.2.3.4")),
            Row::Object(object(11, "1.2", "1.2.3.5")),
            Row::Receipt(receipt(20, 10)),
            Row::Refusal(refusal("X", 3)),
        ],
        audit: vec![audit.clone()],
    };
    store.commit(&change).unwrap();
    let (site, uid) = (site(), StudyInstanceUid::from_peer("1.2").unwrap());
    assert_eq!(store.study(&site, &uid).unwrap(), Some(study("1.2", 5)));
    assert_eq!(store.studies_of_accession(&site, "A1").unwrap(), [study("1.2", 5)]);
    assert_eq!(store.studies_of_accession(&site, "A2").unwrap(), []);
    assert_eq!(store.series(&site, &uid).unwrap(), [series("1.2", "1.2.3")]);
    let objects = [object(10, "1.2", "1.2.3.4"), object(11, "1.2", "1.2.3.5")];
    assert_eq!(store.objects(&site, &uid).unwrap(), objects);
    let [first, last] = objects;
    assert_eq!(store.last_in_container(3).unwrap(), Some(last.blob));
    assert_eq!(store.last_in_container(4).unwrap(), None);
    assert_eq!(store.newest_objects(1).unwrap().len(), 1);
    assert_eq!(store.newest_objects(9).unwrap(), [last, first]);
    assert_eq!(store.receipts(10).unwrap(), [receipt(20, 10)]);
    assert_eq!(store.association(1).unwrap(), Some(association(1)));
    assert_eq!(store.refusals().unwrap(), [refusal("X", 3)]);
    assert_eq!(store.audit(10).unwrap(), [audit]);
}

/// Put, not insert.
pub fn a_row_replaces_the_row_with_its_key(store: &dyn IntakeStore) {
    commit(store, vec![Row::Study(study("1.2", 5)), Row::Object(object(10, "1.2", "1.2.3.4"))]);
    let renamed =
        StudyRow { description: "CT Abdomen".into(), accession_number: "A2".into(), ..study("1.2", 5) };
    let undecided = ObjectRow { standing: Standing::Undecided, ..object(10, "1.2", "1.2.3.4") };
    commit(store, vec![Row::Study(renamed.clone()), Row::Object(undecided.clone())]);
    let uid = StudyInstanceUid::from_peer("1.2").unwrap();
    assert_eq!(store.study(&site(), &uid).unwrap(), Some(renamed));
    assert_eq!(store.studies_of_accession(&site(), "A1").unwrap(), []);
    assert_eq!(store.objects(&site(), &uid).unwrap(), [undecided]);
}

/// Every standing is kept; the wanted ones are found.
pub fn revisions_that_are_wanted_are_found(store: &dyn IntakeStore) {
    let rows: Vec<ObjectRow> = Standing::ALL
        .iter()
        .zip(10..)
        .map(|(standing, id)| ObjectRow { standing: *standing, ..object(id, "1.2", &format!("1.2.3.{id}")) })
        .collect();
    commit(store, rows.iter().cloned().map(Row::Object).collect());
    let uid = StudyInstanceUid::from_peer("1.2").unwrap();
    assert_eq!(store.objects(&site(), &uid).unwrap(), rows);
    let wanted = |count| store.wanted(&site(), count).unwrap();
    let found: Vec<Standing> = wanted(9).iter().map(|row| row.standing).collect();
    assert_eq!(found, [Standing::Wanted]);
    assert_eq!(wanted(0), []);
    assert_eq!(store.wanted(&"elsewhere".parse().unwrap(), 9).unwrap(), []);
}

/// Ids come from clocks, and clocks may be wrong.
pub fn an_id_that_is_taken_replaces_nothing(store: &dyn IntakeStore) {
    commit(store, vec![Row::Object(object(10, "1.2", "1.2.3.4"))]);
    let taken = Change { rows: vec![Row::Object(object(10, "1.2", "1.2.3.5"))], ..Change::default() };
    assert!(matches!(store.commit(&taken), Err(CommitError::Store(_))));
    let uid = StudyInstanceUid::from_peer("1.2").unwrap();
    assert_eq!(store.objects(&site(), &uid).unwrap(), [object(10, "1.2", "1.2.3.4")]);
    assert_eq!(store.last_id().unwrap(), 10);
}

fn expecting(count: u32, rows: Vec<Row>) -> Change {
    let sop_instance = SopInstanceUid::from_peer("1.2.3.4").unwrap();
    Change {
        expect: vec![Expectation::Revisions { site: site(), sop_instance, count }],
        rows,
        audit: Vec::new(),
    }
}

/// All or nothing.
pub fn a_conflict_writes_nothing(store: &dyn IntakeStore) {
    store.commit(&expecting(0, vec![Row::Object(object(10, "1.2", "1.2.3.4"))])).unwrap();
    let counter = store.counter().unwrap();
    let rows = vec![Row::Study(study("1.2", 5)), Row::Object(object(11, "1.2", "1.2.3.4"))];
    let error = store.commit(&expecting(0, rows.clone())).unwrap_err();
    assert!(matches!(error, CommitError::Conflict(Expectation::Revisions { count: 0, .. })), "{error:?}");
    assert_eq!(store.study(&site(), &StudyInstanceUid::from_peer("1.2").unwrap()).unwrap(), None);
    assert_eq!(store.counter().unwrap(), counter);
    store.commit(&expecting(1, rows)).unwrap();
}

/// Another site, or another UID that shares a prefix, does not count.
pub fn revisions_are_counted_by_site_and_uid(store: &dyn IntakeStore) {
    let second = ObjectRow { revision: 2, standing: Standing::Undecided, ..object(11, "1.2", "1.2.3.4") };
    let elsewhere = ObjectRow { site: "other".parse().unwrap(), ..object(12, "1.2", "1.2.3.4") };
    let rows = [object(10, "1.2", "1.2.3.4"), second.clone(), elsewhere, object(13, "1.2", "1.2.3.40")];
    commit(store, rows.into_iter().map(Row::Object).collect());
    let uid = SopInstanceUid::from_peer("1.2.3.4").unwrap();
    assert_eq!(store.revisions(&site(), &uid).unwrap(), [object(10, "1.2", "1.2.3.4"), second]);
}

/// Every revision counts, and nothing of another site or study.
pub fn objects_are_counted_by_site_and_study(store: &dyn IntakeStore) {
    let uid = |uid: &str| StudyInstanceUid::from_peer(uid).unwrap();
    assert_eq!(store.count_objects(&site(), &uid("1.2")).unwrap(), 0);
    let second = ObjectRow { revision: 2, standing: Standing::Undecided, ..object(11, "1.2", "1.2.3.4") };
    let elsewhere = ObjectRow { site: "other".parse().unwrap(), ..object(12, "1.2", "1.2.3.4") };
    let rows = [object(10, "1.2", "1.2.3.4"), second, elsewhere, object(13, "1.20", "1.2.3.5")];
    commit(store, rows.into_iter().map(Row::Object).collect());
    for (study, want) in [("1.2", 2), ("1.20", 1), ("1.3", 0)] {
        assert_eq!(store.count_objects(&site(), &uid(study)).unwrap(), want, "{study}");
        assert_eq!(store.objects(&site(), &uid(study)).unwrap().len() as u64, want, "{study}");
    }
}

/// Whoever saw an earlier counter knows that there is news.
pub fn the_counter_ascends_and_tells_of_news(store: &dyn IntakeStore) {
    let before = store.counter().unwrap();
    let first = commit(store, vec![Row::Study(study("1.2", 5))]);
    let second = commit(store, vec![Row::Study(study("1.3", 5))]);
    assert!(before < first && first < second);
    assert_eq!(store.counter().unwrap(), second);
}

/// A port scanner cannot fill the database.
pub fn refusals_are_bounded_and_newest_first(store: &dyn IntakeStore) {
    for at in 0..REFUSALS_MAX + 20 {
        commit(store, vec![Row::Refusal(refusal(&format!("AE{at}"), at as i64))]);
    }
    commit(store, vec![Row::Refusal(refusal("AE100", 10_000))]);
    let refusals = store.refusals().unwrap();
    assert_eq!(refusals.len(), REFUSALS_MAX);
    assert_eq!(refusals.first().map(|r| r.calling.as_str()), Some("AE100"));
    assert_eq!(refusals.last().map(|r| r.calling.as_str()), Some("AE20"));
}

/// A page begins where the one before ended.
pub fn studies_are_paged_newest_first(store: &dyn IntakeStore) {
    let uids = ["1.1", "1.2", "1.3"];
    commit(store, uids.iter().zip([10, 30, 20]).map(|(uid, at)| Row::Study(study(uid, at))).collect());
    let page = |before, count| -> Vec<String> {
        let studies = store.newest_studies(&site(), Instant(before), count).unwrap();
        studies.iter().map(|study| study.uid.to_string()).collect()
    };
    assert_eq!(page(i64::MAX, 2), ["1.2", "1.3"]);
    assert_eq!(page(20, 2), ["1.1"]);
}

/// Each word in any of the fields, in either case; whatever else the words are.
pub fn studies_are_found_by_what_people_know_of_them(store: &dyn IntakeStore) {
    let jane = StudyRow {
        patient_name: "Doe^Jane 100%".into(),
        patient_id: "XY-7".into(),
        accession_number: "88_213".into(),
        study_date: "20261201".into(),
        ..study("1.3.6.1", 20)
    };
    let elsewhere = StudyRow { site: "elsewhere".parse().unwrap(), ..jane.clone() };
    commit(store, [study("1.2", 30), jane, elsewhere].map(Row::Study).to_vec());
    let found = |text: &str, date: Option<&str>, before: i64| -> Vec<String> {
        let search = StudySearch::new(text, date);
        let found = store.find_studies(&site(), &search, Instant(before), 9).unwrap();
        found.iter().map(|study| study.uid.to_string()).collect()
    };
    for (text, want) in [
        ("", &["1.2", "1.3.6.1"][..]),
        ("jane DOE", &["1.3.6.1"]),
        ("doe müller", &[]),
        ("xy-7 88_213", &["1.3.6.1"]),
        ("88x213", &[]),
        ("100%", &["1.3.6.1"]),
        ("10%", &[]),
        ("1.3.6", &["1.3.6.1"]),
        ("p1", &["1.2"]),
        ("'; DROP", &[]),
        ("Thorax", &[]),
    ] {
        assert_eq!(found(text, None, i64::MAX), want, "{text}");
    }
    assert_eq!(found("", Some("2026-12-01"), i64::MAX), ["1.3.6.1"]);
    assert_eq!(found("", Some("20261201"), 20), [""; 0], "a page begins where the one before ended");
    assert_eq!(found("", None, 30), ["1.3.6.1"]);
    assert_eq!(store.find_studies(&site(), &StudySearch::default(), Instant(99), 1).unwrap().len(), 1);
}

/// A page begins where the one before ended; of a subject, what reception says is told elsewhere.
pub fn the_trail_is_paged_and_told_by_subject(store: &dyn IntakeStore) {
    let row = |at, action: &str, subject: &str| AuditRow {
        at: Instant(at),
        actor: "lena".into(),
        action: action.into(),
        subject: subject.into(),
        detail: String::new(),
    };
    let rows = [
        row(1, "intake/object-kept", "1.2"),
        row(2, "case/decided", "1.2"),
        row(3, "run/ended", "1a"),
        row(4, "run/ended", "1b"),
        row(5, "case/decided", "1.2"),
    ];
    store.commit(&Change { audit: rows.to_vec(), ..Change::default() }).unwrap();
    let trail = |about: Option<&[String]>, before, count| {
        let found = store.trail(about, before, count).unwrap();
        let at: Vec<i64> = found.iter().map(|(_, row)| row.at.0).collect();
        (at, found.last().map(|(id, _)| *id))
    };
    let (first, last) = trail(None, None, 2);
    assert_eq!(first, [5, 4]);
    assert_eq!(trail(None, last, 9).0, [3, 2, 1]);
    let about = ["1.2".to_owned(), "1b".to_owned(), "'".to_owned()];
    let (of_study, last) = trail(Some(&about), None, 2);
    assert_eq!(of_study, [5, 4]);
    assert_eq!(trail(Some(&about), last, 9).0, [2]);
    assert_eq!(trail(Some(&[]), None, 9).0, [0; 0]);
}

/// What recovery has to end.
pub fn open_associations_are_those_without_an_end(store: &dyn IntakeStore) {
    let ended = AssociationRow { ended: Some((Instant(9), AssociationEnd::Released)), ..association(2) };
    commit(store, vec![Row::Association(association(1)), Row::Association(ended.clone())]);
    assert_eq!(store.open_associations().unwrap(), [association(1)]);
    assert_eq!(store.association(2).unwrap(), Some(ended));
}

/// Quotes, NULs, and identifiers that no standard allows are text like any other.
pub fn irregular_text_goes_in_and_out_unchanged(store: &dyn IntakeStore) {
    let nasty = "1.2'; DROP TABLE study;--/../%00\u{1F980}\\";
    let row = StudyRow { patient_name: format!("a\0b{nasty}"), ..study(nasty, 5) };
    commit(store, vec![Row::Study(row.clone())]);
    let uid = StudyInstanceUid::from_peer(nasty).unwrap();
    assert_eq!(store.study(&site(), &uid).unwrap(), Some(row));
}

fn document(kind: DocumentKind, name: &str, version: u32) -> DocumentRow {
    DocumentRow {
        site: site(),
        kind,
        name: name.into(),
        version,
        digest: Digest([u8::try_from(version).unwrap(); 32]),
        text: format!("kind: {}\nversion: {version}\n", kind.as_str()),
        applied: Instant(i64::from(version)),
    }
}

/// The newest version counts, the others stay, and two people cannot both write the next one.
pub fn documents_are_kept_by_version(store: &dyn IntakeStore) {
    let rows = [
        document(DocumentKind::Source, "ct", 1),
        document(DocumentKind::Source, "ct", 2),
        document(DocumentKind::Source, "mr", 1),
        document(DocumentKind::Door, "ct", 1),
    ];
    commit(store, rows.iter().cloned().map(Row::Document).collect());
    let [first, second, other, _] = rows;
    assert_eq!(store.newest_documents(&site(), DocumentKind::Source).unwrap(), [second.clone(), other]);
    assert_eq!(store.newest_documents(&site(), DocumentKind::Workflow).unwrap(), []);
    assert_eq!(store.document(&site(), DocumentKind::Source, "ct", 1).unwrap(), Some(first));
    assert_eq!(store.document(&site(), DocumentKind::Source, "ct", 3).unwrap(), None);
    let next = |version| Change {
        expect: vec![Expectation::Version {
            site: site(),
            kind: DocumentKind::Source,
            name: "ct".into(),
            version: version - 1,
        }],
        rows: vec![Row::Document(document(DocumentKind::Source, "ct", version))],
        audit: Vec::new(),
    };
    store.commit(&next(3)).unwrap();
    assert!(matches!(
        store.commit(&next(3)),
        Err(CommitError::Conflict(Expectation::Version { version: 2, .. }))
    ));
}

/// A look at a study is only worth something if nothing came while it was taken.
pub fn attention_ends_only_if_nothing_came_meanwhile(store: &dyn IntakeStore) {
    let uid = |uid: &str| StudyInstanceUid::from_peer(uid).unwrap();
    let row = |study: &str, mark| AttentionRow { site: site(), study: uid(study), mark };
    commit(store, vec![Row::Attention(row("1.2", 7)), Row::Attention(row("1.1", 9))]);
    assert_eq!(store.attention(&site(), 9).unwrap(), [row("1.2", 7), row("1.1", 9)]);
    assert_eq!(store.attention(&site(), 1).unwrap(), [row("1.2", 7)]);
    assert_eq!(store.mark(&site(), &uid("1.1")).unwrap(), Some(9));
    let attended = |mark| Change {
        expect: vec![Expectation::Mark { site: site(), study: uid("1.2"), mark }],
        rows: vec![Row::Attended { site: site(), study: uid("1.2") }],
        audit: Vec::new(),
    };
    commit(store, vec![Row::Attention(row("1.2", 11))]);
    assert!(matches!(store.commit(&attended(Some(7))), Err(CommitError::Conflict(_))));
    store.commit(&attended(Some(11))).unwrap();
    assert_eq!(store.mark(&site(), &uid("1.2")).unwrap(), None);
    store.commit(&attended(None)).unwrap();
    assert_eq!(store.attention(&site(), 9).unwrap(), [row("1.1", 9)]);
}

/// Revisions that are not in force, and receptions of what was there, change nothing.
pub fn tallies_count_what_is_in_force_and_who_brought_it_first(store: &dyn IntakeStore) {
    let other = |id, sop: &str| ObjectRow {
        series: SeriesInstanceUid::from_peer("1.2.4").unwrap(),
        ..object(id, "1.2", sop)
    };
    let undecided = ObjectRow { revision: 2, standing: Standing::Undecided, ..object(13, "1.2", "1.2.3.4") };
    let received = |id, object, association, at, reception| {
        let row = ReceiptRow { association, received: Instant(at), reception, ..receipt(id, object) };
        Row::Receipt(row)
    };
    let ended = AssociationRow { ended: Some((Instant(50), AssociationEnd::Released)), ..association(2) };
    let aborted = AssociationRow { ended: Some((Instant(60), AssociationEnd::Aborted)), ..association(3) };
    let mut rows: Vec<Row> =
        [object(10, "1.2", "1.2.3.4"), object(11, "1.2", "1.2.3.5"), other(12, "1.2.4.1"), undecided]
            .into_iter()
            .map(Row::Object)
            .collect();
    rows.extend([
        received(20, 10, 1, 5, Reception::Kept),
        received(21, 11, 2, 7, Reception::Kept),
        received(22, 12, 2, 6, Reception::Kept),
        received(23, 13, 4, 90, Reception::Kept),
        received(24, 10, 3, 99, Reception::Same),
        Row::Association(association(1)),
        Row::Association(ended),
        Row::Association(aborted),
    ]);
    commit(store, rows);
    let tally = |series: &str, objects, last, associations: &[u64]| SeriesTally {
        series: SeriesInstanceUid::from_peer(series).unwrap(),
        objects,
        last: Instant(last),
        associations: associations.to_vec(),
    };
    let study = StudyInstanceUid::from_peer("1.2").unwrap();
    let want = [tally("1.2.3", 2, 7, &[1, 2]), tally("1.2.4", 1, 6, &[2])];
    assert_eq!(store.tallies(&site(), &study).unwrap(), want);
    assert_eq!(store.releases(&[1, 2, 3, 4]).unwrap(), [(2, Instant(50))]);
}

/// Two drivers cannot both take the next step, and what is due comes, the longest due first.
pub fn machines_are_versioned_and_come_when_they_are_due(store: &dyn IntakeStore) {
    let key = |kind, name: &str| MachineKey {
        site: site(),
        kind,
        study: StudyInstanceUid::from_peer("1.2").unwrap(),
        name: name.into(),
    };
    let row = |name: &str, version, due: Option<i64>| MachineRow {
        key: key(MachineKind::Case, name),
        version,
        state: format!("state {version}"),
        due: due.map(Instant),
        offered: None,
        person: None,
    };
    let step = |row: MachineRow| Change {
        expect: vec![Expectation::Machine { key: row.key.clone(), version: row.version - 1 }],
        rows: vec![Row::Machine(row)],
        audit: Vec::new(),
    };
    store.commit(&step(row("a", 1, Some(30)))).unwrap();
    store.commit(&step(row("b", 1, Some(20)))).unwrap();
    store.commit(&step(row("c", 1, None))).unwrap();
    assert!(matches!(store.commit(&step(row("a", 1, None))), Err(CommitError::Conflict(_))));
    store.commit(&step(row("a", 2, Some(10)))).unwrap();
    assert_eq!(store.machine(&key(MachineKind::Case, "a")).unwrap(), Some(row("a", 2, Some(10))));
    assert_eq!(store.machine(&key(MachineKind::Run, "a")).unwrap(), None);
    let due = |now, count| store.due(MachineKind::Case, Instant(now), count).unwrap();
    assert_eq!(due(9, 9), []);
    assert_eq!(due(20, 9), [row("a", 2, Some(10)), row("b", 1, Some(20))]);
    assert_eq!(due(20, 1), [row("a", 2, Some(10))]);
    assert_eq!(store.next_due(MachineKind::Case).unwrap(), Some(Instant(10)));
    assert_eq!(store.next_due(MachineKind::Run).unwrap(), None);
    let study = StudyInstanceUid::from_peer("1.2").unwrap();
    let all = store.machines(&site(), MachineKind::Case, &study).unwrap();
    assert_eq!(all, [row("a", 2, Some(10)), row("b", 1, Some(20)), row("c", 1, None)]);
}
