//! Synthetic chests with known truth, from a seed.
//!
//! A phantom is drawn in patient coordinates (LPS, mm) from shapes, blurred and made noisy like a CT, and comes with
//! the labels that the shapes themselves give. [`study`] writes it as a DICOM study, in any orientation and order.
//!
//! Invariants
//! - The same seed gives the same voxels, to the bit, on every machine: only operations that IEEE 754 defines
//!   exactly (sum, product, quotient, square root, rounding) and integer arithmetic reach a voxel.
//! - Nothing here is measured from a patient.

pub mod acquisition;
mod anatomy;
mod blur;
pub mod chest;
mod couch;
pub mod lesions;
mod paint;
pub mod plain;
pub mod random;
mod render;
mod shapes;
pub mod study;
mod trees;
