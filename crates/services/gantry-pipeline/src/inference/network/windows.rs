//! Which boxes of a volume a network sees, and what of their answers counts.

use std::ops::Range;

/// Numbers along the axes of a tensor: slices, rows, columns.
pub type Extents = [usize; 3];

/// A box of places of a volume; it may reach beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Box3 {
    pub(super) low: [isize; 3],
    pub(super) extents: Extents,
}

impl Box3 {
    fn new(axes: [Range<isize>; 3]) -> Self {
        // A range here never descends.
        let extent = |axis: &Range<isize>| usize::try_from(axis.end - axis.start).unwrap_or(0);
        let [z, y, x] = &axes;
        Self { low: [z.start, y.start, x.start], extents: [extent(z), extent(y), extent(x)] }
    }

    fn axis(&self, axis: usize) -> Range<isize> {
        let low = self.low.get(axis).copied().unwrap_or(0);
        low..low.saturating_add_unsigned(self.extents.get(axis).copied().unwrap_or(0))
    }

    /// The first place of each row, in the order of a tensor.
    pub(super) fn rows(&self) -> impl Iterator<Item = [isize; 3]> + use<> {
        let (z, y, x) = (self.axis(0), self.axis(1), self.axis(2).start);
        z.flat_map(move |z| y.clone().map(move |y| [z, y, x]))
    }

    /// A place as counted from the box's corner.
    pub(super) fn within(&self, at: [isize; 3]) -> Extents {
        let [z, y, x] = self.low;
        let [at_z, at_y, at_x] = at;
        [at_z.abs_diff(z), at_y.abs_diff(y), at_x.abs_diff(x)]
    }

    /// The part of a row, from `at` on, that lies in the box.
    pub(super) fn part_of<'a>(&self, at: [isize; 3], row: &'a [f32]) -> Option<([isize; 3], &'a [f32])> {
        let [z, y, x] = at;
        if !self.axis(0).contains(&z) || !self.axis(1).contains(&y) {
            return None;
        }
        let own = self.axis(2);
        let (from, to) = (own.start.max(x), own.end.min(x.saturating_add_unsigned(row.len())));
        let part = row.get(usize::try_from(from - x).ok()?..usize::try_from(to - x).ok()?)?;
        Some(([z, y, from], part))
    }
}

/// Boxes that cover a volume without overlap, each with what is seen around it: cut at the volume's border, where a
/// network pads by itself.
pub(super) fn cores(volume: Extents, core: Extents, halo: usize) -> Vec<(Box3, Box3)> {
    let axes = [0, 1, 2].map(|axis| {
        let of = |extents: Extents| signed(extents.get(axis).copied().unwrap_or(1).max(1));
        let (extent, core, halo) = (of(volume), of(core), signed(halo));
        let starts = (0..extent).step_by(usize::try_from(core).unwrap_or(1).max(1));
        starts
            .map(|start| {
                let kept = start..(start + core).min(extent);
                ((kept.start - halo).max(0)..(kept.end + halo).min(extent), kept)
            })
            .collect::<Vec<_>>()
    });
    let [z, y, x] = axes;
    let mut parts = Vec::new();
    for (z_seen, z_kept) in &z {
        for (y_seen, y_kept) in &y {
            for (x_seen, x_kept) in &x {
                let seen = Box3::new([z_seen.clone(), y_seen.clone(), x_seen.clone()]);
                parts.push((seen, Box3::new([z_kept.clone(), y_kept.clone(), x_kept.clone()])));
            }
        }
    }
    parts
}

/// Windows that overlap (MONAI `dense_patch_slices`): the last of each axis ends with the volume; a smaller volume lies
/// in the middle of its only window.
pub(super) fn sliding(volume: Extents, patch: Extents, overlap: f64) -> Vec<Box3> {
    let axes = [0, 1, 2].map(|axis| {
        let of = |extents: Extents| extents.get(axis).copied().unwrap_or(1).max(1);
        let (extent, patch) = (of(volume), of(patch));
        if extent <= patch {
            return vec![-signed((patch - extent) / 2)];
        }
        // Below the patch, since the overlap is below 1; never none.
        let interval = ((patch as f64 * (1.0 - overlap)) as usize).max(1);
        let count = (extent - patch).div_ceil(interval) + 1;
        (0..count).map(|number| signed((number * interval).min(extent - patch))).collect::<Vec<_>>()
    });
    let [z, y, x] = &axes;
    let mut windows = Vec::new();
    for z in z {
        for y in y {
            for x in x {
                windows.push(Box3 { low: [*z, *y, *x], extents: patch.map(|extent| extent.max(1)) });
            }
        }
    }
    windows
}

/// Extents are those of volumes and patches, far below the end of the range.
fn signed(extent: usize) -> isize {
    isize::try_from(extent).unwrap_or(isize::MAX)
}

/// Weights of a window: largest in its middle, and nowhere below a thousandth, so that a voxel that only one corner
/// covers has an answer (MONAI `compute_importance_map`, `sigma_scale=0.125`).
pub(super) struct Gaussian {
    axes: [Vec<f64>; 3],
}

impl Gaussian {
    const SIGMA: f64 = 0.125;
    const WEIGHT_MIN: f64 = 1e-3;

    pub(super) fn new(patch: Extents) -> Self {
        let axis = |extent: usize| {
            let (middle, sigma) = ((extent.max(1) - 1) as f64 / 2.0, extent as f64 * Self::SIGMA);
            (0..extent).map(|at| (-(at as f64 - middle).powi(2) / (2.0 * sigma * sigma)).exp()).collect()
        };
        Self { axes: patch.map(axis) }
    }

    pub(super) fn of(&self, at: Extents) -> f32 {
        let factors = self.axes.iter().zip(at).map(|(axis, at)| axis.get(at).copied().unwrap_or(0.0));
        factors.product::<f64>().max(Self::WEIGHT_MIN) as f32
    }
}
