//! `job.json`.

use std::{path::PathBuf, time::Duration};

use gantry_definition::package::Class;
use serde::{Deserialize, Serialize};

use super::{
    Application, ApplicationSource, ByteRange, FormError, Input, Job, Limits, Place, VERSION, Work,
    wire::{bound, digest, read, ticket, value, write},
};

/// The largest `job.json`: a hundred thousand objects, each with a long path.
pub const BYTES_MAX: usize = 64 << 20;
/// The most objects of a job.
pub const OBJECTS_MAX: usize = 100_000;

const WHAT: &str = "job.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    attempt: String,
    fence: u64,
    work: WireWork,
    inputs: Vec<WireInput>,
    limits: WireLimits,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireWork {
    Application(WireApplication),
    Comparison,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireApplication {
    source: WireSource,
    package: String,
    class: WireClass,
    asserted: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireSource {
    Shipped(String),
    Folder(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireClass {
    Test,
    Research,
    Clinical,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireInput {
    role: String,
    objects: Vec<Object>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLimits {
    memory_bytes: u64,
    time_ms: u64,
}

/// Writes `job.json`.
///
/// # Errors
/// [`FormError`]: more objects than [`OBJECTS_MAX`], or a path that is no text.
pub fn encode(job: &Job) -> Result<Vec<u8>, FormError> {
    bound("job.json: objects", count(job), OBJECTS_MAX)?;
    let object = |place: &Place| {
        Ok(Object {
            file: text(&place.file)?,
            offset: place.range.map(|range| range.offset),
            length: place.range.map(|range| range.length),
        })
    };
    let input = |input: &Input| {
        let objects = input.objects.iter().map(object).collect::<Result<_, FormError>>()?;
        Ok(WireInput { role: input.role.clone(), objects })
    };
    let document = Document {
        version: VERSION,
        attempt: job.ticket.attempt.to_string(),
        fence: job.ticket.fence,
        work: match &job.work {
            Work::Application(application) => WireWork::Application(wire(application)?),
            Work::Comparison => WireWork::Comparison,
        },
        inputs: job.inputs.iter().map(input).collect::<Result<_, FormError>>()?,
        limits: WireLimits {
            memory_bytes: job.limits.memory_bytes,
            time_ms: u64::try_from(job.limits.time.as_millis()).unwrap_or(u64::MAX),
        },
    };
    write(WHAT, &document)
}

fn wire(application: &Application) -> Result<WireApplication, FormError> {
    Ok(WireApplication {
        source: match &application.source {
            ApplicationSource::Shipped(name) => WireSource::Shipped(name.clone()),
            ApplicationSource::Folder(path) => WireSource::Folder(text(path)?),
        },
        package: application.package.to_string(),
        class: match application.class {
            Class::Test => WireClass::Test,
            Class::Research => WireClass::Research,
            Class::Clinical => WireClass::Clinical,
        },
        asserted: application.asserted.clone(),
    })
}

fn text(path: &std::path::Path) -> Result<String, FormError> {
    path.to_str().map(str::to_owned).ok_or_else(|| value("a path", &path.to_string_lossy()))
}

fn count(job: &Job) -> usize {
    job.inputs.iter().map(|input| input.objects.len()).sum()
}

/// Reads `job.json`.
///
/// # Errors
/// [`FormError`].
pub fn decode(bytes: &[u8]) -> Result<Job, FormError> {
    let document: Document = read(WHAT, bytes, BYTES_MAX)?;
    let job = Job {
        ticket: ticket(&document.attempt, document.fence)?,
        work: match document.work {
            WireWork::Application(wire) => Work::Application(application(wire)?),
            WireWork::Comparison => Work::Comparison,
        },
        inputs: document.inputs.into_iter().map(input).collect::<Result<_, _>>()?,
        limits: Limits {
            memory_bytes: document.limits.memory_bytes,
            time: Duration::from_millis(document.limits.time_ms),
        },
    };
    bound("job.json: objects", count(&job), OBJECTS_MAX)?;
    Ok(job)
}

fn application(wire: WireApplication) -> Result<Application, FormError> {
    Ok(Application {
        source: match wire.source {
            WireSource::Shipped(name) => ApplicationSource::Shipped(name),
            WireSource::Folder(path) => ApplicationSource::Folder(PathBuf::from(path)),
        },
        package: digest(&wire.package)?,
        class: match wire.class {
            WireClass::Test => Class::Test,
            WireClass::Research => Class::Research,
            WireClass::Clinical => Class::Clinical,
        },
        asserted: wire.asserted,
    })
}

fn input(input: WireInput) -> Result<Input, FormError> {
    let objects = input.objects.into_iter().map(place).collect::<Result<_, _>>()?;
    Ok(Input { role: input.role, objects })
}

fn place(object: Object) -> Result<Place, FormError> {
    let range = match (object.offset, object.length) {
        (None, None) => None,
        (Some(offset), Some(length)) => Some(ByteRange { offset, length }),
        (Some(_), None) | (None, Some(_)) => return Err(value("half a byte range of", &object.file)),
    };
    Ok(Place { file: PathBuf::from(object.file), range })
}

#[cfg(test)]
mod tests {
    use gantry_types::digest::Digest;

    use super::*;
    use crate::job::{AttemptId, Ticket};

    fn job() -> Job {
        Job {
            ticket: Ticket { attempt: AttemptId::new("run-1").unwrap(), fence: u64::MAX },
            work: Work::Application(Application {
                source: ApplicationSource::Shipped("lung-density".to_owned()),
                package: Digest([7; 32]),
                class: Class::Test,
                asserted: vec!["contrast".to_owned()],
            }),
            inputs: vec![Input {
                role: "image".to_owned(),
                objects: vec![
                    Place { file: "/a/b".into(), range: None },
                    Place { file: "/a/c".into(), range: Some(ByteRange { offset: 1 << 40, length: 3 }) },
                ],
            }],
            limits: Limits { memory_bytes: 1 << 30, time: Duration::from_secs(600) },
        }
    }

    #[test]
    fn a_job_is_read_back() {
        for job in [job(), Job { work: Work::Comparison, ..job() }] {
            assert_eq!(decode(&encode(&job).unwrap()).unwrap(), job);
        }
    }

    #[test]
    fn what_is_no_job_is_refused() {
        let whole = String::from_utf8(encode(&job()).unwrap()).unwrap();
        for (from, to, sentence) in [
            ("\"version\": 1", "\"version\": 2", "job.json has version 2, known is 1"),
            ("\"run-1\"", "\"../x\"", "an attempt has the value \"../x\""),
            ("\"fence\"", "\"fense\"", "job.json cannot be read"),
            ("\"length\": 3", "\"length\": null", "half a byte range of has the value \"/a/c\""),
            ("sha256:07", "sha256:0", "a digest has the value"),
        ] {
            let error = decode(whole.replace(from, to).as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
    }
}
