//! `comparison.json`: what revisions of objects are to those that were kept before them (RC2).

use serde::{Deserialize, Serialize};

use super::{
    FormError, VERSION,
    wire::{bound, read, value, write},
};

/// The most pairs of a job.
pub const PAIRS_MAX: usize = 1000;
/// The largest `comparison.json`.
pub const BYTES_MAX: usize = 4 << 20;
/// The most bytes of a sentence.
const SENTENCE_MAX: usize = 1000;

/// Roles of the inputs of a comparison, each with as many objects: the n-th of one is compared with the n-th of the other.
pub mod roles {
    /// What was kept before.
    pub const KEPT: &str = "kept";
    /// What came with the same SOP Instance UID.
    pub const NEW: &str = "new";
}

const WHAT: &str = "comparison.json";

/// What a revision is to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Whether they say the same.
    pub headers: Headers,
    /// Whether they show the same.
    pub pixels: Pixels,
}

/// Two headers, in their canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headers {
    /// They say the same.
    Equal,
    /// They do not.
    Differ,
}

/// The pixels of two objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// The same stored samples, or none in either.
    Equal,
    /// The new one is a copy that was compressed with loss.
    LossyCopy,
    /// They show different things, and which.
    Differ(String),
    /// Nobody can tell, and why.
    Unknown(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    comparisons: Vec<WireComparison>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireComparison {
    headers: WireHeaders,
    pixels: WirePixels,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireHeaders {
    Equal,
    Differ,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WirePixels {
    Equal,
    LossyCopy,
    Differ(String),
    Unknown(String),
}

/// Writes `comparison.json`.
///
/// # Errors
/// [`FormError`]: more pairs than [`PAIRS_MAX`].
pub fn encode(comparisons: &[Comparison]) -> Result<Vec<u8>, FormError> {
    bound("comparison.json: pairs", comparisons.len(), PAIRS_MAX)?;
    let cut = |sentence: &String| sentence.chars().take(SENTENCE_MAX / 4).collect();
    let one = |comparison: &Comparison| WireComparison {
        headers: match comparison.headers {
            Headers::Equal => WireHeaders::Equal,
            Headers::Differ => WireHeaders::Differ,
        },
        pixels: match &comparison.pixels {
            Pixels::Equal => WirePixels::Equal,
            Pixels::LossyCopy => WirePixels::LossyCopy,
            Pixels::Differ(why) => WirePixels::Differ(cut(why)),
            Pixels::Unknown(why) => WirePixels::Unknown(cut(why)),
        },
    };
    write(WHAT, &Document { version: VERSION, comparisons: comparisons.iter().map(one).collect() })
}

/// Reads `comparison.json`, which must have an entry for each of so many pairs.
///
/// # Errors
/// [`FormError`].
pub fn decode(bytes: &[u8], pairs: usize) -> Result<Vec<Comparison>, FormError> {
    let document: Document = read(WHAT, bytes, BYTES_MAX)?;
    if document.comparisons.len() != pairs {
        return Err(value("the number of comparisons", &document.comparisons.len().to_string()));
    }
    let sentence = |why: String| {
        bound("comparison.json: a sentence", why.len(), SENTENCE_MAX)?;
        Ok(why)
    };
    let one = |comparison: WireComparison| {
        Ok(Comparison {
            headers: match comparison.headers {
                WireHeaders::Equal => Headers::Equal,
                WireHeaders::Differ => Headers::Differ,
            },
            pixels: match comparison.pixels {
                WirePixels::Equal => Pixels::Equal,
                WirePixels::LossyCopy => Pixels::LossyCopy,
                WirePixels::Differ(why) => Pixels::Differ(sentence(why)?),
                WirePixels::Unknown(why) => Pixels::Unknown(sentence(why)?),
            },
        })
    };
    document.comparisons.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_read_back_and_others_refused() {
        let all = [
            Comparison { headers: Headers::Equal, pixels: Pixels::LossyCopy },
            Comparison { headers: Headers::Differ, pixels: Pixels::Equal },
            Comparison { headers: Headers::Equal, pixels: Pixels::Differ("ä\"\n".to_owned()) },
            Comparison { headers: Headers::Differ, pixels: Pixels::Unknown(String::new()) },
        ];
        let bytes = encode(&all).unwrap();
        assert_eq!(decode(&bytes, 4).unwrap(), all);
        let error = decode(&bytes, 3).unwrap_err().to_string();
        assert_eq!(error, "the number of comparisons has the value \"4\"");
        let long = Comparison { headers: Headers::Equal, pixels: Pixels::Unknown("ä".repeat(9999)) };
        assert!(decode(&encode(&[long]).unwrap(), 1).is_ok(), "what is written can be read");
    }
}
