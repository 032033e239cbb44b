//! Keeping an attempt's lease: heartbeats, and noticing that nobody waits for its answer any more.

use std::time::Duration;

use gantry_flow::run::{Event, Stage, State, step};
use gantry_ports::{
    performer::Wish,
    state::run as form,
    store::{Change, CommitError, Expectation, MachineRow, Row},
};
use gantry_types::instant::Instant;

use crate::{
    conductor::{Conductor, TurnError},
    running::Attempt,
};

/// The heartbeat of an attempt.
pub(crate) struct Lease<'a> {
    conductor: &'a Conductor,
    attempt: &'a Attempt,
    renewed: Instant,
    pause: Duration,
}

impl<'a> Lease<'a> {
    /// The lease of an attempt that was just claimed.
    pub(crate) fn of(conductor: &'a Conductor, attempt: &'a Attempt) -> Self {
        let renewed = conductor.outside.clock.monotonic();
        Self { conductor, attempt, renewed, pause: conductor.settings.lease / 3 }
    }

    /// Renews the lease when it is time; says whether the attempt's answer is still wanted.
    pub(crate) fn keep(&mut self) -> Wish {
        let Conductor { outside, settings, .. } = self.conductor;
        let now = outside.clock.monotonic();
        if now.since(self.renewed) < self.pause {
            return Wish::GoOn;
        }
        self.renewed = now;
        let (task, fence) = (&self.attempt.key.task, self.attempt.key.fence);
        let lease = settings.lease;
        let machine = match self.conductor.reload(&self.attempt.machine) {
            Ok(machine) => machine,
            // The lease may run out; then the answer will not count.
            Err(_) => return Wish::GoOn,
        };
        let wanted = |state: &State| {
            state
                .tasks
                .get(task)
                .is_some_and(|own| own.fence == fence && matches!(own.stage, Stage::Leased { .. }))
        };
        match form::state(&machine) {
            Ok(state) if !wanted(&state) => return Wish::Stop,
            Ok(_) | Err(_) => {}
        }
        let mut beat = |_: &State| Some(Event::Heartbeat { task: task.clone(), fence, lease });
        let _later = self.conductor.step_quietly(&machine, &mut beat);
        Wish::GoOn
    }
}

impl Conductor {
    /// A heartbeat is no event for the audit trail.
    fn step_quietly(
        &self,
        row: &MachineRow,
        event: &mut dyn FnMut(&State) -> Option<Event>,
    ) -> Result<(), TurnError> {
        let state = form::state(row)?;
        let Some(event) = event(&state) else { return Ok(()) };
        let (_, pinned) = self.run_of(&state.id)?;
        let step = step(&pinned.workflow.plan, &state, event, self.outside.clock.now());
        let change = Change {
            expect: vec![Expectation::Machine { key: row.key.clone(), version: row.version }],
            rows: vec![Row::Machine(form::row(row.key.clone(), &step, row.version + 1))],
            audit: Vec::new(),
        };
        match self.outside.store.commit(&change) {
            Ok(_) | Err(CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
