//! `gantry runs`: what was run, how far it is, and where its time went.

use gantry_api::{
    runs,
    story::{self, Story},
};
use gantry_conductor::Decision;
use gantry_flow::names::Actor;
use gantry_ports::state;
use gantry_types::ids::RunId;
use serde_json::{Value, json};

use crate::{
    cli::{Listing, Runs},
    commands::rows,
    node::{Access, Node},
    report::{Exit, Failure, print, say, unreadable},
    serving,
};

/// `gantry runs`.
pub(crate) fn run(command: Runs) -> Result<(), Failure> {
    match command {
        Runs::List { listing, count } => list(&listing, count),
        Runs::Show { listing, run } => show(&listing, &run),
        Runs::Cancel { listing, run, reason } => cancel(&listing, &run, &reason),
        Runs::Rerun { listing, run, reason } => rerun(&listing, &run, &reason),
    }
}

fn cancel(listing: &Listing, named: &str, reason: &str) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let run = runs::find(&node.view(), named)?;
    let machine = node.cases.machine(&state::run::key(&run.site, &run.study, &run.id)).map_err(unreadable)?;
    let cancelled = match &machine {
        Some(row) => serving::conductor(&node).cancel(row, &Actor::from("command"), reason),
        None => Ok(false),
    };
    let refused = |sentence: String| Failure::new(Exit::Failed, "runs/not-cancelled", sentence);
    match cancelled {
        Ok(true) => done(listing, "cancelled", &run.id),
        Ok(false) => Err(refused(format!("run {named} is over already"))),
        Err(error) => Err(refused(error.to_string()).hint("`gantry runs show` says how it is now")),
    }
}

fn rerun(listing: &Listing, named: &str, reason: &str) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let run = runs::find(&node.view(), named)?;
    let (by, conductor) = (Actor::from("command"), serving::conductor(&node));
    let decided = conductor.decide(&run.study, &run.workflow, Decision::Again, &by, reason);
    decided.map_err(|error| {
        Failure::new(Exit::Failed, "runs/not-rerun", error.to_string())
            .hint("`gantry study show` says how the study is now")
    })?;
    let all = node.runs.runs_of_study(&run.site, &run.study).map_err(unreadable)?;
    let newest = all.iter().rev().find(|other| other.workflow == run.workflow);
    done(listing, "begun", newest.map_or(&run.id, |newest| &newest.id))
}

fn done(listing: &Listing, what: &str, run: &RunId) -> Result<(), Failure> {
    if listing.json {
        return print(&json!({ what: run.as_str() }).to_string());
    }
    print(&format!("run {run} is {what}"))
}

fn list(listing: &Listing, count: usize) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let document = runs::list(&node.view(), None, count)?;
    if listing.json {
        return print(&document.to_string());
    }
    let all = rows(&document, "runs");
    if all.is_empty() {
        say("there are no runs yet");
        return Ok(());
    }
    print(&format!(
        "{:<16}  {:<27}  {:<9}  {:<10}  {:<16}  study",
        "run", "began", "state", "lane", "workflow"
    ))?;
    all.iter().try_for_each(|row| {
        let cell = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
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

fn show(listing: &Listing, named: &str) -> Result<(), Failure> {
    let view = Node::open(&listing.data, Access::Read)?.view();
    let run = runs::find(&view, named)?;
    if listing.json {
        return print(&runs::show(&view, &run)?.to_string());
    }
    print(&format!("run        {}", run.id))?;
    print(&format!("study      {}", run.study))?;
    print(&format!("workflow   {} version {} ({})", run.workflow, run.version, run.digest))?;
    for package in &run.packages {
        print(&format!("package    task {}: {} ({})", package.task, package.app, package.digest))?;
    }
    let story = Story::read(&view, &run.study)?;
    for (stage, seconds) in story.times(&view, &run)? {
        print(&format!("time       {stage}: {seconds:.3} s"))?;
    }
    if let Some(state) = runs::state_of(&view, &run)? {
        print(&format!("state      {}", story::run_word(&state)))?;
        for line in story.of_run(&view, &run, &state)? {
            print(&format!("done       {line}"))?;
        }
    }
    Ok(())
}
