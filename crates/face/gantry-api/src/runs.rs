//! Runs: the newest, and one with what it uses, its tasks, its times by stage, and what came of it.

use gantry_flow::run;
use gantry_ports::{
    job::{self, names, result},
    state,
    store::{ResultRow, RunRow},
};
use gantry_types::ids::RunId;
use serde_json::{Value, json};

use crate::{
    story::{Story, run_word},
    view::{View, ViewError},
};

/// How far a run is.
///
/// # Errors
/// [`ViewError::Store`], [`ViewError::State`].
pub fn state_of(view: &View, run: &RunRow) -> Result<Option<run::State>, ViewError> {
    let row = view.cases.machine(&state::run::key(&run.site, &run.study, &run.id))?;
    Ok(row.map(|row| state::run::state(&row)).transpose()?)
}

/// The document of the newest runs, newest first; at most `count` of those older than `before`, if that is given.
///
/// # Errors
/// [`ViewError::Store`], [`ViewError::State`].
pub fn list(view: &View, before: Option<&RunId>, count: usize) -> Result<Value, ViewError> {
    let mut all = Vec::new();
    for run in view.runs.newest_runs(&view.site, before, count)? {
        let state = state_of(view, &run)?;
        all.push(json!({
            "run": run.id.as_str(),
            "study": run.study.as_str(),
            "workflow": run.workflow.as_str(),
            "version": run.version,
            "payload": run.ordinal,
            "began": run.began.at.to_string(),
            "lane": run.lane.to_string(),
            "state": state.as_ref().map(run_word),
        }));
    }
    Ok(json!({ "runs": all }))
}

/// A run by its id.
///
/// # Errors
/// [`ViewError::UnknownRun`], [`ViewError::Store`].
pub fn find(view: &View, named: &str) -> Result<RunRow, ViewError> {
    let unknown = || ViewError::UnknownRun(named.to_owned());
    let id: RunId = named.parse().or(Err(unknown()))?;
    let run = view.runs.run(&id)?.filter(|run| run.site == view.site);
    run.ok_or_else(unknown)
}

/// The document of a run.
///
/// # Errors
/// [`ViewError`].
pub fn show(view: &View, run: &RunRow) -> Result<Value, ViewError> {
    let state = state_of(view, run)?;
    let story = Story::read(view, &run.study)?;
    let done = match &state {
        Some(state) => story.of_run(view, run, state)?,
        None => Vec::new(),
    };
    let times: serde_json::Map<String, Value> =
        story.times(view, run)?.into_iter().map(|(stage, seconds)| (stage, json!(seconds))).collect();
    let mut results = Vec::new();
    for result in view.runs.results(&run.id)? {
        results.push(result_json(view, &result)?);
    }
    let packages = run.packages.iter().map(
        |one| json!({ "task": one.task.as_str(), "app": one.app.as_str(), "digest": one.digest.to_string() }),
    );
    Ok(json!({
        "run": run.id.as_str(),
        "study": run.study.as_str(),
        "workflow": run.workflow.as_str(),
        "version": run.version,
        "digest": run.digest.to_string(),
        "payload": run.ordinal,
        "began": run.began.at.to_string(),
        "lane": run.lane.to_string(),
        "state": state.as_ref().map(run_word),
        "packages": packages.collect::<Vec<_>>(),
        "results": results,
        "times": times,
        "done": done,
    }))
}

fn result_json(view: &View, result: &ResultRow) -> Result<Value, ViewError> {
    let report = report(view, result)?;
    let stages: serde_json::Map<String, Value> =
        seconds(report.as_ref()).into_iter().map(|(stage, seconds)| (stage, json!(seconds))).collect();
    let engine: serde_json::Map<String, Value> = report
        .into_iter()
        .flat_map(|report| report.engine)
        .map(|(name, value)| (name, json!(value)))
        .collect();
    let files = result.files.iter().map(
        |file| json!({ "name": file.name, "bytes": file.blob.length, "digest": file.digest.to_string() }),
    );
    Ok(json!({
        "task": result.task.as_str(),
        "fence": result.fence,
        "node": result.node.as_str(),
        "began": result.began.to_string(),
        "ended": result.ended.to_string(),
        "stages": stages,
        "engine": engine,
        "files": files.collect::<Vec<_>>(),
    }))
}

/// Where the time of a result went, as its report says: seconds by stage.
///
/// # Errors
/// [`ViewError::Report`].
pub fn stages(view: &View, row: &ResultRow) -> Result<Vec<(String, f64)>, ViewError> {
    Ok(seconds(report(view, row)?.as_ref()))
}

fn seconds(report: Option<&job::Report>) -> Vec<(String, f64)> {
    let stages = report.map_or(&[][..], |report| report.stages.as_slice());
    stages.iter().map(|stage| (stage.name.clone(), stage.micros as f64 / 1e6)).collect()
}

/// What the worker said of a result.
fn report(view: &View, row: &ResultRow) -> Result<Option<job::Report>, ViewError> {
    let Some(file) = row.files.iter().find(|file| file.name == names::RESULT) else { return Ok(None) };
    let bytes = view.blob.read(file.blob, 0..file.blob.length);
    let bytes = bytes.map_err(|error| ViewError::Report(error.into()))?;
    let report = result::decode(&bytes).map_err(|error| ViewError::Report(error.into()))?;
    Ok(Some(report))
}
