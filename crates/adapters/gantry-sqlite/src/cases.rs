//! The conductor's reading side.

use gantry_ports::{
    cases::Cases,
    store::{AttentionRow, IdentityRow, MachineKey, MachineKind, MachineRow, SeriesTally, StoreError},
};
use gantry_types::{
    ids::SiteId,
    instant::Instant,
    uid::{SeriesInstanceUid, StudyInstanceUid},
};
use rusqlite::{Connection, OptionalExtension as _, Result};

use crate::{names, store::SqliteStore, work};

const MACHINE: &str = "SELECT site.text, study.text, kind, machine.name, version, state, due,
    offer_lane, offered, person
    FROM machine JOIN name site ON site.id = machine.site JOIN name study ON study.id = machine.study";

/// The objects in force of a study, but for what Gantry made, with the receipts by which they were kept.
const KEPT: &str =
    "FROM object JOIN name site ON site.id = object.site JOIN name series ON series.id = object.series
    JOIN receipt ON receipt.object = object.id AND receipt.reception = 0
    WHERE object.study = ?1 AND site.text = ?2 AND standing = 0
    AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.sop_hash = object.sop_hash
    AND evidence.sop_instance = object.sop_instance AND evidence.site = object.site)";

/// The numbers of site and study; nothing if nothing was ever said of one of them.
fn numbers(connection: &Connection, site: &SiteId, study: &StudyInstanceUid) -> Result<Option<(i64, i64)>> {
    let site = names::find(connection, site.as_str())?;
    Ok(site.zip(names::find(connection, study.as_str())?))
}

/// The mark of a study.
pub(crate) fn mark(connection: &Connection, site: &SiteId, study: &StudyInstanceUid) -> Result<Option<u64>> {
    let Some((site, study)) = numbers(connection, site, study)? else { return Ok(None) };
    connection
        .prepare_cached("SELECT mark FROM attention WHERE study = ?1 AND site = ?2")?
        .query_row((study, site), |row| row.get(0))
        .optional()
}

/// A machine's state.
pub(crate) fn machine(connection: &Connection, key: &MachineKey) -> Result<Option<MachineRow>> {
    let Some((site, study)) = numbers(connection, &key.site, &key.study)? else { return Ok(None) };
    let sql = format!(
        "{MACHINE} WHERE machine.study = ?1 AND kind = ?2 AND machine.name = ?3 AND machine.site = ?4"
    );
    connection
        .prepare_cached(&sql)?
        .query_row((study, work::machine_kind(key.kind), &key.name, site), work::machine)
        .optional()
}

impl Cases for SqliteStore {
    fn attention(&self, site: &SiteId, count: usize) -> std::result::Result<Vec<AttentionRow>, StoreError> {
        self.read("list studies that want attention", |connection| {
            let sql = "SELECT study.text, mark FROM attention JOIN name site ON site.id = attention.site
                JOIN name study ON study.id = attention.study WHERE site.text = ?1 ORDER BY mark LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((site.as_str(), count), |row| {
                let study = StudyInstanceUid::from_peer(row.get_ref(0)?.as_str()?);
                Ok((study, row.get(1)?))
            })?;
            let mut found = Vec::new();
            for row in rows {
                let (study, mark) = row?;
                found.extend(study.map(|study| AttentionRow { site: site.clone(), study, mark }));
            }
            Ok(found)
        })
    }

    fn mark(&self, site: &SiteId, study: &StudyInstanceUid) -> std::result::Result<Option<u64>, StoreError> {
        self.read("read a study's mark", |connection| mark(connection, site, study))
    }

    fn tallies(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<SeriesTally>, StoreError> {
        let sql = format!(
            "SELECT series.text, count(DISTINCT object.id), max(receipt.received),
             group_concat(DISTINCT receipt.association) {KEPT} GROUP BY series.text ORDER BY series.text"
        );
        self.read("count a study's objects", |connection| {
            let Some((_, study)) = numbers(connection, site, study)? else { return Ok(Vec::new()) };
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((study, site.as_str()), |row| {
                let series = SeriesInstanceUid::from_peer(row.get_ref(0)?.as_str()?);
                let associations: String = row.get(3)?;
                let mut associations: Vec<u64> =
                    associations.split(',').filter_map(|number| number.parse().ok()).collect();
                associations.sort_unstable();
                let (objects, last) = (row.get(1)?, Instant(row.get(2)?));
                Ok(series.map(|series| SeriesTally { series, objects, last, associations }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }

    fn identities(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<IdentityRow>, StoreError> {
        let sql = "SELECT patient_id, issuer FROM identity WHERE study = ?1 AND site = ?2
            ORDER BY patient_id, issuer";
        self.read("read the identities of a study", |connection| {
            let Some(key) = numbers(connection, site, study)? else { return Ok(Vec::new()) };
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((key.1, key.0), |row| {
                Ok(IdentityRow {
                    site: site.clone(),
                    study: study.clone(),
                    patient_id: row.get(0)?,
                    issuer: row.get(1)?,
                })
            })?;
            rows.collect()
        })
    }

    fn releases(&self, associations: &[u64]) -> std::result::Result<Vec<(u64, Instant)>, StoreError> {
        self.read("read how associations ended", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT ended FROM association WHERE id = ?1 AND end_kind = 0")?;
            let mut released = Vec::new();
            for id in associations {
                let at: Option<i64> = statement.query_row([id], |row| row.get(0)).optional()?;
                released.extend(at.map(|at| (*id, Instant(at))));
            }
            Ok(released)
        })
    }

    fn machine(&self, key: &MachineKey) -> std::result::Result<Option<MachineRow>, StoreError> {
        self.read("read a machine", |connection| machine(connection, key))
    }

    fn machines(
        &self,
        site: &SiteId,
        kind: MachineKind,
        study: &StudyInstanceUid,
    ) -> std::result::Result<Vec<MachineRow>, StoreError> {
        let sql = format!(
            "{MACHINE} WHERE machine.study = ?1 AND kind = ?2 AND machine.site = ?3 ORDER BY machine.name"
        );
        self.read("read the machines of a study", |connection| {
            let Some((site, study)) = numbers(connection, site, study)? else { return Ok(Vec::new()) };
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((study, work::machine_kind(kind), site), work::machine)?.collect()
        })
    }

    fn due(
        &self,
        kind: MachineKind,
        now: Instant,
        count: usize,
    ) -> std::result::Result<Vec<MachineRow>, StoreError> {
        let sql = format!("{MACHINE} WHERE due <= ?1 AND kind = ?2 ORDER BY due LIMIT ?3");
        self.read("list what is due", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((now.0, work::machine_kind(kind), count), work::machine)?.collect()
        })
    }

    fn offered(&self, kind: MachineKind, count: usize) -> std::result::Result<Vec<MachineRow>, StoreError> {
        let sql = format!(
            "{MACHINE} WHERE kind = ?1 AND offered IS NOT NULL ORDER BY offer_lane, offered LIMIT ?2"
        );
        self.read("list what is offered", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((work::machine_kind(kind), count), work::machine)?.collect()
        })
    }

    fn offered_ending(
        &self,
        kind: MachineKind,
        ending: &str,
        count: usize,
    ) -> std::result::Result<Vec<MachineRow>, StoreError> {
        let sql = format!(
            "{MACHINE} WHERE kind = ?1 AND offered IS NOT NULL
            AND substr(machine.name, length(machine.name) - length(?2) + 1) = ?2 ORDER BY offer_lane, offered LIMIT ?3"
        );
        self.read("list what is offered", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((work::machine_kind(kind), ending, count), work::machine)?.collect()
        })
    }

    fn waiting_for_person(
        &self,
        site: &SiteId,
        count: usize,
    ) -> std::result::Result<Vec<MachineRow>, StoreError> {
        let sql = format!("{MACHINE} WHERE person IS NOT NULL AND site.text = ?1 ORDER BY person LIMIT ?2");
        self.read("list what waits for a person", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map((site.as_str(), count), work::machine)?.collect()
        })
    }

    fn next_due(&self, kind: MachineKind) -> std::result::Result<Option<Instant>, StoreError> {
        self.read("read what is due next", |connection| {
            let sql = "SELECT min(due) FROM machine WHERE kind = ?1 AND due IS NOT NULL";
            let at: Option<i64> =
                connection.prepare_cached(sql)?.query_row([work::machine_kind(kind)], |row| row.get(0))?;
            Ok(at.map(Instant))
        })
    }
}
