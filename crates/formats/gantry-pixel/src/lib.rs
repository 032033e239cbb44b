//! Frames: stored samples out of a data set's pixel data.
//!
//! [`Frames::locate`] finds the frames of an image and checks what its header says against what is there;
//! [`Frames::decode`] gives the stored samples of one frame (PS3.3 C.7.6.3): aligned, masked, sign-extended, pixel
//! by pixel, without colour transform, rescale or look-up table. Entropy decoding of JPEG is borrowed; frame
//! location, bounds, bits and signs are ours, because there the libraries of the field go wrong.
//!
//! Invariants
//! - A sample is right, or the frame is refused with the reason (IM1): lengths, sizes and counts must agree.
//! - Memory is bounded by what the header declares, and that is compared with the input before anything is allocated.
//!
//! Read are: native little and big endian, RLE, JPEG baseline, JPEG lossless; deflated data sets are inflated before
//! they come here. Every other syntax is refused by name.

mod bits;
mod error;
mod frames;
mod jpeg;
mod native;
mod rle;

pub use error::PixelError;
pub use frames::Frames;
