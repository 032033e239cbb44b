//! Messages from fragments (PS3.8 Annex E, PS3.7 6.3.1): a command set, then its data set if it has one, all on one
//! presentation context.
//!
//! Only command sets are collected. A command inside a data set means that the peer gave up half-way and begins
//! anew; nobody can tell what the first message was, so that is an error, as is data that no command announced.

use alloc::vec::Vec;

use crate::{
    command::{Command, DataSetType},
    deviation::{Deviation, Deviations},
    pdu::{associate::ContextId, data::FragmentKind},
};

/// The largest command set that is read. Real ones stay below 1 KiB.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// The message that is arriving.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    stage: Stage,
    /// What the message already said, so that each kind is told once.
    said: Deviations,
}

#[derive(Debug, Default)]
enum Stage {
    /// Between messages.
    #[default]
    Between,
    /// In a command set.
    Command { context: ContextId, buffer: Vec<u8> },
    /// In a data set.
    Data { context: ContextId },
}

/// The peer's messages make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BrokenMessage;

impl Inbound {
    /// Whether a message is incomplete.
    pub(super) fn is_inside(&self) -> bool {
        match self.stage {
            Stage::Between => false,
            Stage::Command { .. } | Stage::Data { .. } => true,
        }
    }

    /// Notes a deviation of this message; true when it was not said before.
    pub(super) fn note(&mut self, deviation: Deviation) -> bool {
        self.said.note(deviation)
    }

    /// Begins a fragment.
    pub(super) fn begin(&mut self, context: ContextId, kind: FragmentKind) -> Result<(), BrokenMessage> {
        match (&self.stage, kind) {
            (Stage::Between, FragmentKind::Command) => {
                self.said.clear();
                self.stage = Stage::Command { context, buffer: Vec::new() };
                Ok(())
            }
            (Stage::Command { context: ours, .. }, FragmentKind::Command) if *ours == context => Ok(()),
            (Stage::Data { context: ours }, FragmentKind::Data) if *ours == context => Ok(()),
            (Stage::Between | Stage::Command { .. } | Stage::Data { .. }, _) => Err(BrokenMessage),
        }
    }

    /// Takes bytes of a command set.
    pub(super) fn collect(&mut self, bytes: &[u8]) -> Result<(), BrokenMessage> {
        match &mut self.stage {
            Stage::Command { buffer, .. } if buffer.len() + bytes.len() <= COMMAND_BYTES_MAX => {
                buffer.extend(bytes);
                Ok(())
            }
            Stage::Between | Stage::Command { .. } | Stage::Data { .. } => Err(BrokenMessage),
        }
    }

    /// Ends the command set.
    pub(super) fn end_command(&mut self) -> Result<(Command, Vec<Deviation>), BrokenMessage> {
        let Stage::Command { context, buffer } = core::mem::take(&mut self.stage) else {
            return Err(BrokenMessage);
        };
        let Ok(decoded) = Command::decode(&buffer) else { return Err(BrokenMessage) };
        self.stage = match decoded.0.data_set() {
            DataSetType::Absent => Stage::Between,
            DataSetType::Present => Stage::Data { context },
        };
        Ok(decoded)
    }

    /// Ends the data set.
    pub(super) fn end_data(&mut self) {
        self.stage = Stage::Between;
    }

    /// Forgets an incomplete message.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}
