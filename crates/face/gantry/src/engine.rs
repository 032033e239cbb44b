//! Where the engine for networks is.

use std::{num::NonZero, path::PathBuf, thread};

use gantry_infer::{LIBRARY_NAME, OnnxRuntime};

/// Names another place for the library of ONNX Runtime.
pub(crate) const PLACE: &str = "GANTRY_ONNXRUNTIME";

/// What to do where it is missing or another one.
pub(crate) const HINT: &str = "`sh tools/onnxruntime.sh` fetches the library and puts it beside the program; or \
                               GANTRY_ONNXRUNTIME names the file";

/// The engine; a run uses so many threads.
pub(crate) fn engine(threads: usize) -> OnnxRuntime {
    OnnxRuntime::new(places(), threads)
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
