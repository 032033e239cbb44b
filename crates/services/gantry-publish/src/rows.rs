//! The rows that a publication is made from: run, result, payload, documents and package.

use std::{collections::BTreeSet, sync::Arc};

use gantry_definition::{
    document::{Body, Destination, EvidenceKind, Workflow},
    package::Class,
};
use gantry_evidence::{
    inputs::Replaced,
    object::Kind,
    profile::{CaptureModality, FormProfile, ProfileName},
};
use gantry_ports::{
    definitions,
    lineage::Lineage,
    packages::Application,
    state::publication::PublicationKey,
    store::{DocumentKind, EvidenceRow, IdentityRow, MachineKey, ObjectRow, ResultRow, RunRow, Standing},
};
use gantry_types::ids::TaskName;

use crate::{
    publisher::Outside,
    why::{Refusal, Why},
};

/// What a publication is made from, as far as rows say it.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) run: RunRow,
    pub(crate) result: ResultRow,
    /// The objects of the payload.
    pub(crate) objects: Vec<ObjectRow>,
    pub(crate) application: Arc<Application>,
    pub(crate) destination: Destination,
    /// The version of the destination's document.
    pub(crate) version: u32,
    /// What the destination gets.
    pub(crate) kinds: BTreeSet<Kind>,
    /// The laxest of the classes that the result comes from (DL2).
    pub(crate) class: Class,
    /// The objects whose place it takes: those of the payload before its own.
    pub(crate) replaces: Vec<Replaced>,
}

impl Rows {
    /// Gathers them, and refuses what the destination must not get.
    pub(crate) fn load(outside: &Outside, key: &MachineKey, of: &PublicationKey) -> Result<Self, Why> {
        let run = outside.runs.run(&of.run)?.ok_or(Refusal::NoRow("run"))?;
        if (&run.site, &run.study) != (&key.site, &key.study) {
            return Err(Refusal::OtherStudy("the rows").into());
        }
        if IdentityRow::contradiction(&outside.cases.identities(&run.site, &run.study)?).is_some() {
            return Err(Refusal::TwoPatients.into());
        }
        let results = outside.runs.results(&of.run)?;
        let result = results.into_iter().find(|row| row.task == of.task).ok_or(Refusal::NoRow("result"))?;
        let workflow = workflow(outside, &run)?;
        let (destination, version) = destination(outside, key, of)?;
        let delivery = workflow.deliver.iter().find(|delivery| delivery.to == of.destination);
        let delivery = delivery.ok_or_else(|| Refusal::NotWanted {
            workflow: run.workflow.clone(),
            version: run.version,
            destination: of.destination.clone(),
        })?;
        let kinds: BTreeSet<Kind> = delivery.kinds(&destination).map(kind).collect();
        if kinds.is_empty() {
            let (workflow, destination) = (run.workflow.clone(), of.destination.clone());
            return Err(Refusal::NothingInCommon { workflow, version: run.version, destination }.into());
        }
        let application = application(outside, &run, &of.task)?;
        let class = application.package.class.min(workflow.class);
        if class < destination.class {
            let takes = destination.class;
            return Err(Refusal::Class { result: class, destination: destination.name, takes }.into());
        }
        let objects = objects(outside, &run)?;
        let lineage = Lineage::read(&*outside.runs, &run.site, &run.study)?;
        let replaces = lineage.replaced(&run, &of.task, &of.destination).filter_map(replaced).collect();
        Ok(Self { run, result, objects, application, destination, version, kinds, class, replaces })
    }

    /// The form that the destination gets.
    pub(crate) fn profile(&self) -> FormProfile {
        let name = self.destination.name.as_str();
        FormProfile {
            name: ProfileName::new(name)
                .unwrap_or_else(|| unreachable!("{name} is 1 to 64 characters of a-z, 0-9 and hyphen")),
            kinds: self.kinds.clone(),
            series_base: self.destination.series_base,
            capture_modality: CaptureModality::Other,
        }
    }
}

fn replaced(evidence: &EvidenceRow) -> Option<Replaced> {
    Some(Replaced {
        kind: Kind::of_sop_class(evidence.sop_class.as_str())?,
        sop_class: evidence.sop_class.clone(),
        sop_instance: evidence.sop_instance.clone(),
        series: evidence.series.clone(),
    })
}

const fn kind(kind: EvidenceKind) -> Kind {
    match kind {
        EvidenceKind::Seg => Kind::Segmentation,
        EvidenceKind::Sr => Kind::Report,
        EvidenceKind::Sc => Kind::SecondaryCapture,
    }
}

/// The workflow that the run is pinned to (DC2).
fn workflow(outside: &Outside, run: &RunRow) -> Result<Workflow, Why> {
    let name = run.workflow.as_str();
    let row = outside.definitions.document(&run.site, DocumentKind::Workflow, name, run.version)?;
    let row = row.ok_or(Refusal::NoRow("workflow"))?;
    if row.digest != run.digest {
        let (workflow, version) = (run.workflow.clone(), run.version);
        return Err(Refusal::OtherDefinition { workflow, version }.into());
    }
    match definitions::body(&row).map_err(Refusal::Definition)? {
        Body::Workflow(workflow) => Ok(*workflow),
        Body::Source(_) | Body::Destination(_) | Body::Door(_) => Err(Refusal::NoRow("workflow").into()),
    }
}

/// The destination as it is now, and the version of its document.
fn destination(outside: &Outside, key: &MachineKey, of: &PublicationKey) -> Result<(Destination, u32), Why> {
    let rows = outside.definitions.newest_documents(&key.site, DocumentKind::Destination)?;
    let row = rows.into_iter().find(|row| row.name == of.destination.as_str());
    let row = row.ok_or(Refusal::NoRow("destination"))?;
    match definitions::body(&row).map_err(Refusal::Definition)? {
        Body::Destination(destination) => Ok((destination, row.version)),
        Body::Source(_) | Body::Workflow(_) | Body::Door(_) => Err(Refusal::NoRow("destination").into()),
    }
}

/// The revision whose header is in force now, where a newer one has the same pixels (RC2, PT1).
fn in_force(outside: &Outside, frozen: ObjectRow) -> Result<ObjectRow, Why> {
    if frozen.standing != Standing::Superseded {
        return Ok(frozen);
    }
    let all = outside.intake.revisions(&frozen.site, &frozen.sop_instance)?;
    Ok(all.into_iter().find(|row| row.standing == Standing::InForce).unwrap_or(frozen))
}

/// The application that the run is pinned to: what is plausible, another package would say otherwise.
fn application(outside: &Outside, run: &RunRow, task: &TaskName) -> Result<Arc<Application>, Why> {
    let pinned = run.packages.iter().find(|pinned| pinned.task == *task);
    let pinned = pinned.ok_or(Refusal::NoRow("package of the task"))?;
    if let Some(application) = outside.packages.pinned(&pinned.app, pinned.digest) {
        return Ok(application);
    }
    let found = outside.packages.find(&pinned.app);
    let found = found.ok_or_else(|| Refusal::NoPackage(pinned.app.clone()))?;
    let (app, found, pinned) = (pinned.app.clone(), found.digest, pinned.digest);
    Err(Refusal::OtherPackage { app, found, pinned }.into())
}

fn objects(outside: &Outside, run: &RunRow) -> Result<Vec<ObjectRow>, Why> {
    let payload = outside.runs.payload(&run.site, &run.study, &run.workflow, run.ordinal)?;
    let payload = payload.ok_or(Refusal::NoRow("payload"))?;
    let objects = outside.runs.payload_objects(&payload)?;
    if objects.iter().any(|object| (&object.site, &object.study) != (&run.site, &run.study)) {
        return Err(Refusal::OtherStudy("objects").into());
    }
    objects.into_iter().map(|object| in_force(outside, object)).collect()
}
