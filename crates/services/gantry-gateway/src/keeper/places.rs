//! Where a received object stands: its row, and rows for study and series that have none yet.

use std::{collections::BTreeMap, sync::Arc};

use gantry_ports::store::{Change, IdentityRow, ObjectRow, Row, SeriesRow, Standing, StudyRow};

use super::{Arrived, Desk, Waiting, said};
use crate::filing::Filed;

impl Desk {
    pub(super) fn object_row(&self, arrived: &Arrived, earlier: usize) -> Result<ObjectRow, Arc<str>> {
        Ok(ObjectRow {
            id: self.outside.ids.next(),
            site: self.site.clone(),
            study: arrived.filed.study.clone(),
            series: arrived.filed.series.clone(),
            sop_instance: arrived.filed.sop_instance.clone(),
            sop_class: arrived.filed.sop_class.clone(),
            transfer_syntax: arrived.transfer_syntax.clone(),
            blob: arrived.appended.reference,
            head_bytes: arrived.head_bytes,
            digest: arrived.appended.digest,
            revision: u32::try_from(earlier + 1).map_err(said)?,
            standing: if earlier == 0 { Standing::InForce } else { Standing::Undecided },
        })
    }

    /// Rows for studies and series that have none yet.
    pub(super) fn new_places(&self, objects: &[Waiting], change: &mut Change) -> Result<(), Arc<str>> {
        let mut studies = BTreeMap::new();
        let mut series = BTreeMap::new();
        for object in objects {
            let filed = &object.arrived.filed;
            if !self.known_studies.contains(&filed.study) && !studies.contains_key(&filed.study) {
                let known = self.outside.intake.study(&self.site, &filed.study).map_err(said)?;
                let row = known.is_none().then(|| self.study_row(filed));
                studies.insert(filed.study.clone(), row);
            }
            let key = (filed.study.clone(), filed.series.clone());
            if !self.known_series.contains(&key) && !series.contains_key(&key) {
                let known = self.outside.intake.series(&self.site, &filed.study).map_err(said)?;
                let row = (!known.iter().any(|row| row.uid == filed.series)).then(|| self.series_row(filed));
                series.insert(key, row);
            }
        }
        change.rows.extend(studies.into_values().flatten().map(Row::Study));
        change.rows.extend(series.into_values().flatten().map(Row::Series));
        Ok(())
    }

    fn study_row(&self, filed: &Filed) -> StudyRow {
        StudyRow {
            site: self.site.clone(),
            uid: filed.study.clone(),
            first_received: self.outside.clock.now(),
            patient_id: filed.patient_id.clone(),
            patient_id_issuer: filed.patient_id_issuer.clone(),
            patient_name: filed.patient_name.clone(),
            accession_number: filed.accession_number.clone(),
            accession_issuer: filed.accession_issuer.clone(),
            study_date: filed.study_date.clone(),
            description: filed.study_description.clone(),
        }
    }

    /// Whom an object says that it is of.
    pub(super) fn identity(&self, filed: &Filed) -> Option<IdentityRow> {
        IdentityRow::named(&self.site, &filed.study, &filed.patient_id, &filed.patient_id_issuer)
    }

    fn series_row(&self, filed: &Filed) -> SeriesRow {
        SeriesRow {
            site: self.site.clone(),
            study: filed.study.clone(),
            uid: filed.series.clone(),
            modality: filed.modality.clone(),
            number: filed.series_number.clone(),
            description: filed.series_description.clone(),
        }
    }
}
