//! Where the time of the demonstration went, by the rows that it left.

use gantry_api::{story::Story, view::View};
use gantry_ports::store::StudyRow;

use crate::report::{Failure, unreadable};

/// Seconds by stage, in order.
pub(super) fn of(view: &View, study: &StudyRow) -> Result<Vec<(String, f64)>, Failure> {
    let tallies = view.cases.tallies(&view.site, &study.uid).map_err(unreadable)?;
    let last_image = tallies.iter().map(|tally| tally.last).max();
    let story = Story::read(view, &study.uid)?;
    let mut stages = Vec::new();
    for run in view.runs.runs_of_study(&view.site, &study.uid).map_err(unreadable)? {
        let ready = last_image.map(|last| ("ready".to_owned(), run.began.at.since(last).as_secs_f64()));
        let own = ready.into_iter().chain(story.times(view, &run)?);
        // Those of the first workflow by their own names, the others' by their workflow's too.
        let is_first = super::WORKFLOWS.first().is_some_and(|first| *first == run.workflow.as_str());
        let named = |stage: String| if is_first { stage } else { format!("{} {stage}", run.workflow) };
        stages.extend(own.map(|(stage, seconds)| (named(stage), seconds)));
    }
    Ok(stages)
}
