//! A network on values: whole, in cores with a discarded halo, or in windows that are blended.

mod windows;

use std::ops::Range;

use gantry_image::{
    grid::{Dims, Grid},
    volume::Volume,
};
use gantry_ports::infer::{InferError, Network, ShapeError, Tensor};

pub use windows::Extents;
use windows::{Box3, Gaussian, cores, sliding};

/// The `network` step.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkParameters {
    /// The model's path in the package.
    pub model: String,
    /// What the network sees at once.
    pub window: Window,
    /// What becomes of its answers.
    pub activation: Activation,
}

/// What a network sees at once. Extents are along the axes of the tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Window {
    /// Everything.
    Whole,
    /// Parts, each with a halo around it whose answers are dropped: the same answers as [`Window::Whole`], if the halo
    /// is at least the radius of what one answer depends on, and that is the same at every voxel.
    Cores {
        /// Of a part.
        core: Extents,
        /// How far a part is seen beyond its border.
        halo: usize,
    },
    /// Overlapping windows; where they overlap, answers are weighted by a Gaussian around each window's middle
    /// (MONAI SlidingWindowInferer, `mode="gaussian"`).
    Sliding {
        /// Of a window; a smaller image is padded with zeros.
        patch: Extents,
        /// The share of a window that the next one covers too; 0 to below 1.
        overlap: f64,
    },
}

/// What becomes of a network's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// Probabilities that add up to 1 over the channels.
    Softmax,
    /// A probability for each channel.
    Sigmoid,
}

/// A network's answers on a grid: for each channel a value for each voxel.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    grid: Grid,
    channels: usize,
    data: Vec<f32>,
}

/// Why there are no scores.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The engine.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// What is given to it has another shape; a mistake of this program.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The network changes extents, or batches.
    #[error("of a tensor of {given:?} the network makes one of {made:?}; only the channels may differ")]
    Extents {
        /// What it was given.
        given: Vec<usize>,
        /// What it made.
        made: Vec<usize>,
    },
    /// The network gives what is no number, or one without an end: nothing can be decided by it.
    #[error("the network gives values that are no finite numbers")]
    NotANumber,
}

impl Scores {
    /// Scores for tests of what is made of them.
    #[cfg(test)]
    pub(crate) fn new(grid: Grid, data: &[f32]) -> Self {
        Self { grid, channels: data.len() / grid.dims().voxels(), data: data.to_vec() }
    }

    /// Where the values lie.
    #[must_use]
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The values of each channel, i fastest.
    pub fn channels(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.data.chunks_exact(self.grid.dims().voxels())
    }

    /// All values, channel by channel.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    fn activate(&mut self, activation: Activation) {
        match activation {
            Activation::None => {}
            Activation::Sigmoid => {
                for value in &mut self.data {
                    *value = (1.0 / (1.0 + (-f64::from(*value)).exp())) as f32;
                }
            }
            Activation::Softmax => {
                let voxels = self.grid.dims().voxels();
                let mut powers = Vec::with_capacity(self.channels);
                for at in 0..voxels {
                    powers.clear();
                    powers
                        .extend(self.channels().map(|of| of.get(at).map_or(0.0, |value| f64::from(*value))));
                    // The largest becomes 1, so that no power is too large for a number.
                    let top = powers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    powers.iter_mut().for_each(|power| *power = (*power - top).exp());
                    let sum: f64 = powers.iter().sum();
                    for (channel, power) in self.data.chunks_exact_mut(voxels).zip(&powers) {
                        if let Some(value) = channel.get_mut(at) {
                            *value = (power / sum) as f32;
                        }
                    }
                }
            }
        }
    }
}

/// Runs a network on values; `progress` hears of each window that is done, and of how many.
///
/// # Errors
/// [`NetworkError`]
pub fn infer(
    network: &mut dyn Network,
    values: Volume<f32>,
    window: &Window,
    activation: Activation,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Scores, NetworkError> {
    let mut scores = match *window {
        Window::Whole => whole(network, values)?,
        Window::Cores { core, halo } => {
            let parts = cores(extents(values.dims()), core, halo);
            let mut sum = Sum::new(*values.grid());
            for (number, (seen, kept)) in parts.iter().enumerate() {
                progress(number, parts.len());
                run(network, &values, *seen, &mut |channel, at, row| {
                    if let Some((at, row)) = kept.part_of(at, row) {
                        sum.row(channel, at, row, |value, _, answer| *value = answer);
                    }
                })?;
            }
            sum.into_scores(None)
        }
        Window::Sliding { patch, overlap } => {
            let weights = Gaussian::new(patch);
            let windows = sliding(extents(values.dims()), patch, overlap);
            let mut sum = Sum::new(*values.grid());
            let mut total = Sum::new(*values.grid());
            for (number, seen) in windows.iter().enumerate() {
                progress(number, windows.len());
                run(network, &values, *seen, &mut |channel, at, row| {
                    let [z, y, _] = seen.within(at);
                    let weight = |x: usize| weights.of([z, y, x]);
                    sum.row(channel, at, row, |value, x, answer| *value += weight(x) * answer);
                    if channel == 0 {
                        total.row(0, at, row, |value, x, _| *value += weight(x));
                    }
                })?;
            }
            sum.into_scores(Some(&total.data))
        }
    };
    if !scores.data.iter().all(|value| value.is_finite()) {
        return Err(NetworkError::NotANumber);
    }
    scores.activate(activation);
    Ok(scores)
}

fn extents(dims: Dims) -> Extents {
    [dims.slices(), dims.rows(), dims.columns()]
}

fn whole(network: &mut dyn Network, values: Volume<f32>) -> Result<Scores, NetworkError> {
    let grid = *values.grid();
    let [z, y, x] = extents(grid.dims());
    let given = vec![1, 1, z, y, x];
    let mut answer = Err(NetworkError::NotANumber);
    network.run(Tensor::new(given.clone(), values.into_data())?, &mut |made, data| {
        answer = channels(&given, made).map(|channels| Scores { grid, channels, data: data.to_vec() });
    })?;
    answer
}

/// The channels of an answer to a tensor of one volume.
fn channels(given: &[usize], made: &[usize]) -> Result<usize, NetworkError> {
    match (given, made) {
        ([1, _, given @ ..], [1, channels, made @ ..]) if given == made && 0 < *channels => Ok(*channels),
        _ => Err(NetworkError::Extents { given: given.to_vec(), made: made.to_vec() }),
    }
}

/// Takes a row of an answer: channel, first place in the volume, values.
type TakeRow<'a> = dyn FnMut(usize, [isize; 3], &[f32]) + 'a;

/// Runs what lies in a box, and hands each row of the answer out.
fn run(
    network: &mut dyn Network,
    values: &Volume<f32>,
    seen: Box3,
    take: &mut TakeRow<'_>,
) -> Result<(), NetworkError> {
    let [z, y, x] = seen.extents;
    let given = vec![1, 1, z, y, x];
    // Beyond the volume there are zeros.
    let mut data = vec![0.0; z * y * x];
    for (at, row) in seen.rows().zip(data.chunks_exact_mut(x.max(1))) {
        if let Some((from, places)) = inside(values.dims(), at, x)
            && let (Some(row), Some(values)) =
                (row.get_mut(places.clone()), values.data().get(from..from + places.len()))
        {
            row.copy_from_slice(values);
        }
    }
    let mut shape = Ok(0);
    network.run(Tensor::new(given.clone(), data)?, &mut |made, data| {
        shape = channels(&given, made);
        if shape.is_ok() {
            for (channel, volume) in data.chunks_exact((z * y * x).max(1)).enumerate() {
                for (at, row) in seen.rows().zip(volume.chunks_exact(x.max(1))) {
                    take(channel, at, row);
                }
            }
        }
    })?;
    shape.map(|_channels| ())
}

/// The part of a row of `length` places, from `at` on, that lies in the volume: its offset there, and its places in
/// the row.
fn inside(dims: Dims, [z, y, x]: [isize; 3], length: usize) -> Option<(usize, Range<usize>)> {
    let (z, y) = (usize::try_from(z).ok()?, usize::try_from(y).ok()?);
    let from = x.min(0).unsigned_abs();
    let first = x.checked_add_unsigned(from).and_then(|x| usize::try_from(x).ok())?;
    let to = (dims.columns() + from).checked_sub(first)?.min(length);
    let is_inside = z < dims.slices() && y < dims.rows() && from < to;
    is_inside.then(|| ((z * dims.rows() + y) * dims.columns() + first, from..to))
}

/// Answers as they come in.
struct Sum {
    grid: Grid,
    data: Vec<f32>,
}

impl Sum {
    const fn new(grid: Grid) -> Self {
        Self { grid, data: Vec::new() }
    }

    /// Puts a row in: `put` is told of each value, its place in the row, and the answer.
    fn row(&mut self, channel: usize, at: [isize; 3], row: &[f32], put: impl Fn(&mut f32, usize, f32)) {
        let voxels = self.grid.dims().voxels();
        if self.data.len() < (channel + 1) * voxels {
            self.data.resize((channel + 1) * voxels, 0.0);
        }
        let Some((from, places)) = inside(self.grid.dims(), at, row.len()) else { return };
        let from = channel * voxels + from;
        let values = self.data.get_mut(from..from + places.len()).unwrap_or_default();
        for ((value, place), answer) in
            values.iter_mut().zip(places.clone()).zip(row.get(places).unwrap_or_default())
        {
            put(value, place, *answer);
        }
    }

    /// The scores, divided by the total weight of each voxel if there are weights.
    fn into_scores(mut self, total: Option<&[f32]>) -> Scores {
        let voxels = self.grid.dims().voxels();
        if let Some(total) = total {
            for channel in self.data.chunks_exact_mut(voxels) {
                for (value, total) in channel.iter_mut().zip(total) {
                    *value /= total;
                }
            }
        }
        Scores { grid: self.grid, channels: self.data.len() / voxels, data: self.data }
    }
}

#[cfg(test)]
mod tests;
