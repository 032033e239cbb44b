//! One object on its way in: a reader that pulls the data set out of the association.
//!
//! The blob store reads a Part 10 file: head, then the data set's bytes as they came. The head needs the identifiers,
//! which stand at the front of the data set, so the first bytes are gathered before anything is handed on. A copy of
//! the front is kept for filing.

use std::{
    io::{self, Read},
    ops::Range,
};

use gantry_dicom::{
    data_set::DataSet,
    deflate,
    part10::{self, Implementation},
    reader::{self, Limits, Stop},
    syntax::{self, Wrapping},
    tag,
};
use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid},
};

use crate::conversation::{Conversation, Happening};

/// Bytes gathered to find the identifiers in.
const FRONT_BYTES: usize = 4 << 10;

/// Bytes of the data set that are kept for filing; a header that is longer is read back from the blob.
const COPY_BYTES: usize = 64 << 10;

/// What the sender said about the object besides its bytes.
pub(crate) struct Announced<'a> {
    pub(crate) sop_class: SopClassUid,
    pub(crate) sop_instance: SopInstanceUid,
    pub(crate) transfer_syntax: TransferSyntaxUid,
    pub(crate) implementation: &'a Implementation,
    pub(crate) source: Option<AeTitle>,
}

pub(crate) struct IncomingObject<'a> {
    conversation: &'a mut Conversation,
    announced: Announced<'a>,
    phase: Phase,
    /// Bytes of the conversation's buffer that came and were not handed on.
    pending: Range<usize>,
    /// Head and gathered front, and how much of it was handed on.
    front: Vec<u8>,
    front_read: usize,
    copy: Vec<u8>,
    head_bytes: usize,
    data_set_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// More bytes come.
    Coming,
    /// The last byte came.
    Whole,
    /// The association ended before.
    Torn,
}

impl<'a> IncomingObject<'a> {
    pub(crate) fn new(conversation: &'a mut Conversation, announced: Announced<'a>) -> Self {
        Self {
            conversation,
            announced,
            phase: Phase::Coming,
            pending: 0..0,
            front: Vec::new(),
            front_read: 0,
            copy: Vec::new(),
            head_bytes: 0,
            data_set_bytes: 0,
        }
    }

    /// Bytes of the Part 10 head.
    pub(crate) fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    /// The front of the data set, and whether that is all of it.
    pub(crate) fn copy(&self) -> (&[u8], bool) {
        (&self.copy, self.copy.len() as u64 == self.data_set_bytes)
    }

    /// Lets the rest of the data set go by; false if the association ended meanwhile.
    pub(crate) fn drain(&mut self) -> bool {
        while self.phase == Phase::Coming {
            self.wait();
        }
        self.phase == Phase::Whole
    }

    /// Waits for the next bytes.
    fn wait(&mut self) {
        match self.conversation.next() {
            Happening::Data { range, is_last } => {
                let bytes = self.conversation.bytes(range.clone());
                let room = COPY_BYTES - self.copy.len();
                self.copy.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                self.data_set_bytes += bytes.len() as u64;
                self.pending = range;
                if is_last {
                    self.phase = Phase::Whole;
                }
            }
            // The machine lets nothing else in between, but an end.
            Happening::Asked(_)
            | Happening::Associated
            | Happening::Rejected(_)
            | Happening::Command { .. }
            | Happening::ReleaseAsked
            | Happening::Ended(_) => self.phase = Phase::Torn,
        }
    }

    /// Gathers the front of the data set and puts the head before it.
    fn gather(&mut self) {
        let mut data_set = Vec::with_capacity(FRONT_BYTES);
        while self.phase == Phase::Coming && data_set.len() < FRONT_BYTES {
            self.wait();
            let pending = std::mem::take(&mut self.pending);
            data_set.extend_from_slice(self.conversation.bytes(pending));
        }
        let Announced { sop_class, sop_instance, transfer_syntax, implementation, source } = &self.announced;
        let inflated;
        let plain = match syntax::layout(transfer_syntax).1 {
            Wrapping::Plain => &data_set,
            Wrapping::Deflated => {
                inflated = deflate::inflate_front(&data_set, FRONT_BYTES);
                &inflated
            }
        };
        let front = identifiers(plain, transfer_syntax);
        let class = front.str(tag::SOP_CLASS_UID).and_then(SopClassUid::from_peer);
        let instance = front.str(tag::SOP_INSTANCE_UID).and_then(SopInstanceUid::from_peer);
        self.front = part10::head(
            class.as_ref().unwrap_or(sop_class),
            instance.as_ref().unwrap_or(sop_instance),
            transfer_syntax,
            implementation,
            source.as_ref(),
        );
        self.head_bytes = self.front.len();
        self.front.extend_from_slice(&data_set);
    }
}

/// SOP class and instance, where the front of a data set has them.
fn identifiers<'b>(front: &'b [u8], transfer_syntax: &TransferSyntaxUid) -> DataSet<'b> {
    let encoding = syntax::layout(transfer_syntax).0;
    reader::read(front, encoding, Limits::default(), Stop::Before(gantry_dicom::tag::Tag(8, 0x19))).data_set
}

impl Read for IncomingObject<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head_bytes == 0 {
            self.gather();
        }
        let front = self.front.get(self.front_read..).unwrap_or_default();
        if !front.is_empty() {
            let count = copy(front, buffer);
            self.front_read += count;
            return Ok(count);
        }
        while self.pending.is_empty() {
            match self.phase {
                Phase::Coming => self.wait(),
                Phase::Whole => return Ok(0),
                Phase::Torn => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let count = copy(self.conversation.bytes(self.pending.clone()), buffer);
        self.pending.start += count;
        Ok(count)
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(..count), from.get(..count)) {
        to.copy_from_slice(from);
    }
    count
}
