//! `gantry runs`: what was run, how far it is, and where its time went.

use gantry_api::{
    runs,
    story::{self, Story},
};
use gantry_types::ids::RunId;
use serde_json::{Value, json};

use crate::{
    cli::{Listing, Runs},
    commands::{by_command, rows},
    node::{Access, Node},
    report::{Failure, print, say},
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
    let by = by_command(Some(reason))?;
    let node = Node::open(&listing.data, Access::Read)?;
    let orders = serving::orders(&node, serving::conductor(&node));
    done(listing, "cancelled", &orders.cancel(named, &by)?)
}

fn rerun(listing: &Listing, named: &str, reason: &str) -> Result<(), Failure> {
    let by = by_command(Some(reason))?;
    let node = Node::open(&listing.data, Access::Read)?;
    let orders = serving::orders(&node, serving::conductor(&node));
    done(listing, "begun", &orders.rerun(named, &by)?)
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
