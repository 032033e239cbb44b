//! A network in memory: the mean of the neighbours, against a constant.

use crate::infer::{Engine, Infer, InferError, Network, Read, Tensor};

/// The model that [`MemoryInfer`] knows; adapters write the same one in their own form, see
/// [`crate::contract::infer`].
pub const NEIGHBOURS: &[u8] = b"the mean of 27 neighbours, and 0.5";

/// An engine for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryInfer;

impl Infer for MemoryInfer {
    fn engine(&self) -> Result<Engine, InferError> {
        Ok(Engine {
            name: "memory",
            version: "1".to_owned(),
            library: None,
            providers: vec!["none".to_owned()],
            threads: 1,
            processor: String::new(),
        })
    }

    fn load(&self, model: &[u8]) -> Result<Box<dyn Network>, InferError> {
        if model == NEIGHBOURS {
            Ok(Box::new(Neighbours))
        } else {
            Err(InferError::Model("it is not the one this engine knows".to_owned()))
        }
    }
}

/// Two channels of one: 0.5, and the mean of the 3 x 3 x 3 values around, zero beyond the tensor.
struct Neighbours;

impl Network for Neighbours {
    fn run(&mut self, input: Tensor, read: &mut Read<'_>) -> Result<(), InferError> {
        let &[batch, 1, depth, height, width] = input.shape() else {
            return Err(InferError::Run(format!("it takes no tensor of {:?}", input.shape())));
        };
        let extents = [depth, height, width];
        let mut data = Vec::with_capacity(2 * input.data().len());
        for volume in input.data().chunks((depth * height * width).max(1)) {
            data.extend(volume.iter().map(|_| 0.5));
            for at in 0..volume.len() {
                let place = [at / (height * width), at / width % height, at % width];
                data.push(neighbours(place, extents).filter_map(|at| volume.get(at)).sum::<f32>() / 27.0);
            }
        }
        read(&[batch, 2, depth, height, width], &data);
        Ok(())
    }
}

fn neighbours(place: [usize; 3], extents: [usize; 3]) -> impl Iterator<Item = usize> {
    let [depth, height, width] = [0, 1, 2].map(|axis| {
        let (at, extent) = (place.get(axis).copied(), extents.get(axis).copied());
        let (at, extent) = (at.unwrap_or(0), extent.unwrap_or(0));
        at.saturating_sub(1)..(at + 2).min(extent)
    });
    let [_, rows, columns] = extents;
    depth.flat_map(move |z| {
        let width = width.clone();
        height.clone().flat_map(move |y| width.clone().map(move |x| (z * rows + y) * columns + x))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::infer_contract!(|| (Box::new(MemoryInfer) as Box<dyn Infer>, NEIGHBOURS.to_vec()));
}
