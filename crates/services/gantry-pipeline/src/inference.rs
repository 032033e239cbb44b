//! Networks on volumes: the grid a network wants, its intensities, its windows, and what its scores decide.
//!
//! The order is fixed and checked when a package is read: an image becomes values on the network's grid
//! ([`grid`]), values the network was trained with ([`intensity`]), scores ([`network`]), and labels on the image's own
//! grid ([`decide`]).
//!
//! Invariants
//! - A tensor's axes are those of the grid, slices first: its last axis is the grid's i.
//! - One copy of the values and one of the scores are held at a time; each is dropped by the step that used it.

pub mod decide;
pub mod grid;
pub mod intensity;
pub mod network;
