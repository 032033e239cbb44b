//! Rows of what is done with studies, to SQL and back.

use gantry_flow::step::Lane;
use gantry_ports::{
    blob::BlobRef,
    store::{
        EvidenceRow, LateRow, MachineKey, MachineKind, MachineRow, Offer, PayloadRow, ResultFile, ResultRow,
        RunRow,
    },
};
use gantry_types::{
    digest::Digest,
    instant::{Instant, Stamp, UtcOffset},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};
use rusqlite::{Connection, Result, Row as SqlRow, params, types::Type};

use crate::{
    names::{self, Names},
    rows::{broken, site, uid},
};

pub(crate) fn put_machine(connection: &Connection, names: &mut Names, row: &MachineRow) -> Result<()> {
    let site = names.id(connection, row.key.site.as_str())?;
    let study = names.id(connection, row.key.study.as_str())?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO machine
             (site, kind, study, name, version, state, due, offer_lane, offered, person)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            site,
            machine_kind(row.key.kind),
            study,
            row.key.name,
            row.version,
            row.state,
            row.due.map(|due| due.0),
            row.offered.map(|offer| lane_number(offer.lane)),
            row.offered.map(|offer| offer.since.0),
            row.person.map(|since| since.0)
        ])?;
    Ok(())
}

/// The number of a kind of machine. Never changed.
pub(crate) fn machine_kind(kind: MachineKind) -> u8 {
    match kind {
        MachineKind::Case => 0,
        MachineKind::Run => 1,
        MachineKind::Delivery => 2,
        MachineKind::Publication => 3,
    }
}

/// The number of a lane: what goes first has the smaller one. Never changed.
fn lane_number(lane: Lane) -> u8 {
    match lane {
        Lane::Urgent => 0,
        Lane::Routine => 1,
        Lane::Background => 2,
    }
}

fn lane(row: &SqlRow<'_>, column: usize) -> Result<Lane> {
    match row.get(column)? {
        0 => Ok(Lane::Urgent),
        1 => Ok(Lane::Routine),
        2 => Ok(Lane::Background),
        other => Err(broken(column, Type::Integer, &format!("lane {other}"))),
    }
}

/// A text that names something.
fn name<T: std::str::FromStr>(row: &SqlRow<'_>, column: usize) -> Result<T> {
    row.get_ref(column)?.as_str()?.parse().or(Err(broken(column, Type::Text, "no name")))
}

/// Columns: site, study (as texts), kind, name, version, state, due, lane, offered, person.
pub(crate) fn machine(row: &SqlRow<'_>) -> Result<MachineRow> {
    let kind = match row.get(2)? {
        0 => MachineKind::Case,
        1 => MachineKind::Run,
        2 => MachineKind::Delivery,
        3 => MachineKind::Publication,
        other => return Err(broken(2, Type::Integer, &format!("machine kind {other}"))),
    };
    let study = uid(row, 1, StudyInstanceUid::from_peer)?;
    let offered = match row.get::<_, Option<i64>>(8)? {
        Some(since) => Some(Offer { lane: lane(row, 7)?, since: Instant(since) }),
        None => None,
    };
    Ok(MachineRow {
        key: MachineKey { site: site(row, 0)?, kind, study, name: row.get(3)? },
        version: row.get(4)?,
        state: row.get(5)?,
        due: row.get::<_, Option<i64>>(6)?.map(Instant),
        offered,
        person: row.get::<_, Option<i64>>(9)?.map(Instant),
    })
}

pub(crate) fn put_payload(connection: &Connection, names: &mut Names, row: &PayloadRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    connection
        .prepare_cached(
            "INSERT INTO payload (site, study, workflow, ordinal, digest, frozen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![site, study, row.workflow.as_str(), row.ordinal, row.digest.0, row.frozen.0])?;
    let payload = connection.last_insert_rowid();
    let mut item = connection.prepare_cached("INSERT INTO payload_item VALUES (?1, ?2, ?3, ?4)")?;
    for (place, one) in row.items.iter().enumerate() {
        item.execute(params![payload, place, one.input.as_str(), one.object])?;
    }
    Ok(())
}

pub(crate) fn put_late(connection: &Connection, names: &mut Names, row: &LateRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO late VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![row.object, row.workflow.as_str(), row.ordinal, site, study, row.noticed.0])?;
    Ok(())
}

/// Columns: site, study (as texts), object, workflow, ordinal, noticed.
pub(crate) fn late(row: &SqlRow<'_>) -> Result<LateRow> {
    Ok(LateRow {
        site: site(row, 0)?,
        study: uid(row, 1, StudyInstanceUid::from_peer)?,
        object: row.get(2)?,
        workflow: name(row, 3)?,
        ordinal: row.get(4)?,
        noticed: Instant(row.get(5)?),
    })
}

pub(crate) fn put_run(connection: &Connection, names: &mut Names, row: &RunRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    connection
        .prepare_cached(
            "INSERT INTO run
             (id, site, study, workflow, version, digest, ordinal, began, offset_minutes, lane)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            row.id.as_str(),
            site,
            study,
            row.workflow.as_str(),
            row.version,
            row.digest.0,
            row.ordinal,
            row.began.at.0,
            row.began.offset.minutes(),
            lane_number(row.lane)
        ])?;
    let mut package = connection.prepare_cached("INSERT INTO run_package VALUES (?1, ?2, ?3, ?4)")?;
    for one in &row.packages {
        package.execute(params![row.id.as_str(), one.task.as_str(), one.app.as_str(), one.digest.0])?;
    }
    Ok(())
}

/// Columns: site, study (as texts), id, workflow, version, digest, ordinal, began, offset, lane. Its packages stand in a
/// table of their own.
pub(crate) fn run(row: &SqlRow<'_>) -> Result<RunRow> {
    let offset = UtcOffset::from_minutes(row.get(8)?).ok_or_else(|| broken(8, Type::Integer, "no offset"))?;
    Ok(RunRow {
        site: site(row, 0)?,
        study: uid(row, 1, StudyInstanceUid::from_peer)?,
        id: name(row, 2)?,
        workflow: name(row, 3)?,
        version: row.get(4)?,
        digest: Digest(row.get(5)?),
        ordinal: row.get(6)?,
        began: Stamp { at: Instant(row.get(7)?), offset },
        lane: lane(row, 9)?,
        packages: Vec::new(),
    })
}

/// Columns: task, app, digest.
pub(crate) fn package(row: &SqlRow<'_>) -> Result<gantry_ports::store::PinnedPackage> {
    Ok(gantry_ports::store::PinnedPackage {
        task: name(row, 0)?,
        app: name(row, 1)?,
        digest: Digest(row.get(2)?),
    })
}

pub(crate) fn put_result(connection: &Connection, row: &ResultRow) -> Result<()> {
    let (run, task) = (row.run.as_str(), row.task.as_str());
    connection.prepare_cached("INSERT INTO result VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        run,
        task,
        row.fence,
        row.node.as_str(),
        row.began.0,
        row.ended.0
    ])?;
    let mut file =
        connection.prepare_cached("INSERT INTO result_file VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for ResultFile { name, blob, digest } in &row.files {
        file.execute(params![run, task, name, blob.container, blob.offset, blob.length, digest.0])?;
    }
    Ok(())
}

/// Columns: run, task, fence, node, began, ended. Its files stand in a table of their own.
pub(crate) fn result(row: &SqlRow<'_>) -> Result<ResultRow> {
    Ok(ResultRow {
        run: name(row, 0)?,
        task: name(row, 1)?,
        fence: row.get(2)?,
        node: name(row, 3)?,
        began: Instant(row.get(4)?),
        ended: Instant(row.get(5)?),
        files: Vec::new(),
    })
}

/// Columns: name, container, place, length, digest.
pub(crate) fn result_file(row: &SqlRow<'_>) -> Result<ResultFile> {
    Ok(ResultFile {
        name: row.get(0)?,
        blob: BlobRef { container: row.get(1)?, offset: row.get(2)?, length: row.get(3)? },
        digest: Digest(row.get(4)?),
    })
}

pub(crate) fn put_evidence(connection: &Connection, names: &mut Names, row: &EvidenceRow) -> Result<()> {
    let mut id = |text| names.id(connection, text);
    let (site, study) = (id(row.site.as_str())?, id(row.study.as_str())?);
    let (class, syntax) = (id(row.sop_class.as_str())?, id(row.transfer_syntax.as_str())?);
    let series = id(row.series.as_str())?;
    connection
        .prepare_cached(
            "INSERT INTO evidence VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            names::hash(row.sop_instance.as_str()),
            row.sop_instance.as_str(),
            site,
            class,
            syntax,
            study,
            series,
            row.run.as_str(),
            row.task.as_str(),
            row.destination.as_str(),
            row.class.as_str(),
            row.blob.container,
            row.blob.offset,
            row.blob.length,
            row.head_bytes,
            row.digest.0,
            row.made.0
        ])?;
    Ok(())
}

/// Columns: site, study, series, class, syntax (as texts), SOP instance, run, task, destination, class, container,
/// place, length, head, digest, made.
pub(crate) fn evidence(row: &SqlRow<'_>) -> Result<EvidenceRow> {
    Ok(EvidenceRow {
        site: site(row, 0)?,
        study: uid(row, 1, StudyInstanceUid::from_peer)?,
        series: uid(row, 2, SeriesInstanceUid::from_peer)?,
        sop_class: uid(row, 3, SopClassUid::from_peer)?,
        transfer_syntax: uid(row, 4, TransferSyntaxUid::from_peer)?,
        sop_instance: uid(row, 5, SopInstanceUid::from_peer)?,
        run: name(row, 6)?,
        task: name(row, 7)?,
        destination: name(row, 8)?,
        class: name(row, 9)?,
        blob: BlobRef { container: row.get(10)?, offset: row.get(11)?, length: row.get(12)? },
        head_bytes: row.get(13)?,
        digest: Digest(row.get(14)?),
        made: Instant(row.get(15)?),
    })
}
