//! Rows to SQL and back.

use std::sync::Arc;

use gantry_ports::{
    blob::BlobRef,
    store::{
        AssociationEnd, AssociationRow, AttentionRow, AuditRow, DocumentKind, DocumentRow, IdentityRow,
        ObjectRow, REFUSALS_MAX, ReceiptRow, Reception, RefusalRow, Row, SeriesRow, Standing, StudyRow,
    },
};
use gantry_types::{ae_title::AeTitle, digest::Digest, ids::SiteId, instant::Instant};
use rusqlite::{Connection, Result, Row as SqlRow, params, types::Type};

use crate::{
    names::{self, Names},
    work,
};

/// Writes a row, replacing the one with its key.
pub(crate) fn put(connection: &Connection, names: &mut Names, row: &Row) -> Result<()> {
    match row {
        Row::Study(row) => put_study(connection, names, row),
        Row::Series(row) => put_series(connection, names, row),
        Row::Object(row) => put_object(connection, names, row),
        Row::Receipt(row) => put_receipt(connection, row),
        Row::Association(row) => put_association(connection, row),
        Row::Refusal(row) => put_refusal(connection, row),
        Row::Document(row) => put_document(connection, names, row),
        Row::Attention(row) => put_attention(connection, names, row),
        Row::Attended { site, study } => {
            let (site, study) = (names.id(connection, site.as_str())?, names.id(connection, study.as_str())?);
            connection
                .prepare_cached("DELETE FROM attention WHERE study = ?1 AND site = ?2")?
                .execute((study, site))?;
            Ok(())
        }
        Row::Identity(row) => put_identity(connection, names, row),
        Row::IdentityGone(row) => remove_identity(connection, names, row),
        Row::Machine(row) => work::put_machine(connection, names, row),
        Row::Payload(row) => work::put_payload(connection, names, row),
        Row::Late(row) => work::put_late(connection, names, row),
        Row::Run(row) => work::put_run(connection, names, row),
        Row::Result(row) => work::put_result(connection, row),
        Row::Evidence(row) => work::put_evidence(connection, names, row),
    }
}

fn put_study(connection: &Connection, names: &mut Names, row: &StudyRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let uid = names.id(connection, row.uid.as_str())?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO study VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            site,
            uid,
            row.first_received.0,
            row.patient_id,
            row.patient_id_issuer,
            row.patient_name,
            row.accession_number,
            row.study_date,
            row.description,
            row.accession_issuer
        ])?;
    Ok(())
}

fn put_series(connection: &Connection, names: &mut Names, row: &SeriesRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    let uid = names.id(connection, row.uid.as_str())?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![site, study, uid, row.modality, row.number, row.description])?;
    Ok(())
}

fn put_identity(connection: &Connection, names: &mut Names, row: &IdentityRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    connection.prepare_cached("INSERT OR IGNORE INTO identity VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        site,
        study,
        row.patient_id,
        row.issuer
    ])?;
    Ok(())
}

fn remove_identity(connection: &Connection, names: &mut Names, row: &IdentityRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    connection
        .prepare_cached(
            "DELETE FROM identity WHERE site = ?1 AND study = ?2 AND patient_id = ?3 AND issuer = ?4",
        )?
        .execute(params![site, study, row.patient_id, row.issuer])?;
    Ok(())
}

/// Numbers stand in databases: none is ever given a second meaning.
const fn standing_code(standing: Standing) -> i64 {
    match standing {
        Standing::InForce => 0,
        Standing::Undecided => 1,
        Standing::Wanted => 2,
        Standing::Reencoded => 3,
        Standing::LossyCopy => 4,
        Standing::Superseded => 5,
        Standing::Outranked => 6,
        Standing::Conflict => 7,
        Standing::SetAside => 8,
    }
}

fn put_object(connection: &Connection, names: &mut Names, row: &ObjectRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    let series = names.id(connection, row.series.as_str())?;
    let sop_class = names.id(connection, row.sop_class.as_str())?;
    let transfer_syntax = names.id(connection, row.transfer_syntax.as_str())?;
    let standing = standing_code(row.standing);
    // An id that is taken by another object is an error, never the end of that object.
    let changed = connection
        .prepare_cached(
            "INSERT INTO object VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (id) DO UPDATE SET container = excluded.container, place = excluded.place,
             length = excluded.length, head_bytes = excluded.head_bytes, digest = excluded.digest,
             standing = excluded.standing
             WHERE site = excluded.site AND sop_instance = excluded.sop_instance AND revision = excluded.revision",
        )?
        .execute(params![
            row.id,
            site,
            study,
            series,
            names::hash(row.sop_instance.as_str()),
            row.sop_instance.as_str(),
            sop_class,
            transfer_syntax,
            row.blob.container,
            row.blob.offset,
            row.blob.length,
            row.head_bytes,
            row.digest.0,
            row.revision,
            standing
        ])?;
    if changed == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(changed)) }
}

fn put_receipt(connection: &Connection, row: &ReceiptRow) -> Result<()> {
    let reception = match row.reception {
        Reception::Kept => 0,
        Reception::Same => 1,
    };
    connection.prepare_cached("INSERT INTO receipt VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        row.id,
        row.object,
        row.association,
        row.received.0,
        reception,
        row.deviations
    ])?;
    Ok(())
}

fn put_association(connection: &Connection, row: &AssociationRow) -> Result<()> {
    let end_kind = row.ended.map(|(_, end)| match end {
        AssociationEnd::Released => 0,
        AssociationEnd::Aborted => 1,
        AssociationEnd::Lost => 2,
    });
    connection
        .prepare_cached("INSERT OR REPLACE INTO association VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            row.id,
            row.called.as_str(),
            row.calling,
            row.address,
            row.began.0,
            row.ended.map(|(at, _)| at.0),
            end_kind
        ])?;
    Ok(())
}

fn put_refusal(connection: &Connection, row: &RefusalRow) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO refusal VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![row.called, row.calling, row.address, row.reason, row.last.0])?;
    connection
        .prepare_cached(
            "DELETE FROM refusal WHERE (called, calling, address) IN
             (SELECT called, calling, address FROM refusal ORDER BY last DESC LIMIT -1 OFFSET ?1)",
        )?
        .execute([REFUSALS_MAX])?;
    Ok(())
}

fn put_document(connection: &Connection, names: &mut Names, row: &DocumentRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO document VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            site,
            row.kind.as_str(),
            row.name,
            row.version,
            row.digest.0,
            row.text,
            row.applied.0
        ])?;
    Ok(())
}

fn put_attention(connection: &Connection, names: &mut Names, row: &AttentionRow) -> Result<()> {
    let site = names.id(connection, row.site.as_str())?;
    let study = names.id(connection, row.study.as_str())?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO attention VALUES (?1, ?2, ?3)")?
        .execute((site, study, row.mark))?;
    Ok(())
}

/// Appends to the audit trail.
pub(crate) fn put_audit(connection: &Connection, row: &AuditRow) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO audit (at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![row.at.0, row.actor, row.action, row.subject, row.detail])?;
    Ok(())
}

/// A column that some other program has written badly.
pub(crate) fn broken(column: usize, kind: Type, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, what.into())
}

pub(crate) fn uid<T>(
    row: &SqlRow<'_>,
    column: usize,
    from_peer: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    from_peer(row.get_ref(column)?.as_str()?).ok_or_else(|| broken(column, Type::Text, "a blank UID"))
}

pub(crate) fn site(row: &SqlRow<'_>, column: usize) -> Result<SiteId> {
    row.get_ref(column)?.as_str()?.parse().or(Err(broken(column, Type::Text, "no site")))
}

/// Columns: site, uid (as texts), then those of the table.
pub(crate) fn study(row: &SqlRow<'_>) -> Result<StudyRow> {
    Ok(StudyRow {
        site: site(row, 0)?,
        uid: uid(row, 1, gantry_types::uid::StudyInstanceUid::from_peer)?,
        first_received: Instant(row.get(2)?),
        patient_id: row.get(3)?,
        patient_id_issuer: row.get(4)?,
        patient_name: row.get(5)?,
        accession_number: row.get(6)?,
        study_date: row.get(7)?,
        description: row.get(8)?,
        accession_issuer: row.get(9)?,
    })
}

/// Columns: site, study, uid (as texts), then those of the table.
pub(crate) fn series(row: &SqlRow<'_>) -> Result<SeriesRow> {
    Ok(SeriesRow {
        site: site(row, 0)?,
        study: uid(row, 1, gantry_types::uid::StudyInstanceUid::from_peer)?,
        uid: uid(row, 2, gantry_types::uid::SeriesInstanceUid::from_peer)?,
        modality: row.get(3)?,
        number: row.get(4)?,
        description: row.get(5)?,
    })
}

/// Columns: id, site, study, series, class, syntax (as texts), SOP instance, then those of the table.
pub(crate) fn object(row: &SqlRow<'_>) -> Result<ObjectRow> {
    Ok(ObjectRow {
        id: row.get(0)?,
        site: site(row, 1)?,
        study: uid(row, 2, gantry_types::uid::StudyInstanceUid::from_peer)?,
        series: uid(row, 3, gantry_types::uid::SeriesInstanceUid::from_peer)?,
        sop_class: uid(row, 4, gantry_types::uid::SopClassUid::from_peer)?,
        transfer_syntax: uid(row, 5, gantry_types::uid::TransferSyntaxUid::from_peer)?,
        sop_instance: uid(row, 6, gantry_types::uid::SopInstanceUid::from_peer)?,
        blob: BlobRef { container: row.get(7)?, offset: row.get(8)?, length: row.get(9)? },
        head_bytes: row.get(10)?,
        digest: Digest(row.get(11)?),
        revision: row.get(12)?,
        standing: {
            let code: i64 = row.get(13)?;
            let standing = Standing::ALL.iter().find(|standing| standing_code(**standing) == code);
            *standing.ok_or_else(|| broken(13, Type::Integer, &format!("standing {code}")))?
        },
    })
}

/// All columns of the table.
pub(crate) fn receipt(row: &SqlRow<'_>) -> Result<ReceiptRow> {
    Ok(ReceiptRow {
        id: row.get(0)?,
        object: row.get(1)?,
        association: row.get(2)?,
        received: Instant(row.get(3)?),
        reception: match row.get(4)? {
            0 => Reception::Kept,
            1 => Reception::Same,
            other => return Err(broken(4, Type::Integer, &format!("reception {other}"))),
        },
        deviations: row.get(5)?,
    })
}

/// All columns of the table.
pub(crate) fn association(row: &SqlRow<'_>) -> Result<AssociationRow> {
    let ended = match (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<u8>>(6)?) {
        (None, _) => None,
        (Some(at), Some(0)) => Some((Instant(at), AssociationEnd::Released)),
        (Some(at), Some(1)) => Some((Instant(at), AssociationEnd::Aborted)),
        (Some(at), Some(2)) => Some((Instant(at), AssociationEnd::Lost)),
        (Some(_), other) => return Err(broken(6, Type::Integer, &format!("end {other:?}"))),
    };
    let called: String = row.get(1)?;
    Ok(AssociationRow {
        id: row.get(0)?,
        called: AeTitle::parse(&called).or(Err(broken(1, Type::Text, "no AE title")))?,
        calling: Arc::from(row.get::<_, String>(2)?),
        address: Arc::from(row.get::<_, String>(3)?),
        began: Instant(row.get(4)?),
        ended,
    })
}

/// All columns of the table.
pub(crate) fn refusal(row: &SqlRow<'_>) -> Result<RefusalRow> {
    Ok(RefusalRow {
        called: row.get(0)?,
        calling: row.get(1)?,
        address: row.get(2)?,
        reason: row.get(3)?,
        last: Instant(row.get(4)?),
    })
}

/// Columns: site (as text), then those of the table.
pub(crate) fn document(row: &SqlRow<'_>) -> Result<DocumentRow> {
    let kind =
        DocumentKind::parse(row.get_ref(1)?.as_str()?).ok_or_else(|| broken(1, Type::Text, "no kind"))?;
    Ok(DocumentRow {
        site: site(row, 0)?,
        kind,
        name: row.get(2)?,
        version: row.get(3)?,
        digest: Digest(row.get(4)?),
        text: row.get(5)?,
        applied: Instant(row.get(6)?),
    })
}

/// All columns of the table but the key.
pub(crate) fn audit(row: &SqlRow<'_>) -> Result<AuditRow> {
    Ok(AuditRow {
        at: Instant(row.get(0)?),
        actor: row.get(1)?,
        action: row.get(2)?,
        subject: row.get(3)?,
        detail: row.get(4)?,
    })
}
