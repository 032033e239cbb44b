//! A run: a frozen payload on its way through the tasks of a plan.
//!
//! A task is carried out in attempts. An attempt is leased to a node, under a fence that is higher than all before it;
//! the node says by heartbeats that it lives, and answers once. What can be asked again is asked again: failures after
//! a back-off and at most as often as the plan says, attempts that were lost with their node at once and at most
//! [`LOSSES_MAX`] times.
//!
//! | stage \ event | claimed | heartbeat | finished | lost | due | cancel | again |
//! |---|---|---|---|---|---|---|---|
//! | blocked | | | | | | cancelled | |
//! | queued | **leased** | | | | | cancelled | |
//! | leased | | leased | ran, declined, failed, back-off | queued, failed | queued, back-off, failed | cancelled | |
//! | back-off | | | | | queued | cancelled | |
//! | failed | | | | | | | queued |
//! | skipped | | | | | | | blocked, if another task has failed |
//! | ran, declined, cancelled | | | | | | | |
//!
//! Heartbeat, finished and lost concern a task only with the fence of its present attempt (RN2). When a task has run,
//! those that waited for it alone are queued in the same step; when it has ended in any other way, they are skipped.
//!
//! Invariants
//! - At most one result of a task is accepted, and it is that of the attempt with the highest fence.
//! - Fences of a task strictly ascend.
//! - While the run has not ended, a task is queued, or a timer is set (RN1).

mod plan;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::time::Duration;

use gantry_types::{
    digest::Digest,
    findings::JudgedClause,
    ids::{NodeId, RunId, TaskName},
    instant::Instant,
};

pub use plan::{Plan, PlanError, Retry, TaskPlan};

use crate::{
    names::{Actor, AttemptKey},
    step::{Fence, Lane, Step, Timer, TimerKey, backoff},
};

/// How many attempts at a task may be lost with their node: one that kills every node it runs on must end too.
pub const LOSSES_MAX: u32 = 10;
/// The longest back-off between attempts.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60 * 60);

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Which.
    pub id: RunId,
    /// Which work goes first.
    pub lane: Lane,
    /// Its tasks: those of the plan.
    pub tasks: BTreeMap<TaskName, Task>,
}

/// A task of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// How far it is.
    pub stage: Stage,
    /// The fence of the last attempt.
    pub fence: Fence,
    /// How many attempts failed.
    pub failures: u32,
    /// How many attempts were lost with their node.
    pub losses: u32,
    /// Why the last attempt did not succeed.
    pub last_error: Option<Failure>,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Waits for other tasks.
    Blocked,
    /// May be claimed.
    Queued {
        /// Since when.
        since: Instant,
    },
    /// An attempt is under way.
    Leased {
        /// Where.
        node: NodeId,
        /// Since when.
        began: Instant,
        /// When it is believed dead, if no heartbeat comes.
        lease_until: Instant,
        /// When it has taken too long.
        deadline: Instant,
    },
    /// Waits to be tried again.
    Backoff {
        /// Until when.
        until: Instant,
    },
    /// The application has answered.
    Ran {
        /// Digest of the accepted result.
        result: Digest,
        /// When.
        at: Instant,
    },
    /// The application has declined.
    Declined {
        /// Clauses of its contract that failed or could not be known.
        clauses: Vec<JudgedClause>,
        /// When.
        at: Instant,
    },
    /// No further attempt; [`Task::last_error`] says why.
    Failed {
        /// When.
        at: Instant,
    },
    /// Somebody did not want it.
    Cancelled {
        /// Who.
        by: Actor,
        /// When.
        at: Instant,
    },
    /// A task before it has not run.
    Skipped {
        /// Which.
        because: TaskName,
        /// When.
        at: Instant,
    },
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code: `run/timed-out`, `worker/crashed` ...
    pub code: String,
    /// For people.
    pub sentence: String,
}

/// Whether another attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// It may.
    Retry,
    /// It fails in the same way.
    GiveUp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResult {
    /// With findings.
    Ran {
        /// Digest of the stored result.
        result: Digest,
    },
    /// The application declined.
    Declined {
        /// By these clauses.
        clauses: Vec<JudgedClause>,
    },
    /// Without an answer.
    Failed {
        /// Why.
        failure: Failure,
        /// What now.
        remedy: Remedy,
    },
}

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A node takes a queued task.
    Claimed {
        /// Which.
        task: TaskName,
        /// Who.
        node: NodeId,
        /// For how long without heartbeat.
        lease: Duration,
    },
    /// The attempt lives.
    Heartbeat {
        /// Its task.
        task: TaskName,
        /// Its fence.
        fence: Fence,
        /// For how long from now.
        lease: Duration,
    },
    /// The attempt has ended.
    Finished {
        /// Its task.
        task: TaskName,
        /// Its fence.
        fence: Fence,
        /// How.
        result: AttemptResult,
    },
    /// The attempt is known to be gone without an answer: its node has restarted.
    Lost {
        /// Its task.
        task: TaskName,
        /// Its fence.
        fence: Fence,
    },
    /// A timer is due.
    Due,
    /// Somebody does not want it.
    Cancel {
        /// Who.
        by: Actor,
    },
    /// Somebody wants what failed to be tried again: the counting begins anew.
    Again {
        /// Who.
        by: Actor,
    },
}

/// What is to be done about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell idle nodes that a task may be claimed. The queued stage says the same; this saves waiting.
    Offer {
        /// The run.
        run: RunId,
        /// The task.
        task: TaskName,
        /// Its lane.
        lane: Lane,
    },
    /// Begin the attempt.
    Start(AttemptKey),
    /// End the attempt, if it still lives: nobody waits for its answer.
    Stop(AttemptKey),
    /// The attempt's result is the task's.
    Accept {
        /// The attempt.
        attempt: AttemptKey,
        /// Digest of the stored result.
        result: Digest,
    },
    /// The run has ended; repeatable by its id.
    End {
        /// The run.
        run: RunId,
        /// How.
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All tasks ran.
    Ran,
    /// A task was declined by its application, none failed.
    Declined,
    /// A task failed.
    Failed,
    /// Somebody did not want it.
    Cancelled,
}

impl Stage {
    /// Whether nothing more happens to the task.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Blocked | Self::Queued { .. } | Self::Leased { .. } | Self::Backoff { .. } => false,
            Self::Ran { .. }
            | Self::Declined { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Skipped { .. } => true,
        }
    }
}

impl State {
    /// How the run ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let stages = || self.tasks.values().map(|task| &task.stage);
        if !stages().all(Stage::is_final) {
            return None;
        }
        Some(if stages().any(|stage| matches!(stage, Stage::Failed { .. })) {
            Outcome::Failed
        } else if stages().any(|stage| matches!(stage, Stage::Cancelled { .. })) {
            Outcome::Cancelled
        } else if stages().any(|stage| matches!(stage, Stage::Declined { .. })) {
            Outcome::Declined
        } else {
            Outcome::Ran
        })
    }
}

/// A new run, with its first tasks queued.
#[must_use]
pub fn begin(plan: &Plan, id: RunId, lane: Lane, now: Instant) -> Step<State, Effect> {
    let task = |task: &TaskPlan| {
        let new =
            Task { stage: Stage::Blocked, fence: Fence::NONE, failures: 0, losses: 0, last_error: None };
        (task.name.clone(), new)
    };
    let mut machine = Machine {
        plan,
        state: State { id, lane, tasks: plan.tasks().map(task).collect() },
        effects: Vec::new(),
        now,
    };
    machine.advance();
    machine.finish(None)
}

/// Steps the run.
#[must_use]
pub fn step(plan: &Plan, state: &State, event: Event, now: Instant) -> Step<State, Effect> {
    let before = state.outcome();
    let mut machine = Machine { plan, state: state.clone(), effects: Vec::new(), now };
    match event {
        Event::Claimed { task, node, lease } => machine.claim(&task, node, lease),
        Event::Heartbeat { task, fence, lease } => machine.heartbeat(&task, fence, lease),
        Event::Finished { task, fence, result } => machine.finished(&task, fence, result),
        Event::Lost { task, fence } => {
            if machine.is_present(&task, fence) {
                machine.lost(&task);
            }
        }
        Event::Due => machine.due(),
        Event::Cancel { by } => machine.cancel(&by),
        Event::Again { by: _ } => machine.again(),
    }
    machine.advance();
    machine.finish(before)
}

struct Machine<'a> {
    plan: &'a Plan,
    state: State,
    effects: Vec<Effect>,
    now: Instant,
}

impl Machine<'_> {
    fn key(&self, task: &TaskName, fence: Fence) -> AttemptKey {
        AttemptKey { run: self.state.id.clone(), task: task.clone(), fence }
    }

    /// Whether this is the fence of the attempt that is under way.
    fn is_present(&self, task: &TaskName, fence: Fence) -> bool {
        self.state
            .tasks
            .get(task)
            .is_some_and(|task| task.fence == fence && matches!(task.stage, Stage::Leased { .. }))
    }

    fn claim(&mut self, name: &TaskName, node: NodeId, lease: Duration) {
        let (Some(plan), Some(task)) = (self.plan.task(name), self.state.tasks.get_mut(name)) else { return };
        if !matches!(task.stage, Stage::Queued { .. }) {
            return;
        }
        task.fence = task.fence.next();
        let fence = task.fence;
        task.stage = Stage::Leased {
            node,
            began: self.now,
            lease_until: self.now.after(lease),
            deadline: self.now.after(plan.timeout),
        };
        let attempt = self.key(name, fence);
        self.effects.push(Effect::Start(attempt));
    }

    fn heartbeat(&mut self, name: &TaskName, fence: Fence, lease: Duration) {
        if !self.is_present(name, fence) {
            return;
        }
        let until = self.now.after(lease);
        if let Some(Task { stage: Stage::Leased { lease_until, .. }, .. }) = self.state.tasks.get_mut(name) {
            // Heartbeats may overtake each other; a lease is never shortened.
            *lease_until = until.max(*lease_until);
        }
    }

    fn finished(&mut self, name: &TaskName, fence: Fence, result: AttemptResult) {
        if !self.is_present(name, fence) {
            return;
        }
        // What answers after its time has failed, whether or not the timer was quicker.
        if self.deadline(name).is_some_and(|deadline| deadline <= self.now) {
            return self.timed_out(name);
        }
        let at = self.now;
        match result {
            AttemptResult::Ran { result } => {
                let attempt = self.key(name, fence);
                self.effects.push(Effect::Accept { attempt, result });
                self.set(name, Stage::Ran { result, at });
            }
            AttemptResult::Declined { clauses } => self.set(name, Stage::Declined { clauses, at }),
            AttemptResult::Failed { failure, remedy } => self.failed(name, failure, remedy),
        }
    }

    fn deadline(&self, name: &TaskName) -> Option<Instant> {
        match self.state.tasks.get(name)?.stage {
            Stage::Leased { deadline, .. } => Some(deadline),
            Stage::Blocked
            | Stage::Queued { .. }
            | Stage::Backoff { .. }
            | Stage::Ran { .. }
            | Stage::Declined { .. }
            | Stage::Failed { .. }
            | Stage::Cancelled { .. }
            | Stage::Skipped { .. } => None,
        }
    }

    fn due(&mut self) {
        let names: Vec<TaskName> = self.state.tasks.keys().cloned().collect();
        for name in names {
            let Some(task) = self.state.tasks.get(&name) else { continue };
            match task.stage {
                Stage::Leased { deadline, .. } if deadline <= self.now => self.timed_out(&name),
                Stage::Leased { lease_until, .. } if lease_until <= self.now => self.lost(&name),
                Stage::Backoff { until } if until <= self.now => self.queue(&name),
                Stage::Blocked
                | Stage::Queued { .. }
                | Stage::Leased { .. }
                | Stage::Backoff { .. }
                | Stage::Ran { .. }
                | Stage::Declined { .. }
                | Stage::Failed { .. }
                | Stage::Cancelled { .. }
                | Stage::Skipped { .. } => {}
            }
        }
    }

    fn timed_out(&mut self, name: &TaskName) {
        self.stop(name);
        let limit = self.plan.task(name).map_or(0, |plan| plan.timeout.as_secs());
        let sentence = format!("the attempt took longer than {limit} s");
        self.failed(name, Failure { code: "run/timed-out".into(), sentence }, Remedy::Retry);
    }

    fn failed(&mut self, name: &TaskName, failure: Failure, remedy: Remedy) {
        let (Some(plan), Some(task)) = (self.plan.task(name), self.state.tasks.get_mut(name)) else { return };
        task.failures = task.failures.saturating_add(1);
        task.last_error = Some(failure);
        task.stage = match remedy {
            Remedy::Retry if task.failures < plan.retry.attempts => {
                let wait = backoff(plan.retry.backoff, task.failures, BACKOFF_MAX);
                Stage::Backoff { until: self.now.after(wait) }
            }
            Remedy::Retry | Remedy::GiveUp => Stage::Failed { at: self.now },
        };
    }

    fn lost(&mut self, name: &TaskName) {
        self.stop(name);
        let Some(task) = self.state.tasks.get_mut(name) else { return };
        task.losses = task.losses.saturating_add(1);
        let sentence = format!("the attempt was lost with its node, for the {}. time", task.losses);
        task.last_error = Some(Failure { code: "run/attempt-lost".into(), sentence });
        if task.losses < LOSSES_MAX {
            self.queue(name);
        } else {
            task.stage = Stage::Failed { at: self.now };
        }
    }

    fn cancel(&mut self, by: &Actor) {
        let names: Vec<TaskName> = self.state.tasks.keys().cloned().collect();
        for name in names {
            if self.state.tasks.get(&name).is_some_and(|task| !task.stage.is_final()) {
                self.stop(&name);
                self.set(&name, Stage::Cancelled { by: by.clone(), at: self.now });
            }
        }
    }

    /// What failed is queued, what was skipped because of it waits again. Fences go on ascending.
    fn again(&mut self) {
        let failed = |task: &Task| matches!(task.stage, Stage::Failed { .. });
        if !self.state.tasks.values().any(failed) {
            return;
        }
        let names: Vec<TaskName> = self.state.tasks.keys().cloned().collect();
        for name in names {
            let Some(task) = self.state.tasks.get_mut(&name) else { continue };
            match task.stage {
                Stage::Failed { .. } => {
                    (task.failures, task.losses) = (0, 0);
                    self.queue(&name);
                }
                Stage::Skipped { .. } => task.stage = Stage::Blocked,
                Stage::Blocked
                | Stage::Queued { .. }
                | Stage::Leased { .. }
                | Stage::Backoff { .. }
                | Stage::Ran { .. }
                | Stage::Declined { .. }
                | Stage::Cancelled { .. } => {}
            }
        }
    }

    /// Ends the attempt that is under way, if one is.
    fn stop(&mut self, name: &TaskName) {
        if self.deadline(name).is_some()
            && let Some(task) = self.state.tasks.get(name)
        {
            let attempt = self.key(name, task.fence);
            self.effects.push(Effect::Stop(attempt));
        }
    }

    fn queue(&mut self, name: &TaskName) {
        self.set(name, Stage::Queued { since: self.now });
        self.effects.push(Effect::Offer {
            run: self.state.id.clone(),
            task: name.clone(),
            lane: self.state.lane,
        });
    }

    fn set(&mut self, name: &TaskName, stage: Stage) {
        if let Some(task) = self.state.tasks.get_mut(name) {
            task.stage = stage;
        }
    }

    /// Queues or skips what waited, until nothing changes.
    fn advance(&mut self) {
        while let Some((name, because)) = self.next_unblocked() {
            match because {
                None => self.queue(&name),
                Some(because) => self.set(&name, Stage::Skipped { because, at: self.now }),
            }
        }
    }

    /// A blocked task that need not wait any longer, with the task because of which it is to be skipped.
    fn next_unblocked(&self) -> Option<(TaskName, Option<TaskName>)> {
        let stage = |name: &TaskName| self.state.tasks.get(name).map(|task| &task.stage);
        let has_run = |name: &&TaskName| matches!(stage(name), Some(Stage::Ran { .. }));
        let ended_otherwise = |name: &&TaskName| stage(name).is_none_or(Stage::is_final) && !has_run(name);
        self.plan.tasks().filter(|task| stage(&task.name) == Some(&Stage::Blocked)).find_map(
            |task| match task.after.iter().find(ended_otherwise) {
                Some(because) => Some((task.name.clone(), Some(because.clone()))),
                None => task.after.iter().all(|name| has_run(&name)).then(|| (task.name.clone(), None)),
            },
        )
    }

    fn finish(mut self, before: Option<Outcome>) -> Step<State, Effect> {
        if let (None, Some(outcome)) = (before, self.state.outcome()) {
            self.effects.push(Effect::End { run: self.state.id.clone(), outcome });
        }
        let timer = |(name, task): (&TaskName, &Task)| {
            let at = match task.stage {
                Stage::Leased { lease_until, deadline, .. } => lease_until.min(deadline),
                Stage::Backoff { until } => until,
                Stage::Blocked
                | Stage::Queued { .. }
                | Stage::Ran { .. }
                | Stage::Declined { .. }
                | Stage::Failed { .. }
                | Stage::Cancelled { .. }
                | Stage::Skipped { .. } => return None,
            };
            Some(Timer { at, key: TimerKey(format!("task/{name}")) })
        };
        let timers = self.state.tasks.iter().filter_map(timer).collect();
        Step { state: self.state, effects: self.effects, timers }
    }
}

#[cfg(test)]
mod tests;
