//! From packages and series to findings: eligibility, volume, steps, measurements, picture.
//!
//! Used by the worker and by `gantry run`. Reading order: [`run`], then what it calls; [`worker`] for jobs.
//!
//! Invariants
//! - A series is a volume, or refused with the reason; an application answers, or declines by a named clause.
//! - The same package and bytes give the same findings, labels and picture.

pub mod application;
pub mod facts;
pub mod inference;
pub mod lungs;
pub mod objects;
pub mod package_digest;
pub mod picture;
pub mod revisions;
pub mod run;
pub mod steps;
pub mod volume;
pub mod worker;
