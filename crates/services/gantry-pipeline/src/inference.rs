//! Networks on volumes: the grid a network wants, its intensities, its windows, and what its scores decide.
//!
//! The order is fixed and checked when a package is read: an image becomes values on the network's grid
//! ([`grid`]), values the network was trained with ([`intensity`]), scores ([`network`]), and labels on the image's own
//! grid ([`decide`]).
//!
//! Invariants
//! - A tensor's axes are those of the grid, slices first: its last axis is the grid's i.
//! - Values and scores are each dropped by the step that used them; scores are held twice only while they are taken out
//!   of the engine.

pub mod decide;
pub mod grid;
pub mod intensity;
pub mod network;
