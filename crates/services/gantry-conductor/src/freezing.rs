//! Freezing: from a case that is ready to a payload and its run, and objects that came too late for it.

use std::collections::{BTreeMap, BTreeSet};

use gantry_definition::{document::StudyFacts, expression::Value};
use gantry_flow::{
    case::{Renewed, Selection, Tally},
    names::{Actor, InputName, PayloadKey},
    payload::{Candidate, Choose, Item, canonical_bytes, choose},
    run,
};
use gantry_ports::{
    runs::run_of_id,
    state::run as form,
    store::{
        Change, Expectation, LateRow, ObjectRow, PayloadItem, PayloadRow, PinnedPackage, Row, RunRow,
        StudyRow,
    },
};
use gantry_types::{
    digest::Digest,
    instant::Stamp,
    uid::{SeriesInstanceUid, SopInstanceUid},
};
use sha2::{Digest as _, Sha256};

use crate::{
    conductor::{Conductor, TurnError},
    facts::Reading,
    workflows::Pinned,
};

/// What is to be frozen.
pub(crate) struct Freezing<'a> {
    pub(crate) study: &'a StudyRow,
    pub(crate) pinned: &'a Pinned,
    pub(crate) facts: &'a StudyFacts,
    pub(crate) key: &'a PayloadKey,
    pub(crate) selected: &'a Selection,
}

impl Conductor {
    /// Adds payload and run to the change.
    pub(crate) fn freeze(&self, freezing: &Freezing<'_>, change: &mut Change) -> Result<(), TurnError> {
        let Freezing { study, pinned, key, .. } = freezing;
        let objects = Reading::of(&self.outside).objects(&study.site, &study.uid)?;
        let items = self.chosen(freezing, &objects)?;
        let payload = self.payload(study, key, &items);
        let run = self.run(freezing, &payload)?;
        let begun = run::begin(&pinned.workflow.plan, run.id.clone(), run.lane, payload.frozen);
        let machine = form::key(&study.site, &study.uid, &run.id);
        change.expect.push(Expectation::Machine { key: machine.clone(), version: 0 });
        let detail = format!(
            "workflow {} version {}, payload {} of {} objects, {}",
            run.workflow,
            run.version,
            payload.ordinal,
            payload.items.len(),
            payload.digest
        );
        change.audit.push(self.audit("run/begun", run.id.as_str(), detail));
        change.rows.push(Row::Machine(form::row(machine, &begun, 1)));
        change.rows.push(Row::Payload(payload));
        change.rows.push(Row::Run(run));
        Ok(())
    }

    fn payload(
        &self,
        study: &StudyRow,
        key: &PayloadKey,
        items: &BTreeMap<InputName, Vec<&ObjectRow>>,
    ) -> PayloadRow {
        let item = |object: &&ObjectRow| Item {
            study: object.study.clone(),
            sop_instance: object.sop_instance.clone(),
            revision: object.revision,
            digest: object.digest,
        };
        let content =
            items.iter().map(|(name, objects)| (name.clone(), objects.iter().map(item).collect())).collect();
        let row_item = |(name, objects): (&InputName, &Vec<&ObjectRow>)| {
            let one = |object: &&ObjectRow| PayloadItem { input: name.clone(), object: object.id };
            objects.iter().map(one).collect::<Vec<_>>()
        };
        PayloadRow {
            site: study.site.clone(),
            study: study.uid.clone(),
            workflow: key.subject.workflow.clone(),
            ordinal: key.ordinal,
            digest: Digest(Sha256::digest(canonical_bytes(&content)).into()),
            frozen: self.outside.clock.now(),
            items: items.iter().flat_map(row_item).collect(),
        }
    }

    /// Cancels what is left of the runs before a new one: their answer would be replaced as soon as it came.
    pub(crate) fn end_predecessor(
        &self,
        study: &StudyRow,
        key: &PayloadKey,
        by: &Actor,
        change: &mut Change,
    ) -> Result<(), TurnError> {
        let runs = self.outside.runs.runs_of_study(&study.site, &study.uid)?;
        let before = runs.into_iter().filter(|run| run.workflow == key.subject.workflow);
        for run in before.filter(|run| run.ordinal < key.ordinal) {
            let machine = self.outside.cases.machine(&form::key(&study.site, &study.uid, &run.id))?;
            let Some(row) = machine else { continue };
            let state = form::state(&row)?;
            let (_, pinned) = self.run_of(&run.id)?;
            let event = run::Event::Cancel { by: by.clone() };
            let step = run::step(&pinned.workflow.plan, &state, event, self.outside.clock.now());
            if step.state != state {
                let part = self.change_of(&row, &step, &run);
                change.expect.extend(part.expect);
                change.rows.extend(part.rows);
                change.audit.extend(part.audit);
            }
        }
        Ok(())
    }

    /// The objects of each input, after its choice.
    fn chosen<'a>(
        &self,
        freezing: &Freezing<'_>,
        objects: &'a [ObjectRow],
    ) -> Result<BTreeMap<InputName, Vec<&'a ObjectRow>>, TurnError> {
        let Freezing { pinned, facts, selected, .. } = freezing;
        let mut items = BTreeMap::new();
        for (name, input) in &pinned.workflow.inputs {
            let series = selected.get(name).ok_or(TurnError::Changed)?;
            let mut chosen = Vec::new();
            for uid in choose(input.choose, &self.candidates(input.choose, series, facts, objects)?) {
                let own: Vec<&ObjectRow> = objects.iter().filter(|object| object.series == uid).collect();
                // Exactly what the look counted, or it was another study that was ready.
                let counted = series.get(&uid).map(|tally| tally.objects);
                if counted != u32::try_from(own.len()).ok() {
                    return Err(TurnError::Changed);
                }
                chosen.extend(own);
            }
            items.insert(name.clone(), chosen);
        }
        Ok(items)
    }

    /// What would be frozen now, compared with the payload of `key`.
    pub(crate) fn renewed(&self, freezing: &Freezing<'_>) -> Result<Renewed, TurnError> {
        let Freezing { study, key, .. } = freezing;
        let (site, uid, workflow) = (&study.site, &study.uid, &key.subject.workflow);
        let before = self.outside.runs.payload(site, uid, workflow, key.ordinal)?;
        let before = before.ok_or(TurnError::Changed)?;
        let objects = Reading::of(&self.outside).objects(site, uid)?;
        let now: BTreeSet<(InputName, SopInstanceUid)> = self
            .chosen(freezing, &objects)?
            .into_iter()
            .flat_map(|(input, chosen)| {
                chosen.into_iter().map(move |object| (input.clone(), object.sop_instance.clone()))
            })
            .collect();
        let frozen = self.outside.runs.payload_objects(&before)?;
        let name = |id: u64| frozen.iter().find(|row| row.id == id).map(|row| row.sop_instance.clone());
        // A newer header of the same pixels is no other image.
        let then: BTreeSet<(InputName, SopInstanceUid)> =
            before.items.iter().filter_map(|item| Some((item.input.clone(), name(item.object)?))).collect();
        let count = |items: &BTreeSet<(InputName, SopInstanceUid)>, of: &InputName| {
            items.iter().filter(|(input, _)| input == of).count()
        };
        let is_less = |input: &InputName| count(&now, input) < count(&then, input);
        Ok(if freezing.pinned.workflow.inputs.keys().any(is_less) {
            Renewed::Smaller
        } else if self.is_revised(&frozen)? {
            Renewed::Revised
        } else if now == then {
            Renewed::Same
        } else {
            Renewed::Other
        })
    }

    fn run(&self, freezing: &Freezing<'_>, payload: &PayloadRow) -> Result<RunRow, TurnError> {
        let Freezing { study, pinned, facts, .. } = freezing;
        let mut packages = Vec::new();
        for (task, used) in &pinned.workflow.tasks {
            let application = self.outside.packages.find(&used.app).ok_or_else(|| {
                TurnError::Impossible(format!(
                    "workflow {} is ready, and its application {} is not there",
                    pinned.workflow.name, used.app
                ))
            })?;
            let (task, app, digest) = (task.clone(), used.app.clone(), application.digest);
            packages.push(PinnedPackage { task, app, digest });
        }
        Ok(RunRow {
            id: run_of_id(self.outside.ids.next()),
            site: study.site.clone(),
            study: study.uid.clone(),
            workflow: payload.workflow.clone(),
            version: pinned.version,
            digest: pinned.digest,
            ordinal: payload.ordinal,
            began: Stamp { at: payload.frozen, offset: self.outside.clock.offset() },
            lane: pinned.workflow.lane.lane(&facts.study),
            packages,
        })
    }

    /// What the input's choice looks at.
    fn candidates(
        &self,
        rule: Choose,
        series: &BTreeMap<SeriesInstanceUid, Tally>,
        facts: &StudyFacts,
        objects: &[ObjectRow],
    ) -> Result<Vec<Candidate>, TurnError> {
        let reading = Reading::of(&self.outside);
        let mut candidates = Vec::new();
        for (uid, tally) in series {
            let thickness = facts.series.get(uid).and_then(|facts| facts.get("series.thickness"));
            let thickness_mm = match thickness {
                Some(Value::Number(number)) => Some(*number),
                Some(Value::Bool(_) | Value::Text(_) | Value::Texts(_)) | None => None,
            };
            let first = objects.iter().find(|object| object.series == *uid);
            let made = match (rule, first) {
                (Choose::Newest, Some(first)) => reading.made(first)?,
                (Choose::Newest | Choose::Thinnest | Choose::All, _) => None,
            };
            candidates.push(Candidate { series: uid.clone(), objects: tally.objects, thickness_mm, made });
        }
        Ok(candidates)
    }

    /// Notes the last so many objects of a series as late. Of a series that was selected and not chosen, those that
    /// were there in time are not.
    pub(crate) fn record_late(
        &self,
        study: &StudyRow,
        key: &PayloadKey,
        series: &SeriesInstanceUid,
        count: u32,
        change: &mut Change,
    ) -> Result<(), TurnError> {
        let (site, uid, workflow) = (&study.site, &study.uid, &key.subject.workflow);
        let payload = self.outside.runs.payload(site, uid, workflow, key.ordinal)?;
        let payload = payload.ok_or(TurnError::Changed)?;
        let frozen: BTreeSet<u64> = payload.items.iter().map(|item| item.object).collect();
        let noted = self.outside.runs.late(site, uid)?;
        let is_noted = |object: &ObjectRow| {
            let same = |late: &LateRow| {
                (late.object, &late.workflow, late.ordinal) == (object.id, workflow, key.ordinal)
            };
            noted.iter().any(same)
        };
        let objects = Reading::of(&self.outside).objects(site, uid)?;
        let late: Vec<&ObjectRow> = objects
            .iter()
            .rev()
            .filter(|object| object.series == *series && !frozen.contains(&object.id))
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .filter(|object| !is_noted(object))
            .collect();
        let noticed = self.outside.clock.now();
        let detail = format!(
            "workflow {workflow}: {} objects of series {series} came too late for payload {}",
            late.len(),
            key.ordinal
        );
        change.audit.push(self.audit("case/late", uid.as_str(), detail));
        change.rows.extend(late.into_iter().map(|object| {
            Row::Late(LateRow {
                site: site.clone(),
                study: uid.clone(),
                object: object.id,
                workflow: workflow.clone(),
                ordinal: key.ordinal,
                noticed,
            })
        }));
        Ok(())
    }
}
