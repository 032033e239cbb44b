//! Frames: stored samples out of a data set's pixel data.
