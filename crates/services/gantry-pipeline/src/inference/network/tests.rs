//! Laws of windows, with a network whose answers depend on the voxel beside.

use gantry_image::geometry::{PointLps, VectorLps};
use gantry_ports::{
    infer::{Infer as _, Read},
    memory::{MemoryInfer, NEIGHBOURS},
};
use proptest::prelude::*;

use super::*;

fn grid([z, y, x]: Extents) -> Grid {
    let steps = [VectorLps::new(1.0, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
    Grid::new(Dims::new(x, y, z).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap()
}

fn values(extents: Extents) -> Volume<f32> {
    let grid = grid(extents);
    // Whole numbers: sums of 27 of them are exact.
    let values = (0..grid.dims().voxels()).map(|at| (at * 31 % 97) as f32).collect();
    Volume::new(grid, values).unwrap()
}

fn scores(extents: Extents, window: &Window) -> Scores {
    let mut network = MemoryInfer.load(NEIGHBOURS).unwrap();
    infer(&mut *network, values(extents), window, Activation::None, &mut |_, _| {}).unwrap()
}

proptest! {
    #[test]
    fn cores_with_a_halo_of_the_radius_give_the_same_bits_as_the_whole(
        extents in [1_usize..12, 1_usize..12, 1_usize..12],
        core in [1_usize..9, 1_usize..9, 1_usize..9],
        more in 0_usize..3,
    ) {
        prop_assert_eq!(scores(extents, &Window::Cores { core, halo: 1 + more }), scores(extents, &Window::Whole));
    }

    #[test]
    fn windows_cover_every_voxel_and_a_constant_stays_one(
        extents in [1_usize..20, 1_usize..20, 1_usize..20],
        patch in [1_usize..9, 1_usize..9, 1_usize..9],
        overlap in 0.0..0.9_f64,
    ) {
        let scores = scores(extents, &Window::Sliding { patch, overlap });
        for constant in scores.channels().next().unwrap() {
            prop_assert!((constant - 0.5).abs() < 1e-6, "{}", constant);
        }
    }
}

proptest! {
    /// A voxel that no window sees at its face, unless the face is the image's, has the answer of the whole.
    #[test]
    fn blended_answers_stand_at_their_places(
        extents in [1_usize..14, 1_usize..14, 1_usize..14],
        patch in [3_usize..9, 3_usize..9, 3_usize..9],
        overlap in 0.0..0.8_f64,
    ) {
        let (blended, whole) = (scores(extents, &Window::Sliding { patch, overlap }), scores(extents, &Window::Whole));
        let windows = sliding(extents, patch, overlap);
        let is_inner = |at: [usize; 3]| windows.iter().all(|window| (0..3).any(|axis| {
            let (low, at) = (window.low[axis], at[axis] as isize);
            at < low || low + patch[axis] as isize <= at
        }) || (0..3).all(|axis| {
            let (low, at, extent) = (window.low[axis], at[axis] as isize, extents[axis] as isize);
            let high = low + patch[axis] as isize - 1;
            (low < at || low <= 0) && (at < high || extent <= high + 1)
        }));
        let [_, rows, columns] = extents;
        for (offset, (own, want)) in blended.channels().nth(1).unwrap().iter().zip(whole.channels().nth(1).unwrap()).enumerate() {
            let at = [offset / (rows * columns), offset / columns % rows, offset % columns];
            prop_assert!(!is_inner(at) || (own - want).abs() < 1e-3, "{:?}: {} instead of {}", at, own, want);
        }
    }
}

#[test]
fn without_a_halo_cores_are_another_answer() {
    let cores = Window::Cores { core: [4, 4, 4], halo: 0 };
    assert_ne!(scores([8, 8, 8], &cores), scores([8, 8, 8], &Window::Whole));
}

/// Windows as `monai.data.utils.dense_patch_slices` and weights as `compute_importance_map` give them.
#[test]
fn windows_and_weights_are_monais() {
    let lows = |volume, patch, overlap| -> Vec<isize> {
        sliding([volume, 1, 1], [patch, 1, 1], overlap).iter().map(|window| window.low[0]).collect()
    };
    assert_eq!(lows(10, 4, 0.5), [0, 2, 4, 6]);
    assert_eq!(lows(11, 4, 0.25), [0, 3, 6, 7]);
    assert_eq!(lows(3, 4, 0.25), [0]);
    assert_eq!(lows(2, 5, 0.25), [-1]);
    let weights = Gaussian::new([4, 1, 1]);
    let want = [0.011_109, 0.606_530_66, 0.606_530_66, 0.011_109];
    for (at, want) in want.into_iter().enumerate() {
        assert!((weights.of([at, 0, 0]) - want).abs() < 1e-7, "{at}: {}", weights.of([at, 0, 0]));
    }
    assert_eq!(Gaussian::new([64, 64, 64]).of([0, 0, 0]), 1e-3);
}

#[test]
fn probabilities_add_up_to_1() {
    let mut network = MemoryInfer.load(NEIGHBOURS).unwrap();
    let run = |network: &mut dyn Network, activation| {
        infer(network, values([3, 4, 5]), &Window::Whole, activation, &mut |_, _| {}).unwrap()
    };
    let softmax = run(&mut *network, Activation::Softmax);
    let [one, other] = softmax.channels().collect::<Vec<_>>()[..] else { panic!() };
    for (one, other) in one.iter().zip(other) {
        assert!((one + other - 1.0).abs() < 1e-6 && 0.0 <= *one, "{one} {other}");
    }
    let sigmoid = run(&mut *network, Activation::Sigmoid);
    let half = 1.0 / (1.0 + (-0.5_f64).exp());
    assert!((f64::from(sigmoid.data()[0]) - half).abs() < 1e-7);
}

/// A network that answers with another shape, or with what is no number.
struct Wrong(Vec<usize>, f32);

impl Network for Wrong {
    fn run(&mut self, _: Tensor, read: &mut Read<'_>) -> Result<(), InferError> {
        let places = self.0.iter().product();
        read(&self.0, &vec![self.1; places]);
        Ok(())
    }
}

#[test]
fn an_answer_of_another_shape_or_without_numbers_is_refused() {
    let run = |mut network: Wrong, window: Window| {
        infer(&mut network, values([4, 4, 4]), &window, Activation::None, &mut |_, _| {})
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    for window in [Window::Whole, Window::Cores { core: [4; 3], halo: 0 }] {
        let half = run(Wrong(vec![1, 2, 2, 2, 2], 0.0), window);
        assert!(half.unwrap_err().contains("[1, 2, 2, 2, 2]"));
        assert!(run(Wrong(vec![1, 0, 4, 4, 4], 0.0), window).is_err());
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let refused = run(Wrong(vec![1, 1, 4, 4, 4], wrong), window).unwrap_err();
            assert_eq!(refused, "the network gives values that are no finite numbers");
        }
    }
}
