//! The reading side of payloads, runs, results and evidence.

use gantry_ports::{
    runs::Runs,
    store::{EvidenceRow, LateRow, ObjectRow, PayloadItem, PayloadRow, ResultRow, RunRow, StoreError},
};
use gantry_types::{
    digest::Digest,
    ids::{RunId, SiteId, WorkflowName},
    instant::Instant,
    uid::{SopInstanceUid, StudyInstanceUid},
};
use rusqlite::{Connection, OptionalExtension as _, Params, Result, types::Type};

use crate::{
    intake::{OBJECT, list},
    names, rows,
    store::SqliteStore,
    work,
};

const RUN: &str =
    "SELECT site.text, study.text, run.id, workflow, version, digest, ordinal, began, offset_minutes, lane
    FROM run JOIN name site ON site.id = run.site JOIN name study ON study.id = run.study";

const EVIDENCE: &str =
    "SELECT site.text, study.text, series.text, class.text, syntax.text, sop_instance, run, task,
    destination, evidence.class, container, place, length, head_bytes, digest, made
    FROM evidence JOIN name site ON site.id = evidence.site JOIN name study ON study.id = evidence.study
    JOIN name series ON series.id = evidence.series JOIN name class ON class.id = evidence.sop_class
    JOIN name syntax ON syntax.id = evidence.transfer_syntax";

/// The key of a payload's row, from site, study, workflow and ordinal.
const PAYLOAD_KEY: &str =
    "SELECT payload.id FROM payload JOIN name site ON site.id = payload.site JOIN name study ON study.id = payload.study
    WHERE site.text = ?1 AND study.text = ?2 AND workflow = ?3 AND ordinal = ?4";

fn runs(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<RunRow>> {
    let mut found = list(connection, sql, params, work::run)?;
    for run in &mut found {
        let sql = "SELECT task, app, digest FROM run_package WHERE run = ?1 ORDER BY task";
        run.packages = list(connection, sql, [run.id.as_str()], work::package)?;
    }
    Ok(found)
}

impl Runs for SqliteStore {
    fn payload(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
        workflow: &WorkflowName,
        ordinal: u32,
    ) -> std::result::Result<Option<PayloadRow>, StoreError> {
        let sql = format!("SELECT id, digest, frozen FROM payload WHERE id IN ({PAYLOAD_KEY})");
        self.read("read a payload", |connection| {
            let key = (site.as_str(), study.as_str(), workflow.as_str(), ordinal);
            let found: Option<(i64, [u8; 32], i64)> = connection
                .prepare_cached(&sql)?
                .query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((id, digest, frozen)) = found else { return Ok(None) };
            let sql = "SELECT input, object FROM payload_item WHERE payload = ?1 ORDER BY place";
            let items = list(connection, sql, [id], |row| {
                let input = row.get_ref(0)?.as_str()?.parse();
                let input = input.or(Err(rows::broken(0, Type::Text, "no input")))?;
                Ok(PayloadItem { input, object: row.get(1)? })
            })?;
            Ok(Some(PayloadRow {
                site: site.clone(),
                study: study.clone(),
                workflow: workflow.clone(),
                ordinal,
                digest: Digest(digest),
                frozen: Instant(frozen),
                items,
            }))
        })
    }

    fn payload_objects(&self, payload: &PayloadRow) -> std::result::Result<Vec<ObjectRow>, StoreError> {
        let sql = format!(
            "{OBJECT} WHERE object.id IN (SELECT object FROM payload_item WHERE payload IN ({PAYLOAD_KEY}))
             ORDER BY object.id"
        );
        self.read("read the objects of a payload", |connection| {
            let (site, study) = (payload.site.as_str(), payload.study.as_str());
            list(connection, &sql, (site, study, payload.workflow.as_str(), payload.ordinal), rows::object)
        })
    }

    fn late(&self, site: &SiteId, study: &StudyInstanceUid) -> std::result::Result<Vec<LateRow>, StoreError> {
        let sql = "SELECT site.text, study.text, object, workflow, ordinal, noticed
            FROM late JOIN name site ON site.id = late.site JOIN name study ON study.id = late.study
            WHERE late.study = ?1 AND site.text = ?2 ORDER BY object, workflow, ordinal";
        self.read("list late objects", |connection| {
            let Some(study) = names::find(connection, study.as_str())? else { return Ok(Vec::new()) };
            list(connection, sql, (study, site.as_str()), work::late)
        })
    }

    fn run(&self, id: &RunId) -> std::result::Result<Option<RunRow>, StoreError> {
        let sql = format!("{RUN} WHERE run.id = ?1");
        self.read("read a run", |connection| Ok(runs(connection, &sql, [id.as_str()])?.pop()))
    }

    fn runs_of_study(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<RunRow>, StoreError> {
        let sql = format!("{RUN} WHERE run.study = ?1 AND site.text = ?2 ORDER BY run.id");
        self.read("list the runs of a study", |connection| {
            let Some(study) = names::find(connection, study.as_str())? else { return Ok(Vec::new()) };
            runs(connection, &sql, (study, site.as_str()))
        })
    }

    fn newest_runs(
        &self,
        site: &SiteId,
        before: Option<&RunId>,
        count: usize,
    ) -> std::result::Result<Vec<RunRow>, StoreError> {
        let sql = format!(
            "{RUN} WHERE site.text = ?1 AND (?2 IS NULL OR run.id < ?2) ORDER BY run.id DESC LIMIT ?3"
        );
        self.read("list runs", |connection| {
            runs(connection, &sql, (site.as_str(), before.map(RunId::as_str), count))
        })
    }

    fn results(&self, run: &RunId) -> std::result::Result<Vec<ResultRow>, StoreError> {
        let sql = "SELECT run, task, fence, node, began, ended FROM result WHERE run = ?1 ORDER BY task";
        self.read("read the results of a run", |connection| {
            let mut found = list(connection, sql, [run.as_str()], work::result)?;
            for result in &mut found {
                let sql = "SELECT name, container, place, length, digest FROM result_file
                    WHERE run = ?1 AND task = ?2 ORDER BY name";
                let key = (run.as_str(), result.task.as_str());
                result.files = list(connection, sql, key, work::result_file)?;
            }
            Ok(found)
        })
    }

    fn evidence(
        &self,
        site: &SiteId,
        sop_instance: &SopInstanceUid,
    ) -> std::result::Result<Option<EvidenceRow>, StoreError> {
        let sql = format!("{EVIDENCE} WHERE sop_hash = ?1 AND sop_instance = ?2 AND site.text = ?3");
        self.read("read an evidence object", |connection| {
            let uid = sop_instance.as_str();
            let key = (names::hash(uid), uid, site.as_str());
            connection.prepare_cached(&sql)?.query_row(key, work::evidence).optional()
        })
    }

    fn evidence_of_study(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<EvidenceRow>, StoreError> {
        let sql =
            format!("{EVIDENCE} WHERE evidence.study = ?1 AND site.text = ?2 ORDER BY made, sop_instance");
        self.read("list the evidence of a study", |connection| {
            let Some(study) = names::find(connection, study.as_str())? else { return Ok(Vec::new()) };
            list(connection, &sql, (study, site.as_str()), work::evidence)
        })
    }

    fn newest_evidence(
        &self,
        site: &SiteId,
        count: usize,
    ) -> std::result::Result<Vec<EvidenceRow>, StoreError> {
        let sql = format!("{EVIDENCE} WHERE site.text = ?1 ORDER BY made DESC, sop_instance DESC LIMIT ?2");
        self.read("list the newest evidence", |connection| {
            list(connection, &sql, (site.as_str(), count), work::evidence)
        })
    }

    fn older_evidence(
        &self,
        than: &EvidenceRow,
        count: usize,
    ) -> std::result::Result<Vec<EvidenceRow>, StoreError> {
        let sql = format!(
            "{EVIDENCE} WHERE site.text = ?1 AND made <= ?2 AND (made < ?2 OR sop_instance < ?3)
             ORDER BY made DESC, sop_instance DESC LIMIT ?4"
        );
        self.read("list older evidence", |connection| {
            let key = (than.site.as_str(), than.made.0, than.sop_instance.as_str(), count);
            list(connection, &sql, key, work::evidence)
        })
    }
}
