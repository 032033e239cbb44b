//! Reception with real peers: what they send is kept as sent, known when it comes again, and never lost.

mod durable;
mod limits;
mod peers;
mod revisions;
mod sources;

use std::{path::Path, process::Command};

use gantry_tests::{peer, served::Served};
use serde_json::Value;

/// A file that stands alone in the corpus and in a clone without it: a tiny CT, written by pydicom.
pub(crate) fn make_objects(test: &str, out: &Path, arguments: &[&str]) -> Option<()> {
    let python = peer::python(test)?;
    let script = gantry_tests::notes::root().join("tests/python/make_objects.py");
    peer::run(Command::new(python).arg(script).arg(out).args(arguments));
    Some(())
}

/// The one study of a server, as `study show` tells it.
#[track_caller]
fn only_study(served: &Served) -> Value {
    let studies = served.ask(&["study", "list"]);
    let studies = studies["studies"].as_array().unwrap().clone();
    assert_eq!(studies.len(), 1, "{studies:?}");
    served.ask(&["study", "show", studies[0]["uid"].as_str().unwrap()])
}

/// The objects of a study, as `study show` tells them.
fn objects(study: &Value) -> &[Value] {
    study["objects"].as_array().unwrap()
}
