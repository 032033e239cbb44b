//! Machines driven by hand: the whole table, scripts of events, two machines against each other, streams of anything.

mod owner;
mod pair;
mod scripts;
mod streams;
mod whole_table;

use alloc::{borrow::ToOwned as _, boxed::Box, format, string::String, vec::Vec};

use gantry_types::{
    ae_title::AeTitle,
    instant::Instant,
    uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid},
};

use super::{
    Association, Settings,
    effect::{Effect, Event},
};
use crate::{
    command::{CEchoRq, CStoreRq, Command, MessageId},
    negotiation::{Answer, Implementation, VERIFICATION, answer, proposal::propose, transfer_syntax},
    pdu::{
        associate::{AssociateAc, AssociateRq, ContextId},
        data::{FragmentKind, FragmentPlace, encode_headers},
    },
};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
const ECHO: ContextId = ContextId(1);
const STORE: ContextId = ContextId(3);

/// `seconds` after the beginning of time.
fn at(seconds: i64) -> Instant {
    Instant(seconds * 1_000_000)
}

fn implementation(maximum_length: u32) -> Implementation {
    Implementation { class: Uid::parse("1.2.3").unwrap(), version: "TEST".into(), maximum_length }
}

/// A request for verification (1) and CT storage (3).
fn rq() -> Box<AssociateRq> {
    rq_for(&[VERIFICATION, CT], 16_384)
}

fn rq_for(classes: &[&str], maximum_length: u32) -> Box<AssociateRq> {
    let title = |text| AeTitle::parse(text).unwrap();
    let syntax = TransferSyntaxUid::parse(transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN).unwrap();
    let context = |class: &&str| (SopClassUid::parse(class).unwrap(), Vec::from([syntax.clone()]));
    let contexts = classes.iter().map(context).collect();
    propose(&title("GANTRY"), &title("CT"), contexts, &implementation(maximum_length)).unwrap()
}

fn ac_to(rq: &AssociateRq, maximum_length: u32) -> Box<AssociateAc> {
    match answer(rq, &implementation(maximum_length)) {
        Answer::Accept(ac) => ac,
        Answer::Reject(rj) => panic!("rejected: {rj:?}"),
    }
}

fn ac() -> Box<AssociateAc> {
    ac_to(&rq(), 16_384)
}

fn echo() -> Command {
    Command::CEchoRq(CEchoRq::new(MessageId(1)))
}

fn store(id: u16) -> Command {
    let (class, instance) = (SopClassUid::parse(CT).unwrap(), SopInstanceUid::parse("1.2.3.4").unwrap());
    Command::CStoreRq(CStoreRq::new(MessageId(id), class, instance))
}

/// A PDV: header and fragment.
fn pdv(context: ContextId, kind: FragmentKind, place: FragmentPlace, fragment: &[u8]) -> Vec<u8> {
    let headers = encode_headers(context, kind, place, u32::try_from(fragment.len()).unwrap());
    [&headers[6..], fragment].concat()
}

fn command_pdv(context: ContextId, command: &Command) -> Vec<u8> {
    pdv(context, FragmentKind::Command, FragmentPlace::Last, &command.encode())
}

fn data_pdv(context: ContextId, place: FragmentPlace, fragment: &[u8]) -> Vec<u8> {
    pdv(context, FragmentKind::Data, place, fragment)
}

/// A P-DATA-TF of PDVs.
fn p_data(pdvs: &[Vec<u8>]) -> Vec<u8> {
    pdu(4, &pdvs.concat())
}

/// A PDU of any type.
fn pdu(code: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[code, 0], &length[..], body].concat()
}

/// An acceptor in Sta6, with nothing left to do.
fn accepted() -> Association {
    let mut acceptor = Association::acceptor(Settings::default());
    acceptor.handle(Event::Connected, at(0)).unwrap();
    let pdu = rq().encode().unwrap();
    assert_eq!(acceptor.receive(&pdu, at(0)), pdu.len());
    acceptor.handle(Event::Accept(ac()), at(0)).unwrap();
    while acceptor.poll_effect().is_some() {}
    acceptor
}

/// All effects that wait, in short.
fn drain(association: &mut Association) -> String {
    let mut effects = Vec::new();
    while let Some(effect) = association.poll_effect() {
        effects.push(short(&effect));
    }
    format!("[{}]", effects.join(", "))
}

fn short(effect: &Effect) -> String {
    match effect {
        Effect::Connect => "Connect".to_owned(),
        Effect::Send(frame) => format!("Send({})", short_pdus(&frame.head)),
        Effect::Ask(rq) => format!("Ask({:?} -> {:?}, {})", rq.calling, rq.called, rq.contexts.len()),
        Effect::Associated(ac) => format!("Associated({})", ac.contexts.len()),
        Effect::Rejected(rj) => format!("Rejected{:?}", rj.codes()),
        Effect::Command { context, command } => {
            let name = format!("{command:?}");
            format!("Command({context} {})", name.split('(').next().unwrap_or_default())
        }
        Effect::Data { context, range, ends } => format!("Data({context} {range:?} {ends:?})"),
        Effect::ReleaseAsked => "ReleaseAsked".to_owned(),
        Effect::Released => "Released".to_owned(),
        Effect::Aborted(aborted) => format!("Aborted({aborted:?})"),
        Effect::Deviation(deviation) => format!("Deviation({deviation})"),
        Effect::Close => "Close".to_owned(),
    }
}

/// The PDUs at the front of `bytes`; the last may lack its data.
fn short_pdus(mut bytes: &[u8]) -> String {
    let mut names = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<6>() {
        let length = u32::from_be_bytes([header[2], header[3], header[4], header[5]]) as usize;
        let body = &rest[..length.min(rest.len())];
        names.push(match header[0] {
            1 => "RQ".to_owned(),
            2 => "AC".to_owned(),
            3 => format!("RJ {}/{}/{}", body[1], body[2], body[3]),
            4 => {
                let kind = if body[5] & 1 == 1 { "command" } else { "data" };
                let place = if body[5] & 2 == 2 { " last" } else { "" };
                format!("P-DATA {} {kind}{place} {}", body[4], length - 6)
            }
            5 => "RELEASE-RQ".to_owned(),
            6 => "RELEASE-RP".to_owned(),
            7 => format!("ABORT {}/{}", body[2], body[3]),
            other => format!("PDU {other}"),
        });
        bytes = &rest[body.len()..];
    }
    names.join(" + ")
}
