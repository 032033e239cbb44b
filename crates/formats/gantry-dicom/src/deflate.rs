//! Inflating deflated data sets (PS3.5 A.5), with a bound.

use flate2::{Decompress, FlushDecompress, Status};

/// Why a deflated data set cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The stream is damaged or cut off.
    #[error("the deflate stream is damaged after {0} bytes of output")]
    Damaged(usize),
    /// More output than allowed: a bomb, or a limit that is too low for real work.
    #[error("the data set inflates to more than {0} bytes")]
    TooLarge(usize),
}

/// Inflates a raw deflate stream to at most `max` bytes; what follows the stream is padding.
///
/// # Errors
/// [`InflateError`]. Memory grows with the output, never beyond `max` and one step.
pub fn inflate(bytes: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    const STEP: usize = 256 * 1024;
    let mut stream = Decompress::new(false);
    let mut out: Vec<u8> = Vec::new();
    loop {
        let used = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(used..).unwrap_or_default();
        let before = out.len();
        out.reserve(STEP.min(max - before + 1));
        let status = stream
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .or(Err(InflateError::Damaged(before)))?;
        if max < out.len() {
            return Err(InflateError::TooLarge(max));
        }
        match status {
            Status::StreamEnd => return Ok(out),
            Status::Ok | Status::BufError if before < out.len() => {}
            Status::Ok | Status::BufError => return Err(InflateError::Damaged(before)),
        }
    }
}

/// The first bytes of a deflated data set, at most `max`, from the first bytes of its stream.
#[must_use]
pub fn inflate_front(bytes: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(max);
    // Damage shows as fewer bytes; whoever reads them notices.
    let _stopped = Decompress::new(false).decompress_vec(bytes, &mut out, FlushDecompress::None);
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn output_is_whole_or_refused() {
        let plain: Vec<u8> = (0..2_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let mut packed = deflate(&plain);
        assert_eq!(inflate(&packed, plain.len()), Ok(plain.clone()));
        assert_eq!(inflate(&packed, plain.len() - 1), Err(InflateError::TooLarge(plain.len() - 1)));
        packed.push(0); // padded to even length
        assert_eq!(inflate(&packed, plain.len()), Ok(plain.clone()));
        let cut = inflate(&packed[..packed.len() / 2], plain.len());
        assert!(matches!(cut, Err(InflateError::Damaged(_))), "{cut:?}");
        assert_eq!(inflate(&[], 10), Err(InflateError::Damaged(0)));
    }

    #[test]
    fn the_front_comes_from_a_cut_stream() {
        let plain: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let packed = deflate(&plain);
        assert!(plain.starts_with(&inflate_front(&packed[..200], 4096)));
        assert_eq!(inflate_front(&packed, 4096), plain[..4096]);
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let bomb = deflate(&vec![0; 50_000_000]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate(&bomb, 1_000_000), Err(InflateError::TooLarge(1_000_000)));
    }
}
