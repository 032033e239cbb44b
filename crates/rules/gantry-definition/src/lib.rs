//! Documents that people write: packages, workflows, sources, destinations, doors; their expressions, evaluated with reasons.
//!
//! An expression is CEL over a published table of variables. It has three values: what asks about an absent attribute
//! is *unknown*, never false, and every answer comes with its clauses and the values that they saw.
//!
//! Invariants
//! - A document that is accepted cannot fail when it is evaluated: names and types are checked when it is read.
//! - The same document and facts give the same answer and the same words.

pub mod document;
pub mod expression;
pub mod package;
