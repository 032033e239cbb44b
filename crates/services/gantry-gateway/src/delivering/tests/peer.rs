//! A peer that plays a part: every object is answered as the part says.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use gantry_dicom::{
    data_set,
    reader::{self, Limits, Stop},
    syntax, tag, writer,
};
use gantry_dimse::{
    command::{CStoreRq, Command, DataSetType},
    machine::{
        Association, Settings,
        effect::{DataSet, Event, Message},
    },
    negotiation::STUDY_ROOT_FIND,
    pdu::{
        associate::{AnsweredContext, AssociateAc, AssociateRq, ContextId, ContextResult, PROTOCOL_VERSION},
        reject::{AssociateRj, RejectReason},
        user::UserInformation,
    },
    status::Status,
};
use gantry_net::TcpDoor;
use gantry_ports::{clock::Clock, transport::Listener as _};
use gantry_types::{digest::Digest, uid::SopInstanceUid};

use super::{Ahead, digest};
use crate::conversation::{Conversation, Happening};

/// An object that came.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) association: usize,
    pub(super) uid: String,
    /// Of its data set.
    pub(super) digest: Digest,
}

/// The answer to an object.
pub(super) enum Play {
    Status(u16),
    /// The same answer two times.
    StatusTwice(u16),
    StatusAndAbort(u16),
    Abort,
    /// None at all.
    Silent,
}

type Part = dyn Fn(&Got) -> Play + Send + Sync;

struct Shared {
    classes: Vec<String>,
    part: Box<Part>,
    got: Mutex<Vec<Got>>,
    has: Mutex<BTreeSet<String>>,
    takes_queries: AtomicBool,
    is_over: AtomicBool,
}

/// The peer; it stops listening when dropped.
pub(super) struct Peer {
    shared: Arc<Shared>,
    port: u16,
}

impl Peer {
    /// Takes objects of these classes; without any it rejects associations.
    pub(super) fn start(classes: &[&str], part: impl Fn(&Got) -> Play + Send + Sync + 'static) -> Self {
        let mut door = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = door.address().unwrap().port();
        let shared = Arc::new(Shared {
            classes: classes.iter().map(ToString::to_string).collect(),
            part: Box::new(part),
            got: Mutex::default(),
            has: Mutex::default(),
            takes_queries: AtomicBool::new(true),
            is_over: AtomicBool::new(false),
        });
        let here = Arc::clone(&shared);
        thread::spawn(move || {
            let mut associations = 0..;
            while !here.is_over.load(Ordering::Relaxed) {
                let Some(connection) = door.accept(Duration::from_millis(50)).unwrap() else { continue };
                let clock: Arc<dyn Clock> =
                    Arc::new(Ahead { began: std::time::Instant::now(), ahead: 0.into() });
                let conversation =
                    Conversation::new(connection, Association::acceptor(Settings::default()), clock);
                let (shared, number) = (Arc::clone(&here), associations.next().unwrap());
                thread::spawn(move || serve(&shared, conversation, number));
            }
        });
        Self { shared, port }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// From now on, queries find this one.
    pub(super) fn has(&self, uid: &SopInstanceUid) {
        self.shared.has.lock().unwrap().insert(uid.to_string());
    }

    pub(super) fn take_no_queries(&self) {
        self.shared.takes_queries.store(false, Ordering::Relaxed);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

fn accept(shared: &Shared, rq: &AssociateRq) -> Box<AssociateAc> {
    let contexts = rq.contexts.iter().map(|context| {
        let class = context.abstract_syntax.as_str();
        let is_query = class == STUDY_ROOT_FIND && shared.takes_queries.load(Ordering::Relaxed);
        let result = if is_query || shared.classes.iter().any(|taken| taken == class) {
            ContextResult::Accepted(context.transfer_syntaxes.first().unwrap().clone())
        } else {
            ContextResult::AbstractSyntaxNotSupported
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

fn serve(shared: &Shared, mut conversation: Conversation, association: usize) {
    conversation.tell(Event::Connected).unwrap();
    let mut asked = None;
    let mut bytes = Vec::new();
    loop {
        // The other side may have ended it at any moment: then `tell` has no meaning, and the end follows.
        let _told = match conversation.next() {
            Happening::Asked(_) if shared.classes.is_empty() => {
                let rj = AssociateRj::permanent(RejectReason::CalledAeTitleNotRecognized);
                conversation.tell(Event::Reject(rj)).is_ok()
            }
            Happening::Asked(rq) => conversation.tell(Event::Accept(accept(shared, &rq))).is_ok(),
            Happening::Command { context, command } => {
                asked = Some((context, command));
                true
            }
            Happening::Data { range, is_last } => {
                bytes.extend_from_slice(conversation.bytes(range));
                if is_last {
                    let (context, command) = asked.take().unwrap();
                    let bytes = std::mem::take(&mut bytes);
                    answer(shared, &mut conversation, context, &command, &bytes, association);
                }
                true
            }
            Happening::ReleaseAsked => conversation.tell(Event::ReleaseResponse).is_ok(),
            Happening::Associated | Happening::Rejected(_) => true,
            Happening::Ended(_) => return,
        };
    }
}

fn answer(
    shared: &Shared,
    conversation: &mut Conversation,
    context: ContextId,
    command: &Command,
    bytes: &[u8],
    association: usize,
) {
    match command {
        Command::CStoreRq(rq) => {
            let got = Got {
                association,
                uid: rq.sop_instance.as_ref().unwrap().to_string(),
                digest: digest(bytes),
            };
            shared.got.lock().unwrap().push(got.clone());
            match (shared.part)(&got) {
                Play::Status(status) => say(conversation, context, rq, status),
                Play::StatusTwice(status) => {
                    say(conversation, context, rq, status);
                    say(conversation, context, rq, status);
                }
                Play::StatusAndAbort(status) => {
                    say(conversation, context, rq, status);
                    let _over = conversation.tell(Event::Abort).is_ok();
                }
                Play::Abort => {
                    let _over = conversation.tell(Event::Abort).is_ok();
                }
                Play::Silent => {}
            }
        }
        Command::CFindRq(rq) => {
            let syntax = conversation.association().context(context).unwrap().transfer_syntax.clone();
            let encoding = syntax::layout(&syntax).0;
            let query = reader::read(bytes, encoding, Limits::default(), Stop::AtEnd).data_set;
            let uid = query.str(tag::SOP_INSTANCE_UID).unwrap().to_owned();
            if shared.has.lock().unwrap().contains(&uid) {
                let mut identifier = data_set::DataSet::new();
                identifier.put_str(tag::QUERY_RETRIEVE_LEVEL, "IMAGE");
                identifier.put_str(tag::SOP_INSTANCE_UID, uid);
                let identifier = writer::write_explicit(&identifier).unwrap();
                let command = Command::CFindRsp(rq.respond(Status::PENDING.into(), DataSetType::Present));
                let data = DataSet::Whole(&identifier);
                let _over =
                    conversation.tell(Event::Send(Message { context, command: &command, data })).is_ok();
            }
            let command = Command::CFindRsp(rq.respond(Status::SUCCESS.into(), DataSetType::Absent));
            let message = Message { context, command: &command, data: DataSet::None };
            let _over = conversation.tell(Event::Send(message)).is_ok();
        }
        Command::CStoreRsp(_)
        | Command::CEchoRq(_)
        | Command::CEchoRsp(_)
        | Command::CFindRsp(_)
        | Command::CCancelRq(_)
        | Command::Other(_) => panic!("{command:?}"),
    }
}

fn say(conversation: &mut Conversation, context: ContextId, rq: &CStoreRq, status: u16) {
    let command = Command::CStoreRsp(rq.respond(Status(status).into()));
    let message = Message { context, command: &command, data: DataSet::None };
    let _over = conversation.tell(Event::Send(message)).is_ok();
}
