//! Telling revisions apart (RC2): what came again under a SOP Instance UID and was needed.
//!
//! A look marks the revisions that a workflow's series depend on as wanted; here a worker compares them with those that
//! were kept before, and the answer is written with what follows from it. Until then the first stays in force, and the
//! cases that need it wait.
//!
//! | header | pixels | the new one becomes |
//! |---|---|---|
//! | equal | equal | re-encoded |
//! | any | lossy copy | lossy copy |
//! | differs | equal | in force, if its source's authority is not lower; else outranked |
//! | any | differ, or nobody can tell | a conflict: a person decides |

use std::{collections::BTreeMap, time::Duration};

use gantry_ports::{
    job::{
        AttemptId, Input, Job, Limits, Outcome, Place, Ticket, Work,
        comparison::{self, Comparison, Headers, Pixels, roles},
        names,
    },
    news::{News, Seen, Woken},
    performer::{PerformError, Performer, Wish},
    store::{Change, Expectation, ObjectRow, Row, Standing, StoreError},
};
use gantry_types::uid::SopInstanceUid;

use crate::conductor::{Conductor, TurnError, chain};

/// The most pairs that are compared in one job; a revision that has more is compared with its nearest.
const PAIRS_MAX: usize = 200;
/// What a job may cost: two whole objects and one frame of each, decoded.
const LIMITS: Limits = Limits { memory_bytes: 4 << 30, time: Duration::from_secs(600) };
/// How long nobody looks when nobody tells of wanted revisions.
const IDLE: Duration = Duration::from_secs(1);
/// How often a decision is taken anew when others change the study.
const CONFLICTS_MAX: usize = 5;

/// A revision that is to be told apart, and those kept before it, by which it is told.
struct Candidate {
    new: ObjectRow,
    /// All of its UID, as they were read.
    all: Vec<ObjectRow>,
}

/// What a revision was found to be.
struct Told {
    standing: Standing,
    why: String,
}

impl Candidate {
    /// Those that it is compared with, the one in force first.
    fn earlier(&self) -> Vec<&ObjectRow> {
        let mut earlier: Vec<&ObjectRow> = self
            .all
            .iter()
            .filter(|row| {
                row.id != self.new.id && !row.standing.is_open() && row.standing != Standing::LossyCopy
            })
            .collect();
        earlier.sort_by_key(|row| row.standing != Standing::InForce);
        earlier.truncate(PAIRS_MAX);
        earlier
    }

    fn in_force(&self) -> Option<&ObjectRow> {
        self.all.iter().find(|row| row.standing == Standing::InForce)
    }
}

impl Conductor {
    /// Tells revisions apart, until told to stop.
    pub fn tell_revisions(&self, performer: &dyn Performer, news: &News) {
        let mut seen = Seen::default();
        while !news.is_over() {
            match self.tell_next(performer, news) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    self.trouble("revisions", &format!("revisions cannot be told apart: {}", chain(&error)));
                }
            }
            match news.wait(seen, IDLE) {
                Woken::Over => return,
                Woken::Look(now) => seen = now,
            }
        }
    }

    /// Tells the longest wanted revisions of a study apart; says whether any were told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tell_next(&self, performer: &dyn Performer, news: &News) -> Result<bool, StoreError> {
        let candidates = self.candidates_to_tell()?;
        let Some(first) = candidates.first() else { return Ok(false) };
        // What fails together may hold one that fails alone.
        let answer = match self.compare(&candidates, performer, news) {
            Some(Err(_)) if 1 < candidates.len() => {
                self.compare(std::slice::from_ref(first), performer, news)
            }
            other => other,
        };
        let Some(answer) = answer else { return Ok(false) };
        let answer = answer.unwrap_or_else(|why| vec![unknown(first, &why)]);
        match self.tell(&candidates, &answer) {
            Ok(()) => Ok(true),
            Err(TurnError::Changed) => Ok(false),
            Err(TurnError::Store(error)) => Err(error),
            Err(error) => {
                let uid = &first.new.sop_instance;
                self.trouble(uid.as_str(), &format!("revisions of {uid}: {}", chain(&error)));
                Ok(false)
            }
        }
    }

    /// Wanted revisions of one study, of each UID the first: what the next is depends on it.
    fn candidates_to_tell(&self) -> Result<Vec<Candidate>, StoreError> {
        let site = &self.settings.site;
        let wanted = self.outside.intake.wanted(site, PAIRS_MAX)?;
        let Some(study) = wanted.first().map(|row| row.study.clone()) else { return Ok(Vec::new()) };
        let mut candidates = BTreeMap::<SopInstanceUid, Candidate>::new();
        let mut pairs = 0;
        for new in wanted.into_iter().filter(|row| row.study == study) {
            if candidates.contains_key(&new.sop_instance) {
                continue;
            }
            let all = self.outside.intake.revisions(site, &new.sop_instance)?;
            let candidate = Candidate { new, all };
            pairs += candidate.earlier().len();
            if PAIRS_MAX < pairs && !candidates.is_empty() {
                break;
            }
            candidates.insert(candidate.new.sop_instance.clone(), candidate);
        }
        Ok(candidates.into_values().collect())
    }

    /// What each is to those before it; nothing if that cannot be found out now, else why it cannot at all.
    fn compare(
        &self,
        candidates: &[Candidate],
        performer: &dyn Performer,
        news: &News,
    ) -> Option<Result<Vec<Vec<Comparison>>, String>> {
        let job = match self.comparison_job(candidates) {
            Ok(job) => job,
            Err(why) => return Some(Err(why)),
        };
        let pairs = job.inputs.first().map_or(0, |input| input.objects.len());
        let performed = match performer.perform(&job, &mut |_| {
            if news.is_over() { Wish::Stop } else { Wish::GoOn }
        }) {
            Ok(performed) => performed,
            Err(PerformError::Cancelled) => return None,
            Err(error @ (PerformError::Spawn { .. } | PerformError::Directory { .. })) => {
                self.trouble("revisions", &format!("revisions cannot be told apart yet: {}", chain(&error)));
                return None;
            }
            Err(error) => return Some(Err(chain(&error))),
        };
        match &performed.report.outcome {
            Outcome::Ran => {}
            Outcome::Failed(why) | Outcome::Refused(why) => return Some(Err(why.sentence.clone())),
            Outcome::Declined(_) => return Some(Err("the worker declined".to_owned())),
        }
        let Some(bytes) = performed.files.get(names::COMPARISON) else {
            return Some(Err(format!("the worker wrote no {}", names::COMPARISON)));
        };
        let mut all = match comparison::decode(bytes, pairs) {
            Ok(all) => all.into_iter(),
            Err(error) => return Some(Err(chain(&error))),
        };
        let own = |candidate: &Candidate| all.by_ref().take(candidate.earlier().len()).collect();
        Some(Ok(candidates.iter().map(own).collect()))
    }

    fn comparison_job(&self, candidates: &[Candidate]) -> Result<Job, String> {
        let place = |row: &ObjectRow| -> Result<Place, String> {
            self.outside.blob.place(row.blob).map_err(|error| format!("revision {}: {error}", row.revision))
        };
        let (mut kept, mut new) = (Vec::new(), Vec::new());
        for candidate in candidates {
            for row in candidate.earlier() {
                kept.push(place(row)?);
                new.push(place(&candidate.new)?);
            }
        }
        let name = format!("revisions-{}", self.outside.ids.next());
        let attempt = AttemptId::new(&name).ok_or_else(|| format!("{name} cannot name a job"))?;
        let input = |role: &str, objects| Input { role: role.to_owned(), objects };
        Ok(Job {
            ticket: Ticket { attempt, fence: 1 },
            work: Work::Comparison,
            inputs: vec![input(roles::KEPT, kept), input(roles::NEW, new)],
            limits: LIMITS,
        })
    }

    /// Writes what revisions are, of those whose kin are still what they were, if nothing comes to their study meanwhile.
    fn tell(&self, candidates: &[Candidate], answer: &[Vec<Comparison>]) -> Result<(), TurnError> {
        let Some(study) = candidates.first().map(|candidate| &candidate.new.study) else { return Ok(()) };
        let mut told = Vec::new();
        for (candidate, comparisons) in candidates.iter().zip(answer) {
            told.push((candidate, self.judge_revision(candidate, comparisons)?));
        }
        for _ in 0..CONFLICTS_MAX {
            let site = &self.settings.site;
            let mark = self.outside.cases.mark(site, study)?;
            let expect = vec![Expectation::Mark { site: site.clone(), study: study.clone(), mark }];
            let mut change = Change { expect, rows: vec![self.attention(study)], audit: Vec::new() };
            let mut in_force = Vec::new();
            for (candidate, Told { standing, why }) in &told {
                if self.outside.intake.revisions(site, &candidate.new.sop_instance)? != candidate.all {
                    continue;
                }
                let new = ObjectRow { standing: *standing, ..candidate.new.clone() };
                let detail = format!("revision {}: {why}", new.revision);
                change.audit.push(self.audit("intake/revision-told", new.sop_instance.as_str(), detail));
                if let (Standing::InForce, Some(before)) = (standing, candidate.in_force()) {
                    let before = ObjectRow { standing: Standing::Superseded, ..before.clone() };
                    change.rows.push(Row::Object(before));
                    in_force.push(new.clone());
                }
                change.rows.push(Row::Object(new));
            }
            if change.audit.is_empty() {
                return Err(TurnError::Changed);
            }
            self.refile(&in_force, &mut change)?;
            self.forget_identities(study, &mut change)?;
            match self.outside.store.commit(&change).map_err(TurnError::from) {
                Err(TurnError::Changed) => {}
                other => return other.map(drop),
            }
        }
        Err(TurnError::Changed)
    }

    fn judge_revision(&self, candidate: &Candidate, comparisons: &[Comparison]) -> Result<Told, TurnError> {
        let told = |standing, why: &str| Ok(Told { standing, why: why.to_owned() });
        let earlier = candidate.earlier();
        let same = earlier.iter().zip(comparisons).find(|(_, comparison)| {
            (comparison.headers, &comparison.pixels) == (Headers::Equal, &Pixels::Equal)
        });
        if let Some((row, _)) = same {
            let why = format!("the same as revision {}, in another encoding", row.revision);
            return told(Standing::Reencoded, &why);
        }
        let (Some(in_force), Some(comparison)) = (candidate.in_force(), comparisons.first()) else {
            return told(Standing::Conflict, "there is none in force to compare it with");
        };
        match &comparison.pixels {
            Pixels::LossyCopy => told(Standing::LossyCopy, "a copy compressed with loss"),
            Pixels::Equal
                if (&in_force.study, &in_force.series) != (&candidate.new.study, &candidate.new.series) =>
            {
                told(Standing::Conflict, "it names another study or series")
            }
            Pixels::Equal => {
                let (own, other) = (self.authority(&candidate.new)?, self.authority(in_force)?);
                let why = format!(
                    "another header for the pixels of revision {}, of authority {own} after {other}",
                    in_force.revision
                );
                if other <= own { told(Standing::InForce, &why) } else { told(Standing::Outranked, &why) }
            }
            Pixels::Differ(why) => told(Standing::Conflict, &format!("other pixels: {why}")),
            Pixels::Unknown(why) => {
                told(Standing::Conflict, &format!("its pixels cannot be compared: {why}"))
            }
        }
    }
}

/// What is said of one that cannot be compared.
fn unknown(candidate: &Candidate, why: &str) -> Vec<Comparison> {
    let comparison = Comparison { headers: Headers::Differ, pixels: Pixels::Unknown(why.to_owned()) };
    candidate.earlier().iter().map(|_| comparison.clone()).collect()
}
