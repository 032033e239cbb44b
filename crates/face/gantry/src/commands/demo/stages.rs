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
        stages.extend(last_image.map(|last| ("ready".to_owned(), run.began.at.since(last).as_secs_f64())));
        stages.extend(story.times(view, &run)?);
    }
    Ok(stages)
}
