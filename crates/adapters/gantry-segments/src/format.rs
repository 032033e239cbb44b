//! The bytes of a segment: header page, then records on 4 KiB boundaries.
//!
//! All numbers are little endian. Header page: magic, container, state, CRC-32. Record: a block of 512 bytes (magic,
//! container, content length, label length, SHA-256, label, CRC-32), then the content. The container number in each
//! record keeps the leftovers of another segment from being read as records of this one.

use gantry_types::digest::Digest;

/// Records begin on multiples of this; the header takes the first.
pub(crate) const PAGE_BYTES: u64 = 4096;
/// The block before the content.
pub(crate) const BLOCK_BYTES: usize = 512;
const SEGMENT_MAGIC: &[u8; 8] = b"GNTRYSG1";
const RECORD_MAGIC: &[u8; 8] = b"GNTRYRC1";
const LABEL_AT: usize = 64;
const CRC_AT: usize = BLOCK_BYTES - 4;
/// The longest label; a longer one is cut.
const LABEL_MAX: usize = CRC_AT - LABEL_AT;

/// What a segment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Zeroed, never used.
    Spare,
    /// Holds records of many, in use or full.
    Shared,
    /// Holds one large record, and goes with it.
    Single,
}

/// The header of a segment, with padding to a block.
pub(crate) fn segment_header(state: State, container: u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    put(&mut block, 0, SEGMENT_MAGIC);
    put(&mut block, 8, &container.to_le_bytes());
    let state = match state {
        State::Spare => 0,
        State::Shared => 1,
        State::Single => 2,
    };
    put(&mut block, 16, &[state]);
    seal(&mut block);
    block
}

/// State of the segment with this header; nothing if it is none.
pub(crate) fn read_segment_header(block: &[u8; BLOCK_BYTES], container: u64) -> Option<State> {
    let known = is_sealed(block) && block.starts_with(SEGMENT_MAGIC) && number(block, 8) == container;
    let [.., state] = block.first_chunk::<17>()?;
    match state {
        0 if known => Some(State::Spare),
        1 if known => Some(State::Shared),
        2 if known => Some(State::Single),
        _ => None,
    }
}

/// The block before a record's content.
pub(crate) fn record_block(container: u64, length: u64, digest: Digest, label: &[u8]) -> [u8; BLOCK_BYTES] {
    let label = label.get(..LABEL_MAX).unwrap_or(label);
    let mut block = [0; BLOCK_BYTES];
    put(&mut block, 0, RECORD_MAGIC);
    put(&mut block, 8, &container.to_le_bytes());
    put(&mut block, 16, &length.to_le_bytes());
    put(&mut block, 24, &(label.len() as u64).to_le_bytes());
    put(&mut block, 32, &digest.0);
    put(&mut block, LABEL_AT, label);
    seal(&mut block);
    block
}

/// Length and digest of a record's content; nothing if the block is none of this container.
pub(crate) fn read_record_block(block: &[u8; BLOCK_BYTES], container: u64) -> Option<(u64, Digest)> {
    let known = is_sealed(block) && block.starts_with(RECORD_MAGIC) && number(block, 8) == container;
    let digest = block.get(32..)?.first_chunk::<32>()?;
    known.then_some((number(block, 16), Digest(*digest)))
}

/// Where the record after one at `offset` begins.
pub(crate) fn next_record(offset: u64, length: u64) -> u64 {
    (offset + BLOCK_BYTES as u64).saturating_add(length).next_multiple_of(PAGE_BYTES)
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in block.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

fn number(block: &[u8], at: usize) -> u64 {
    block.get(at..).and_then(<[u8]>::first_chunk::<8>).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn crc(block: &[u8; BLOCK_BYTES]) -> [u8; 4] {
    let (body, _) = block.split_at(CRC_AT);
    crc32fast::hash(body).to_le_bytes()
}

fn seal(block: &mut [u8; BLOCK_BYTES]) {
    let crc = crc(block);
    put(block, CRC_AT, &crc);
}

fn is_sealed(block: &[u8; BLOCK_BYTES]) -> bool {
    block.ends_with(&crc(block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_back_and_any_changed_bit_is_noticed() {
        let digest = Digest([9; 32]);
        let block = record_block(5, 777, digest, &[b'x'; 1000]);
        assert_eq!(read_record_block(&block, 5), Some((777, digest)));
        assert_eq!(read_record_block(&block, 6), None);
        for state in [State::Spare, State::Shared, State::Single] {
            assert_eq!(read_segment_header(&segment_header(state, 5), 5), Some(state));
        }
        for at in 0..BLOCK_BYTES {
            let mut changed = block;
            changed[at] ^= 1;
            assert_eq!(read_record_block(&changed, 5), None, "byte {at}");
        }
        assert_eq!(read_record_block(&[0; BLOCK_BYTES], 0), None);
    }

    #[test]
    fn records_begin_on_pages() {
        assert_eq!(next_record(4096, 0), 8192);
        assert_eq!(next_record(4096, 4096 - 512), 8192);
        assert_eq!(next_record(4096, 4096 - 511), 12_288);
    }
}
