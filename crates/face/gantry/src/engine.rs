//! Where the engine for networks is.

use std::{num::NonZero, path::PathBuf, thread};

use gantry_infer::{LIBRARY_NAME, OnnxRuntime};
use gantry_pipeline::{application::Application, steps::BuiltIn};
use gantry_ports::infer::{Infer as _, InferError};

use crate::report::{Exit, Failure};

/// Names another place for the library of ONNX Runtime.
pub(crate) const PLACE: &str = "GANTRY_ONNXRUNTIME";

/// What to do where it is missing or another one.
pub(crate) const HINT: &str = "`sh tools/onnxruntime.sh` fetches the library and puts it beside the program; or \
                               GANTRY_ONNXRUNTIME names the file";

/// The engine; a run uses so many threads.
pub(crate) fn engine(threads: usize) -> OnnxRuntime {
    OnnxRuntime::new(places(), threads)
}

/// That the engine can use each model of an application, before somebody waits for its first result.
pub(crate) fn check(application: &Application) -> Result<(), Failure> {
    for step in &application.steps {
        if let BuiltIn::Network(network) = step {
            let model = application.file(&network.model).unwrap_or_default();
            engine(1).load(model).map(|_network| ()).map_err(|error| failure(&error))?;
        }
    }
    Ok(())
}

/// An engine's error, with what to do.
pub(crate) fn failure(error: &InferError) -> Failure {
    let failure = Failure::new(Exit::Failed, error.code().0, error.to_string());
    match error {
        InferError::LibraryMissing(_) | InferError::LibraryDiffers { .. } => failure.hint(HINT),
        InferError::Library(_) | InferError::Model(_) | InferError::Run(_) => failure,
    }
}

/// As many threads as there are cores.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The place that the environment names; else beside the program, or where packages of systems keep libraries.
fn places() -> Vec<PathBuf> {
    if let Some(place) = std::env::var_os(PLACE) {
        return vec![place.into()];
    }
    let program = std::env::current_exe().unwrap_or_default();
    let Some(folder) = program.parent() else { return Vec::new() };
    vec![folder.join(LIBRARY_NAME), folder.join("../lib/gantry").join(LIBRARY_NAME)]
}
