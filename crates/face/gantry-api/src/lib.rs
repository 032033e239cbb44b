//! What is told of studies, runs and deliveries.
//!
//! Commands and the REST interface tell the same documents from here, so that they cannot differ: [`studies`],
//! [`runs`], [`deliveries`], [`why`], all read through a [`view::View`]; [`story`] has the words.
//!
//! Nothing here writes, and nothing here knows which adapters it reads through.

pub mod deliveries;
pub mod runs;
pub mod story;
pub mod studies;
pub mod view;
pub mod why;
