//! The smallest owner of an acceptor: answers every question at once and keeps what was stored.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::{
    command::{DataSetType, Outcome},
    machine::effect::{DataSet, Ends, Message},
    status::Status,
};

/// An acceptor and what its owner saw.
pub(super) struct Owner {
    pub(super) association: Association,
    /// What happened, independent of how the stream was cut.
    pub(super) log: Vec<String>,
    /// What was written.
    pub(super) sent: Vec<u8>,
    /// Complete data sets.
    pub(super) stored: Vec<Vec<u8>>,
    arriving: Option<(ContextId, Command, Vec<u8>)>,
    pub(super) closed: bool,
}

impl Owner {
    pub(super) fn connected() -> Self {
        let mut association = Association::acceptor(Settings::default());
        association.handle(Event::Connected, at(0)).unwrap();
        let (log, sent, stored) = (Vec::new(), Vec::new(), Vec::new());
        Self { association, log, sent, stored, arriving: None, closed: false }
    }

    /// Takes one read.
    pub(super) fn read(&mut self, bytes: &[u8], now: Instant) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.association.receive(rest, now);
            assert!(0 < taken && taken <= rest.len(), "{taken} of {}", rest.len());
            self.carry_out(&rest[..taken], now);
            rest = &rest[taken..];
        }
    }

    /// Carries out what waits; ranges point into `bytes`.
    pub(super) fn carry_out(&mut self, bytes: &[u8], now: Instant) {
        while let Some(effect) = self.association.poll_effect() {
            assert!(!self.closed, "after Close: {effect:?}");
            match &effect {
                Effect::Ask(rq) => {
                    self.log.push(short(&effect));
                    let event = match answer(rq, &implementation(16_384)) {
                        Answer::Accept(ac) => Event::Accept(ac),
                        Answer::Reject(rj) => Event::Reject(rj),
                    };
                    self.association.handle(event, now).unwrap();
                }
                Effect::Send(frame) => {
                    assert!(frame.body.is_empty());
                    self.log.push(short(&effect));
                    self.sent.extend(&frame.head);
                }
                Effect::Command { context, command } => {
                    self.log.push(short(&effect));
                    match command.data_set() {
                        DataSetType::Absent => self.respond(*context, command, now),
                        DataSetType::Present => {
                            self.arriving = Some((*context, (**command).clone(), Vec::new()));
                        }
                    }
                }
                Effect::Data { context, range, ends } => {
                    self.data(*context, &bytes[range.clone()], *ends, now)
                }
                Effect::ReleaseAsked => {
                    self.log.push(short(&effect));
                    self.association.handle(Event::ReleaseResponse, now).unwrap();
                }
                Effect::Close => {
                    self.log.push(short(&effect));
                    self.closed = true;
                }
                Effect::Aborted(_) | Effect::Released => {
                    self.arriving = None;
                    self.log.push(short(&effect));
                }
                Effect::Connect | Effect::Associated(_) | Effect::Rejected(_) | Effect::Deviation(_) => {
                    self.log.push(short(&effect));
                }
            }
        }
    }

    fn data(&mut self, context: ContextId, bytes: &[u8], ends: Ends, now: Instant) {
        let (ours, command, mut data) = self.arriving.take().expect("data after a command");
        assert_eq!(ours, context);
        data.extend(bytes);
        if ends == Ends::DataSet {
            self.log.push(format!("DataSet({context} {})", data.len()));
            self.stored.push(data);
            self.respond(context, &command, now);
        } else {
            self.arriving = Some((context, command, data));
        }
    }

    /// Success for what we serve, else 0211; nothing for responses. The association may be over meanwhile.
    fn respond(&mut self, context: ContextId, command: &Command, now: Instant) {
        let response = match command {
            Command::CStoreRq(_) | Command::CEchoRq(_) => command.refuse(Outcome::from(Status::SUCCESS)),
            Command::CStoreRsp(_)
            | Command::CEchoRsp(_)
            | Command::CFindRq(_)
            | Command::CFindRsp(_)
            | Command::CCancelRq(_)
            | Command::Other(_) => command.refuse(Status::UNRECOGNIZED_OPERATION.into()),
        };
        if let Some(command) = &response {
            let message = Message { context, command, data: DataSet::None };
            let _refused_when_over = self.association.handle(Event::Send(message), now);
        }
    }
}
