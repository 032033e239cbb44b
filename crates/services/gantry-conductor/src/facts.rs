//! The facts of a study: the variables of workflows, with their values.
//!
//! Counts are those of objects in force. What a series says of itself is what the first kept of its objects says.

use std::collections::{BTreeMap, BTreeSet};

use gantry_definition::{
    document::StudyFacts,
    expression::{Facts, Value},
};
use gantry_dicom::{
    charset,
    data_set::DataSet,
    deflate,
    header::{self, image_header},
    reader::{self, Limits, Stop},
    syntax::{self, Wrapping},
    tag::{self, Tag},
};
use gantry_ports::{
    blob::{Blob, BlobError},
    cases::Cases,
    intake::Intake,
    runs::Runs,
    store::{IdentityRow, ObjectRow, SeriesRow, Standing, StoreError, StudyRow},
};
use gantry_types::{
    header::Contrast,
    ids::SiteId,
    instant::Instant,
    uid::{SopInstanceUid, StudyInstanceUid},
};

use crate::conductor::Outside;

/// As much of an object as is read for what its series says; a header that is longer says less.
const FRONT_BYTES: u64 = 256 << 10;

/// How Gantry names itself in what it makes.
const MODEL: &str = "Gantry";

/// How many objects of a series are tried until one can be read.
const SPEAKERS_MAX: usize = 8;

/// Where facts are read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Rows of what came in.
    pub intake: &'a dyn Intake,
    /// What is there of series.
    pub cases: &'a dyn Cases,
    /// What Gantry made itself.
    pub runs: &'a dyn Runs,
    /// Kept bytes.
    pub blob: &'a dyn Blob,
}

/// Why facts cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The rows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes of the object that speaks for its series.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// What an object's header says of its study and series; when the study came, it does not know.
pub(crate) struct Place {
    pub(crate) study: StudyRow,
    pub(crate) series: SeriesRow,
    /// Whom it names, if anybody.
    pub(crate) identity: Option<IdentityRow>,
}

impl<'a> Reading<'a> {
    /// As the conductor reads them.
    pub(crate) fn of(outside: &'a Outside) -> Self {
        Self { intake: &*outside.intake, cases: &*outside.cases, runs: &*outside.runs, blob: &*outside.blob }
    }

    /// The objects in force of a study, by their keys. What Gantry made and somebody sent back is not among them (AS1).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn objects(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<ObjectRow>, StoreError> {
        let made = self.runs.evidence_of_study(site, study)?;
        let made: BTreeSet<&SopInstanceUid> = made.iter().map(|row| &row.sop_instance).collect();
        let mut objects = self.intake.objects(site, study)?;
        objects.retain(|object| object.standing == Standing::InForce && !made.contains(&object.sop_instance));
        objects.sort_by_key(|object| object.id);
        Ok(objects)
    }

    /// Series Date and Time of an object, as digits; nothing if it has no date.
    ///
    /// # Errors
    /// [`FactsError`].
    pub(crate) fn made(&self, object: &ObjectRow) -> Result<Option<String>, FactsError> {
        self.with_header(object, |data_set| {
            let digits = |tag| {
                let text = charset::text(data_set, tag);
                text.chars().filter(char::is_ascii_digit).take(14).collect::<String>()
            };
            let date = digits(tag::SERIES_DATE);
            (!date.is_empty()).then(|| date + &digits(tag::SERIES_TIME))
        })
    }

    /// Where an object stands by its own header, and whom it names.
    ///
    /// # Errors
    /// [`FactsError`].
    pub(crate) fn place(&self, object: &ObjectRow) -> Result<Place, FactsError> {
        self.with_header(object, |data_set| {
            let text = |tag| charset::text(data_set, tag);
            let study = StudyRow {
                site: object.site.clone(),
                uid: object.study.clone(),
                first_received: Instant(0),
                patient_id: text(tag::PATIENT_ID),
                patient_id_issuer: text(tag::ISSUER_OF_PATIENT_ID),
                patient_name: text(tag::PATIENT_NAME),
                accession_number: text(tag::ACCESSION_NUMBER),
                accession_issuer: header::accession_issuer(data_set),
                study_date: text(tag::STUDY_DATE),
                description: text(tag::STUDY_DESCRIPTION),
            };
            let series = SeriesRow {
                site: object.site.clone(),
                study: object.study.clone(),
                uid: object.series.clone(),
                modality: text(tag::MODALITY),
                number: text(tag::SERIES_NUMBER),
                description: text(tag::SERIES_DESCRIPTION),
            };
            let (id, issuer) = (&study.patient_id, &study.patient_id_issuer);
            let identity = IdentityRow::named(&object.site, &object.study, id, issuer);
            Place { study, series, identity }
        })
    }

    /// The facts of a study as it is now.
    ///
    /// # Errors
    /// [`FactsError`]: an object that is damaged must not look like one that says nothing.
    pub fn study(&self, study: &StudyRow) -> Result<StudyFacts, FactsError> {
        let mut objects = self.objects(&study.site, &study.uid)?;
        let mut rows = self.intake.series(&study.site, &study.uid)?;
        let mut series = BTreeMap::new();
        for row in &rows {
            let own: Vec<&ObjectRow> = objects.iter().filter(|object| object.series == row.uid).collect();
            let mut of_series = match self.speaker(&own) {
                Ok(Some(speaker)) => match self.of_header(speaker)? {
                    Some(of_header) => of_header,
                    // Another Gantry made it.
                    None => continue,
                },
                Ok(None) => continue,
                // It says nothing of itself: clauses about it are unknown, and other series are judged all the same.
                Err(FactsError::Blob(_)) => Facts::new(),
                Err(error) => return Err(error),
            };
            text(&mut of_series, "series.modality", row.modality.clone());
            text(&mut of_series, "series.description", row.description.clone());
            of_series.insert("series.instances", Value::Number(own.len() as f64));
            let classes = own.iter().map(|object| object.sop_class.to_string());
            texts(&mut of_series, "series.sopClasses", classes.collect());
            series.insert(row.uid.clone(), of_series);
        }
        rows.retain(|row| series.contains_key(&row.uid));
        objects.retain(|object| series.contains_key(&object.series));
        Ok(StudyFacts { study: self.of_study(study, &rows, &objects)?, series })
    }

    fn of_study(
        &self,
        study: &StudyRow,
        series: &[SeriesRow],
        objects: &[ObjectRow],
    ) -> Result<Facts, FactsError> {
        let mut facts = Facts::new();
        text(&mut facts, "study.description", study.description.clone());
        text(&mut facts, "study.accessionNumber", study.accession_number.clone());
        facts.insert("study.series", Value::Number(series.len() as f64));
        facts.insert("study.instances", Value::Number(objects.len() as f64));
        let modalities = series.iter().map(|row| row.modality.clone()).filter(|text| !text.is_empty());
        texts(&mut facts, "study.modalities", modalities.collect());
        let tallies = self.cases.tallies(&study.site, &study.uid)?;
        let associations: BTreeSet<u64> =
            tallies.iter().flat_map(|tally| tally.associations.iter().copied()).collect();
        let (mut called, mut calling) = (BTreeSet::new(), BTreeSet::new());
        for id in associations {
            if let Some(row) = self.intake.association(id)? {
                called.insert(row.called.to_string());
                calling.insert(row.calling.to_string());
            }
        }
        texts(&mut facts, "calledAe", called);
        texts(&mut facts, "callingAe", calling);
        Ok(facts)
    }

    /// The first of a series' objects that can be read, of some; it speaks for the series.
    fn speaker<'b>(&self, own: &[&'b ObjectRow]) -> Result<Option<&'b ObjectRow>, FactsError> {
        let mut failed = None;
        for object in own.iter().take(SPEAKERS_MAX) {
            match self.blob.read(object.blob, 0..1) {
                Ok(_) => return Ok(Some(object)),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), |error| Err(error.into()))
    }

    /// What an object's header says of its series; nothing if some Gantry made it (AS1).
    fn of_header(&self, object: &ObjectRow) -> Result<Option<Facts>, FactsError> {
        self.with_header(object, |data_set| {
            (!is_made_by_gantry(data_set)).then(|| of_data_set(data_set, object))
        })
    }

    fn with_header<T>(
        &self,
        object: &ObjectRow,
        read: impl FnOnce(&DataSet<'_>) -> T,
    ) -> Result<T, FactsError> {
        let start = u64::from(object.head_bytes);
        let front = self.blob.read(object.blob, start..start + FRONT_BYTES)?;
        let (encoding, wrapping) = syntax::layout(&object.transfer_syntax);
        let front = match wrapping {
            Wrapping::Plain => front,
            Wrapping::Deflated => deflate::inflate_front(&front, front.len().saturating_mul(8)),
        };
        let stop = Stop::Before(tag::FLOAT_PIXEL_DATA);
        let data_set = reader::read(&front, encoding, Limits::default(), stop).data_set;
        Ok(read(&data_set))
    }
}

/// Whether a Gantry, this one or another, names itself among the equipment that contributed (PS3.3 C.12.1).
fn is_made_by_gantry(data_set: &DataSet<'_>) -> bool {
    let items = data_set.items(tag::CONTRIBUTING_EQUIPMENT_SEQUENCE);
    items.iter().any(|item| charset::text(item, tag::MANUFACTURER_MODEL_NAME) == MODEL)
}

fn of_data_set(data_set: &DataSet<'_>, object: &ObjectRow) -> Facts {
    let mut facts = Facts::new();
    let mut named = |name, tag: Tag| text(&mut facts, name, charset::text(data_set, tag));
    named("series.manufacturer", tag::MANUFACTURER);
    named("series.model", tag::MANUFACTURER_MODEL_NAME);
    named("series.bodyPart", tag::BODY_PART_EXAMINED);
    named("series.protocol", tag::PROTOCOL_NAME);
    // What cannot be filed was never kept; should it be, it says nothing here.
    if let Ok(header) = image_header(data_set, object.transfer_syntax.clone()) {
        text(&mut facts, "series.kernel", header.convolution_kernel.first().cloned().unwrap_or_default());
        if header.contrast == Contrast::Given {
            text(&mut facts, "series.contrast", "given".to_owned());
        }
        if let Some(thickness) = header.slice_thickness {
            facts.insert("series.thickness", Value::Number(thickness.value));
        }
        if !header.image_type.is_empty() {
            facts.insert("series.imageType", Value::Texts(header.image_type));
        }
    }
    facts
}

/// A text; an empty one says nothing.
fn text(facts: &mut Facts, name: &'static str, value: String) {
    if !value.is_empty() {
        facts.insert(name, Value::Text(value));
    }
}

/// Texts, each once, sorted.
fn texts(facts: &mut Facts, name: &'static str, values: BTreeSet<String>) {
    facts.insert(name, Value::Texts(values.into_iter().collect()));
}
