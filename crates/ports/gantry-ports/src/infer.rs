//! Networks: an engine that loads a model and runs tensors through it.
//!
//! Invariants
//! - The same model and tensor give the same bits, run after run, and with any number of threads.
//! - A model is bytes; an engine opens no file that a package could name.
//! - Tensors are 32-bit floats in row-major order: the last axis runs fastest.

use gantry_types::{digest::Digest, error_code::ErrorCode};

/// Values with a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

/// The values do not fit the shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} values do not fill a tensor of {shape:?}")]
pub struct ShapeError {
    /// The shape.
    pub shape: Vec<usize>,
    /// Values given.
    pub found: usize,
}

impl Tensor {
    /// Values with a shape.
    ///
    /// # Errors
    /// [`ShapeError`] if there are more or fewer values than the shape has places.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, ShapeError> {
        let places = shape.iter().try_fold(1_usize, |places, extent| places.checked_mul(*extent));
        if places == Some(data.len()) {
            Ok(Self { shape, data })
        } else {
            Err(ShapeError { shape, found: data.len() })
        }
    }

    /// How many places there are along each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All values, the last axis fastest.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The values without their shape.
    #[must_use]
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }
}

/// What computes, for the run record (EV5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// The SHA-256 of its library; nothing if it has none of its own.
    pub library: Option<Digest>,
    /// What it computes on, by the engine's own names.
    pub providers: Vec<String>,
    /// Threads of one run.
    pub threads: usize,
    /// Features of the processor that may choose other instructions.
    pub processor: String,
}

impl Engine {
    /// As names and values of a run record.
    #[must_use]
    pub fn facts(&self) -> Vec<(String, String)> {
        let mut facts = vec![
            (self.name.to_owned(), self.version.clone()),
            (format!("{}.providers", self.name), self.providers.join(", ")),
            (format!("{}.threads", self.name), self.threads.to_string()),
            ("processor".to_owned(), self.processor.clone()),
        ];
        facts.extend(self.library.map(|digest| (format!("{}.library", self.name), digest.to_string())));
        facts
    }
}

/// An engine.
pub trait Infer {
    /// What it is.
    ///
    /// # Errors
    /// [`InferError`] if it is not there.
    fn engine(&self) -> Result<Engine, InferError>;

    /// Makes a network of a model.
    ///
    /// # Errors
    /// [`InferError`] if the engine is not there or cannot use the model.
    fn load(&self, model: &[u8]) -> Result<Box<dyn Network>, InferError>;
}

/// A network with one input and one output.
pub trait Network {
    /// Runs a tensor through it and hands shape and values of the answer to `read`, where the engine has them: an
    /// answer may be as large as all else together.
    ///
    /// # Errors
    /// [`InferError`] if the network does not take such a tensor.
    fn run(&mut self, input: Tensor, read: &mut Read<'_>) -> Result<(), InferError>;
}

/// Takes shape and values of an answer, the last axis fastest.
pub type Read<'a> = dyn FnMut(&[usize], &[f32]) + 'a;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// There is no library where one should be.
    #[error("the ONNX Runtime library is missing: none of {0} is there")]
    LibraryMissing(String),
    /// It is another library than the one that was tried.
    #[error("{path} has the digest {found}, not {expected}")]
    LibraryDiffers {
        /// Where.
        path: String,
        /// Of the library that this program was tried with.
        expected: Digest,
        /// Of this one.
        found: Digest,
    },
    /// It cannot be loaded.
    #[error("the ONNX Runtime library cannot be used: {0}")]
    Library(String),
    /// The model cannot be used.
    #[error("the model cannot be used: {0}")]
    Model(String),
    /// A run failed.
    #[error("the network failed: {0}")]
    Run(String),
}

impl InferError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::LibraryMissing(_) => "infer/library-missing",
            Self::LibraryDiffers { .. } => "infer/library-differs",
            Self::Library(_) => "infer/library",
            Self::Model(_) => "infer/model",
            Self::Run(_) => "infer/run",
        })
    }
}
