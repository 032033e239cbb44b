//! `gantry echo` and `gantry send`: we are the one who calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gantry_dicom::{
    part10,
    reader::{self, Limits, Stop},
    syntax,
    tag::{self, Tag},
};
use gantry_dimse::{
    pdu::reject::RejectReason,
    status::{Status, StatusClass},
};
use gantry_gateway::sender::{Call, SendError, Sender};
use gantry_net::TcpDialer;
use gantry_ports::transport::Dial as _;
use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid},
};

use crate::{
    cli::{Peer, Send},
    commands::run::files,
    node,
    report::{Exit, Failure, print, say},
    system::SystemClock,
};

const CONNECT: Duration = Duration::from_secs(10);
const RESPONSE: Duration = Duration::from_secs(120);

/// The most contexts of one association.
const CONTEXTS_MAX: usize = 128;

type Pair = (SopClassUid, TransferSyntaxUid);

/// `gantry echo`.
pub(crate) fn echo(peer: &Peer) -> Result<(), Failure> {
    let mut sender = associate(peer, Sender::verification())?;
    let outcome = sender.echo().map_err(|error| refused(peer, &error))?;
    sender.release();
    if outcome.status != Status::SUCCESS {
        let sentence = format!("{} answered {:04X}", peer.address, outcome.status.0);
        return Err(Failure::new(Exit::Peer, "echo/status", sentence));
    }
    print(&format!("{} at {} answers", peer.called, peer.address))
}

/// `gantry send`.
pub(crate) fn send(options: &Send) -> Result<(), Failure> {
    let Sent { sent, of } = send_all(options)?;
    print(&format!("sent {sent} of {of} objects to {} at {}", options.peer.called, options.peer.address))?;
    if sent == of {
        return Ok(());
    }
    let sentence = format!("{} objects were not accepted", of - sent);
    Err(Failure::new(Exit::Peer, "send/not-accepted", sentence))
}

/// How many objects a peer took.
pub(crate) struct Sent {
    pub(crate) sent: usize,
    pub(crate) of: usize,
}

/// Sends everything that can be sent; what the peer does not accept is told one by one.
pub(crate) fn send_all(options: &Send) -> Result<Sent, Failure> {
    let (files, skipped) = survey(&options.paths)?;
    for (path, why) in &skipped {
        say(&format!("warning: {} is not sent: {why}", path.display()));
    }
    if files.is_empty() {
        return Err(Failure::new(Exit::Input, "send/nothing", "there is no DICOM file to send"));
    }
    let pairs: BTreeSet<Pair> = files.iter().map(|file| (file.class.clone(), file.syntax.clone())).collect();
    let pairs: Vec<Pair> = pairs.into_iter().collect();
    let mut failed = BTreeMap::new();
    let mut sent = 0_usize;
    for contexts in pairs.chunks(CONTEXTS_MAX) {
        let mut sender = associate(&options.peer, contexts.to_vec())?;
        for file in &files {
            if !contexts.contains(&(file.class.clone(), file.syntax.clone())) {
                continue;
            }
            match send_one(&mut sender, file) {
                Ok(()) => sent += 1,
                Err(Unsent::Association(error)) => {
                    show_failed(&failed);
                    let failure = refused(&options.peer, &error);
                    let first = file.path.display();
                    let sentence = format!(
                        "{}; sent {sent} of {} objects, the first that may be missing is {first}",
                        failure.sentence,
                        files.len()
                    );
                    return Err(Failure { sentence, ..failure });
                }
                Err(Unsent::Object(why)) => {
                    failed.insert(file.path.clone(), why);
                }
            }
        }
        sender.release();
    }
    show_failed(&failed);
    Ok(Sent { sent, of: files.len() })
}

fn show_failed(failed: &BTreeMap<PathBuf, String>) {
    for (path, why) in failed {
        say(&format!("error: {}: {why}", path.display()));
    }
}

/// Why an object was not sent.
enum Unsent {
    /// The object's own fault, or the peer's opinion of it.
    Object(String),
    /// Nothing can be sent any more.
    Association(SendError),
}

fn send_one(sender: &mut Sender, file: &File) -> Result<(), Unsent> {
    let bytes = fs::read(&file.path).map_err(|error| Unsent::Object(error.to_string()))?;
    let located = part10::locate(&bytes).map_err(|error| Unsent::Object(error.to_string()))?;
    let padded;
    let data_set = if located.data_set.len() % 2 == 1 {
        padded = [located.data_set, &[0]].concat();
        &padded
    } else {
        located.data_set
    };
    match sender.store(&file.class, &file.instance, &file.syntax, data_set) {
        Ok(outcome) => match outcome.status.class() {
            StatusClass::Success | StatusClass::Warning | StatusClass::DuplicateInstance => Ok(()),
            StatusClass::Pending
            | StatusClass::Cancelled
            | StatusClass::OutOfResources
            | StatusClass::DataSetMismatch
            | StatusClass::CannotUnderstand
            | StatusClass::SopClassNotSupported
            | StatusClass::NotAuthorized
            | StatusClass::OtherFailure => {
                let comment = outcome.error_comment.unwrap_or_default();
                Err(Unsent::Object(format!("status {:04X} {comment}", outcome.status.0)))
            }
        },
        Err(error @ (SendError::NoContext { .. } | SendError::NotTaken(_) | SendError::Unwritable(_))) => {
            Err(Unsent::Object(error.to_string()))
        }
        Err(
            error @ (SendError::Rejected { .. }
            | SendError::Silent
            | SendError::Ended(_)
            | SendError::Proposal(_)
            | SendError::TooMuch(_)),
        ) => Err(Unsent::Association(error)),
    }
}

/// A file to be sent.
struct File {
    path: PathBuf,
    class: SopClassUid,
    instance: SopInstanceUid,
    syntax: TransferSyntaxUid,
}

type Skipped = Vec<(PathBuf, String)>;

/// Finds the DICOM files, in a steady order.
fn survey(paths: &[PathBuf]) -> Result<(Vec<File>, Skipped), Failure> {
    let mut found = Vec::new();
    for path in paths {
        if !path.exists() {
            let sentence = format!("there is no file or folder {}", path.display());
            return Err(Failure::new(Exit::Input, "send/not-there", sentence));
        }
        files::collect(path, &mut found).map_err(|error| {
            Failure::new(Exit::Input, "send/unreadable", format!("cannot read {}: {error}", path.display()))
        })?;
    }
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for path in found {
        match look_at(&path) {
            Ok(file) => files.push(file),
            Err(why) => skipped.push((path, why)),
        }
    }
    Ok((files, skipped))
}

fn look_at(path: &Path) -> Result<File, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let located = part10::locate(&bytes).map_err(|error| error.to_string())?;
    let meta = &located.meta;
    let encoding = syntax::layout(&located.transfer_syntax).0;
    let stop = Stop::Before(Tag(8, 0x19));
    let front = reader::read(located.data_set, encoding, Limits::default(), stop).data_set;
    let text = |of_data_set, of_meta| {
        let own = front.str(of_data_set).filter(|text| !text.is_empty());
        own.or(meta.str(of_meta)).map(str::to_owned)
    };
    let class = text(tag::SOP_CLASS_UID, tag::MEDIA_STORAGE_SOP_CLASS_UID);
    let instance = text(tag::SOP_INSTANCE_UID, tag::MEDIA_STORAGE_SOP_INSTANCE_UID);
    Ok(File {
        path: path.to_owned(),
        class: class.as_deref().and_then(SopClassUid::from_peer).ok_or("it has no SOP Class UID")?,
        instance: instance
            .as_deref()
            .and_then(SopInstanceUid::from_peer)
            .ok_or("it has no SOP Instance UID")?,
        syntax: located.transfer_syntax,
    })
}

fn associate(peer: &Peer, contexts: Vec<Pair>) -> Result<Sender, Failure> {
    let title = |text: &str| {
        AeTitle::parse(text).map_err(|error| Failure::new(Exit::Input, "cli/ae-title", error.to_string()))
    };
    let call = Call {
        called: title(&peer.called)?,
        calling: title(&peer.calling)?,
        implementation: node::implementation(),
    };
    let address = &peer.address;
    let connection = TcpDialer.dial(&address.host, address.port, CONNECT).map_err(|error| {
        Failure::new(Exit::Peer, "peer/no-connection", format!("cannot connect to {address}: {error}"))
            .hint("is the peer running, and does it listen on this port?")
    })?;
    Sender::associate(connection, &call, contexts, Arc::new(SystemClock::start()), RESPONSE)
        .map_err(|error| refused(peer, &error))
}

fn refused(peer: &Peer, error: &SendError) -> Failure {
    let failure = Failure::unexpected("peer/refused", error);
    let sentence = format!("{} at {}: {}", peer.called, peer.address, failure.sentence);
    let failure = Failure::new(Exit::Peer, "peer/refused", sentence);
    match error {
        SendError::Rejected { rj } => failure.hint(match rj.reason {
            RejectReason::CalledAeTitleNotRecognized => {
                format!("the peer does not call itself `{}`: name its AE title with --called", peer.called)
            }
            RejectReason::CallingAeTitleNotRecognized | RejectReason::UserNoReason => format!(
                "the peer does not know `{}`, or not from this machine: enter us there, or see --calling",
                peer.calling
            ),
            RejectReason::ApplicationContextNotSupported
            | RejectReason::AcseNoReason
            | RejectReason::Other { .. }
            | RejectReason::ProtocolVersionNotSupported => {
                "the peer speaks something else: does DICOM listen on this port?".to_owned()
            }
            RejectReason::TemporaryCongestion | RejectReason::LocalLimitExceeded => {
                "the peer is busy: try again later".to_owned()
            }
        }),
        SendError::Silent
        | SendError::Ended(_)
        | SendError::NoContext { .. }
        | SendError::Proposal(_)
        | SendError::NotTaken(_)
        | SendError::Unwritable(_)
        | SendError::TooMuch(_) => failure,
    }
}
