//! Serving one association: verification and storage.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use gantry_dicom::part10;
use gantry_dimse::{
    command::{CStoreRq, Command, DataSetType, Outcome},
    machine::effect::{DataSet, Event, Message},
    negotiation::{self, Answer},
    pdu::{
        associate::{AssociateAc, AssociateRq, ContextId},
        reject::{AssociateRj, RejectReason},
    },
    status::Status,
};
use gantry_ports::{
    blob::BlobError,
    store::{AssociationEnd, AssociationRow, RefusalRow},
};
use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};

use crate::{
    Outside,
    admission::Place,
    conversation::{Conversation, End, Happening},
    filing::{self, Filed, HEADER_BYTES_MAX, Unfilable},
    keeper::{Arrived, KeeperHandle, Kept},
    object::{Announced, IncomingObject},
    settings::DoorSettings,
};

/// Everything that serving one association needs.
pub(crate) struct Service {
    pub(crate) settings: Arc<DoorSettings>,
    pub(crate) outside: Outside,
    pub(crate) keeper: KeeperHandle,
    pub(crate) place: Place,
    pub(crate) peer: IpAddr,
    /// How files that we write introduce us.
    pub(crate) head: Arc<part10::Implementation>,
}

/// Why an object is not kept, as the peer will read it.
struct Refused {
    status: Status,
    comment: String,
}

impl Service {
    /// Serves a connection to its end.
    pub(crate) fn serve(self, mut conversation: Conversation) {
        let mut row: Option<AssociationRow> = None;
        let mut brought = BTreeSet::new();
        let end = loop {
            match conversation.next() {
                Happening::Asked(rq) => row = self.answer(&mut conversation, &rq),
                Happening::Command { context, command } => {
                    if let Some(row) = &row {
                        brought.extend(self.serve_command(&mut conversation, row, context, &command));
                    }
                }
                // The data set of a command that has none to offer: it goes by.
                Happening::Data { .. } | Happening::Associated | Happening::Rejected(_) => {}
                Happening::ReleaseAsked => self.tell(&mut conversation, Event::ReleaseResponse),
                Happening::Ended(end) => break end,
            }
        };
        if let Some(row) = row.filter(|_| !brought.is_empty()) {
            let how = match end {
                End::Released => AssociationEnd::Released,
                End::Aborted(_) | End::Refused => AssociationEnd::Aborted,
            };
            let ended = Some((self.outside.clock.now(), how));
            self.keeper.note_end(AssociationRow { ended, ..row }, brought);
        }
    }

    fn tell(&self, conversation: &mut Conversation, event: Event<'_>) {
        // The peer may have ended it meanwhile; the loop then hears of it.
        let _ended = conversation.tell(event);
    }

    /// Accepts or rejects; an accepted one gets its row, written with its first object.
    fn answer(&self, conversation: &mut Conversation, rq: &AssociateRq) -> Option<AssociationRow> {
        let calling = rq.calling.title().ok();
        match self.admit(rq, calling.as_ref()) {
            Err(rj) => {
                self.note_refusal(rq, rj);
                self.tell(conversation, Event::Reject(rj));
                None
            }
            Ok((called, ac)) => {
                self.tell(conversation, Event::Accept(ac));
                Some(AssociationRow {
                    id: self.outside.ids.next(),
                    called,
                    calling: calling.map_or_else(|| shown(rq.calling.0), |title| title.to_string()).into(),
                    address: self.peer.to_string().into(),
                    began: self.outside.clock.now(),
                    ended: None,
                })
            }
        }
    }

    fn admit(
        &self,
        rq: &AssociateRq,
        calling: Option<&AeTitle>,
    ) -> Result<(AeTitle, Box<AssociateAc>), AssociateRj> {
        let permanent = AssociateRj::permanent;
        let transient = AssociateRj::transient;
        let called = rq.called.title().ok();
        let called = self.settings.doors.admit(called.as_ref(), calling, self.peer).map_err(permanent)?;
        self.place.associate(self.peer).or(Err(transient(RejectReason::LocalLimitExceeded)))?;
        if self.keeper.is_full() {
            return Err(transient(RejectReason::TemporaryCongestion));
        }
        match negotiation::answer(rq, &self.settings.implementation) {
            Answer::Accept(ac) => Ok((called, ac)),
            Answer::Reject(rj) => Err(rj),
        }
    }

    fn note_refusal(&self, rq: &AssociateRq, rj: AssociateRj) {
        let (result, source, reason) = rj.codes();
        self.keeper.note_refusal(RefusalRow {
            called: shown(rq.called.0),
            calling: shown(rq.calling.0),
            address: self.peer.to_string(),
            reason: format!("{result}/{source}/{reason} {:?}", rj.reason),
            last: self.outside.clock.now(),
        });
    }

    /// Carries a command out and answers it; says of which study it was an object that is kept now.
    fn serve_command(
        &self,
        conversation: &mut Conversation,
        row: &AssociationRow,
        context: ContextId,
        command: &Command,
    ) -> Option<StudyInstanceUid> {
        let (response, kept) = match command {
            Command::CEchoRq(rq) => (Some(Command::CEchoRsp(rq.respond(Status::SUCCESS.into()))), None),
            Command::CStoreRq(rq) => {
                let result = self.store(conversation, row, context, rq);
                let outcome = match &result {
                    Ok(_) => Outcome::from(Status::SUCCESS),
                    Err(refused) => Outcome {
                        error_comment: Some(refused.comment.as_str().into()),
                        ..Outcome::from(refused.status)
                    },
                };
                (Some(Command::CStoreRsp(rq.respond(outcome))), result.ok())
            }
            Command::CStoreRsp(_)
            | Command::CEchoRsp(_)
            | Command::CFindRq(_)
            | Command::CFindRsp(_)
            | Command::CCancelRq(_)
            | Command::Other(_) => (command.refuse(Status::UNRECOGNIZED_OPERATION.into()), None),
        };
        if let Some(command) = response {
            let message = Message { context, command: &command, data: DataSet::None };
            self.tell(conversation, Event::Send(message));
        }
        kept
    }

    fn store(
        &self,
        conversation: &mut Conversation,
        row: &AssociationRow,
        context: ContextId,
        rq: &CStoreRq,
    ) -> Result<StudyInstanceUid, Refused> {
        let refuse = |status, comment: String| Err(Refused { status, comment });
        if rq.data_set == DataSetType::Absent {
            return refuse(Status::CANNOT_UNDERSTAND, "no data set".to_owned());
        }
        let Some(accepted) = conversation.association().context(context).cloned() else {
            return refuse(Status::CANNOT_UNDERSTAND, "no such presentation context".to_owned());
        };
        let announced = self.announced(row, rq, &accepted.abstract_syntax, &accepted.transfer_syntax);
        let label = format!(
            "{}\n{}\n{}\n{}",
            announced.sop_instance, announced.transfer_syntax, row.calling, row.called
        );
        let mut object = IncomingObject::new(conversation, announced);
        let appended = match self.outside.blob.append(&mut object, label.as_bytes()) {
            Ok(appended) => appended,
            Err(error) => {
                // The peer goes on sending; it reads the answer after its last byte.
                object.drain();
                return Err(refusal_of(&error));
            }
        };
        let head_bytes = object.head_bytes();
        let filed = self.file(&object, appended.reference, &accepted.transfer_syntax);
        let odd = conversation.take_deviations();
        let filed = filed.map_err(|unfilable| {
            // Nothing points to it; space that is not given back now goes with its segment.
            let _later = self.outside.blob.free(appended.reference);
            Refused { status: Status::CANNOT_UNDERSTAND, comment: unfilable.to_string() }
        })?;
        let mut deviations = filed.deviations.clone();
        deviations.extend(odd.iter().map(ToString::to_string));
        if rq.sop_instance.as_ref() != Some(&filed.sop_instance) {
            deviations.push("the command names another SOP instance than the data set".to_owned());
        }
        let study = filed.study.clone();
        let kept = self.keeper.keep(Arrived {
            appended,
            head_bytes: u32::try_from(head_bytes).unwrap_or(u32::MAX),
            filed,
            transfer_syntax: accepted.transfer_syntax,
            association: row.clone(),
            deviations: deviations.join("; "),
        });
        match kept {
            Kept::Durably => Ok(study),
            Kept::Failed(why) => refuse(Status::OUT_OF_RESOURCES, format!("not kept: {why}")),
        }
    }

    fn announced<'a>(
        &'a self,
        row: &AssociationRow,
        rq: &CStoreRq,
        abstract_syntax: &SopClassUid,
        transfer_syntax: &TransferSyntaxUid,
    ) -> Announced<'a> {
        // A blank instance is refused later by its data set; the head needs something to say until then.
        let sop_instance = rq.sop_instance.clone().or_else(|| SopInstanceUid::from_peer("0"));
        Announced {
            sop_class: rq.sop_class.clone().unwrap_or_else(|| abstract_syntax.clone()),
            sop_instance: sop_instance
                .unwrap_or_else(|| SopInstanceUid::new(self.settings.implementation.class.clone())),
            transfer_syntax: transfer_syntax.clone(),
            implementation: &self.head,
            source: AeTitle::parse(&row.calling).ok(),
        }
    }

    fn file(
        &self,
        object: &IncomingObject<'_>,
        reference: gantry_ports::blob::BlobRef,
        syntax: &TransferSyntaxUid,
    ) -> Result<Filed, Unfilable> {
        let (front, is_whole) = object.copy();
        match filing::file(front, is_whole, syntax) {
            Err(Unfilable::NeedsMore) if !is_whole => {
                let start = object.head_bytes() as u64;
                let end = start + HEADER_BYTES_MAX as u64;
                let more = self.outside.blob.read(reference, start..end).or(Err(Unfilable::NeedsMore))?;
                filing::file(&more, start + more.len() as u64 == reference.length, syntax)
            }
            other => other,
        }
    }
}

fn refusal_of(error: &BlobError) -> Refused {
    let status = match error {
        BlobError::Full { .. } | BlobError::TooLarge { .. } | BlobError::Disk { .. } | BlobError::InUse => {
            Status::OUT_OF_RESOURCES
        }
        BlobError::Source(_) | BlobError::Damaged(_) => Status::PROCESSING_FAILURE,
    };
    Refused { status, comment: error.to_string() }
}

/// A title field for people: what a peer sent may hold anything.
fn shown(field: [u8; AeTitle::LENGTH_MAX]) -> String {
    field.trim_ascii().escape_ascii().to_string()
}
