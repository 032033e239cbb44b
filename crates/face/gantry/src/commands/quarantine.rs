//! `gantry quarantine`: what was stopped and waits for a person, why, and what can be done (DL3): evidence that a gate did
//! not let out, deliveries that were refused, runs that failed, studies that are held.

use gantry_api::{
    attention::arguments,
    orders::{Retried, Which, retried_json},
    quarantine::{kind, list_json, name, waiting, why},
    story::choices,
};
use gantry_conductor::Decision;
use gantry_ports::{
    state::case,
    store::{MachineKind, MachineRow},
};

use crate::{
    cli::{Listing, Quarantine},
    commands::by_command,
    node::{Access, Node},
    report::{Failure, print, say},
    serving,
};

/// `gantry quarantine`.
pub(crate) fn run(command: &Quarantine) -> Result<(), Failure> {
    match command {
        Quarantine::List(listing) => list(listing),
        Quarantine::Retry { listing, what, reason } => retry(listing, what, reason.as_deref()),
    }
}

/// The command that does something about it.
fn remedy(listing: &Listing, row: &MachineRow) -> String {
    let data = listing.data.display();
    match row.key.kind {
        MachineKind::Case => {
            // A case that cannot be read can still be given up.
            let choices =
                case::state(row).map_or_else(|_| vec![Decision::Skip], |case| choices(&case, false));
            let (study, workflow, words) = (&row.key.study, &row.key.name, arguments(&choices));
            format!("gantry study decide --data {data} {study} --workflow {workflow} {words} --reason TEXT")
        }
        MachineKind::Run | MachineKind::Delivery | MachineKind::Publication => {
            format!("gantry quarantine retry --data {data} {}", name(row))
        }
    }
}

fn list(listing: &Listing) -> Result<(), Failure> {
    let rows = waiting(&Node::open(&listing.data, Access::Read)?.view())?;
    if listing.json {
        return print(&list_json(&rows).to_string());
    }
    if rows.is_empty() {
        say("nothing waits for a person");
        return Ok(());
    }
    for row in &rows {
        print(&format!("{} {}", kind(row), name(row)))?;
        print(&format!("  study  {}", row.key.study))?;
        print(&format!("  why    {}", why(row)))?;
        print(&format!("  do     {}", remedy(listing, row)))?;
    }
    Ok(())
}

fn retry(listing: &Listing, what: &str, reason: Option<&str>) -> Result<(), Failure> {
    let by = by_command(reason)?;
    let node = Node::open(&listing.data, Access::Read)?;
    let orders = serving::orders(&node, serving::conductor(&node));
    let all = orders.retry(Which::of(what), &by)?;
    for Retried { what, left } in &all {
        if let Some(why) = left {
            say(&format!("warning: {what} is left: {why}"));
        }
    }
    if listing.json {
        return print(&retried_json(&all).to_string());
    }
    let retried = all.iter().filter(|one| one.left.is_none()).count();
    print(&format!("{retried} are tried again"))
}
