//! A database of the release before, with a row in every table, opened by this program: nothing is lost.

use gantry_ports::{
    cases::Cases as _,
    definitions::Definitions as _,
    intake::Intake as _,
    runs::Runs as _,
    store::{AssociationEnd, DocumentKind, MachineKind, Standing},
};
use gantry_types::{
    ids::SiteId,
    uid::{SopInstanceUid, StudyInstanceUid},
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::MIGRATIONS;
use crate::{names, store::SqliteStore};

/// The schema of the release before.
const BEFORE: usize = 4;

/// Shared texts, numbered from 1.
const NAMES: &[&str] = &["site", "1.2", "1.2.3", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"];

const ROWS: &str = "
    INSERT INTO study VALUES (1, 2, 5, 'P1', 'H', 'A^B', 'A1', '20260101', 'Chest', 'RIS');
    INSERT INTO series VALUES (1, 2, 3, 'CT', '4', 'Axial');
    INSERT INTO object VALUES (10, 1, 2, 3, :hash, '1.2.3.4', 4, 5, 7, 100, 50, 20, zeroblob(32), 1, 0);
    INSERT INTO object VALUES (11, 1, 2, 3, :hash, '1.2.3.4', 4, 5, 7, 200, 60, 20, zeroblob(32), 2, 1);
    INSERT INTO association VALUES (1, 'GANTRY', 'CT', '10.0.0.7', 1, 9, 0);
    INSERT INTO receipt VALUES (20, 10, 1, 6, 0, 'odd');
    INSERT INTO refusal VALUES ('GANTRY', 'X', '10.0.0.8', 'why', 3);
    INSERT INTO audit VALUES (1, 6, 'door', 'intake/object-kept', '1.2.3.4', 'in force');
    INSERT INTO document VALUES (1, 'Workflow', 'chest-ct', 1, zeroblob(32), 'text', 2);
    INSERT INTO attention VALUES (1, 2, 77);
    INSERT INTO machine VALUES (1, 0, 2, 'chest-ct', 3, 'state', 8, NULL, NULL, 9, 0, '');
    INSERT INTO payload VALUES (1, 0, '', 1, 2, 'chest-ct', 1, zeroblob(32), 7);
    INSERT INTO payload_item VALUES (1, 0, 'chest', 10);
    INSERT INTO late VALUES (11, 'chest-ct', 1, 1, 2, 8);
    INSERT INTO run VALUES ('18d', 0, '', 1, 2, 'chest-ct', 1, zeroblob(32), 1, 7, 60, 1);
    INSERT INTO run_package VALUES ('18d', 'lungs', 'lung-density', zeroblob(32));
    INSERT INTO result VALUES ('18d', 'lungs', 1, 'node-a', 7, 8);
    INSERT INTO result_file VALUES ('18d', 'lungs', 'mask.gz', 7, 300, 9, zeroblob(32));
    INSERT INTO evidence VALUES (:evidence, '1.2.9', 1, 4, 5, 2, 3, '18d', 'lungs', 'pacs', 'research', 7, 400, 30, 20,
        zeroblob(32), 9);
    INSERT INTO identity VALUES (1, 2, 'P1', 'H');
    UPDATE counter SET value = 41;
";

fn database(dir: &TempDir) -> std::path::PathBuf {
    let path = dir.path().join("gantry.db");
    let connection = Connection::open(&path).unwrap();
    for migration in &MIGRATIONS[..BEFORE] {
        connection.execute_batch(migration).unwrap();
    }
    connection.pragma_update(None, "user_version", BEFORE).unwrap();
    for text in NAMES {
        let name = "INSERT INTO name (hash, text) VALUES (?1, ?2)";
        connection.execute(name, (names::hash(text), *text)).unwrap();
    }
    let hash = |text| names::hash(text).to_string();
    let rows = ROWS.replace(":hash", &hash("1.2.3.4")).replace(":evidence", &hash("1.2.9"));
    connection.execute_batch(&rows).unwrap();
    path
}

#[test]
fn what_the_release_before_kept_is_there() {
    let dir = TempDir::new().unwrap();
    let path = database(&dir);
    let error = SqliteStore::join(&path).err().unwrap();
    assert!(error.source.to_string().contains("its version is 4"), "{error}");
    let store = SqliteStore::open(&path).unwrap();
    let site: SiteId = "site".parse().unwrap();
    let study = StudyInstanceUid::parse("1.2").unwrap();
    assert_eq!(store.study(&site, &study).unwrap().unwrap().accession_issuer, "RIS");
    assert_eq!(store.series(&site, &study).unwrap()[0].description, "Axial");
    let standings: Vec<_> = store.objects(&site, &study).unwrap().iter().map(|row| row.standing).collect();
    assert_eq!(standings, [Standing::InForce, Standing::Undecided]);
    assert_eq!(store.wanted(&site, 9).unwrap(), []);
    let (association, ended) = (store.association(1).unwrap().unwrap(), AssociationEnd::Released);
    assert_eq!(association.ended.map(|(at, end)| (at.0, end)), Some((9, ended)));
    assert_eq!(store.receipts(10).unwrap()[0].deviations, "odd");
    assert_eq!(store.refusals().unwrap()[0].reason, "why");
    assert_eq!(store.audit(9).unwrap()[0].detail, "in force");
    assert_eq!(store.newest_documents(&site, DocumentKind::Workflow).unwrap()[0].text, "text");
    assert_eq!(store.mark(&site, &study).unwrap(), Some(77));
    let case = &store.machines(&site, MachineKind::Case, &study).unwrap()[0];
    assert_eq!((case.version, case.due.map(|at| at.0), case.person.map(|at| at.0)), (3, Some(8), Some(9)));
    let run = store.runs_of_study(&site, &study).unwrap().remove(0);
    assert_eq!((run.id.as_str(), run.packages.len()), ("18d", 1));
    let payload = store.payload(&site, &study, &run.workflow, 1).unwrap().unwrap();
    assert_eq!(store.payload_objects(&payload).unwrap()[0].id, 10);
    assert_eq!(store.late(&site, &study).unwrap()[0].object, 11);
    assert_eq!(store.results(&run.id).unwrap()[0].files[0].name, "mask.gz");
    let evidence = store.evidence(&site, &SopInstanceUid::parse("1.2.9").unwrap()).unwrap().unwrap();
    assert_eq!(evidence.blob.offset, 400);
    assert_eq!(store.identities(&site, &study).unwrap()[0].patient_id, "P1");
    use gantry_ports::store::Store as _;
    assert_eq!(store.counter().unwrap(), 41);
    assert_eq!(store.last_id().unwrap(), 397, "run 18d is the largest id");
}
