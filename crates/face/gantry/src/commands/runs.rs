//! `gantry runs`: what was run, how far it is, and where its time went.

use gantry_ports::{
    job::{names, result},
    state,
    store::{ResultRow, RunRow},
};
use gantry_types::ids::RunId;
use serde_json::{Value, json};

use crate::{
    cli::{Listing, Runs},
    node::{Access, Node},
    report::{Exit, Failure, print, say},
    story::{self, Story, broken, unreadable},
};

/// `gantry runs`.
pub(crate) fn run(command: Runs) -> Result<(), Failure> {
    match command {
        Runs::List { listing, count } => list(&listing, count),
        Runs::Show { listing, run } => show(&listing, &run),
    }
}

/// How far a run is.
fn state_of(node: &Node, run: &RunRow) -> Result<Option<gantry_flow::run::State>, Failure> {
    let key = state::run::key(&run.site, &run.study, &run.id);
    let row = node.cases.machine(&key).map_err(unreadable)?;
    row.map(|row| state::run::state(&row).map_err(|error| broken(&error))).transpose()
}

/// The newest runs as JSON.
pub(crate) fn list_json(node: &Node, count: usize) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    for run in node.runs.newest_runs(&node.site, None, count).map_err(unreadable)? {
        let state = state_of(node, &run)?;
        all.push(json!({
            "run": run.id.as_str(),
            "study": run.study.as_str(),
            "workflow": run.workflow.as_str(),
            "version": run.version,
            "payload": run.ordinal,
            "began": run.began.at.to_string(),
            "lane": run.lane.to_string(),
            "state": state.as_ref().map(story::run_word),
        }));
    }
    Ok(all)
}

fn list(listing: &Listing, count: usize) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let all = list_json(&node, count)?;
    if listing.json {
        return print(&json!({ "runs": all }).to_string());
    }
    if all.is_empty() {
        say("there are no runs yet");
        return Ok(());
    }
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    print(&format!(
        "{:<16}  {:<27}  {:<9}  {:<10}  {:<16}  study",
        "run", "began", "state", "lane", "workflow"
    ))?;
    all.iter().try_for_each(|row| {
        let cell = |key| text(row, key);
        print(&format!(
            "{:<16}  {:<27}  {:<9}  {:<10}  {:<16}  {}",
            cell("run"),
            cell("began"),
            cell("state"),
            cell("lane"),
            cell("workflow"),
            cell("study")
        ))
    })
}

fn find(node: &Node, named: &str) -> Result<RunRow, Failure> {
    let unknown = || {
        Failure::new(Exit::NotFound, "run/unknown", format!("there is no run `{named}`"))
            .hint("`gantry runs list` shows the newest")
    };
    let id: RunId = named.parse().or(Err(unknown()))?;
    node.runs.run(&id).map_err(unreadable)?.ok_or_else(unknown)
}

fn show(listing: &Listing, named: &str) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let run = find(&node, named)?;
    let told = tell(&node, &run)?;
    if listing.json {
        return print(&told.to_string());
    }
    print(&format!("run        {}", run.id))?;
    print(&format!("study      {}", run.study))?;
    print(&format!("workflow   {} version {} ({})", run.workflow, run.version, run.digest))?;
    for package in &run.packages {
        print(&format!("package    task {}: {} ({})", package.task, package.app, package.digest))?;
    }
    for result in node.runs.results(&run.id).map_err(unreadable)? {
        for (stage, seconds) in stages(&node, &result)? {
            print(&format!("time       {} {stage}: {seconds:.3} s", result.task))?;
        }
    }
    let story = Story::read(&node, &run.study)?;
    if let Some(state) = state_of(&node, &run)? {
        print(&format!("state      {}", story::run_word(&state)))?;
        for line in story.of_run(&node, &run, &state)? {
            print(&format!("done       {line}"))?;
        }
    }
    Ok(())
}

/// A run as JSON.
pub(crate) fn tell(node: &Node, run: &RunRow) -> Result<Value, Failure> {
    let state = state_of(node, run)?;
    let story = Story::read(node, &run.study)?;
    let done = match &state {
        Some(state) => story.of_run(node, run, state)?,
        None => Vec::new(),
    };
    let mut results = Vec::new();
    for result in node.runs.results(&run.id).map_err(unreadable)? {
        let stages: serde_json::Map<String, Value> =
            stages(node, &result)?.into_iter().map(|(stage, seconds)| (stage, json!(seconds))).collect();
        let files: Vec<Value> = result
            .files
            .iter()
            .map(|file| json!({ "name": file.name, "bytes": file.blob.length, "digest": file.digest.to_string() }))
            .collect();
        results.push(json!({
            "task": result.task.as_str(),
            "fence": result.fence,
            "node": result.node.as_str(),
            "began": result.began.to_string(),
            "ended": result.ended.to_string(),
            "stages": stages,
            "files": files,
        }));
    }
    let packages: Vec<Value> = run
        .packages
        .iter()
        .map(|one| json!({ "task": one.task.as_str(), "app": one.app.as_str(), "digest": one.digest.to_string() }))
        .collect();
    Ok(json!({
        "run": run.id.as_str(),
        "study": run.study.as_str(),
        "workflow": run.workflow.as_str(),
        "version": run.version,
        "digest": run.digest.to_string(),
        "payload": run.ordinal,
        "began": run.began.at.to_string(),
        "lane": run.lane.to_string(),
        "state": state.as_ref().map(story::run_word),
        "packages": packages,
        "results": results,
        "done": done,
    }))
}

/// Where the time of a result went, as its report says: seconds by stage.
pub(crate) fn stages(node: &Node, row: &ResultRow) -> Result<Vec<(String, f64)>, Failure> {
    let Some(file) = row.files.iter().find(|file| file.name == names::RESULT) else { return Ok(Vec::new()) };
    let bytes = node.outside.blob.read(file.blob, 0..file.blob.length);
    let bytes = bytes.map_err(|error| Failure::unexpected("run/report", &error))?;
    let report = result::decode(&bytes).map_err(|error| Failure::unexpected("run/report", &error))?;
    let seconds = |stage: gantry_ports::job::Stage| (stage.name, stage.micros as f64 / 1e6);
    Ok(report.stages.into_iter().map(seconds).collect())
}
