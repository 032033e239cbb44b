//! Two machines against each other: what one sends, the other receives.

use alloc::{collections::VecDeque, vec, vec::Vec};

use proptest::{collection, prelude::*};

use super::{owner::Owner, *};
use crate::{
    command::{CFindRq, DataSetType},
    deviation::Deviation,
    machine::effect::{DataSet, Ends, Message, More},
    status::Status,
};

/// The bytes that the waiting effects of `association` write, and the other effects.
fn collect(association: &mut Association, data: &[u8], wire: &mut Vec<u8>) -> Vec<Effect> {
    let mut others = Vec::new();
    while let Some(effect) = association.poll_effect() {
        if let Effect::Send(frame) = effect {
            wire.extend(&frame.head);
            wire.extend(&data[frame.body]);
        } else {
            others.push(effect);
        }
    }
    others
}

/// Hands `wire` to `association` in reads of `chunk` bytes; all effects but those it writes.
fn receive(association: &mut Association, wire: &[u8], chunk: usize) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut reads: VecDeque<&[u8]> = wire.chunks(chunk).collect();
    while let Some(read) = reads.pop_front() {
        let taken = association.receive(read, at(0));
        effects.extend(collect(association, &[], &mut Vec::new()));
        if taken < read.len() {
            reads.push_front(&read[taken..]);
        }
    }
    effects
}

/// A requestor and an owner with an association of `classes`; reads have `chunk` bytes.
fn associated(classes: &[&str], chunk: usize) -> (Association, Owner) {
    let mut requestor = Association::requestor(Settings::default());
    let mut owner = Owner::connected();
    let mut wire = Vec::new();
    requestor.handle(Event::Associate(rq_for(classes, 16_384)), at(0)).unwrap();
    requestor.handle(Event::Connected, at(0)).unwrap();
    assert_eq!(collect(&mut requestor, &[], &mut wire), [Effect::Connect]);
    for read in wire.chunks(chunk) {
        owner.read(read, at(0));
    }
    let answer = core::mem::take(&mut owner.sent);
    let effects = receive(&mut requestor, &answer, chunk);
    assert!(matches!(effects[..], [Effect::Associated(_)]), "{effects:?}");
    (requestor, owner)
}

#[test]
fn a_study_is_stored_in_reads_of_any_size() {
    for chunk in [1, 7, 1000, 65_536] {
        let (mut requestor, mut owner) = associated(&[VERIFICATION, CT], chunk);
        let mut wire = Vec::new();
        for id in 1..=3 {
            let data: Vec<u8> = (0..40_000 * usize::from(id)).map(|i| (i * 31 / 7) as u8).collect();
            let command = store(id);
            let message = Message { context: STORE, command: &command, data: DataSet::Whole(&data) };
            requestor.handle(Event::Send(message), at(0)).unwrap();
            assert_eq!(collect(&mut requestor, &data, &mut wire), []);
            for read in core::mem::take(&mut wire).chunks(chunk) {
                owner.read(read, at(0));
            }
            assert_eq!(owner.stored.last(), Some(&data));
            let answer = core::mem::take(&mut owner.sent);
            let effects = receive(&mut requestor, &answer, chunk);
            let [Effect::Command { command, .. }] = &effects[..] else { panic!("{effects:?}") };
            assert_eq!(command.responds_to(), Some(MessageId(id)));
            assert_eq!(command.outcome().unwrap().status, Status::SUCCESS);
        }
        requestor.handle(Event::ReleaseRequest, at(0)).unwrap();
        collect(&mut requestor, &[], &mut wire);
        owner.read(&wire, at(0));
        let answer = core::mem::take(&mut owner.sent);
        assert_eq!(receive(&mut requestor, &answer, chunk), [Effect::Released, Effect::Close]);
        owner.association.handle(Event::Closed, at(0)).unwrap();
        owner.carry_out(&[], at(0));
        assert!(owner.closed);
    }
}

/// The acceptor here is a bare machine that plays a C-FIND SCP.
#[test]
fn a_find_brings_its_matches() {
    let mut requestor = Association::requestor(Settings::default());
    let mut scp = Association::acceptor(Settings::default());
    let rq = rq_for(&[FIND], 0);
    let mut ac = ac_to(&rq, 0);
    let syntax = rq.contexts[0].transfer_syntaxes[0].clone();
    ac.contexts[0].result = crate::pdu::associate::ContextResult::Accepted(syntax);
    requestor.handle(Event::Associate(rq), at(0)).unwrap();
    requestor.handle(Event::Connected, at(0)).unwrap();
    scp.handle(Event::Connected, at(0)).unwrap();
    let mut wire = Vec::new();
    collect(&mut requestor, &[], &mut wire);
    receive(&mut scp, &core::mem::take(&mut wire), 64);
    scp.handle(Event::Accept(ac), at(0)).unwrap();
    collect(&mut scp, &[], &mut wire);
    receive(&mut requestor, &core::mem::take(&mut wire), 64);

    let query = CFindRq::new(MessageId(5), SopClassUid::parse(FIND).unwrap());
    let command = Command::CFindRq(query.clone());
    let message = Message { context: ContextId(1), command: &command, data: DataSet::Whole(b"WHO?") };
    requestor.handle(Event::Send(message), at(0)).unwrap();
    collect(&mut requestor, b"WHO?", &mut wire);
    let asked = receive(&mut scp, &core::mem::take(&mut wire), 1 << 20);
    assert!(matches!(&asked[0], Effect::Command { command: got, .. } if **got == command));

    for (status, data) in [(Status::PENDING, &b"ME"[..]), (Status::PENDING, b"TO"), (Status::SUCCESS, b"")] {
        let (data_set, data) = match data {
            [] => (DataSetType::Absent, DataSet::None),
            data => (DataSetType::Present, DataSet::Whole(data)),
        };
        let command = Command::CFindRsp(query.respond(status.into(), data_set));
        scp.handle(Event::Send(Message { context: ContextId(1), command: &command, data }), at(0)).unwrap();
        let bytes = match data {
            DataSet::Whole(bytes) => bytes,
            DataSet::None | DataSet::Begin(_) => &[],
        };
        collect(&mut scp, bytes, &mut wire);
    }
    let effects = receive(&mut requestor, &wire, 1 << 20);
    let mut statuses = Vec::new();
    for effect in &effects {
        if let Effect::Command { command, .. } = effect {
            statuses.push(command.outcome().unwrap().status);
        }
    }
    assert_eq!(statuses, [Status::PENDING, Status::PENDING, Status::SUCCESS]);
    let matches = effects.iter().filter(|e| matches!(e, Effect::Data { ends: Ends::DataSet, .. })).count();
    assert_eq!(matches, 2);
}

#[test]
fn both_sides_may_ask_for_release_at_once() {
    let (mut requestor, mut owner) = associated(&[VERIFICATION], 100);
    let (mut to_owner, mut to_requestor) = (Vec::new(), Vec::new());
    requestor.handle(Event::ReleaseRequest, at(0)).unwrap();
    collect(&mut requestor, &[], &mut to_owner);
    owner.association.handle(Event::ReleaseRequest, at(0)).unwrap();
    collect(&mut owner.association, &[], &mut to_requestor);
    // The requestor answers first, the owner (the acceptor) when it has that answer.
    assert_eq!(receive(&mut requestor, &to_requestor, 9), [Effect::ReleaseAsked]);
    owner.read(&to_owner, at(0));
    assert_eq!(owner.sent, []);
    requestor.handle(Event::ReleaseResponse, at(0)).unwrap();
    to_owner.clear();
    collect(&mut requestor, &[], &mut to_owner);
    owner.read(&to_owner, at(0));
    let answer = core::mem::take(&mut owner.sent);
    assert_eq!(receive(&mut requestor, &answer, 9), [Effect::Released, Effect::Close]);
    owner.association.handle(Event::Closed, at(0)).unwrap();
    owner.carry_out(&[], at(0));
    let end = &owner.log[owner.log.len() - 4..];
    assert_eq!(end, ["Released", "ReleaseAsked", "Send(RELEASE-RP)", "Close"]);
}

/// An acceptor that told `maximum_length`, and a requestor, both in Sta6.
fn with_maximum(maximum_length: u32) -> (Association, Association) {
    let mut requestor = Association::requestor(Settings::default());
    let mut acceptor = Association::acceptor(Settings::default());
    requestor.handle(Event::Associate(rq()), at(0)).unwrap();
    requestor.handle(Event::Connected, at(0)).unwrap();
    acceptor.handle(Event::Connected, at(0)).unwrap();
    let mut wire = Vec::new();
    collect(&mut requestor, &[], &mut wire);
    receive(&mut acceptor, &wire, 1 << 20);
    acceptor.handle(Event::Accept(ac_to(&rq(), maximum_length)), at(0)).unwrap();
    wire.clear();
    collect(&mut acceptor, &[], &mut wire);
    receive(&mut requestor, &wire, 1 << 20);
    (requestor, acceptor)
}

proptest! {
    /// However a data set is handed over, it arrives as it was, in even fragments of at most the maximum length.
    #[test]
    fn a_data_set_in_pieces_arrives_as_it_was(
        maximum_length in prop_oneof![Just(0u32), Just(1), 8..200u32],
        mut pieces in collection::vec(collection::vec(any::<u8>(), 0..300), 1..6),
    ) {
        if pieces.concat().len() % 2 == 1 {
            pieces.push(vec![0]);
        }
        let (mut requestor, mut acceptor) = with_maximum(maximum_length);
        let command = store(1);
        let mut wire = Vec::new();
        let (last, first) = (pieces.len() - 1, &pieces[0][..]);
        let data = if last == 0 { DataSet::Whole(first) } else { DataSet::Begin(first) };
        requestor.handle(Event::Send(Message { context: STORE, command: &command, data }), at(0)).unwrap();
        collect(&mut requestor, first, &mut wire);
        for (i, piece) in pieces.iter().enumerate().skip(1) {
            let more = if i == last { More::Last } else { More::Follow };
            requestor.handle(Event::SendMore { bytes: piece, more }, at(0)).unwrap();
            collect(&mut requestor, piece, &mut wire);
        }
        let mut rest = &wire[..];
        while !rest.is_empty() {
            let length = u32::from_be_bytes([rest[2], rest[3], rest[4], rest[5]]);
            let max = if maximum_length == 0 { 128 << 10 } else { maximum_length.max(8) };
            prop_assert!(length <= max);
            prop_assert_eq!(length % 2, 0);
            rest = &rest[6 + length as usize..];
        }
        let mut got: Vec<u8> = Vec::new();
        let mut from = 0;
        while from < wire.len() {
            let taken = acceptor.receive(&wire[from..], at(0));
            while let Some(effect) = acceptor.poll_effect() {
                if let Effect::Data { range, .. } = effect {
                    got.extend(&wire[from..][range]);
                } else if let Effect::Command { command: arrived, .. } = effect {
                    prop_assert_eq!(&*arrived, &command);
                } else {
                    // Nothing fits into one byte, and only an empty data set is sent as an empty fragment.
                    let borne = matches!(effect, Effect::Deviation(Deviation::OverMaximumLength));
                    let empty = matches!(effect, Effect::Deviation(Deviation::EmptyFragment));
                    prop_assert!(borne && maximum_length == 1 || empty && pieces.concat().is_empty());
                }
            }
            from += taken;
        }
        prop_assert_eq!(got, pieces.concat());
    }
}
