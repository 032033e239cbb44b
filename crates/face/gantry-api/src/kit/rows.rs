//! Rows of machines in states that tests choose.

use gantry_flow::{
    delivery,
    names::DeliveryKey,
    publication, run,
    step::{Fence, Lane, Step, Timer, TimerKey},
};
use gantry_ports::{
    state::{self, publication::PublicationKey},
    store::MachineRow,
};
use gantry_types::{
    ids::SiteId,
    instant::Instant,
    uid::{SopInstanceUid, StudyInstanceUid},
};

pub(crate) fn at(seconds: i64) -> Instant {
    Instant(seconds * 1_000_000)
}

pub(crate) fn site() -> SiteId {
    "site".parse().unwrap()
}

pub(crate) fn study() -> StudyInstanceUid {
    StudyInstanceUid::parse("1.2.3").unwrap()
}

fn step<S, E>(state: S, due: Option<Instant>) -> Step<S, E> {
    let timers = due.map(|at| Timer { at, key: TimerKey("x".to_owned()) });
    Step { state, effects: Vec::new(), timers: timers.into_iter().collect() }
}

pub(crate) fn delivery(
    sop_instance: &str,
    destination: &str,
    since: i64,
    stage: delivery::Stage,
) -> MachineRow {
    let key = DeliveryKey {
        sop_instance: SopInstanceUid::parse(sop_instance).unwrap(),
        destination: destination.parse().unwrap(),
    };
    let due = matches!(stage, delivery::Stage::Retrying { .. }).then_some(at(2000));
    let machine = state::delivery::key(&site(), &study(), &key);
    let state = delivery::State {
        key,
        lane: Lane::Routine,
        stage,
        fence: Fence(1),
        since: at(since),
        failures: 0,
        refusals: 0,
    };
    state::delivery::row(machine, &step(state, due), 1)
}

pub(crate) fn publication(run: &str, stage: publication::Stage) -> MachineRow {
    let key = PublicationKey {
        run: run.parse().unwrap(),
        task: "lungs".parse().unwrap(),
        destination: "pacs".parse().unwrap(),
    };
    let due = matches!(stage, publication::Stage::Queued { .. }).then_some(at(1));
    let state = publication::State { stage, troubles: 1 };
    state::publication::row(state::publication::key(&site(), &study(), &key), &step(state, due), 1)
}

pub(crate) fn run(id: &str, stages: Vec<run::Stage>) -> MachineRow {
    let due = stages.iter().any(|stage| matches!(stage, run::Stage::Backoff { .. })).then_some(at(2000));
    let task = |(number, stage)| {
        let task = run::Task { stage, fence: Fence(0), failures: 0, losses: 0, last_error: None };
        (format!("task-{number}").parse().unwrap(), task)
    };
    let state = run::State {
        id: id.parse().unwrap(),
        lane: Lane::Urgent,
        tasks: stages.into_iter().enumerate().map(task).collect(),
    };
    state::run::row(state::run::key(&site(), &study(), &id.parse().unwrap()), &step(state, due), 1)
}
