//! Images as geometry: stacks, volumes, masks, and what can be measured in them.
//!
//! Where the pixels come from and who asks is not known here. A caller hands in headers ([`stack`]) and decoded
//! slices ([`assemble`]) and gets a [`volume::Volume`] on a [`grid::Grid`]; everything else works on those two.
//!
//! Invariants
//! - Positions are DICOM's: LPS, millimetres, at voxel centres. Voxel indices and positions are different types.
//! - A voxel is right or the series is refused with the reason (IM1): nothing is interpolated, reordered or filled
//!   in unless the caller asked for just that.
//! - Every algorithm is deterministic and linear in the voxels; none holds more than a few bytes for each.

pub mod assemble;
pub mod block;
pub mod components;
pub mod distance;
pub mod geometry;
pub mod grid;
pub mod grow;
pub mod holes;
pub mod measure;
pub mod morphology;
pub mod orient;
pub mod resample;
pub mod stack;
pub mod target;
pub mod volume;
pub mod watershed;
