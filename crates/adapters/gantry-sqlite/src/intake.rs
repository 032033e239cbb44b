//! The reading side of reception and listings.

use gantry_ports::{
    blob::BlobRef,
    intake::{Intake, StudySearch},
    runs::id_of_run,
    store::{
        AssociationRow, AuditRow, ObjectRow, REFUSALS_MAX, ReceiptRow, RefusalRow, SeriesRow, StoreError,
        StudyRow,
    },
};
use gantry_types::{
    ids::SiteId,
    instant::Instant,
    uid::{SopInstanceUid, StudyInstanceUid},
};
use rusqlite::{Connection, OptionalExtension as _, Params, Result, Row, types::Value};

use crate::{names, rows, store::SqliteStore};

const STUDY: &str = "SELECT site.text, uid.text, first_received, patient_id, patient_id_issuer, patient_name,
    accession_number, study_date, description, accession_issuer
    FROM study JOIN name site ON site.id = study.site JOIN name uid ON uid.id = study.uid";

const SERIES: &str = "SELECT site.text, study.text, uid.text, modality, number, description
    FROM series JOIN name site ON site.id = series.site JOIN name study ON study.id = series.study
    JOIN name uid ON uid.id = series.uid";

pub(crate) const OBJECT: &str =
    "SELECT object.id, site.text, study.text, series.text, class.text, syntax.text, sop_instance,
    container, place, length, head_bytes, digest, revision, standing
    FROM object JOIN name site ON site.id = object.site JOIN name study ON study.id = object.study
    JOIN name series ON series.id = object.series JOIN name class ON class.id = object.sop_class
    JOIN name syntax ON syntax.id = object.transfer_syntax";

pub(crate) fn list<T, P: Params>(
    connection: &Connection,
    sql: &str,
    params: P,
    row: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(params, row)?.collect()
}

/// The statement that reads the trail, of so many subjects if they are given: before which, how many, the subjects.
fn trail_sql(subjects: Option<usize>) -> String {
    let mut sql = "SELECT at, actor, action, subject, detail, id FROM audit WHERE id < ?1".to_owned();
    if let Some(subjects) = subjects {
        let places: Vec<String> = (0..subjects).map(|at| format!("?{}", at + 3)).collect();
        // The last condition is that of the partial index, word for word: else it is not used.
        sql.push_str(&format!(
            " AND subject IN ({}) AND substr(action, 1, 4) IN ('case', 'run/', 'publ', 'evid', 'deli')",
            places.join(", ")
        ));
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?2");
    sql
}

impl Intake for SqliteStore {
    fn revisions(
        &self,
        site: &SiteId,
        sop_instance: &SopInstanceUid,
    ) -> std::result::Result<Vec<ObjectRow>, StoreError> {
        let sql = format!(
            "{OBJECT} WHERE sop_hash = ?1 AND sop_instance = ?2 AND site.text = ?3 ORDER BY object.id"
        );
        self.read("read the revisions of an object", |connection| {
            let uid = sop_instance.as_str();
            list(connection, &sql, (names::hash(uid), uid, site.as_str()), rows::object)
        })
    }

    fn study(
        &self,
        site: &SiteId,
        uid: &StudyInstanceUid,
    ) -> std::result::Result<Option<StudyRow>, StoreError> {
        let sql = format!("{STUDY} WHERE study.uid = ?1 AND site.text = ?2");
        self.read("read a study", |connection| {
            let Some(uid) = names::find(connection, uid.as_str())? else { return Ok(None) };
            connection.prepare_cached(&sql)?.query_row((uid, site.as_str()), rows::study).optional()
        })
    }

    fn studies_of_accession(
        &self,
        site: &SiteId,
        accession: &str,
    ) -> std::result::Result<Vec<StudyRow>, StoreError> {
        // The second condition lets the partial index be used.
        let sql = format!(
            "{STUDY} WHERE accession_number = ?1 AND accession_number <> '' AND site.text = ?2 ORDER BY first_received"
        );
        self.read("read the studies of an accession number", |connection| {
            list(connection, &sql, (accession, site.as_str()), rows::study)
        })
    }

    fn newest_studies(
        &self,
        site: &SiteId,
        before: Instant,
        count: usize,
    ) -> std::result::Result<Vec<StudyRow>, StoreError> {
        let sql = format!(
            "{STUDY} WHERE first_received < ?1 AND site.text = ?2 ORDER BY first_received DESC LIMIT ?3"
        );
        self.read("list studies", |connection| {
            list(connection, &sql, (before.0, site.as_str(), count), rows::study)
        })
    }

    fn find_studies(
        &self,
        site: &SiteId,
        search: &StudySearch,
        before: Instant,
        count: usize,
    ) -> std::result::Result<Vec<StudyRow>, StoreError> {
        // One after the other, newest first, until there are enough: an index by parts of names would be larger than
        // the table.
        let mut sql = format!("{STUDY} WHERE first_received < ?1 AND site.text = ?2");
        let mut values: Vec<Value> = vec![before.0.into(), site.as_str().to_owned().into()];
        if let Some(date) = search.date() {
            values.push(date.to_owned().into());
            sql.push_str(&format!(" AND study_date = ?{}", values.len()));
        }
        for word in search.words() {
            values.push(word.clone().into());
            // A line's end stands in no word.
            sql.push_str(&format!(
                " AND instr(lower(patient_name || char(10) || patient_id || char(10) || accession_number
                || char(10) || uid.text), ?{}) > 0",
                values.len()
            ));
        }
        values.push(i64::try_from(count).unwrap_or(i64::MAX).into());
        sql.push_str(&format!(" ORDER BY first_received DESC LIMIT ?{}", values.len()));
        self.read("find studies", |connection| {
            list(connection, &sql, rusqlite::params_from_iter(&values), rows::study)
        })
    }

    fn series(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<SeriesRow>, StoreError> {
        let sql = format!("{SERIES} WHERE series.study = ?1 AND site.text = ?2 ORDER BY uid.text");
        self.read("read the series of a study", |connection| {
            let Some(study) = names::find(connection, study.as_str())? else { return Ok(Vec::new()) };
            list(connection, &sql, (study, site.as_str()), rows::series)
        })
    }

    fn objects(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<ObjectRow>, StoreError> {
        let sql = format!("{OBJECT} WHERE object.study = ?1 AND site.text = ?2 ORDER BY object.id");
        self.read("read the objects of a study", |connection| {
            let Some(study) = names::find(connection, study.as_str())? else { return Ok(Vec::new()) };
            list(connection, &sql, (study, site.as_str()), rows::object)
        })
    }

    fn count_objects(&self, site: &SiteId, study: &StudyInstanceUid) -> std::result::Result<u64, StoreError> {
        self.read("count the objects of a study", |connection| {
            let (site, study) =
                (names::find(connection, site.as_str())?, names::find(connection, study.as_str())?);
            let sql = "SELECT count(*) FROM object WHERE study = ?1 AND site = ?2";
            connection.prepare_cached(sql)?.query_row((study, site), |row| row.get(0))
        })
    }

    fn receipts(&self, object: u64) -> std::result::Result<Vec<ReceiptRow>, StoreError> {
        self.read("read the receipts of an object", |connection| {
            list(connection, "SELECT * FROM receipt WHERE object = ?1 ORDER BY id", [object], rows::receipt)
        })
    }

    fn association(&self, id: u64) -> std::result::Result<Option<AssociationRow>, StoreError> {
        self.read("read an association", |connection| {
            connection
                .prepare_cached("SELECT * FROM association WHERE id = ?1")?
                .query_row([id], rows::association)
                .optional()
        })
    }

    fn open_associations(&self) -> std::result::Result<Vec<AssociationRow>, StoreError> {
        let sql = "SELECT * FROM association WHERE ended IS NULL ORDER BY id";
        self.read("list open associations", |connection| list(connection, sql, [], rows::association))
    }

    fn refusals(&self) -> std::result::Result<Vec<RefusalRow>, StoreError> {
        self.read("list refused associations", |connection| {
            let sql = "SELECT * FROM refusal ORDER BY last DESC LIMIT ?1";
            list(connection, sql, [REFUSALS_MAX], rows::refusal)
        })
    }

    fn last_in_container(&self, container: u64) -> std::result::Result<Option<BlobRef>, StoreError> {
        let last = |table| {
            format!(
                "SELECT * FROM (SELECT place, length FROM {table} WHERE container = ?1 ORDER BY place DESC LIMIT 1)"
            )
        };
        let all = ["object", "result_file", "evidence"].map(last).join(" UNION ALL ");
        let sql = format!("{all} ORDER BY place DESC LIMIT 1");
        self.read("find the end of a segment", |connection| {
            let blob = |row: &Row<'_>| Ok(BlobRef { container, offset: row.get(0)?, length: row.get(1)? });
            connection.prepare_cached(&sql)?.query_row([container], blob).optional()
        })
    }

    fn last_container(&self) -> std::result::Result<u64, StoreError> {
        let last = |table| format!("SELECT max(container) AS last FROM {table}");
        let all = ["object", "result_file", "evidence"].map(last).join(" UNION ALL ");
        let sql = format!("SELECT coalesce(max(last), 0) FROM ({all})");
        self.read("find the last segment", |connection| connection.query_row(&sql, [], |row| row.get(0)))
    }

    fn last_id(&self) -> std::result::Result<u64, StoreError> {
        self.read("find the last id", |connection| {
            let sql = "SELECT max(coalesce((SELECT max(id) FROM object), 0), coalesce((SELECT max(id) FROM receipt), 0),
                       coalesce((SELECT max(id) FROM association), 0)), (SELECT max(id) FROM run)";
            let (last, run): (u64, Option<String>) =
                connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let run = run.and_then(|run| run.parse().ok()).and_then(|run| id_of_run(&run));
            Ok(last.max(run.unwrap_or(0)))
        })
    }

    fn wanted(&self, site: &SiteId, count: usize) -> std::result::Result<Vec<ObjectRow>, StoreError> {
        // Written out, so that the index over these few is used.
        let sql = format!("{OBJECT} WHERE standing = 2 AND site.text = ?1 ORDER BY object.id LIMIT ?2");
        self.read("list the revisions to be told apart", |connection| {
            list(connection, &sql, (site.as_str(), count), rows::object)
        })
    }

    fn newest_objects(&self, count: usize) -> std::result::Result<Vec<ObjectRow>, StoreError> {
        let sql = format!("{OBJECT} ORDER BY object.id DESC LIMIT ?1");
        self.read("list the newest objects", |connection| list(connection, &sql, [count], rows::object))
    }

    fn audit(&self, count: usize) -> std::result::Result<Vec<AuditRow>, StoreError> {
        self.read("read the audit trail", |connection| {
            let sql = "SELECT at, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?1";
            list(connection, sql, [count], rows::audit)
        })
    }

    fn trail(
        &self,
        about: Option<&[String]>,
        before: Option<u64>,
        count: usize,
    ) -> std::result::Result<Vec<(u64, AuditRow)>, StoreError> {
        let mut values: Vec<Value> = vec![
            before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX)).into(),
            i64::try_from(count).unwrap_or(i64::MAX).into(),
        ];
        values.extend(about.into_iter().flatten().map(|subject| Value::from(subject.clone())));
        let sql = trail_sql(about.map(<[String]>::len));
        self.read("read the audit trail", |connection| {
            list(connection, &sql, rusqlite::params_from_iter(&values), |row| {
                Ok((row.get(5)?, rows::audit(row)?))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The condition of a partial index is compared as it is written.
    #[test]
    fn the_trail_of_a_study_is_found_by_its_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gantry.db");
        drop(crate::SqliteStore::open(&path).unwrap());
        let connection = Connection::open(path).unwrap();
        let plan: Vec<String> = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", trail_sql(Some(2))))
            .unwrap()
            .query_map((i64::MAX, 9, "a", "b"), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan.iter().any(|line| line.contains("audit_subject")), "{plan:?}");
    }
}
