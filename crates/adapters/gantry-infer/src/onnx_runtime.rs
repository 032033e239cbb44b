//! The engine, and sessions as networks.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use gantry_ports::infer::{Engine, Infer, InferError, Network, Read, Tensor};
use gantry_types::digest::Digest;
use ort::{
    environment::Environment,
    ep,
    logging::LogLevel,
    session::Session,
    value::{Tensor as OrtTensor, TensorElementType, ValueType},
};

use crate::{
    library::{self, VERSION},
    model,
};

/// The library is loaded once in a process: ONNX Runtime has one environment.
static LOADED: Mutex<Option<(Environment, Digest)>> = Mutex::new(None);

/// ONNX Runtime on the processor.
#[derive(Debug, Clone)]
pub struct OnnxRuntime {
    places: Vec<PathBuf>,
    threads: usize,
}

impl OnnxRuntime {
    /// The engine whose library is in the first of `places` that has one; each run uses so many threads.
    #[must_use]
    pub fn new(places: Vec<PathBuf>, threads: usize) -> Self {
        Self { places, threads: threads.max(1) }
    }

    fn loaded(&self) -> Result<(Environment, Digest), InferError> {
        // What is in it is whole or nothing: a panic elsewhere leaves nothing half done.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*loaded {
            return Ok(loaded.clone());
        }
        let (path, digest) = library::find(&self.places)?;
        let wrong = |why: String| InferError::Library(format!("{}: {why}", path.display()));
        let environment = ort::init_from(&path)
            .map_err(|error| wrong(error.to_string()))?
            .with_telemetry(false)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        // Its warnings are about its own optimiser; what fails comes as an error.
        environment.set_log_level(LogLevel::Fatal);
        *loaded = Some((environment.clone(), digest));
        Ok((environment, digest))
    }

    fn session(&self, model: &[u8]) -> Result<Session, InferError> {
        let (environment, _) = self.loaded()?;
        let processor = ep::CPU::default().with_arena_allocator(false).build();
        let session = || -> ort::Result<Session> {
            Session::builder(&environment)?
                .with_execution_providers([processor])?
                .with_intra_threads(self.threads)?
                // Threads that wait must not take the cores of other workers.
                .with_intra_op_spinning(false)?
                .with_memory_pattern(false)?
                .commit_from_memory(model)
        };
        session().map_err(|error| InferError::Model(error.to_string()))
    }
}

impl Infer for OnnxRuntime {
    fn engine(&self) -> Result<Engine, InferError> {
        let (_, digest) = self.loaded()?;
        Ok(Engine {
            name: "onnxruntime",
            version: VERSION.to_owned(),
            library: Some(digest),
            providers: vec!["CPUExecutionProvider".to_owned()],
            threads: self.threads,
            processor: processor(),
        })
    }

    fn load(&self, model: &[u8]) -> Result<Box<dyn Network>, InferError> {
        if model::names_other_files(model) {
            let why = "weights of it lie in another file: export it as one file, with all weights in it";
            return Err(InferError::Model(why.to_owned()));
        }
        let session = self.session(model)?;
        let (input, output) = (session.inputs(), session.outputs());
        let ([input], [output]) = (input, output) else {
            let (inputs, outputs) = (input.len(), output.len());
            let why = format!("it has {inputs} inputs and {outputs} outputs instead of one each");
            return Err(InferError::Model(why));
        };
        for (which, of) in [("input", input.dtype()), ("output", output.dtype())] {
            if !matches!(of, ValueType::Tensor { ty: TensorElementType::Float32, .. }) {
                let why = format!("its {which} is {of}, not a tensor of 32-bit floats");
                return Err(InferError::Model(why));
            }
        }
        Ok(Box::new(OnnxNetwork(session)))
    }
}

struct OnnxNetwork(Session);

impl Network for OnnxNetwork {
    fn run(&mut self, input: Tensor, read: &mut Read<'_>) -> Result<(), InferError> {
        let failed = |error: ort::Error| InferError::Run(error.to_string());
        let shape = input.shape().to_vec();
        let value = OrtTensor::from_array((shape, input.into_data())).map_err(failed)?;
        let outputs = self.0.run(ort::inputs![value]).map_err(failed)?;
        let Some((_, output)) = outputs.iter().next() else {
            return Err(InferError::Run("it gave no output".to_owned()));
        };
        let (shape, data) = output.try_extract_tensor::<f32>().map_err(failed)?;
        // The engine's own shape has no negative extents.
        let shape: Vec<usize> = shape.iter().map(|extent| usize::try_from(*extent).unwrap_or(0)).collect();
        read(&shape, data);
        Ok(())
    }
}

/// What ONNX Runtime asks the processor for before it chooses its kernels.
#[cfg(target_arch = "x86_64")]
fn processor() -> String {
    let features = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ];
    let has: Vec<&str> = features.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    format!("x86_64 {}", has.join(" "))
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> String {
    std::env::consts::ARCH.to_owned()
}
