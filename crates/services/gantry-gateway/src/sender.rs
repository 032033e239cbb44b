//! Sending: verification, storage and query as SCU, over one association.

mod query;

use std::{sync::Arc, time::Duration};

use gantry_dicom::writer::WriteError;
use gantry_dimse::{
    command::{CEchoRq, CStoreRq, Command, MessageId, Outcome},
    machine::{
        Association, Settings,
        effect::{Aborted, DataSet, Event, Message, More, NotTaken},
    },
    negotiation::{
        Implementation, VERIFICATION,
        proposal::{self, ProposalError},
    },
    pdu::{
        abort::{Abort, AbortReason},
        reject::AssociateRj,
    },
    status::Status,
};
use gantry_ports::{clock::Clock, transport::Connection};
use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid},
};

use crate::conversation::{Conversation, End, Happening};

pub use query::{Excess, Found};

/// Who calls whom.
#[derive(Debug, Clone)]
pub struct Call {
    /// The peer's AE title.
    pub called: AeTitle,
    /// Ours.
    pub calling: AeTitle,
    /// How we introduce ourselves.
    pub implementation: Implementation,
}

/// Why something could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The peer rejected the association; its numbers say why.
    #[error("the association was rejected: {reason:?} (result {0}, source {1}, reason {2})", .rj.codes().0, .rj.codes().1, .rj.codes().2, reason = .rj.reason)]
    Rejected {
        /// The numbers on the wire.
        rj: AssociateRj,
    },
    /// The peer was silent for too long; the association was aborted here.
    #[error("the peer did not answer in time; the association was aborted")]
    Silent,
    /// The association ended before the answer.
    #[error("the association ended before the answer: {0}")]
    Ended(String),
    /// The peer does not take this class in this syntax.
    #[error("the peer accepts no presentation context for {class} in {syntax}")]
    NoContext {
        /// SOP class.
        class: SopClassUid,
        /// Transfer syntax.
        syntax: TransferSyntaxUid,
    },
    /// Too many classes for one association.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// The message does not fit the association.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// The query cannot be written.
    #[error("the query cannot be written: {0}")]
    Unwritable(#[from] WriteError),
    /// The peer answered without measure; the association was aborted here.
    #[error("the peer answered the query with {0}; the association was aborted")]
    TooMuch(Excess),
}

/// Data sets above this size are written in pieces of it: a response is awaited from the last piece on, however long a
/// slow line takes for all of them.
const PIECE_BYTES: usize = 1 << 20;

/// How long a peer may take to close the connection after an abort; nothing is expected of it any more.
const AFTER_ABORT: Duration = Duration::from_secs(1);

/// An association that we asked for.
pub struct Sender {
    conversation: Conversation,
    next_message: MessageId,
}

impl Sender {
    /// Associates over a connection, proposing one context for each pair. The peer may be silent for `response` at most,
    /// then and later.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn associate(
        connection: Box<dyn Connection>,
        call: &Call,
        contexts: Vec<(SopClassUid, TransferSyntaxUid)>,
        clock: Arc<dyn Clock>,
        response: Duration,
    ) -> Result<Self, SendError> {
        let defaults = Settings::default();
        let (reply, artim) = (defaults.reply.min(response), AFTER_ABORT);
        let settings = Settings { idle: response, reply, artim, ..defaults };
        let mut conversation = Conversation::new(connection, Association::requestor(settings), clock);
        let contexts = contexts.into_iter().map(|(class, syntax)| (class, vec![syntax])).collect();
        let request = proposal::propose(&call.called, &call.calling, contexts, &call.implementation)?;
        conversation.tell(Event::Associate(request))?;
        conversation.tell(Event::Connected)?;
        loop {
            match conversation.next() {
                Happening::Associated => return Ok(Self { conversation, next_message: MessageId(1) }),
                Happening::Rejected(rj) => return Err(SendError::Rejected { rj }),
                Happening::Ended(end) => return Err(ended(end)),
                Happening::Asked(_)
                | Happening::Command { .. }
                | Happening::Data { .. }
                | Happening::ReleaseAsked => {}
            }
        }
    }

    /// The pair for a C-ECHO.
    #[must_use]
    pub fn verification() -> Vec<(SopClassUid, TransferSyntaxUid)> {
        let class = SopClassUid::from_peer(VERIFICATION);
        let syntax = TransferSyntaxUid::from_peer(gantry_dicom::syntax::IMPLICIT_VR_LITTLE_ENDIAN);
        class.into_iter().zip(syntax).collect()
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn echo(&mut self) -> Result<Outcome, SendError> {
        let id = self.message_id();
        let command = Command::CEchoRq(CEchoRq::new(id));
        let pairs = Self::verification();
        let Some((class, syntax)) = pairs.first() else { return Err(ended(End::Refused)) };
        self.exchange(id, (class, syntax), &command, DataSet::None)
    }

    /// Sends one data set and waits for the answer.
    ///
    /// # Errors
    /// [`SendError`]; the answer's status is not an error here. After `NoContext` and `NotTaken` nothing was sent, and
    /// the association can still be used.
    pub fn store(
        &mut self,
        class: &SopClassUid,
        instance: &SopInstanceUid,
        syntax: &TransferSyntaxUid,
        data_set: &[u8],
    ) -> Result<Outcome, SendError> {
        let id = self.message_id();
        let command = Command::CStoreRq(CStoreRq::new(id, class.clone(), instance.clone()));
        self.exchange(id, (class, syntax), &command, DataSet::Whole(data_set))
    }

    fn message_id(&mut self) -> MessageId {
        let id = self.next_message;
        self.next_message = id.next();
        id
    }

    fn exchange(
        &mut self,
        id: MessageId,
        (class, syntax): (&SopClassUid, &TransferSyntaxUid),
        command: &Command,
        data: DataSet<'_>,
    ) -> Result<Outcome, SendError> {
        let context = proposal::find(self.conversation.association().contexts(), class, syntax)
            .ok_or_else(|| SendError::NoContext { class: class.clone(), syntax: syntax.clone() })?;
        self.send(Message { context, command, data })?;
        loop {
            let (response, outcome) = self.response()?;
            // One that repeats the answer to the object before says nothing of this one.
            if response.responds_to() == Some(id) {
                return Ok(outcome);
            }
        }
    }

    /// Sends a message, a large data set piece by piece. That the association has ended, the response says.
    fn send(&mut self, message: Message<'_>) -> Result<(), SendError> {
        let mut events = Vec::new();
        match message.data {
            DataSet::Whole(bytes) if PIECE_BYTES < bytes.len() && bytes.len().is_multiple_of(2) => {
                let mut pieces = bytes.chunks(PIECE_BYTES).peekable();
                let first = pieces.next().unwrap_or_default();
                events.push(Event::Send(Message { data: DataSet::Begin(first), ..message }));
                while let Some(bytes) = pieces.next() {
                    let more = if pieces.peek().is_some() { More::Follow } else { More::Last };
                    events.push(Event::SendMore { bytes, more });
                }
            }
            DataSet::Whole(_) | DataSet::Begin(_) | DataSet::None => events.push(Event::Send(message)),
        }
        for event in events {
            match self.conversation.tell(event) {
                Ok(()) => {}
                Err(NotTaken::InThisState { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for the next response, and how it says that the operation ended.
    fn response(&mut self) -> Result<(Box<Command>, Outcome), SendError> {
        loop {
            match self.conversation.next() {
                Happening::Command { context, command: answer } => {
                    if let Some(outcome) = answer.outcome().cloned() {
                        return Ok((answer, outcome));
                    }
                    // A request of the peer, who is SCU of nothing here.
                    let refusal = answer.refuse(Status::UNRECOGNIZED_OPERATION.into());
                    if let Some(command) = refusal {
                        let message = Message { context, command: &command, data: DataSet::None };
                        self.conversation.tell(Event::Send(message))?;
                    }
                }
                Happening::Ended(end) => return Err(ended(end)),
                Happening::ReleaseAsked => self.conversation.tell(Event::ReleaseResponse)?,
                Happening::Asked(_)
                | Happening::Associated
                | Happening::Rejected(_)
                | Happening::Data { .. } => {}
            }
        }
    }

    /// Ends the association in good order.
    pub fn release(mut self) {
        if self.conversation.tell(Event::ReleaseRequest).is_err() {
            return; // it has ended
        }
        while !matches!(self.conversation.next(), Happening::Ended(_)) {}
    }
}

fn ended(end: End) -> SendError {
    SendError::Ended(match end {
        // So the machine ends what lies still.
        End::Aborted(Aborted::ByUs(Abort::Provider(AbortReason::NotSpecified))) => return SendError::Silent,
        End::Released => "the peer released it".to_owned(),
        End::Refused => "the connection was closed".to_owned(),
        End::Aborted(Aborted::ByPeer(abort)) => format!("the peer aborted it ({:?})", abort.codes()),
        End::Aborted(Aborted::ByUs(abort)) => format!("it was aborted here ({:?})", abort.codes()),
        End::Aborted(Aborted::ConnectionLost) => "the connection was lost".to_owned(),
        End::Aborted(Aborted::NoConnection) => "there was no connection in time".to_owned(),
    })
}
