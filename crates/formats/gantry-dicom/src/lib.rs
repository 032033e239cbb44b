//! DICOM data sets: a tolerant reader, a strict writer, character sets, the dictionary.
//!
//! Scanners write data sets that break PS3.5 in every way a parser can be broken, and a gateway that refuses them
//! is worse than none. So [`reader::read`] takes what it is given, keeps every value as the bytes that came,
//! notes what was wrong, and never allocates by what a length field promises. [`writer::write_explicit`] is the opposite:
//! it refuses to write anything that breaks PS3.5.
//!
//! Invariants
//! - Bytes and values in, bytes and values out: no files, no clocks.
//! - Nothing here recurses by the depth of the input; nesting is limited by [`reader::Limits`].
//! - Nothing here knows pixels, or what Gantry does with a data set.

pub mod canonical;
pub mod charset;
pub mod data_set;
pub mod deflate;
pub mod dictionary;
pub mod header;
pub mod part10;
pub mod reader;
pub mod rules;
pub mod syntax;
pub mod tag;
pub mod vr;
pub mod writer;
