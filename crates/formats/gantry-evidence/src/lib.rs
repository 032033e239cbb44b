//! Evidence: findings to DICOM objects and back, and the gates before every delivery.
//!
//! [`set::render`] is a pure function of the accepted findings, the run record, the header in force and a form
//! profile; what it returns is stored before it is sent. [`gate::judge`] and [`safety::judge`] look at bytes, whoever
//! made them. [`read`] gives findings and geometry back.
//!
//! Invariants
//! - The same inputs give the same bytes on any machine (EV5): nothing reads a clock, and floating point is used only
//!   where its result does not depend on the machine.
//! - Identity is the header's in force, to the byte (EV3).

mod attribute;
mod base;
mod codes;
mod colour;
pub mod error;
pub mod gate;
mod header;
pub mod inputs;
pub mod note;
mod number;
pub mod object;
mod parsed;
pub mod profile;
pub mod read;
pub mod run;
pub mod safety;
pub mod sc;
pub mod seg;
pub mod set;
pub mod source;
pub mod sr;
pub mod uid;

#[cfg(test)]
mod fixture;
