//! What is told of studies, runs and deliveries: as documents, over HTTP, and as metrics.
//!
//! Commands and the REST interface tell the same documents from here, so that they cannot differ: [`studies`],
//! [`runs`], [`deliveries`], [`why`], all read through a [`view::View`]; [`story`] has the words. [`server`] gives them
//! over HTTP.
//!
//! Nothing here writes, and nothing here knows which adapters it reads through.

pub mod deliveries;
mod health;
#[cfg(test)]
mod kit;
mod metrics;
mod problem;
mod routes;
pub mod runs;
pub mod server;
pub mod story;
pub mod studies;
pub mod token;
pub mod view;
pub mod why;
