//! Commands from and to command sets (PS3.7 9.3, Annex E).
//!
//! What is missing and can be done without is a deviation; without a Command Field, a set is no command.

use alloc::vec::Vec;

use super::{
    CCancelRq, CEchoRq, CEchoRsp, CFindRq, CFindRsp, CStoreRq, CStoreRsp, Command, DataSetType, MessageId,
    MoveOriginator, OtherCommand, Outcome, Priority,
    fields::{Fields, element},
};
use crate::{
    deviation::{Deviation, Deviations},
    status::Status,
};

const C_STORE_RQ: u16 = 0x0001;
const C_STORE_RSP: u16 = 0x8001;
const C_FIND_RQ: u16 = 0x0020;
const C_FIND_RSP: u16 = 0x8020;
const C_ECHO_RQ: u16 = 0x0030;
const C_ECHO_RSP: u16 = 0x8030;
const C_CANCEL_RQ: u16 = 0x0FFF;

/// The one value of Command Data Set Type that means "none".
const NO_DATA_SET: u16 = 0x0101;
/// What we write otherwise; any other value would do.
const DATA_SET: u16 = 0x0001;

/// Why bytes are no command set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// An element goes beyond the end, or the end is inside a header.
    #[error("the command set ends inside an element")]
    Truncated,
    /// Command Field (0000,0100) is missing.
    #[error("the command set has no Command Field")]
    NoCommandField,
    /// A response without Status (0000,0900): nobody could tell success from failure.
    #[error("the response has no Status")]
    NoStatus,
    /// A response that does not say what it responds to.
    #[error("the response has no Message ID Being Responded To")]
    NoMessageIdBeingRespondedTo,
}

impl Command {
    /// The command set.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.fields().write()
    }

    /// Reads a whole command set, with what is odd about it.
    ///
    /// # Errors
    /// [`CommandError`] when it has no meaning.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Vec<Deviation>), CommandError> {
        let mut deviations = Deviations::default();
        let fields = Fields::read(bytes, &mut deviations)?;
        let command = from_fields(fields, &mut deviations)?;
        Ok((command, deviations.into_vec()))
    }

    fn fields(&self) -> Fields {
        let mut fields = match self {
            Self::CStoreRq(rq) => store_fields(rq),
            Self::CStoreRsp(rsp) => Fields {
                affected_class: rsp.sop_class.clone(),
                affected_instance: rsp.sop_instance.clone(),
                ..response_fields(C_STORE_RSP, rsp.responds_to, &rsp.outcome)
            },
            Self::CEchoRq(rq) => Fields {
                command_field: Some(C_ECHO_RQ),
                message_id: Some(rq.message_id),
                affected_class: rq.sop_class.clone(),
                ..Fields::default()
            },
            Self::CEchoRsp(rsp) => Fields {
                affected_class: rsp.sop_class.clone(),
                ..response_fields(C_ECHO_RSP, rsp.responds_to, &rsp.outcome)
            },
            Self::CFindRq(rq) => Fields {
                command_field: Some(C_FIND_RQ),
                message_id: Some(rq.message_id),
                priority: Some(rq.priority.code()),
                affected_class: rq.sop_class.clone(),
                ..Fields::default()
            },
            Self::CFindRsp(rsp) => Fields {
                affected_class: rsp.sop_class.clone(),
                ..response_fields(C_FIND_RSP, rsp.responds_to, &rsp.outcome)
            },
            Self::CCancelRq(rq) => Fields {
                command_field: Some(C_CANCEL_RQ),
                responds_to: Some(rq.responds_to),
                ..Fields::default()
            },
            Self::Other(other) => other_fields(other),
        };
        fields.data_set_type = Some(match self.data_set() {
            DataSetType::Absent => NO_DATA_SET,
            DataSetType::Present => DATA_SET,
        });
        fields
    }
}

fn store_fields(rq: &CStoreRq) -> Fields {
    let originator = rq.move_originator.as_ref();
    Fields {
        command_field: Some(C_STORE_RQ),
        message_id: Some(rq.message_id),
        priority: Some(rq.priority.code()),
        affected_class: rq.sop_class.clone(),
        affected_instance: rq.sop_instance.clone(),
        originator_title: originator.and_then(|originator| originator.ae_title.clone()),
        originator_message: originator.and_then(|originator| originator.message_id),
        ..Fields::default()
    }
}

fn response_fields(command_field: u16, responds_to: MessageId, outcome: &Outcome) -> Fields {
    Fields {
        command_field: Some(command_field),
        responds_to: Some(responds_to),
        status: Some(outcome.status.0),
        error_comment: outcome.error_comment.clone(),
        offending_elements: outcome.offending_elements.clone(),
        ..Fields::default()
    }
}

fn other_fields(other: &OtherCommand) -> Fields {
    let outcome = other.outcome.as_ref();
    Fields {
        command_field: Some(other.field),
        message_id: other.message_id,
        responds_to: other.responds_to,
        affected_class: other.sop_class.clone(),
        affected_instance: other.sop_instance.clone(),
        status: outcome.map(|outcome| outcome.status.0),
        error_comment: outcome.and_then(|outcome| outcome.error_comment.clone()),
        offending_elements: outcome.map(|outcome| outcome.offending_elements.clone()).unwrap_or_default(),
        ..Fields::default()
    }
}

fn from_fields(fields: Fields, deviations: &mut Deviations) -> Result<Command, CommandError> {
    let field = fields.command_field.ok_or(CommandError::NoCommandField)?;
    let data_set = data_set_type(&fields, field, deviations);
    Ok(match field {
        C_STORE_RQ => Command::CStoreRq(c_store_rq(fields, data_set, deviations)),
        C_STORE_RSP => {
            let (responds_to, outcome) = response(&fields)?;
            let (sop_class, sop_instance) = (fields.affected_class, fields.affected_instance);
            Command::CStoreRsp(CStoreRsp { responds_to, sop_class, sop_instance, outcome, data_set })
        }
        C_ECHO_RQ => {
            let message_id = message_id(&fields, deviations);
            Command::CEchoRq(CEchoRq { message_id, sop_class: fields.affected_class, data_set })
        }
        C_ECHO_RSP => {
            let (responds_to, outcome) = response(&fields)?;
            Command::CEchoRsp(CEchoRsp { responds_to, sop_class: fields.affected_class, outcome, data_set })
        }
        C_FIND_RQ => {
            let (message_id, priority) = (message_id(&fields, deviations), priority(&fields, deviations));
            Command::CFindRq(CFindRq { message_id, priority, sop_class: fields.affected_class, data_set })
        }
        C_FIND_RSP => {
            let (responds_to, outcome) = response(&fields)?;
            Command::CFindRsp(CFindRsp { responds_to, sop_class: fields.affected_class, outcome, data_set })
        }
        C_CANCEL_RQ => {
            let responds_to = fields.responds_to.ok_or(CommandError::NoMessageIdBeingRespondedTo)?;
            Command::CCancelRq(CCancelRq { responds_to, data_set })
        }
        field => Command::Other(OtherCommand {
            field,
            message_id: fields.message_id,
            responds_to: fields.responds_to,
            outcome: outcome(&fields),
            sop_class: fields.affected_class.or(fields.requested_class),
            sop_instance: fields.affected_instance.or(fields.requested_instance),
            data_set,
        }),
    })
}

fn c_store_rq(fields: Fields, data_set: DataSetType, deviations: &mut Deviations) -> CStoreRq {
    if fields.affected_class.is_none() {
        deviations.note(Deviation::MissingElement(element::AFFECTED_SOP_CLASS_UID));
    }
    if fields.affected_instance.is_none() {
        deviations.note(Deviation::MissingElement(element::AFFECTED_SOP_INSTANCE_UID));
    }
    let (ae_title, message) = (fields.originator_title.clone(), fields.originator_message);
    let is_moved = ae_title.is_some() || message.is_some();
    CStoreRq {
        message_id: message_id(&fields, deviations),
        priority: priority(&fields, deviations),
        sop_class: fields.affected_class,
        sop_instance: fields.affected_instance,
        move_originator: is_moved.then_some(MoveOriginator { ae_title, message_id: message }),
        data_set,
    }
}

fn data_set_type(fields: &Fields, command_field: u16, deviations: &mut Deviations) -> DataSetType {
    match fields.data_set_type {
        Some(NO_DATA_SET) => DataSetType::Absent,
        Some(_) => DataSetType::Present,
        None => {
            deviations.note(Deviation::MissingElement(element::COMMAND_DATA_SET_TYPE));
            // These two are nothing without a data set.
            let needs_one = matches!(command_field, C_STORE_RQ | C_FIND_RQ);
            if needs_one { DataSetType::Present } else { DataSetType::Absent }
        }
    }
}

/// With at most one operation outstanding, a request without Message ID can still be answered.
fn message_id(fields: &Fields, deviations: &mut Deviations) -> MessageId {
    fields.message_id.unwrap_or_else(|| {
        deviations.note(Deviation::MissingElement(element::MESSAGE_ID));
        MessageId(0)
    })
}

fn priority(fields: &Fields, deviations: &mut Deviations) -> Priority {
    match fields.priority {
        Some(0) => Priority::Medium,
        Some(1) => Priority::High,
        Some(2) => Priority::Low,
        Some(_) => {
            deviations.note(Deviation::BadElement(element::PRIORITY));
            Priority::Medium
        }
        None => {
            deviations.note(Deviation::MissingElement(element::PRIORITY));
            Priority::Medium
        }
    }
}

fn response(fields: &Fields) -> Result<(MessageId, Outcome), CommandError> {
    let responds_to = fields.responds_to.ok_or(CommandError::NoMessageIdBeingRespondedTo)?;
    let outcome = outcome(fields).ok_or(CommandError::NoStatus)?;
    Ok((responds_to, outcome))
}

fn outcome(fields: &Fields) -> Option<Outcome> {
    Some(Outcome {
        status: Status(fields.status?),
        error_comment: fields.error_comment.clone(),
        offending_elements: fields.offending_elements.clone(),
    })
}

impl Priority {
    fn code(self) -> u16 {
        match self {
            Self::Medium => 0,
            Self::High => 1,
            Self::Low => 2,
        }
    }
}

#[cfg(test)]
mod tests;
