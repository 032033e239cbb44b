//! What a performer is asked: the job of an attempt.

use std::time::Duration;

use gantry_flow::{names::AttemptKey, run::Failure};
use gantry_ports::job::{Application, AttemptId, Input, Job, Limits, Ticket, Work};

use crate::{
    conductor::{Conductor, chain},
    running::Attempt,
};

impl Conductor {
    /// What the performer is asked.
    pub(crate) fn job(&self, attempt: &Attempt) -> Result<Job, Failure> {
        let trouble = |code: &str, sentence: String| Failure { code: code.to_owned(), sentence };
        let Attempt { run, pinned, key, .. } = attempt;
        let unreadable = |error: gantry_ports::store::StoreError| trouble("run/store", chain(&error));
        let used = pinned.workflow.tasks.get(&key.task);
        let used =
            used.ok_or_else(|| trouble("run/no-task", format!("the workflow has no task {}", key.task)))?;
        let package = run.packages.iter().find(|package| package.task == key.task);
        let package =
            package.ok_or_else(|| trouble("run/no-task", format!("{} has no package", key.task)))?;
        let gone = || {
            let sentence =
                format!("application {} with the digest {} is not there", used.app, package.digest);
            trouble("run/no-application", sentence)
        };
        let application = self.outside.packages.pinned(&used.app, package.digest).ok_or_else(gone)?;
        let runs = &self.outside.runs;
        let payload = runs.payload(&run.site, &run.study, &run.workflow, run.ordinal).map_err(unreadable)?;
        let payload =
            payload.ok_or_else(|| trouble("run/no-payload", "the run has no payload".to_owned()))?;
        let objects = runs.payload_objects(&payload).map_err(unreadable)?;
        let mut inputs = Vec::new();
        for (role, name) in &used.inputs {
            let mut places = Vec::new();
            for item in payload.items.iter().filter(|item| item.input == *name) {
                let object = objects.iter().find(|object| object.id == item.object);
                let object = object.ok_or_else(|| {
                    trouble("run/no-object", format!("object {} of the payload has no row", item.object))
                })?;
                let damaged = |error: gantry_ports::blob::BlobError| {
                    trouble(
                        "run/damaged-object",
                        format!("object {}: {}", object.sop_instance, chain(&error)),
                    )
                };
                places.push(self.outside.blob.place(object.blob).map_err(damaged)?);
            }
            inputs.push(Input { role: role.clone(), objects: places });
        }
        let resources = &application.package.resources;
        let timeout = pinned.workflow.plan.task(&key.task).map_or(Duration::ZERO, |task| task.timeout);
        Ok(Job {
            ticket: ticket(key)?,
            work: Work::Application(Application {
                source: application.source.clone(),
                package: package.digest,
                class: pinned.workflow.class,
                asserted: used.asserted.keys().cloned().collect(),
            }),
            inputs,
            limits: Limits {
                memory_bytes: resources.memory_mib << 20,
                time: timeout.min(Duration::from_secs(resources.time_secs)),
            },
        })
    }
}

fn ticket(key: &AttemptKey) -> Result<Ticket, Failure> {
    let name = format!("{}-{}-{}", key.run, key.task, key.fence.0);
    let attempt = AttemptId::new(&name).ok_or_else(|| Failure {
        code: "run/name".to_owned(),
        sentence: format!("{name} cannot name a job"),
    })?;
    Ok(Ticket { attempt, fence: key.fence.0 })
}
