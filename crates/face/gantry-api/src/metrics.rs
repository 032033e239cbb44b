//! Numbers for whoever watches over the node: what waits, how long, for whom, and whether there is room.
//!
//! Every number is read when it is asked for, from what is unfinished or newest: nothing scans the past, and no list is
//! longer than [`COUNT_MAX`]. Nothing of a patient is among them; destinations are named, studies are not.

mod exposition;

use std::collections::BTreeMap;

use gantry_flow::{delivery, publication, run, step::Lane};
use gantry_ports::{
    pulse::Pulse,
    state,
    store::{MachineKey, MachineKind, MachineRow},
};
use gantry_types::instant::Instant;

use crate::{
    runs,
    story::{delivery_word, run_word},
    view::{View, ViewError},
};
use exposition::Exposition;

/// More than this of a kind is counted as this many: a number that large says enough.
const COUNT_MAX: usize = 5_000;

/// How many of the newest runs are counted by what came of them.
const RECENT: usize = 100;

/// All metrics as text.
pub(crate) fn text(view: &View, now: Instant, version: &str, pulses: &[Pulse]) -> Result<String, ViewError> {
    let mut text = Exposition::default();
    text.info("gantry_build", "The program.", &[("version", version)]);
    threads(pulses, &mut text);
    room(view, &mut text);
    intake(view, &mut text)?;
    let mut unreadable = 0;
    live_runs(view, now, &mut unreadable, &mut text)?;
    recent_runs(view, &mut text)?;
    publications(view, &mut unreadable, &mut text)?;
    deliveries(view, now, &mut unreadable, &mut text)?;
    people(view, now, &mut text)?;
    text.gauge("gantry_unreadable_states", "Unfinished work that another version of the program left.")
        .sample(&[], unreadable);
    Ok(text.end())
}

fn seconds(now: Instant, since: Instant) -> f64 {
    now.since(since).as_secs_f64()
}

fn timestamp(at: Instant) -> f64 {
    at.0 as f64 / 1e6
}

fn threads(pulses: &[Pulse], text: &mut Exposition) {
    let mut threads: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for pulse in pulses {
        let (ended, panics) = threads.entry(pulse.name()).or_default();
        *ended += usize::from(!pulse.is_alive());
        *panics += pulse.stumbles().unwrap_or_default();
    }
    let mut family = text
        .gauge("gantry_threads_ended", "Threads that should be at work and are not: restart the program.");
    for (name, (ended, _)) in &threads {
        family.sample(&[("thread", name)], ended);
    }
    let mut family = text.counter("gantry_thread_panics", "How often work panicked and began anew.");
    for (name, (_, panics)) in &threads {
        family.sample(&[("thread", name)], panics);
    }
}

/// Without the disk there is no number, and an alert on absence fires; `/healthz` says so too.
fn room(view: &View, text: &mut Exposition) {
    let Ok(room) = view.blob.room() else { return };
    text.gauge("gantry_disk_free_bytes", "Room for objects.").sample(&[], room.free);
    text.gauge(
        "gantry_disk_reserve_bytes",
        "Room that stays free: with less, objects are refused with A700.",
    )
    .sample(&[], room.reserve);
}

fn intake(view: &View, text: &mut Exposition) -> Result<(), ViewError> {
    let open = view.intake.open_associations()?.len();
    text.gauge("gantry_associations_open", "Associations in which objects came and that have not ended.")
        .sample(&[], open);
    let newest = view.intake.newest_objects(1)?;
    if let Some(object) = newest.first()
        && let Some(receipt) = view.intake.receipts(object.id)?.first()
    {
        text.gauge("gantry_last_object_timestamp_seconds", "When the newest object was received.")
            .sample(&[], timestamp(receipt.received));
    }
    let refusals = view.intake.refusals()?;
    text.gauge("gantry_refused_peers", "Peers that were refused, as `gantry source refused` lists them.")
        .sample(&[], refusals.len());
    if let Some(last) = refusals.iter().map(|refusal| refusal.last).max() {
        text.gauge("gantry_last_refusal_timestamp_seconds", "When a peer was refused last.")
            .sample(&[], timestamp(last));
    }
    let waiting = view.cases.attention(&view.site, COUNT_MAX)?.len();
    text.gauge(
        "gantry_studies_wanting_attention",
        "Studies that something came to and nobody looked at since.",
    )
    .sample(&[], waiting);
    Ok(())
}

/// The machines of a kind that have something before them.
pub(crate) fn live(view: &View, kind: MachineKind) -> Result<BTreeMap<MachineKey, MachineRow>, ViewError> {
    let mut rows = view.cases.due(kind, Instant(i64::MAX), COUNT_MAX)?;
    rows.extend(view.cases.offered(kind, COUNT_MAX)?);
    Ok(rows.into_iter().filter(|row| row.key.site == view.site).map(|row| (row.key.clone(), row)).collect())
}

fn live_runs(
    view: &View,
    now: Instant,
    unreadable: &mut usize,
    text: &mut Exposition,
) -> Result<(), ViewError> {
    const STAGES: [&str; 4] = ["blocked", "queued", "working", "retrying"];
    const LANES: [Lane; 3] = [Lane::Urgent, Lane::Routine, Lane::Background];
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut oldest: BTreeMap<String, Instant> = BTreeMap::new();
    for row in live(view, MachineKind::Run)?.values() {
        let Ok(state) = state::run::state(row) else {
            *unreadable += 1;
            continue;
        };
        let lane = state.lane.to_string();
        for task in state.tasks.values() {
            let word = match &task.stage {
                run::Stage::Blocked => "blocked",
                run::Stage::Queued { since } => {
                    let oldest = oldest.entry(lane.clone()).or_insert(*since);
                    *oldest = (*oldest).min(*since);
                    "queued"
                }
                run::Stage::Leased { .. } => "working",
                run::Stage::Backoff { .. } => "retrying",
                run::Stage::Ran { .. }
                | run::Stage::Declined { .. }
                | run::Stage::Failed { .. }
                | run::Stage::Cancelled { .. }
                | run::Stage::Skipped { .. } => continue,
            };
            *counts.entry((word, lane.clone())).or_default() += 1;
        }
    }
    let lanes = LANES.map(|lane| lane.to_string());
    let mut family = text.gauge("gantry_tasks", "Tasks of unfinished runs.");
    for lane in &lanes {
        for stage in STAGES {
            let count = counts.get(&(stage, lane.clone())).copied().unwrap_or_default();
            family.sample(&[("lane", lane), ("state", stage)], count);
        }
    }
    let mut family = text
        .gauge("gantry_task_queued_oldest_seconds", "How long the oldest queued task waits; 0 without one.");
    for lane in &lanes {
        let age = oldest.get(lane).map_or(0.0, |since| seconds(now, *since));
        family.sample(&[("lane", lane)], age);
    }
    Ok(())
}

fn recent_runs(view: &View, text: &mut Exposition) -> Result<(), ViewError> {
    let mut counts: BTreeMap<&str, usize> =
        ["running", "ran", "declined", "failed", "cancelled"].map(|word| (word, 0)).into();
    for run in view.runs.newest_runs(&view.site, None, RECENT)? {
        // What cannot be read is counted where it is unfinished.
        if let Ok(Some(state)) = runs::state_of(view, &run) {
            *counts.entry(run_word(&state)).or_default() += 1;
        }
    }
    let mut family = text.gauge("gantry_recent_runs", "The newest 100 runs by what came of them.");
    for (word, count) in &counts {
        family.sample(&[("state", word)], count);
    }
    Ok(())
}

fn publications(view: &View, unreadable: &mut usize, text: &mut Exposition) -> Result<(), ViewError> {
    let mut counts: BTreeMap<&str, usize> = ["queued", "retrying"].map(|word| (word, 0)).into();
    for row in live(view, MachineKind::Publication)?.values() {
        match state::publication::state(row) {
            Ok(publication::State { stage: publication::Stage::Queued { .. }, troubles }) => {
                let word = if troubles == 0 { "queued" } else { "retrying" };
                *counts.entry(word).or_default() += 1;
            }
            Ok(_) => {}
            Err(_) => *unreadable += 1,
        }
    }
    let mut family = text.gauge("gantry_publications", "Results that evidence is being made of.");
    for (word, count) in &counts {
        family.sample(&[("state", word)], count);
    }
    Ok(())
}

/// Deliveries of a destination.
#[derive(Default)]
struct Going {
    counts: BTreeMap<&'static str, usize>,
    /// Of those that were not sent yet.
    oldest: Option<Instant>,
}

fn deliveries(
    view: &View,
    now: Instant,
    unreadable: &mut usize,
    text: &mut Exposition,
) -> Result<(), ViewError> {
    let mut going: BTreeMap<String, Going> = BTreeMap::new();
    let mut rows = live(view, MachineKind::Delivery)?;
    let waiting = view.cases.waiting_for_person(&view.site, COUNT_MAX)?;
    let quarantined = waiting.into_iter().filter(|row| row.key.kind == MachineKind::Delivery);
    rows.extend(quarantined.map(|row| (row.key.clone(), row)));
    for row in rows.values() {
        let Ok(state) = state::delivery::state(row) else {
            *unreadable += 1;
            continue;
        };
        let going = going.entry(state.key.destination.to_string()).or_default();
        *going.counts.entry(delivery_word(&state)).or_default() += 1;
        match state.stage {
            delivery::Stage::Queued | delivery::Stage::Sending { .. } | delivery::Stage::Retrying { .. } => {
                going.oldest = Some(going.oldest.map_or(state.since, |oldest| oldest.min(state.since)));
            }
            delivery::Stage::Sent { .. }
            | delivery::Stage::Confirming { .. }
            | delivery::Stage::Confirmed { .. }
            | delivery::Stage::Quarantined { .. } => {}
        }
    }
    let mut family = text.gauge("gantry_deliveries", "Unfinished deliveries, and those in quarantine.");
    for (destination, going) in &going {
        for (word, count) in &going.counts {
            family.sample(&[("destination", destination), ("state", word)], count);
        }
    }
    let mut family = text
        .gauge("gantry_delivery_oldest_seconds", "How long the oldest delivery that was not sent yet waits.");
    for (destination, going) in &going {
        if let Some(oldest) = going.oldest {
            family.sample(&[("destination", destination)], seconds(now, oldest));
        }
    }
    Ok(())
}

fn people(view: &View, now: Instant, text: &mut Exposition) -> Result<(), ViewError> {
    let mut counts: BTreeMap<&str, (usize, f64)> =
        ["case", "delivery", "evidence", "run"].map(|word| (word, (0, 0.0))).into();
    for row in view.cases.waiting_for_person(&view.site, COUNT_MAX)? {
        let word = match row.key.kind {
            MachineKind::Case => "case",
            MachineKind::Run => "run",
            MachineKind::Delivery => "delivery",
            MachineKind::Publication => "evidence",
        };
        let (count, oldest) = counts.entry(word).or_default();
        *count += 1;
        *oldest = row.person.map_or(0.0, |since| seconds(now, since)).max(*oldest);
    }
    let mut family = text.gauge("gantry_waiting_for_person", "What goes on only when a person decides.");
    for (word, (count, _)) in &counts {
        family.sample(&[("kind", word)], count);
    }
    let mut family = text.gauge(
        "gantry_waiting_for_person_oldest_seconds",
        "How long the oldest of them waits; 0 without one.",
    );
    for (word, (_, oldest)) in &counts {
        family.sample(&[("kind", word)], oldest);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
