//! Looking at a study: what each workflow makes of what is there now.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gantry_definition::document::StudyFacts;
use gantry_flow::{
    case::{Contradiction, Effect, Event, Look, Renewed, Stage, State, Tally, step},
    names::{Actor, AssociationId, CaseKey, PayloadKey, Subject},
};
use gantry_ports::{
    state::case as form,
    store::{
        Change, Expectation, IdentityRow, MachineKind, MachineRow, ObjectRow, Row, Standing, StoreError,
        StudyRow,
    },
};
use gantry_types::{
    instant::Instant,
    uid::{SeriesInstanceUid, StudyInstanceUid},
};

use crate::{
    conductor::{Conductor, TROUBLE_PAUSE, TURN_MAX, TurnError, chain},
    facts::Reading,
    freezing::Freezing,
    workflows::{Pinned, Workflows},
};

/// Where no workflow asks for looks, marks are taken away, and that may wait.
const IDLE_PAUSE: Duration = Duration::from_secs(5);

/// How far a look came.
enum Looked {
    /// Every workflow was judged.
    Whole,
    /// At least one was not.
    Partly,
}

/// What is known of a study, read once for all workflows.
pub(crate) struct Known {
    pub(crate) study: StudyRow,
    facts: StudyFacts,
    tallies: BTreeMap<SeriesInstanceUid, Tally>,
    released: BTreeMap<AssociationId, Instant>,
    contradiction: Option<Contradiction>,
    /// Revisions that nobody has told apart yet.
    open: Vec<ObjectRow>,
    /// Revisions that contradict the one in force.
    conflicts: Vec<ObjectRow>,
}

impl Known {
    /// What a workflow sees.
    pub(crate) fn look(&self, pinned: &Pinned) -> Look {
        let look = pinned.workflow.explain(&self.facts).look(&self.tallies, &self.released);
        let contradiction = self.contradiction.clone().or_else(|| self.conflict(&look));
        Look { contradiction, ..look }
    }

    /// Whether what a workflow sees depends on revisions that are not told apart yet (RC2).
    pub(crate) fn is_open(&self, look: &Look) -> bool {
        self.open.iter().any(|row| self.contradiction.is_some() || is_selected(row, look))
    }

    fn conflict(&self, look: &Look) -> Option<Contradiction> {
        let mut own = self.conflicts.iter().filter(|row| is_selected(row, look));
        let first = own.next()?;
        let others = own.count();
        let more = if others == 0 { String::new() } else { format!(" (and {others} more)") };
        Some(Contradiction::Revisions(format!(
            "object {}{more} came again and shows something else: the first or the newest is to be used",
            first.sop_instance
        )))
    }
}

fn is_selected(row: &ObjectRow, look: &Look) -> bool {
    look.selected.values().any(|input| input.contains_key(&row.series))
}

/// Why nothing may be made of a study: its objects name more than one patient.
fn contradiction(identities: &[IdentityRow]) -> Option<Contradiction> {
    let (first, other) = IdentityRow::contradiction(identities)?;
    let name = |row: &IdentityRow| match row.issuer.as_str() {
        "" => format!("`{}`", row.patient_id),
        issuer => format!("`{}` of {issuer}", row.patient_id),
    };
    let names = format!("{} and {}", name(first), name(other));
    Some(Contradiction::Patients(format!("objects of this study name two patients, {names}")))
}

impl Conductor {
    /// Looks at every study that something came to, and at those whose wait is over. Says how long the next of those
    /// that were left for later rests.
    pub(crate) fn look_at_studies(&self, workflows: &Workflows) -> Result<Option<Duration>, StoreError> {
        let cases = &self.outside.cases;
        // Those that rest stay in front: there must be room for others behind them.
        let count = TURN_MAX.saturating_add(self.resting());
        let wanted = cases.attention(&self.settings.site, count)?;
        let mut studies: Vec<StudyInstanceUid> = wanted.into_iter().map(|row| row.study).collect();
        let due = cases.due(MachineKind::Case, self.outside.clock.now(), count)?;
        studies.extend(due.into_iter().map(|row| row.key.study));
        let mut resting: Option<Duration> = None;
        for (at, study) in studies.iter().enumerate() {
            if studies.iter().take(at).any(|earlier| earlier == study) {
                continue;
            }
            if let Some(rest) = self.rest_of(study) {
                resting = Some(resting.map_or(rest, |least| least.min(rest)));
                continue;
            }
            let pause = match self.look_at(study, workflows) {
                Ok(Looked::Partly) => TROUBLE_PAUSE,
                Ok(Looked::Whole) | Err(TurnError::Changed) if workflows.live.is_empty() => IDLE_PAUSE,
                Ok(Looked::Whole) | Err(TurnError::Changed) => self.settings.look_pause,
                Err(error) => {
                    let why = chain(&error);
                    self.trouble(study.as_str(), &format!("study {study} cannot be looked at: {why}"));
                    TROUBLE_PAUSE
                }
            };
            self.rest(study, pause);
        }
        Ok(resting)
    }

    /// Looks at one study and commits what follows, if nothing came meanwhile.
    fn look_at(&self, uid: &StudyInstanceUid, workflows: &Workflows) -> Result<Looked, TurnError> {
        let site = &self.settings.site;
        // Before everything else: whatever comes from here on changes it.
        let mark = self.outside.cases.mark(site, uid)?;
        let mut change = Change {
            expect: vec![Expectation::Mark { site: site.clone(), study: uid.clone(), mark }],
            rows: vec![Row::Attended { site: site.clone(), study: uid.clone() }],
            audit: Vec::new(),
        };
        let mut troubled = false;
        let machines = self.outside.cases.machines(site, MachineKind::Case, uid)?;
        self.retire(&machines, workflows, &mut change);
        if let Some(study) = self.outside.intake.study(site, uid)?
            && !workflows.live.is_empty()
        {
            let known = self.know(study)?;
            self.want(&known, workflows, &mut change);
            for pinned in &workflows.live {
                // Once they are told apart the study wants to be looked at again.
                if known.is_open(&known.look(pinned)) {
                    continue;
                }
                let mut own = Change::default();
                match self.judge(&known, pinned, &machines, &mut own) {
                    Ok(()) => {
                        change.expect.append(&mut own.expect);
                        change.rows.append(&mut own.rows);
                        change.audit.append(&mut own.audit);
                    }
                    Err(TurnError::Changed) => return Err(TurnError::Changed),
                    // The others go on; its own timer, or the next look, brings it back.
                    Err(error) => {
                        let name = &pinned.workflow.name;
                        self.trouble(
                            &format!("{uid} {name}"),
                            &format!("study {uid}, workflow {name}: {}", chain(&error)),
                        );
                        troubled = true;
                    }
                }
            }
        }
        if troubled {
            // It wants to be looked at again, later.
            change.rows.remove(0);
        }
        if change.rows.len() <= usize::from(!troubled)
            && change.audit.is_empty()
            && (mark.is_none() || troubled)
        {
            return Ok(if troubled { Looked::Partly } else { Looked::Whole }); // nothing follows
        }
        self.outside.store.commit(&change)?;
        Ok(if troubled { Looked::Partly } else { Looked::Whole })
    }

    /// Has revisions told apart on which what a workflow sees depends.
    fn want(&self, known: &Known, workflows: &Workflows, change: &mut Change) {
        let looks: Vec<Look> = workflows.live.iter().map(|pinned| known.look(pinned)).collect();
        let is_needed = |row: &&ObjectRow| {
            row.standing == Standing::Undecided
                && (known.contradiction.is_some() || looks.iter().any(|look| is_selected(row, look)))
        };
        for row in known.open.iter().filter(is_needed) {
            change.rows.push(Row::Object(ObjectRow { standing: Standing::Wanted, ..row.clone() }));
        }
    }

    /// A case whose workflow cannot be read any more waits for a person, not for ever for its timer.
    fn retire(&self, machines: &[MachineRow], workflows: &Workflows, change: &mut Change) {
        let is_live = |row: &MachineRow| {
            workflows.live.iter().any(|pinned| pinned.workflow.name.as_str() == row.key.name)
        };
        for row in machines.iter().filter(|row| row.due.is_some() && !is_live(row)) {
            change.expect.push(Expectation::Machine { key: row.key.clone(), version: row.version });
            let person = Some(self.outside.clock.now());
            let version = row.version + 1;
            change.rows.push(Row::Machine(MachineRow { version, due: None, person, ..row.clone() }));
            let detail = format!("workflow {} cannot be read", row.key.name);
            change.audit.push(self.audit("case/stopped", row.key.study.as_str(), detail));
        }
    }

    /// The version of a workflow that froze a payload, if that is another one.
    pub(crate) fn frozen_by(
        &self,
        study: &StudyRow,
        newest: &Pinned,
        ordinal: u32,
    ) -> Result<Option<Arc<Pinned>>, TurnError> {
        let name = &newest.workflow.name;
        let runs = self.outside.runs.runs_of_study(&study.site, &study.uid)?;
        let run = runs.iter().find(|run| run.workflow == *name && run.ordinal == ordinal);
        let Some(version) = run.map(|run| run.version).filter(|version| *version != newest.version) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(self.pinned(&study.site, name, version)?)))
    }

    pub(crate) fn know(&self, study: StudyRow) -> Result<Known, TurnError> {
        let Conductor { outside, .. } = self;
        let reading = Reading::of(outside);
        let facts = reading.study(&study)?;
        let mut tallies = BTreeMap::new();
        for tally in outside.cases.tallies(&study.site, &study.uid)? {
            let associations = tally.associations.into_iter().map(AssociationId).collect();
            let (objects, last) = (tally.objects, tally.last);
            tallies.insert(tally.series, Tally { objects, last, associations });
        }
        let all: Vec<u64> =
            tallies.values().flat_map(|tally| tally.associations.iter().map(|id| id.0)).collect();
        let released = outside.cases.releases(&all)?;
        let released = released.into_iter().map(|(id, at)| (AssociationId(id), at)).collect();
        let contradiction = contradiction(&outside.cases.identities(&study.site, &study.uid)?);
        let (mut open, mut conflicts) = (Vec::new(), Vec::new());
        for object in outside.intake.objects(&study.site, &study.uid)? {
            if object.standing.is_open() {
                open.push(object);
            } else if object.standing == Standing::Conflict {
                conflicts.push(object);
            }
        }
        Ok(Known { study, facts, tallies, released, contradiction, open, conflicts })
    }

    /// Steps one workflow's case.
    fn judge(
        &self,
        known: &Known,
        pinned: &Arc<Pinned>,
        machines: &[MachineRow],
        change: &mut Change,
    ) -> Result<(), TurnError> {
        let study = &known.study;
        let case = CaseKey::Study { site: study.site.clone(), study: study.uid.clone() };
        let subject = Subject { case, workflow: pinned.workflow.name.clone() };
        let key = form::key(&subject);
        let row = machines.iter().find(|row| row.key == key);
        let state = match row {
            Some(row) => form::state(row)?,
            None => State::new(subject),
        };
        // What is late for a payload, the version says that froze it.
        let frozen_by = match &state.stage {
            Stage::Frozen { ordinal, .. } => self.frozen_by(study, pinned, *ordinal)?,
            Stage::NotMatched { .. }
            | Stage::Waiting { .. }
            | Stage::Held { .. }
            | Stage::Expired { .. }
            | Stage::Cancelled { .. } => None,
        };
        let pinned = frozen_by.as_ref().unwrap_or(pinned);
        let mut look = known.look(pinned);
        look.renewed = self.compared(known, pinned, &state, &look)?;
        let now = self.outside.clock.now();
        let step = step(&pinned.workflow.rules, &state, Event::Look(look), now);
        let version = row.map_or(0, |row| row.version);
        let next = form::row(&step, version + 1);
        let is_same =
            row.is_some_and(|row| (&row.state, row.due, row.person) == (&next.state, next.due, next.person));
        if is_same && step.effects.is_empty() {
            return Ok(());
        }
        change.expect.push(Expectation::Machine { key, version });
        if stage_word(&state.stage) != stage_word(&step.state.stage) {
            let detail = format!("workflow {}: {}", pinned.workflow.name, stage_word(&step.state.stage));
            change.audit.push(self.audit("case/changed", study.uid.as_str(), detail));
        }
        change.rows.push(Row::Machine(next));
        self.follow(known, pinned, step.effects, &Actor::from("what came late"), change)
    }

    /// Of a case that has a payload: what a new one would be.
    pub(crate) fn compared(
        &self,
        known: &Known,
        pinned: &Pinned,
        state: &State,
        look: &Look,
    ) -> Result<Renewed, TurnError> {
        let Stage::Frozen { ordinal, selected, .. } = &state.stage else { return Ok(Renewed::Same) };
        let is_complete = pinned.workflow.inputs.keys().all(|input| look.selected.contains_key(input));
        if look.selected == *selected || !is_complete {
            return Ok(Renewed::Same);
        }
        let key = PayloadKey { subject: state.subject.clone(), ordinal: *ordinal };
        let (study, facts) = (&known.study, &known.facts);
        self.renewed(&Freezing { study, pinned, facts, key: &key, selected: &look.selected })
    }

    /// Adds what a step asks for to the change.
    pub(crate) fn follow(
        &self,
        known: &Known,
        pinned: &Arc<Pinned>,
        effects: Vec<Effect>,
        by: &Actor,
        change: &mut Change,
    ) -> Result<(), TurnError> {
        let Known { study, facts, .. } = known;
        for effect in effects {
            match effect {
                Effect::Freeze { key, selected } => {
                    self.end_predecessor(study, &key, by, change)?;
                    let freezing = Freezing { study, pinned, facts, key: &key, selected: &selected };
                    self.freeze(&freezing, change)?;
                }
                Effect::RecordLate { key, series, objects } => {
                    self.record_late(study, &key, &series, objects, change)?;
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn stage_word(stage: &Stage) -> &'static str {
    match stage {
        Stage::NotMatched { .. } => "not matched",
        Stage::Waiting { .. } => "waiting",
        Stage::Held { .. } => "held",
        Stage::Frozen { .. } => "frozen",
        Stage::Expired { .. } => "expired",
        Stage::Cancelled { .. } => "cancelled",
    }
}
