//! What is told of studies, runs and deliveries, and what people order: as documents, over HTTP, and as metrics.
//!
//! Commands and the REST interface tell the same documents from here, so that they cannot differ: [`studies`],
//! [`runs`], [`deliveries`], [`quarantine`], [`why`] and their neighbours, all read through a [`view::View`]; [`story`]
//! has the words. They order through the same functions too: [`orders`], [`sources`]. [`server`] gives all of it over
//! HTTP, to those whom [`access`] knows.
//!
//! Only [`orders`] writes, and nothing here knows which adapters it reads and writes through.

pub mod access;
pub mod attention;
pub mod deliveries;
pub mod destinations;
pub mod disk;
pub mod documents;
mod health;
#[cfg(test)]
mod kit;
mod metrics;
pub mod openapi;
pub mod orders;
mod pages;
mod problem;
pub mod quarantine;
mod routes;
pub mod runs;
pub mod schema;
pub mod server;
pub mod sources;
pub mod story;
pub mod studies;
pub mod token;
pub mod trail;
pub mod view;
pub mod why;
