//! Every transfer syntax of the corpus: right, or refused by name.

use gantry_pixel::PixelError;
use gantry_tests::{corpus, notes};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Refusal, file, read};

/// Syntaxes that this version reads.
const READ: &[&str] = &[
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
];

/// Files that are refused although their syntax is read, each with the code that says why.
const REFUSED: &[(&str, &str)] = &[
    // 128 bytes more than rows and columns give: which of the two is the lie cannot be known.
    ("syntaxes/mr_small_padded.dcm", "dicom/pixel-length"),
    // Chroma shared by two pixels is not expanded.
    ("syntaxes/sc_ybr_full_422_uncompressed.dcm", "dicom/pixel-length"),
    // Unsigned samples beyond 31 bits.
    ("syntaxes/sc_rgb_32bit.dcm", "dicom/sample-too-large"),
    ("syntaxes/sc_rgb_rle_32bit.dcm", "dicom/sample-too-large"),
];

#[test]
fn every_syntax_gives_the_known_samples_or_is_refused_by_name() {
    let Some(shared) = corpus::shared("every_syntax_gives_the_known_samples_or_is_refused_by_name") else {
        return;
    };
    let (mut right, mut near, mut refused, mut floats, mut wrong) = (0, 0, 0, 0, Vec::new());
    for entry in corpus::entries(&shared).iter().filter(|entry| entry["kind"] == "syntax") {
        let path = entry["paths"][0].as_str().unwrap();
        let facts = &entry["facts"];
        let syntax = facts["transfer_syntax"].as_str().unwrap_or_default();
        match read(&file(&shared, path)) {
            Err(Refusal::Pixel(PixelError::SyntaxNotRead(named))) => {
                assert_eq!(named.as_str(), syntax, "{path}");
                assert!(!READ.contains(&syntax), "{path}: {syntax} should be read");
                refused += 1;
            }
            Err(Refusal::Pixel(error)) if REFUSED.contains(&(path, error.code().0)) => refused += 1,
            // Bare code streams wrapped without identifiers, in syntaxes that are not read anyway.
            Err(Refusal::NoUid(_)) if !READ.contains(&syntax) => refused += 1,
            Ok(_) if facts["decoded"]["dtype"].as_str().is_some_and(|dtype| dtype.starts_with("float")) => {
                floats += 1;
            }
            Err(other) => wrong.push(format!("{path}: {other:?}")),
            Ok(read) => match agrees(facts, &read.samples) {
                Agreement::Exact => right += 1,
                Agreement::Near => near += 1,
                Agreement::None(why) => wrong.push(format!("{path} {syntax}: {why}")),
            },
        }
    }
    notes::figure(&format!(
        "corpus/syntaxes: {right} exact, {near} lossy within the codec's tolerance, {refused} refused by name, {floats} without integer pixels, {} wrong",
        wrong.len()
    ));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

enum Agreement {
    Exact,
    Near,
    None(String),
}

/// Compares with the manifest: exactly, or for lossy JPEG by range and mean (decoders differ by rounding).
fn agrees(facts: &Value, samples: &[i32]) -> Agreement {
    let decoded = &facts["decoded"];
    let bytes: Vec<u8> = match decoded["dtype"].as_str().unwrap_or_default() {
        "uint8" | "int8" | "bool" => samples.iter().flat_map(|s| (*s as i8).to_le_bytes()).collect(),
        "uint16" | "int16" => samples.iter().flat_map(|s| (*s as i16).to_le_bytes()).collect(),
        "uint32" | "int32" => samples.iter().flat_map(|s| s.to_le_bytes()).collect(),
        other => return Agreement::None(format!("dtype {other:?}")),
    };
    if decoded["sha256"] == format!("{:x}", HexDigest(Sha256::digest(&bytes).into())) {
        return Agreement::Exact;
    }
    let count: u64 = decoded["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product();
    let mean = samples.iter().map(|s| f64::from(*s)).sum::<f64>() / samples.len() as f64;
    let min = samples.iter().min().copied().unwrap_or_default();
    let max = samples.iter().max().copied().unwrap_or_default();
    let is_lossy = facts["transfer_syntax"] == "1.2.840.10008.1.2.4.50";
    let close = |key: &str, value: f64, within: f64| (decoded[key].as_f64().unwrap() - value).abs() <= within;
    if is_lossy
        && count == samples.len() as u64
        && close("mean", mean, 0.5)
        && close("min", f64::from(min), 8.0)
        && close("max", f64::from(max), 8.0)
    {
        return Agreement::Near;
    }
    Agreement::None(format!(
        "{} samples {min}..{max} mean {mean:.4}, wanted {count} samples {}..{} mean {}",
        samples.len(),
        decoded["min"],
        decoded["max"],
        decoded["mean"]
    ))
}

struct HexDigest([u8; 32]);

impl std::fmt::LowerHex for HexDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
