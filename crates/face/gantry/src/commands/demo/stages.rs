//! Where the time of the demonstration went, by the rows that it left.

use gantry_api::runs;
use gantry_flow::{case, delivery, publication};
use gantry_ports::{
    state,
    store::{MachineKind, StudyRow},
};
use gantry_types::instant::Instant;

use crate::{
    node::Node,
    report::{Failure, broken, unreadable},
};

/// Seconds by stage, in order.
pub(super) fn of(node: &Node, study: &StudyRow) -> Result<Vec<(String, f64)>, Failure> {
    let machines = |kind| node.cases.machines(&node.site, kind, &study.uid).map_err(unreadable);
    let tallies = node.cases.tallies(&node.site, &study.uid).map_err(unreadable)?;
    let last_image = tallies.iter().map(|tally| tally.last).max();
    let mut frozen = None;
    for row in machines(MachineKind::Case)? {
        match state::case::state(&row).map_err(broken)?.stage {
            case::Stage::Frozen { at, .. } => frozen = Some(at),
            case::Stage::NotMatched { .. }
            | case::Stage::Waiting { .. }
            | case::Stage::Held { .. }
            | case::Stage::Expired { .. }
            | case::Stage::Cancelled { .. } => {}
        }
    }
    let mut stages = Vec::new();
    let mut add = |name: &str, from: Option<Instant>, to: Option<Instant>| {
        if let (Some(from), Some(to)) = (from, to) {
            stages.push((name.to_owned(), to.since(from).as_secs_f64()));
        }
    };
    add("ready", last_image, frozen);
    let mut computing = Vec::new();
    let mut ended = None;
    for run in node.runs.runs_of_study(&node.site, &study.uid).map_err(unreadable)? {
        for result in node.runs.results(&run.id).map_err(unreadable)? {
            add("claim", frozen, Some(result.began));
            add("run", Some(result.began), Some(result.ended));
            ended = Some(result.ended);
            let own = runs::stages(&node.view(), &result)?;
            computing.extend(own.into_iter().map(|(stage, seconds)| (format!("run.{stage}"), seconds)));
        }
    }
    let mut published = None;
    for row in machines(MachineKind::Publication)? {
        match state::publication::state(&row).map_err(broken)?.stage {
            publication::Stage::Published { at, .. } => published = Some(at),
            publication::Stage::Queued { .. } | publication::Stage::Quarantined { .. } => {}
        }
    }
    add("publish", ended, published);
    let mut delivered = None;
    for row in machines(MachineKind::Delivery)? {
        let at = match state::delivery::state(&row).map_err(broken)?.stage {
            delivery::Stage::Sent { at, .. } => Some(at),
            delivery::Stage::Confirming { sent, .. } | delivery::Stage::Confirmed { sent, .. } => Some(sent),
            delivery::Stage::Queued
            | delivery::Stage::Sending { .. }
            | delivery::Stage::Retrying { .. }
            | delivery::Stage::Quarantined { .. } => None,
        };
        delivered = delivered.max(at);
    }
    add("deliver", published, delivered);
    add("ready to delivered", frozen, delivered);
    stages.extend(computing);
    Ok(stages)
}
