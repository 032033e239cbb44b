//! Streams of anything: no panic, no range outside of the bytes, and the same effects however the stream is cut.

use alloc::{vec, vec::Vec};

use proptest::{collection, prelude::*, sample};

use super::{owner::Owner, *};
use crate::{
    machine::table::State,
    pdu::abort::{Abort, encode_release_rp, encode_release_rq},
};

/// Feeds `stream` in reads of the lengths `cuts`, then waits until the end.
fn serve(stream: &[u8], cuts: &[usize]) -> Owner {
    let mut owner = Owner::connected();
    let mut rest = stream;
    for cut in cuts.iter().chain([&usize::MAX]) {
        let (read, later) = rest.split_at(rest.len().min(*cut));
        owner.read(read, at(0));
        rest = later;
    }
    while let Some(wakeup) = owner.association.next_wakeup() {
        owner.association.handle(Event::Tick, wakeup).unwrap();
        owner.carry_out(&[], wakeup);
    }
    assert!(owner.closed && owner.association.state() == State::Sta1);
    owner
}

/// Pieces that good and bad streams are made of.
fn pieces() -> Vec<Vec<u8>> {
    let middle = FragmentPlace::Middle;
    let command = store(7).encode();
    vec![
        rq().encode().unwrap(),
        p_data(&[command_pdv(ECHO, &echo())]),
        p_data(&[command_pdv(STORE, &store(1)), data_pdv(STORE, FragmentPlace::Last, &[7; 20])]),
        p_data(&[command_pdv(STORE, &store(2)), data_pdv(STORE, middle, &[8; 9])]),
        p_data(&[data_pdv(STORE, middle, &[9; 6]), data_pdv(STORE, middle, &[])]),
        p_data(&[data_pdv(STORE, FragmentPlace::Last, &[])]),
        p_data(&[pdv(STORE, FragmentKind::Command, middle, &command[..5])]),
        p_data(&[pdv(STORE, FragmentKind::Command, FragmentPlace::Last, &command[5..])]),
        p_data(&[]),
        p_data(&vec![data_pdv(STORE, middle, &[1]); 100]),
        pdu(4, &[0, 0, 0, 9, 3, 0, 1]),
        pdu(4, &[0, 0, 0, 2, 99, 0]),
        pdu(0x42, &[1, 2, 3]),
        pdu(2, &[0; 100]),
        encode_release_rq(),
        encode_release_rp(),
        Abort::User.encode(),
        vec![4, 0, 0xFF, 0xFF, 0xFF, 0xFF],
    ]
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => sample::select(pieces()),
        1 => collection::vec(any::<u8>(), 0..20),
    ];
    let associated = prop_oneof![4 => Just(rq().encode().unwrap()), 1 => Just(Vec::new())];
    let flip = (any::<sample::Index>(), any::<u8>());
    (associated, collection::vec(piece, 0..10), collection::vec(flip, 0..2)).prop_map(
        |(mut stream, pieces, flips)| {
            stream.extend(pieces.concat());
            for (index, bits) in flips {
                if !stream.is_empty() {
                    let at = index.index(stream.len());
                    stream[at] ^= bits;
                }
            }
            stream
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn effects_do_not_depend_on_how_the_stream_is_cut(
        stream in any_stream(), cuts in collection::vec(1usize..40, 0..60),
    ) {
        let whole = serve(&stream, &[]);
        for cuts in [cuts, vec![1; stream.len()]] {
            let split = serve(&stream, &cuts);
            prop_assert_eq!(&split.log, &whole.log);
            prop_assert_eq!(&split.stored, &whole.stored);
            prop_assert_eq!(&split.sent, &whole.sent);
        }
    }

    #[test]
    fn any_bytes_are_borne_and_the_answer_is_bounded(stream in collection::vec(any::<u8>(), 0..600)) {
        let owner = serve(&stream, &[]);
        prop_assert!(owner.sent.len() <= 10, "{:?}", owner.log);
    }
}

/// A flood of unknown PDUs draws one A-ABORT.
#[test]
fn zeros_are_answered_once() {
    let owner = serve(&[0; 65_536], &[]);
    assert_eq!(owner.log, ["Send(ABORT 2/1)", "Aborted(ByUs(Provider(UnrecognizedPdu)))", "Close"]);
}
