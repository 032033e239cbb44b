//! The change by which a set becomes evidence: rows, deliveries and the publication's end, all or none.

use gantry_dicom::part10;
use gantry_evidence::object::EvidenceObject;
use gantry_flow::{
    delivery,
    names::DeliveryKey,
    publication::{Event, step},
};
use gantry_ports::{
    blob::Appended,
    state::{delivery as delivery_form, publication},
    store::{Change, DocumentKind, EvidenceRow, Expectation, Row},
};
use gantry_types::uid::TransferSyntaxUid;

use super::{Case, Publisher};
use crate::{making::Made, rows::Rows};

impl Publisher {
    /// Everything that is written when a set is published. It relies on the publication's state and on the destination
    /// being what it was when it was read.
    pub(super) fn published(
        &self,
        case: &Case<'_>,
        rows: &Rows,
        made: &Made,
        appended: &[Appended],
    ) -> Change {
        let (key, now) = (&case.row.key, self.outside.clock.now());
        let mut change = Change::default();
        change.expect.push(Expectation::Machine { key: key.clone(), version: case.row.version });
        change.expect.push(Expectation::Version {
            site: key.site.clone(),
            kind: DocumentKind::Destination,
            name: rows.destination.name.to_string(),
            version: rows.version,
        });
        for (object, appended) in made.set.objects.iter().zip(appended) {
            self.add(case, rows, object, appended, &mut change);
        }
        let objects = u32::try_from(made.set.objects.len()).unwrap_or(u32::MAX);
        let done = step(&case.state, Event::Published { objects }, now);
        change.rows.push(Row::Machine(publication::row(key.clone(), &done, case.row.version + 1)));
        let mut detail = format!(
            "task {}, for {} (version {}): {objects} objects",
            case.of.task, case.of.destination, rows.version
        );
        for said in made.set.notes.iter().map(ToString::to_string).chain(made.inherited.iter().cloned()) {
            detail = format!("{detail}; {said}");
        }
        change.audit.push(self.audit("publication/published", rows.run.id.as_str(), detail));
        change
    }

    /// An object's row and its delivery.
    fn add(
        &self,
        case: &Case<'_>,
        rows: &Rows,
        object: &EvidenceObject,
        appended: &Appended,
        change: &mut Change,
    ) {
        let (key, now) = (&case.row.key, self.outside.clock.now());
        let (transfer_syntax, head_bytes) = layout(object);
        change.rows.push(Row::Evidence(EvidenceRow {
            site: key.site.clone(),
            sop_instance: object.sop_instance.clone(),
            sop_class: object.sop_class.clone(),
            transfer_syntax,
            study: key.study.clone(),
            series: object.series.clone(),
            run: case.of.run.clone(),
            task: case.of.task.clone(),
            destination: case.of.destination.clone(),
            class: rows.class,
            blob: appended.reference,
            head_bytes,
            digest: appended.digest,
            made: now,
        }));
        let of = DeliveryKey {
            sop_instance: object.sop_instance.clone(),
            destination: case.of.destination.clone(),
        };
        let machine = delivery_form::key(&key.site, &key.study, &of);
        let begun = delivery::begin(of, rows.run.lane, now);
        change.rows.push(Row::Machine(delivery_form::row(machine, &begun, 1)));
        let subject = object.sop_instance.as_str();
        let made = format!(
            "{} of run {}, task {}: {}",
            object.kind.name(),
            case.of.run,
            case.of.task,
            appended.digest
        );
        let queued = format!("to {}, {}", case.of.destination, rows.run.lane);
        change.audit.push(self.audit("evidence/made", subject, made));
        change.audit.push(self.audit("delivery/queued", subject, queued));
    }
}

/// The transfer syntax of an object, and how many bytes stand before its data set.
fn layout(object: &EvidenceObject) -> (TransferSyntaxUid, u32) {
    let Ok(located) = part10::locate(&object.bytes) else { unreachable!("both gates have read the object") };
    let head = object.bytes.len() - located.data_set.len();
    (located.transfer_syntax, u32::try_from(head).unwrap_or(u32::MAX))
}
