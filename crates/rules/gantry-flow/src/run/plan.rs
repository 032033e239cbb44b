//! The plan of a run: its tasks, in which order, and how patient it is with each.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use gantry_types::ids::TaskName;

/// The tasks of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    tasks: BTreeMap<TaskName, TaskPlan>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPlan {
    /// Names it within the run.
    pub name: TaskName,
    /// The tasks that must have run before.
    pub after: Vec<TaskName>,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How failures are answered.
    pub retry: Retry,
}

/// How often to try, and when again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts that may fail; at least 1. Attempts that were lost with their node count apart.
    pub attempts: u32,
    /// Waiting after the first failure; doubles with each.
    pub backoff: Duration,
}

/// Why tasks are no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is none.
    #[error("there is no task")]
    Empty,
    /// Two of one name.
    #[error("there are two tasks of the name `{0}`")]
    Twice(TaskName),
    /// A predecessor that is not there.
    #[error("task `{task}` comes after `{after}`, which is not there")]
    Unknown {
        /// The task.
        task: TaskName,
        /// What it names.
        after: TaskName,
    },
    /// Tasks that wait for each other.
    #[error("task `{0}` waits for itself")]
    Cycle(TaskName),
    /// No attempt allowed.
    #[error("task `{0}` has no attempt")]
    NoAttempt(TaskName),
}

impl Plan {
    /// Checks that every task will get its turn.
    ///
    /// # Errors
    /// [`PlanError`] names the task.
    pub fn new(tasks: Vec<TaskPlan>) -> Result<Self, PlanError> {
        let mut by_name = BTreeMap::new();
        for task in tasks {
            if task.retry.attempts == 0 {
                return Err(PlanError::NoAttempt(task.name));
            }
            let name = task.name.clone();
            if by_name.insert(name.clone(), task).is_some() {
                return Err(PlanError::Twice(name));
            }
        }
        if by_name.is_empty() {
            return Err(PlanError::Empty);
        }
        for task in by_name.values() {
            if let Some(after) = task.after.iter().find(|after| !by_name.contains_key(*after)) {
                return Err(PlanError::Unknown { task: task.name.clone(), after: after.clone() });
            }
        }
        // Takes away what can run until nothing more can: what is left waits for itself.
        let mut done: BTreeSet<&TaskName> = BTreeSet::new();
        loop {
            let waits = |task: &&TaskPlan| !done.contains(&task.name);
            let can_run = |task: &&TaskPlan| task.after.iter().all(|after| done.contains(after));
            match by_name.values().filter(waits).find(can_run) {
                Some(task) => done.insert(&task.name),
                None => break,
            };
        }
        match by_name.keys().find(|name| !done.contains(name)) {
            Some(name) => Err(PlanError::Cycle(name.clone())),
            None => Ok(Self { tasks: by_name }),
        }
    }

    /// The task of a name.
    #[must_use]
    pub fn task(&self, name: &TaskName) -> Option<&TaskPlan> {
        self.tasks.get(name)
    }

    /// All tasks, by name.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskPlan> {
        self.tasks.values()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};

    use expect_test::{Expect, expect};

    use super::*;

    /// Plans of `name>after,after` words.
    #[track_caller]
    fn check(plans: &[&str], want: Expect) {
        let task = |word: &str| {
            let (name, after) = word.split_once('>').unwrap_or((word, ""));
            let after = after.split(',').filter(|name| !name.is_empty()).map(|name| name.parse().unwrap());
            TaskPlan {
                name: name.parse().unwrap(),
                after: after.collect(),
                timeout: Duration::from_secs(1),
                retry: Retry { attempts: 1, backoff: Duration::from_secs(1) },
            }
        };
        let line = |text: &&str| match Plan::new(text.split_whitespace().map(task).collect()) {
            Ok(plan) => format!("{} tasks\n", plan.tasks().count()),
            Err(error) => format!("{error}\n"),
        };
        want.assert_eq(&plans.iter().map(line).collect::<String>());
    }

    #[test]
    fn a_plan_lets_every_task_have_its_turn() {
        check(
            &["a", "b>a a", "a b>a c>a d>b,c", "", "a a", "a b>c", "a b>c c>b", "a>a"],
            expect![[r#"
                1 tasks
                2 tasks
                4 tasks
                there is no task
                there are two tasks of the name `a`
                task `b` comes after `c`, which is not there
                task `b` waits for itself
                task `a` waits for itself
            "#]],
        );
        let retry = Retry { attempts: 0, backoff: Duration::ZERO };
        let name: TaskName = "a".parse().unwrap();
        let task = TaskPlan { name: name.clone(), after: vec![], timeout: Duration::ZERO, retry };
        assert_eq!(Plan::new(vec![task]), Err(PlanError::NoAttempt(name)));
    }
}
