//! A peer whose every answer is a case.

use std::{collections::VecDeque, sync::Arc, thread, time::Duration};

use gantry_dicom::tag::Tag;
use gantry_dimse::{
    command::MessageId,
    machine::{Association, Settings},
    negotiation::Implementation,
    pdu::{
        associate::{AnsweredContext, AssociateAc, AssociateRq, ContextResult, PROTOCOL_VERSION},
        user::UserInformation,
    },
};
use gantry_net::{TcpDialer, TcpDoor};
use gantry_ports::{
    clock::Clock,
    transport::{Dial as _, Listener as _},
};
use gantry_types::{instant::Instant, uid::Uid};

use super::*;
use crate::{conversation::Conversation, sender::Call};

const WAIT: Duration = Duration::from_secs(10);

struct Elapsed(std::time::Instant);

impl Clock for Elapsed {
    fn offset(&self) -> gantry_types::instant::UtcOffset {
        gantry_types::instant::UtcOffset::UTC
    }

    fn now(&self) -> Instant {
        Instant(0)
    }

    fn monotonic(&self) -> Instant {
        Instant(i64::try_from(self.0.elapsed().as_micros()).unwrap())
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Elapsed(std::time::Instant::now()))
}

/// One response of the peer.
#[derive(Clone)]
struct Answer {
    status: Status,
    identifier: Option<Vec<(Tag, String)>>,
    responds_to: Option<MessageId>,
}

fn ends(status: Status) -> Answer {
    Answer { status, identifier: None, responds_to: None }
}

fn matches(level: &str, instance: &str) -> Answer {
    let identifier = [(tag::QUERY_RETRIEVE_LEVEL, level), (tag::SOP_INSTANCE_UID, instance)];
    Answer {
        status: Status::PENDING,
        identifier: Some(identifier.map(|(tag, value)| (tag, value.to_owned())).into()),
        responds_to: None,
    }
}

/// What the peer heard.
#[derive(Default)]
struct Heard {
    identifiers: Vec<Vec<u8>>,
    end: Option<End>,
}

struct Peer {
    syntaxes: &'static [&'static str],
    answers: VecDeque<Vec<Answer>>,
    heard: Heard,
}

impl Peer {
    fn accept(&self, rq: &AssociateRq) -> Box<AssociateAc> {
        let contexts = rq.contexts.iter().map(|context| {
            let offered = context.transfer_syntaxes.first().unwrap();
            let result = if self.syntaxes.contains(&offered.as_str()) {
                ContextResult::Accepted(offered.clone())
            } else {
                ContextResult::TransferSyntaxesNotSupported
            };
            AnsweredContext { id: context.id, result }
        });
        Box::new(AssociateAc {
            protocol_version: PROTOCOL_VERSION,
            called: rq.called,
            calling: rq.calling,
            application_context: rq.application_context.clone(),
            contexts: contexts.collect(),
            user: UserInformation { maximum_length: Some(16_384), ..rq.user.clone() },
        })
    }

    /// Sends the next answers; the peer may be aborted in the middle of them.
    fn answer(&mut self, conversation: &mut Conversation, context: ContextId, rq: &CFindRq) {
        let syntax = conversation.association().context(context).unwrap().transfer_syntax.clone();
        for answer in self.answers.pop_front().unwrap() {
            let bytes = answer.identifier.map(|elements| {
                let mut identifier = data_set::DataSet::new();
                elements.into_iter().for_each(|(tag, value)| identifier.put_str(tag, value));
                match syntax::layout(&syntax).0 {
                    Encoding::ImplicitLittle => writer::write_implicit(&identifier).unwrap(),
                    Encoding::ExplicitLittle | Encoding::ExplicitBig => {
                        writer::write_explicit(&identifier).unwrap()
                    }
                }
            });
            let (kind, data) = match &bytes {
                Some(bytes) => (DataSetType::Present, DataSet::Whole(bytes)),
                None => (DataSetType::Absent, DataSet::None),
            };
            let mut response = rq.respond(answer.status.into(), kind);
            response.responds_to = answer.responds_to.unwrap_or(response.responds_to);
            let command = Command::CFindRsp(response);
            if conversation.tell(Event::Send(Message { context, command: &command, data })).is_err() {
                return;
            }
        }
    }

    fn serve(mut self, mut conversation: Conversation) -> Heard {
        let mut query = None;
        let mut identifier = Vec::new();
        loop {
            match conversation.next() {
                Happening::Asked(rq) => conversation.tell(Event::Accept(self.accept(&rq))).unwrap(),
                Happening::Command { context, command } => {
                    let Command::CFindRq(rq) = *command else { panic!("a query is due: {command:?}") };
                    query = Some((context, rq));
                }
                Happening::Data { range, is_last } => {
                    identifier.extend_from_slice(conversation.bytes(range));
                    if is_last {
                        self.heard.identifiers.push(std::mem::take(&mut identifier));
                        let (context, rq) = query.take().unwrap();
                        self.answer(&mut conversation, context, &rq);
                    }
                }
                Happening::ReleaseAsked => conversation.tell(Event::ReleaseResponse).unwrap(),
                Happening::Associated | Happening::Rejected(_) => {}
                Happening::Ended(end) => {
                    self.heard.end = Some(end);
                    return self.heard;
                }
            }
        }
    }
}

/// Asks once for each list of answers, and returns what came of it and what the peer heard.
fn check(
    syntaxes: &'static [&'static str],
    answers: Vec<Vec<Answer>>,
) -> (Vec<Result<Found, SendError>>, Heard) {
    let count = answers.len();
    let mut door = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = door.address().unwrap().port();
    let peer = thread::spawn(move || {
        let connection = door.accept(WAIT).unwrap().unwrap();
        let mut conversation =
            Conversation::new(connection, Association::acceptor(Settings::default()), clock());
        conversation.tell(Event::Connected).unwrap();
        Peer { syntaxes, answers: answers.into(), heard: Heard::default() }.serve(conversation)
    });
    let connection = TcpDialer.dial("127.0.0.1", port, WAIT).unwrap();
    let call = Call {
        called: "PEER".parse().unwrap(),
        calling: "GANTRY".parse().unwrap(),
        implementation: Implementation {
            class: Uid::from_peer("1.2.3").unwrap(),
            version: "TEST".into(),
            maximum_length: 16_384,
        },
    };
    let mut sender = Sender::associate(connection, &call, Sender::query(), clock(), WAIT).unwrap();
    let study = StudyInstanceUid::parse("1.2").unwrap();
    let series = SeriesInstanceUid::parse("1.2.3").unwrap();
    let instance = SopInstanceUid::parse("1.2.3.4").unwrap();
    let found = (0..count).map(|_| sender.find_instance(&study, &series, &instance)).collect();
    sender.release();
    (found, peer.join().unwrap())
}

const BOTH: &[&str] = &[IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN];

#[test]
fn only_a_match_that_names_the_object_is_one() {
    let failure = Status::OUT_OF_RESOURCES;
    let success = || ends(Status::SUCCESS);
    let optional = Answer { status: Status::PENDING_OPTIONAL_KEYS, ..matches(IMAGE, "1.2.3.4") };
    let elsewhere = Answer { responds_to: Some(MessageId(99)), ..matches(IMAGE, "1.2.3.4") };
    let cases = [
        (vec![matches(IMAGE, "1.2.3.4"), success()], Found::Present),
        (vec![matches("IMAGE ", "1.2.3.4 "), success()], Found::Present),
        (vec![optional, success()], Found::Present),
        (vec![matches(IMAGE, "1.2.3.5"), matches(IMAGE, "1.2.3.4"), success()], Found::Present),
        (vec![matches(IMAGE, "1.2.3.4"), ends(failure)], Found::Present),
        (vec![success()], Found::Absent),
        (vec![matches(IMAGE, "1.2.3.5"), matches(IMAGE, "1.2.3.40"), success()], Found::Absent),
        (vec![matches(IMAGE, "1.2.3.4\\1.2.3.5"), matches(IMAGE, ""), success()], Found::Absent),
        (vec![matches("STUDY", "1.2.3.4"), success()], Found::Absent),
        (vec![ends(Status::PENDING), success()], Found::Absent),
        (vec![elsewhere, success()], Found::Absent),
        // The identifier of the last response is none of the next query's.
        (vec![Answer { status: Status::SUCCESS, ..matches(IMAGE, "1.2.3.4") }], Found::Absent),
        (vec![ends(failure)], Found::NotAnswered(failure.into())),
        (vec![matches(IMAGE, "1.2.3.5"), ends(failure)], Found::NotAnswered(failure.into())),
        (vec![ends(Status::CANCEL)], Found::NotAnswered(Status::CANCEL.into())),
    ];
    let (answers, want): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let (got, heard) = check(BOTH, answers);
    assert_eq!(got.into_iter().map(Result::unwrap).collect::<Vec<_>>(), want);
    assert_eq!(heard.end, Some(End::Released));
}

#[test]
fn the_query_has_its_level_and_the_three_keys_in_the_syntax_accepted() {
    let cases: [(&[&str], _); 3] = [
        (BOTH, Encoding::ExplicitLittle),
        (&[EXPLICIT_VR_LITTLE_ENDIAN], Encoding::ExplicitLittle),
        (&[IMPLICIT_VR_LITTLE_ENDIAN], Encoding::ImplicitLittle),
    ];
    for (syntaxes, encoding) in cases {
        let (got, heard) = check(syntaxes, vec![vec![matches(IMAGE, "1.2.3.4"), ends(Status::SUCCESS)]]);
        assert!(matches!(got[..], [Ok(Found::Present)]), "{got:?}");
        let reading = reader::read(&heard.identifiers[0], encoding, Limits::default(), Stop::AtEnd);
        assert_eq!(reading.problems, []);
        let text = |tag| reading.data_set.str(tag);
        assert_eq!(reading.data_set.elements().len(), 4);
        assert_eq!(text(tag::QUERY_RETRIEVE_LEVEL), Some("IMAGE"));
        assert_eq!(text(tag::SOP_INSTANCE_UID), Some("1.2.3.4"));
        assert_eq!(text(tag::STUDY_INSTANCE_UID), Some("1.2"));
        assert_eq!(text(tag::SERIES_INSTANCE_UID), Some("1.2.3"));
    }
}

#[test]
fn a_peer_that_takes_no_queries_is_asked_none() {
    let (got, heard) = check(&[], vec![vec![]]);
    assert!(matches!(got[..], [Err(SendError::NoContext { .. })]), "{got:?}");
    assert_eq!(heard.identifiers.len(), 0);
    assert_eq!(heard.end, Some(End::Released));
}

#[test]
fn answers_without_measure_end_the_association() {
    let matches_of = |count| {
        let mut answers = vec![matches(IMAGE, "1.2.3.4"); count];
        answers.push(ends(Status::SUCCESS));
        answers
    };
    let (got, _) = check(BOTH, vec![matches_of(MATCHES_MAX)]);
    assert!(matches!(got[..], [Ok(Found::Present)]), "{got:?}");
    let mut long = matches(IMAGE, "1.2.3.4");
    long.identifier
        .as_mut()
        .unwrap()
        .push((Tag(0x0020, 0x4000), "long ".repeat(IDENTIFIER_BYTES_MAX / 5 - 1)));
    for (answers, want) in
        [(matches_of(MATCHES_MAX + 1), Excess::Matches), (vec![long], Excess::IdentifierBytes)]
    {
        let (got, heard) = check(BOTH, vec![answers]);
        assert!(matches!(got[..], [Err(SendError::TooMuch(excess))] if excess == want), "{got:?}");
        assert!(matches!(heard.end, Some(End::Aborted(_))), "{:?}", heard.end);
    }
}
