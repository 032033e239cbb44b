//! Laws of the reader. Inputs are written in a small language: see [`bytes`].

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Assembles bytes from words: `(gggg,eeee)` is a tag and `#n` a 32-bit, `$n` a 16-bit number, little endian;
/// `00` `ff` are bytes in hex; anything in quotes is text.
fn bytes(script: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for word in script.split_whitespace() {
        if let Some(tag) = word.strip_prefix('(') {
            for half in tag.trim_end_matches(')').split(',') {
                out.extend(u16::from_str_radix(half, 16).unwrap().to_le_bytes());
            }
        } else if let Some(number) = word.strip_prefix('#') {
            let number = if number == "?" { u32::MAX } else { number.parse().unwrap() };
            out.extend(number.to_le_bytes());
        } else if let Some(number) = word.strip_prefix('$') {
            out.extend(number.parse::<u16>().unwrap().to_le_bytes());
        } else if let Some(text) = word.strip_prefix('"') {
            out.extend(text.trim_end_matches('"').replace('_', " ").bytes());
        } else {
            out.push(u8::from_str_radix(word, 16).unwrap());
        }
    }
    out
}

/// Prints a data set as a tree, then its problems.
fn show(reading: &Reading<'_>) -> String {
    fn tree(data_set: &DataSet<'_>, indent: usize, out: &mut String) {
        for element in data_set.elements() {
            let head = format!("{:indent$}{} {}", "", element.tag, element.vr);
            match &element.value {
                Value::Bytes(bytes) => *out += &format!("{head} {:?}\n", String::from_utf8_lossy(bytes)),
                Value::Fragments(fragments) => {
                    let sizes: Vec<usize> = fragments.iter().map(|f| f.len()).collect();
                    *out += &format!("{head} fragments {sizes:?}\n");
                }
                Value::Items(items) => {
                    *out += &format!("{head} {} items\n", items.len());
                    for item in items {
                        *out += &format!("{:indent$} item\n", "");
                        tree(item, indent + 2, out);
                    }
                }
            }
        }
    }
    let mut out = String::new();
    tree(&reading.data_set, 0, &mut out);
    for problem in &reading.problems {
        let damage = if problem.kind.is_damage() { "damage" } else { "oddity" };
        out += &format!("{damage} at {} {}: {}\n", problem.offset, problem.tag, problem.kind);
    }
    out
}

#[track_caller]
fn check(encoding: Encoding, script: &str, want: Expect) {
    let input = bytes(script);
    want.assert_eq(&show(&read(&input, encoding, Limits::default(), Stop::AtEnd)));
}

#[track_caller]
fn check_explicit(script: &str, want: Expect) {
    check(Encoding::ExplicitLittle, script, want);
}

#[test]
fn nested_sequences_of_both_kinds_of_length() {
    check_explicit(
        r#"(0008,0060) "CS $2 "CT
           (0008,1115) "SQ 00 00 #? (fffe,e000) #? (0020,000e) "UI $4 "1.2 00 (fffe,e00d) #0 (fffe,e0dd) #0
           (0008,1140) "SQ 00 00 #20 (fffe,e000) #12 (0020,000d) "UI $4 "1.3 00
           (0010,0020) "LO $4 "ID_1"#,
        expect![[r#"
            (0008,0060) CS "CT"
            (0008,1115) SQ 1 items
             item
              (0020,000E) UI "1.2\0"
            (0008,1140) SQ 1 items
             item
              (0020,000D) UI "1.3\0"
            (0010,0020) LO "ID 1"
        "#]],
    );
}

#[test]
fn implicit_sequences_are_known_from_the_dictionary_and_private_ones_from_their_length() {
    check(
        Encoding::ImplicitLittle,
        r#"(0008,1115) #20 (fffe,e000) #12 (0020,000e) #4 "1.2 00
           (0009,0010) #4 "ACME (0009,1001) #? (fffe,e000) #0 (fffe,e0dd) #0 (0009,1002) #2 "ab"#,
        expect![[r#"
            (0008,1115) SQ 1 items
             item
              (0020,000E) UI "1.2\0"
            (0009,0010) LO "ACME"
            (0009,1001) SQ 1 items
             item
            (0009,1002) UN "ab"
        "#]],
    );
}

#[test]
fn unknown_of_undefined_length_holds_implicit_little_endian() {
    check_explicit(
        r#"(0009,1001) "UN 00 00 #? (fffe,e000) #? (0008,0060) #2 "CT (fffe,e00d) #0 (fffe,e0dd) #0
           (0010,0020) "LO $2 "ID"#,
        expect![[r#"
            (0009,1001) SQ 1 items
             item
              (0008,0060) CS "CT"
            (0010,0020) LO "ID"
        "#]],
    );
}

#[test]
fn encapsulated_pixel_data_with_and_without_its_end() {
    check_explicit(
        r#"(7fe0,0010) "OB 00 00 #? (fffe,e000) #0 (fffe,e000) #2 01 02 (fffe,e000) #1 03 (fffe,e0dd) #0"#,
        expect![[r#"
            (7FE0,0010) OB fragments [0, 2, 1]
            oddity at 30 (7FE0,0010): the value has odd length
        "#]],
    );
    check_explicit(
        r#"(7fe0,0010) "OB 00 00 #? (fffe,e000) #0 (fffe,e000) #4294967280 01 02"#,
        expect![[r#"
            (7FE0,0010) OB fragments [0]
            damage at 20 (7FE0,0010): the value declares 4294967280 bytes where 2 are left
        "#]],
    );
    check_explicit(
        r#"(7fe0,0010) "OB 00 00 #? (fffe,e000) #0 (fffe,e000) #2 01 02"#,
        expect![[r#"
            (7FE0,0010) OB fragments [0, 2]
            damage at 30 (7FE0,0010): a delimiter is missing
        "#]],
    );
}

#[test]
fn a_length_that_is_not_there_costs_only_its_element() {
    check_explicit(
        r#"(0008,0060) "CS $2 "CT (0042,0011) "OB 00 00 #4294967294 01"#,
        expect![[r#"
            (0008,0060) CS "CT"
            damage at 10 (0042,0011): the value declares 4294967294 bytes where 1 are left
        "#]],
    );
}

#[test]
fn an_item_longer_than_its_sequence_is_clamped() {
    check_explicit(
        r#"(0008,1115) "SQ 00 00 #20 (fffe,e000) #14 (0020,000e) "UI $4 "1.2 00 (0010,0020) "LO $2 "ID"#,
        expect![[r#"
            (0008,1115) SQ 1 items
             item
              (0020,000E) UI "1.2\0"
            (0010,0020) LO "ID"
            oddity at 20 (FFFE,E000): an item or sequence reaches beyond what contains it
        "#]],
    );
}

#[test]
fn the_wrong_encoding_is_noticed() {
    check_explicit(
        r#"(0008,0060) #2 "CT (0010,0020) #2 "ID"#,
        expect![[r#"
            (0008,0060) CS "CT"
            (0010,0020) LO "ID"
            oddity at 0 (0000,0000): the element is not encoded as the transfer syntax says
        "#]],
    );
    check(
        Encoding::ImplicitLittle,
        r#"(0008,0060) "CS $2 "CT (0010,0020) "LO $2 "ID"#,
        expect![[r#"
            (0008,0060) CS "CT"
            (0010,0020) LO "ID"
            oddity at 0 (0000,0000): the element is not encoded as the transfer syntax says
        "#]],
    );
}

#[test]
fn implicit_elements_inside_an_explicit_data_set_are_read() {
    check_explicit(
        r#"(0008,0060) "CS $2 "CT (0010,0020) #2 "ID (0020,0010) "SH $2 "S1"#,
        expect![[r#"
            (0008,0060) CS "CT"
            (0010,0020) LO "ID"
            (0020,0010) SH "S1"
            oddity at 10 (0010,0020): the element is not encoded as the transfer syntax says
        "#]],
    );
}

#[test]
fn an_unknown_vr_is_skipped_over() {
    check_explicit(
        r#"(0008,0060) "CS $2 "CT (0009,1001) "ZZ 00 00 #2 "ab (0010,0020) "?? $2 "ID"#,
        expect![[r#"
            (0008,0060) CS "CT"
            (0009,1001) UN "ab"
            (0010,0020) LO "ID"
            oddity at 10 (0009,1001): the value representation is not known
            oddity at 24 (0010,0020): the value representation is not known
        "#]],
    );
}

/// Eight zeros read as an element and may be padding; asking the rest anew at each of them would take hours here.
#[test]
fn zeros_that_are_no_padding_are_read_in_one_pass() {
    let bytes = [vec![0; 8 << 20], b"\x10\0\x20\0LO\x02\0ID".to_vec()].concat();
    let reading = read(&bytes, Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
    assert!(!reading.problems.iter().any(|problem| problem.kind == ProblemKind::TrailingBytes));
}

#[test]
fn order_duplicates_and_trailing_zeros_are_reported_and_kept() {
    check_explicit(
        r#"(0010,0020) "LO $2 "ID (0008,0060) "CS $2 "CT (0008,0060) "CS $2 "MR 00 00 00 00 00 00 00 00 00 00"#,
        expect![[r#"
            (0010,0020) LO "ID"
            (0008,0060) CS "CT"
            (0008,0060) CS "MR"
            oddity at 10 (0008,0060): the element is out of order
            oddity at 20 (0008,0060): the element occurs twice
            oddity at 30 (0000,0000): bytes follow the data set
        "#]],
    );
}

#[test]
fn a_forgotten_item_delimiter_ends_with_its_sequence() {
    check_explicit(
        r#"(0008,1115) "SQ 00 00 #? (fffe,e000) #? (0020,000e) "UI $4 "1.2 00 (fffe,e0dd) #0 (0010,0020) "LO $2 "ID"#,
        expect![[r#"
            (0008,1115) SQ 1 items
             item
              (0020,000E) UI "1.2\0"
            (0010,0020) LO "ID"
            oddity at 32 (FFFE,E0DD): a stray delimiter
        "#]],
    );
}

#[test]
fn nesting_beyond_the_limit_is_damage_and_keeps_what_came_before() {
    let mut input = bytes(r#"(0008,0018) "UI $4 "1.2 00"#);
    for _ in 0..5000 {
        input.extend(bytes(r#"(0008,1115) "SQ 00 00 #? (fffe,e000) #?"#));
    }
    let reading = read(&input, Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
    assert_eq!(reading.data_set.str(tag::SOP_INSTANCE_UID), Some("1.2"));
    assert_eq!(reading.damage().map(|p| p.kind), Some(ProblemKind::TooDeep));
}

#[test]
fn limits_on_elements_and_items_hold() {
    let limits = Limits { depth: 64, elements: 3, items: 3 };
    let input = bytes(r#"(0009,1001) "CS $0"#).repeat(4);
    let reading = read(&input, Encoding::ExplicitLittle, limits, Stop::AtEnd);
    assert_eq!(reading.data_set.elements().len(), 3);
    assert_eq!(reading.damage().map(|p| p.kind), Some(ProblemKind::TooMany));

    let mut input = bytes(r#"(0008,1115) "SQ 00 00 #?"#);
    input.extend(bytes("(fffe,e000) #0").repeat(4));
    let reading = read(&input, Encoding::ExplicitLittle, limits, Stop::AtEnd);
    assert_eq!(reading.damage().map(|p| p.kind), Some(ProblemKind::TooMany));
}

#[test]
fn many_trifles_do_not_hide_damage() {
    let mut input = bytes(r#"(0009,1001) "CS $1 "A"#).repeat(200);
    input.extend(bytes(r#"(0010,0020) "LO $9"#));
    let reading = read(&input, Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
    assert_eq!(reading.problems.len(), PROBLEMS_MAX);
    assert!(reading.damage().is_some());
}

#[test]
fn reading_stops_before_a_tag_of_the_data_set_itself() {
    let input = bytes(
        r#"(0008,1115) "SQ 00 00 #18 (fffe,e000) #10 (7fe0,0010) "CS $2 "xx (0008,0060) "CS $2 "CT
           (7fe0,0010) "OW 00 00 #99"#,
    );
    let reading = read(&input, Encoding::ExplicitLittle, Limits::default(), Stop::Before(tag::PIXEL_DATA));
    assert_eq!((reading.end, reading.damage()), (40, None));
    assert_eq!(reading.data_set.elements().len(), 2);
}

#[test]
fn big_endian_numbers_are_read_in_their_order() {
    let input = [0x00, 0x28, 0x00, 0x10, b'U', b'S', 0, 2, 0x02, 0x00];
    let reading = read(&input, Encoding::ExplicitBig, Limits::default(), Stop::AtEnd);
    assert_eq!(reading.data_set.u16(tag::ROWS), Some(512));
}

proptest! {
    /// Law: any bytes, in any encoding, give a reading whose values lie inside of the input.
    #[test]
    fn no_input_panics_or_grows(
        input in proptest::collection::vec(any::<u8>(), 0..300),
        encoding in prop_oneof![
            Just(Encoding::ImplicitLittle), Just(Encoding::ExplicitLittle), Just(Encoding::ExplicitBig)
        ],
    ) {
        fn size(data_set: &DataSet<'_>) -> usize {
            data_set.elements().iter().map(|element| match &element.value {
                Value::Bytes(bytes) => bytes.len(),
                Value::Items(items) => items.iter().map(size).sum(),
                Value::Fragments(fragments) => fragments.iter().map(|f| f.len()).sum(),
            }).sum()
        }
        let reading = read(&input, encoding, Limits::default(), Stop::AtEnd);
        prop_assert!(reading.end <= input.len());
        prop_assert!(size(&reading.data_set) <= input.len());
    }

    /// Law: cutting a sound data set anywhere is either between two elements or damage.
    #[test]
    fn a_cut_is_noticed(cut in 0_usize..96) {
        let input = bytes(
            r#"(0008,0060) "CS $2 "CT
               (0008,1115) "SQ 00 00 #? (fffe,e000) #? (0020,000e) "UI $4 "1.2 00 (fffe,e00d) #0 (fffe,e0dd) #0
               (0010,0020) "LO $4 "ID_1 (7fe0,0010) "OB 00 00 #4 01 02 03 04"#,
        );
        prop_assume!(cut < input.len());
        let reading = read(&input[..cut], Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
        let between = [0, 10, 58, 70].contains(&cut);
        prop_assert_eq!(between, reading.damage().is_none(), "cut {}: {:?}", cut, reading.problems);
    }
}
