//! Points and vectors in the patient, and voxel coordinates: types that cannot be mixed up.
//!
//! Units and frames: [`PointLps`] and [`VectorLps`] are millimetres in the patient's LPS system (x to the patient's
//! left, y to the back, z to the head). [`VoxelIndex`] counts voxels from 0 (i along a row, j down a column,
//! k through the slices); [`VoxelPoint`] is the same with fractions, whole numbers at voxel centres.

use core::ops::{Add, Mul, Neg, Sub};

/// A point in the patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointLps {
    /// Towards the patient's left, mm.
    pub x: f64,
    /// Towards the patient's back, mm.
    pub y: f64,
    /// Towards the patient's head, mm.
    pub z: f64,
}

/// A displacement in the patient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorLps {
    /// Towards the patient's left, mm.
    pub x: f64,
    /// Towards the patient's back, mm.
    pub y: f64,
    /// Towards the patient's head, mm.
    pub z: f64,
}

/// One voxel of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoxelIndex {
    /// Column, from 0.
    pub i: usize,
    /// Row, from 0.
    pub j: usize,
    /// Slice, from 0.
    pub k: usize,
}

/// A place between the voxels of a volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoxelPoint {
    /// Along a row; a whole number is a voxel's centre.
    pub i: f64,
    /// Down a column.
    pub j: f64,
    /// Through the slices.
    pub k: f64,
}

impl PointLps {
    /// A point from its coordinates.
    #[must_use]
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }
}

impl VectorLps {
    /// A vector from its components.
    #[must_use]
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    /// The scalar product.
    #[must_use]
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// The vector product.
    #[must_use]
    pub fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    /// The length, mm.
    #[must_use]
    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1; nothing for the null vector and for what is not finite.
    #[must_use]
    pub fn unit(self) -> Option<Self> {
        let length = self.length();
        (length.is_finite() && 0.0 < length).then(|| self * (1.0 / length))
    }

    /// The components as x, y, z.
    #[must_use]
    pub const fn to_array(self) -> [f64; 3] {
        [self.x, self.y, self.z]
    }
}

impl Sub for PointLps {
    type Output = VectorLps;
    fn sub(self, from: Self) -> VectorLps {
        VectorLps::new(self.x - from.x, self.y - from.y, self.z - from.z)
    }
}

impl Add<VectorLps> for PointLps {
    type Output = Self;
    fn add(self, by: VectorLps) -> Self {
        Self::new(self.x + by.x, self.y + by.y, self.z + by.z)
    }
}

impl Add for VectorLps {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Mul<f64> for VectorLps {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl Neg for VectorLps {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

impl VoxelIndex {
    /// A voxel from its column, row and slice.
    #[must_use]
    pub const fn new(i: usize, j: usize, k: usize) -> Self {
        Self { i, j, k }
    }
}

impl From<VoxelIndex> for VoxelPoint {
    fn from(index: VoxelIndex) -> Self {
        // Lossless: an extent is far below 2^53.
        Self { i: index.i as f64, j: index.j as f64, k: index.k as f64 }
    }
}
