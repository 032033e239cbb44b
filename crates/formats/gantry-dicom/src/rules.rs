//! Rules of value representations (PS3.5 6.2): is a value legal?
//!
//! Used before a copied value enters an object of ours, and by the form gate on everything that leaves.
//!
//! Deliberately absent: the repertoire of text, which `charset` judges, and value multiplicity, which belongs to
//! the attribute.

use crate::{
    data_set::{Element, Value},
    vr::Vr,
};

/// Why a value breaks the rules of its VR.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Longer than the VR allows.
    #[error("{vr} value has {count} characters, at most {max} are allowed")]
    TooLong {
        /// The VR.
        vr: Vr,
        /// Characters of the longest value.
        count: usize,
        /// The most allowed.
        max: usize,
    },
    /// A form that the VR does not know.
    #[error("{vr} value {value:?} is not legal")]
    BadForm {
        /// The VR.
        vr: Vr,
        /// The value; never of a VR that can hold a person's name.
        value: String,
    },
    /// Not a whole number of words.
    #[error("{vr} value of {bytes} bytes is no whole number of words")]
    Ragged {
        /// The VR.
        vr: Vr,
        /// Its size.
        bytes: usize,
    },
}

/// The first rule that an element's own value breaks; items are judged one by one by the caller.
#[must_use]
pub fn violation(element: &Element<'_>) -> Option<Violation> {
    let Value::Bytes(bytes) = &element.value else { return None };
    let vr = element.vr;
    match vr {
        Vr::AE => each(vr, bytes, |v| v.len() <= 16 && is_ascii_graphic_or_space(v)),
        Vr::AS => {
            each(vr, bytes, |v| matches!(v, [d @ .., b'D' | b'W' | b'M' | b'Y'] if d.len() == 3 && digits(d)))
        }
        Vr::CS => each(vr, bytes, |v| v.len() <= 16 && v.iter().all(|b| is_code_character(*b))),
        Vr::DA => each(vr, bytes, is_date),
        Vr::DS => each(vr, bytes, is_decimal),
        Vr::DT => each(vr, bytes, |v| v.len() <= 26 && is_date_time(v)),
        Vr::IS => each(vr, bytes, is_integer),
        Vr::TM => each(vr, bytes, is_time),
        Vr::UI => each(vr, bytes, is_uid),
        Vr::AT
        | Vr::FD
        | Vr::FL
        | Vr::OD
        | Vr::OF
        | Vr::OL
        | Vr::OV
        | Vr::OW
        | Vr::SL
        | Vr::SS
        | Vr::SV
        | Vr::UL
        | Vr::US
        | Vr::UV => {
            let word = if vr == Vr::AT { 4 } else { vr.word_bytes() };
            (bytes.len() % word != 0).then_some(Violation::Ragged { vr, bytes: bytes.len() })
        }
        Vr::SH => text_violation(vr, bytes, 16),
        Vr::LO => text_violation(vr, bytes, 64),
        Vr::PN => text_violation(vr, bytes, 3 * 64 + 2),
        Vr::ST => text_violation(vr, bytes, 1024),
        Vr::LT => text_violation(vr, bytes, 10_240),
        Vr::OB | Vr::SQ | Vr::UC | Vr::UN | Vr::UR | Vr::UT => None,
    }
}

/// `max`: the characters that one value may have.
fn text_violation(vr: Vr, bytes: &[u8], max: usize) -> Option<Violation> {
    // Bytes are an upper bound of the characters of single-byte and UTF-8 text; leading bytes of UTF-8 are counted.
    let count = |value: &[u8]| value.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    let single = matches!(vr, Vr::ST | Vr::LT);
    let longest =
        if single { count(bytes.trim_ascii_end()) } else { values(bytes).map(count).max().unwrap_or(0) };
    (max < longest).then_some(Violation::TooLong { vr, count: longest, max })
}

fn values(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\\').map(|value| {
        let value = value.trim_ascii();
        value.strip_suffix(b"\0").unwrap_or(value)
    })
}

fn each(vr: Vr, bytes: &[u8], is_legal: impl Fn(&[u8]) -> bool) -> Option<Violation> {
    let bad = values(bytes).find(|value| !value.is_empty() && !is_legal(value))?;
    Some(Violation::BadForm { vr, value: String::from_utf8_lossy(bad).into_owned() })
}

fn digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

fn is_ascii_graphic_or_space(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_code_character(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_' || byte == b' '
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn is_date(value: &[u8]) -> bool {
    let (Some(month), Some(day)) = (value.get(4..6), value.get(6..8)) else { return false };
    value.len() == 8
        && digits(value)
        && number(month).is_some_and(|month| (1..=12).contains(&month))
        && number(day).is_some_and(|day| (1..=31).contains(&day))
}

fn is_time(value: &[u8]) -> bool {
    let (clock, fraction) = match value.iter().position(|byte| *byte == b'.') {
        Some(dot) => (value.get(..dot).unwrap_or_default(), value.get(dot + 1..)),
        None => (value, None),
    };
    let below = |range: std::ops::Range<usize>, max| match clock.get(range) {
        Some(part) => number(part).is_some_and(|n| n <= max),
        None => true,
    };
    matches!(clock.len(), 2 | 4 | 6)
        && digits(clock)
        && below(0..2, 23)
        && below(2..4, 59)
        && below(4..6, 60)
        && fraction.is_none_or(|f| clock.len() == 6 && digits(f) && f.len() <= 6)
}

fn is_date_time(value: &[u8]) -> bool {
    let (local, offset) = match value.iter().position(|byte| matches!(byte, b'+' | b'-')) {
        Some(sign) => (value.get(..sign).unwrap_or_default(), value.get(sign + 1..)),
        None => (value, None),
    };
    offset.is_none_or(|offset| offset.len() == 4 && digits(offset))
        && match local.len() {
            4 | 6 => digits(local),
            8 => is_date(local),
            _ => local.get(..8).is_some_and(is_date) && local.get(8..).is_some_and(is_time),
        }
}

fn is_decimal(value: &[u8]) -> bool {
    value.len() <= 16
        && value.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && std::str::from_utf8(value).is_ok_and(|text| text.parse::<f64>().is_ok())
}

fn is_integer(value: &[u8]) -> bool {
    value.len() <= 12 && std::str::from_utf8(value).is_ok_and(|text| text.parse::<i32>().is_ok())
}

fn is_uid(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| gantry_types::uid::Uid::parse(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag;

    #[track_caller]
    fn check(vr: Vr, legal: &[&str], illegal: &[&str]) {
        let judge = |text: &str| {
            let value = Value::Bytes(text.as_bytes().to_vec().into());
            violation(&Element { tag: tag::MODALITY, vr, value })
        };
        for text in legal {
            assert_eq!(judge(text), None, "{vr} {text:?}");
        }
        for text in illegal {
            assert!(judge(text).is_some(), "{vr} {text:?}");
        }
    }

    #[test]
    fn values_are_judged_by_their_vr() {
        check(Vr::CS, &["", "DERIVED\\PRIMARY ", "A_1"], &["ct", "A-B", "SEVENTEEN_LETTERS"]);
        check(Vr::DA, &["20261125"], &["2026.11.25", "20261301", "20260132", "2026112"]);
        check(Vr::TM, &["12", "1259", "125960.123456 "], &["24", "12:00", "1200.5", "12000"]);
        check(Vr::DT, &["2026", "20261125103000.5+0100"], &["20261125103000.5+01", "x"]);
        check(Vr::DS, &["-1.5E-3\\2 ", "00060"], &["1,5", "12345678901234567", "--1", "inf"]);
        check(Vr::IS, &["-12 ", "+7"], &["1.0", "2147483648", "x"]);
        check(Vr::UI, &["1.2.3\0"], &["1.02", "1.2.a"]);
        check(Vr::AS, &["003Y"], &["3Y", "003y"]);
        check(Vr::SH, &["sixteen letters."], &["seventeen letters"]);
        check(Vr::LO, &[&"ä".repeat(64)], &[&"ä".repeat(65)]);
        check(Vr::US, &["ab"], &["abc"]);
    }
}
