//! Where the time of a run went (SP1).

use gantry_flow::{delivery, publication};
use gantry_ports::{state, store::RunRow};
use gantry_types::instant::Instant;

use super::Story;
use crate::{
    runs,
    view::{View, ViewError},
};

impl Story {
    /// Seconds by stage, in their order, as far as the run has come: from readiness to the claim of the first task, to
    /// the last result, to the last evidence, to the last delivery; all of these together; then the stages within the
    /// workers.
    ///
    /// # Errors
    /// [`ViewError`].
    pub fn times(&self, view: &View, run: &RunRow) -> Result<Vec<(String, f64)>, ViewError> {
        let results = view.runs.results(&run.id)?;
        let ready = Some(run.began.at);
        let claimed = results.iter().map(|result| result.began).min();
        let ended = results.iter().map(|result| result.ended).max();
        let (published, delivered) = (self.published(run)?, self.delivered(run)?);
        let spans = [
            ("claim", ready, claimed),
            ("run", claimed, ended),
            ("publish", ended, published),
            ("deliver", published, delivered),
            ("ready to delivered", ready, delivered),
        ];
        let span = |(name, from, to): (&str, Option<Instant>, Option<Instant>)| {
            Some((name.to_owned(), to?.since(from?).as_secs_f64()))
        };
        let mut times: Vec<(String, f64)> = spans.into_iter().filter_map(span).collect();
        for result in &results {
            let own = runs::stages(view, result)?.into_iter();
            times.extend(own.map(|(stage, seconds)| (format!("{}.{stage}", result.task), seconds)));
        }
        Ok(times)
    }

    /// When the last evidence of a run was published; nothing while some of it is not.
    fn published(&self, run: &RunRow) -> Result<Option<Instant>, ViewError> {
        let mut last = None;
        for row in &self.publications {
            if state::publication::of(&row.key)?.run == run.id {
                match state::publication::state(row)?.stage {
                    publication::Stage::Published { at, .. } => last = last.max(Some(at)),
                    publication::Stage::Queued { .. } | publication::Stage::Quarantined { .. } => {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(last)
    }

    /// When the last evidence of a run was sent; nothing while some of it was not.
    fn delivered(&self, run: &RunRow) -> Result<Option<Instant>, ViewError> {
        let mut last = None;
        for row in &self.deliveries {
            let state = state::delivery::state(row)?;
            let is_own = |evidence: &gantry_ports::store::EvidenceRow| {
                evidence.run == run.id && evidence.sop_instance == state.key.sop_instance
            };
            if self.evidence.iter().any(is_own) {
                match state.stage {
                    delivery::Stage::Sent { at, .. } => last = last.max(Some(at)),
                    delivery::Stage::Confirming { sent, .. } | delivery::Stage::Confirmed { sent, .. } => {
                        last = last.max(Some(sent));
                    }
                    delivery::Stage::Queued
                    | delivery::Stage::Sending { .. }
                    | delivery::Stage::Retrying { .. }
                    | delivery::Stage::Quarantined { .. } => return Ok(None),
                }
            }
        }
        Ok(last)
    }
}
