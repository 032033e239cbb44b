//! Character sets: bytes of text elements to text (PS3.5 6.1, PS3.3 C.12.1.1.2).
//!
//! The tables are borrowed; switching between them by escape sequences (ISO 2022) is ours. Splitting into values or name
//! components comes after decoding: in some sets the bytes of backslash and caret are second halves of characters.
//!
//! Invariants
//! - Every input gives text; what cannot be decoded shows as U+FFFD, and the bytes stay as they are elsewhere.
//! - Without Specific Character Set, bytes above 0x7F are read as Latin-1, which is what most senders meant.

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_15, UTF_8, WINDOWS_874, WINDOWS_1254,
};

use crate::{
    data_set::DataSet,
    tag::{self, Tag},
};

const ESCAPE: u8 = 0x1B;

/// The value of Specific Character Set (0008,0005).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CharacterSet {
    whole: Option<Whole>,
    start: State,
}

/// A set for whole values, without escape sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Utf8,
    Gb18030,
    Gbk,
}

/// What the lower and the upper half of a byte mean at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    low: Low,
    high: High,
}

/// G0: bytes 0x21 to 0x7E.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Low {
    Ascii,
    /// JIS X 0201 romaji: yen and overline instead of backslash and tilde.
    Romaji,
    /// Two bytes each.
    Jis0208,
    /// Two bytes each.
    Jis0212,
}

/// G1: bytes 0xA1 to 0xFE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum High {
    Latin1,
    Table(Table),
    /// JIS X 0201: half-width katakana.
    Katakana,
    /// Two bytes each.
    Ksx1001,
    /// Two bytes each.
    Gb2312,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Latin2,
    Latin3,
    Latin4,
    Latin5,
    Latin9,
    Cyrillic,
    Arabic,
    Greek,
    Hebrew,
    Thai,
}

impl Table {
    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Latin2 => ISO_8859_2,
            Self::Latin3 => ISO_8859_3,
            Self::Latin4 => ISO_8859_4,
            // Equal to ISO 8859-9 from 0xA0 on; below lie controls, which are never asked for here.
            Self::Latin5 => WINDOWS_1254,
            Self::Latin9 => ISO_8859_15,
            Self::Cyrillic => ISO_8859_5,
            Self::Arabic => ISO_8859_6,
            Self::Greek => ISO_8859_7,
            Self::Hebrew => ISO_8859_8,
            Self::Thai => WINDOWS_874,
        }
    }
}

impl CharacterSet {
    /// What holds where nothing is said.
    pub const DEFAULT: Self = Self { whole: None, start: State { low: Low::Ascii, high: High::Latin1 } };

    /// The character set that a data set declares for itself; an item without its own has that of what contains it.
    #[must_use]
    pub fn of(data_set: &DataSet<'_>) -> Self {
        // A first value that is empty, or a term that nobody knows, means the default repertoire.
        Self::from_term(data_set.strs(tag::SPECIFIC_CHARACTER_SET).next().unwrap_or_default())
    }

    fn from_term(term: &str) -> Self {
        let whole = match term {
            "ISO_IR 192" => Some(Whole::Utf8),
            "GB18030" => Some(Whole::Gb18030),
            "GBK" => Some(Whole::Gbk),
            _ => None,
        };
        // `ISO_IR 100` and `ISO 2022 IR 100` name the same repertoire; senders write the blanks as they like.
        let number = term.rsplit([' ', '_']).next().unwrap_or_default();
        let table = |table| State { low: Low::Ascii, high: High::Table(table) };
        let start = match number {
            "101" => table(Table::Latin2),
            "109" => table(Table::Latin3),
            "110" => table(Table::Latin4),
            "148" => table(Table::Latin5),
            "203" => table(Table::Latin9),
            "144" => table(Table::Cyrillic),
            "127" => table(Table::Arabic),
            "126" => table(Table::Greek),
            "138" => table(Table::Hebrew),
            "166" => table(Table::Thai),
            "13" => State { low: Low::Romaji, high: High::Katakana },
            _ => Self::DEFAULT.start,
        };
        Self { whole, start }
    }

    /// Decodes the bytes of a text element, padding included.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let encoding = match self.whole {
            Some(Whole::Utf8) => UTF_8,
            Some(Whole::Gb18030) => GB18030,
            Some(Whole::Gbk) => GBK,
            None => return self.decode_switching(bytes),
        };
        encoding.decode_without_bom_handling(bytes).0.into_owned()
    }

    fn decode_switching(self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len());
        let mut state = self.start;
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match byte {
                ESCAPE => match escape(after) {
                    Some((change, after)) => {
                        change(&mut state);
                        after
                    }
                    // Not one of ours: shown, so that nobody takes it for read.
                    None => {
                        out.push(char::REPLACEMENT_CHARACTER);
                        after
                    }
                },
                0x21..=0x7E => self.low(byte, after, &mut state, &mut out),
                0x80.. => high(byte, after, state.high, &mut out),
                _ => {
                    // Control characters end a line, and with it what was switched to (PS3.5 6.1.2.5.3).
                    if matches!(byte, b'\n' | 0x0C | b'\r' | b'\t') {
                        state = self.start;
                    }
                    out.push(char::from(byte));
                    after
                }
            };
        }
        out
    }

    fn low<'a>(self, byte: u8, after: &'a [u8], state: &mut State, out: &mut String) -> &'a [u8] {
        let single = match state.low {
            Low::Ascii => char::from(byte),
            // The backslash stays one: it parts values even where it is drawn as a yen sign.
            Low::Romaji if byte == b'~' => '\u{203E}',
            Low::Romaji => char::from(byte),
            Low::Jis0208 => return pair(EUC_JP, &[], byte, after, out),
            Low::Jis0212 => return pair(EUC_JP, &[0x8F], byte, after, out),
        };
        // Delimiters end what was switched to.
        if matches!(byte, b'\\' | b'^' | b'=') {
            *state = self.start;
        }
        out.push(single);
        after
    }
}

/// A character of two bytes in the lower half, by an encoding that has it in the upper half.
fn pair<'a>(
    encoding: &'static Encoding,
    lead: &[u8],
    byte: u8,
    after: &'a [u8],
    out: &mut String,
) -> &'a [u8] {
    let Some((&second, after)) = after.split_first() else {
        out.push(char::REPLACEMENT_CHARACTER);
        return after;
    };
    let bytes = [lead, &[byte | 0x80, second | 0x80]].concat();
    out.push_str(&encoding.decode_without_bom_handling(&bytes).0);
    after
}

fn high<'a>(byte: u8, after: &'a [u8], high: High, out: &mut String) -> &'a [u8] {
    let two_bytes = match high {
        High::Latin1 => {
            out.push(char::from(byte));
            return after;
        }
        High::Katakana => {
            // Half-width katakana stand in one row.
            let katakana = (0xA1..=0xDF).contains(&byte).then(|| 0xFF61 + u32::from(byte - 0xA1));
            out.push(katakana.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
            return after;
        }
        High::Table(_) if byte < 0xA0 => {
            out.push(char::REPLACEMENT_CHARACTER);
            return after;
        }
        High::Table(table) => {
            out.push_str(&table.encoding().decode_without_bom_handling(&[byte]).0);
            return after;
        }
        High::Ksx1001 => EUC_KR,
        High::Gb2312 => GBK,
    };
    pair(two_bytes, &[], byte, after, out)
}

type Change = fn(&mut State);

/// The escape sequences of PS3.3 tables C.12-3 and C.12-4, without the ESC.
const ESCAPES: &[(&[u8], Change)] = &[
    (b"(B", |state| state.low = Low::Ascii),
    (b"(J", |state| state.low = Low::Romaji),
    (b"$B", |state| state.low = Low::Jis0208),
    (b"$(D", |state| state.low = Low::Jis0212),
    (b"-A", |state| state.high = High::Latin1),
    (b"-B", |state| state.high = High::Table(Table::Latin2)),
    (b"-C", |state| state.high = High::Table(Table::Latin3)),
    (b"-D", |state| state.high = High::Table(Table::Latin4)),
    (b"-L", |state| state.high = High::Table(Table::Cyrillic)),
    (b"-G", |state| state.high = High::Table(Table::Arabic)),
    (b"-F", |state| state.high = High::Table(Table::Greek)),
    (b"-H", |state| state.high = High::Table(Table::Hebrew)),
    (b"-M", |state| state.high = High::Table(Table::Latin5)),
    (b"-b", |state| state.high = High::Table(Table::Latin9)),
    (b"-T", |state| state.high = High::Table(Table::Thai)),
    (b")I", |state| state.high = High::Katakana),
    (b"$)C", |state| state.high = High::Ksx1001),
    (b"$)A", |state| state.high = High::Gb2312),
];

fn escape(after: &[u8]) -> Option<(Change, &[u8])> {
    ESCAPES.iter().find_map(|(sequence, change)| Some((*change, after.strip_prefix(*sequence)?)))
}

/// The text of an element in its data set's character set, without padding; empty if it is absent.
#[must_use]
pub fn text(data_set: &DataSet<'_>, tag: Tag) -> String {
    let bytes = data_set.bytes(tag).unwrap_or_default();
    let text = CharacterSet::of(data_set).decode(bytes);
    text.trim_matches([' ', '\0']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(term: &str, bytes: &[u8]) -> String {
        CharacterSet::from_term(term).decode(bytes)
    }

    /// The examples of PS3.5 annexes H, I and K.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        assert_eq!(
            decode(
                "",
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
            ),
            "Yamada^Tarou=山田^太郎=やまだ^たろう"
        );
        assert_eq!(
            decode("ISO 2022 IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"),
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"
        );
        assert_eq!(
            decode("", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"),
            "Hong^Gildong=洪^吉洞=홍^길동"
        );
    }

    #[test]
    fn a_delimiter_ends_what_was_switched_to() {
        // The second component has no escape sequence of its own: its bytes are Latin-1 again.
        assert_eq!(decode("", b"\x1b-F\xc4^\xc4"), "Δ^Ä");
        assert_eq!(decode("", b"\x1b-F\xc4\r\n\xc4"), "Δ\r\nÄ");
    }

    #[test]
    fn every_byte_string_gives_text() {
        for term in ["", "ISO_IR 192", "GB18030", "ISO_IR 13", "ISO_IR 166", "ISO 2022 IR 87", "NOBODY KNOWS"]
        {
            for byte in 0..=u8::MAX {
                let _text = decode(term, &[ESCAPE, byte, b'$', byte, 0xFF, byte]);
            }
        }
        assert_eq!(decode("", b"\x1b$B;"), "\u{FFFD}");
        assert_eq!(decode("ISO_IR 192", b"\xff"), "\u{FFFD}");
    }
}
