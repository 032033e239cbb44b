//! `out/findings.json`: what was found, whole enough to render evidence from it and the mask alone.
//!
//! It is also what is kept of a run: versioned, and readable as long as evidence may be issued again.

use gantry_image::{
    geometry::{PointLps, VectorLps},
    grid::{Dims, Grid},
};
use gantry_types::{
    code::Code,
    findings::{Findings, JudgedClause, MeasuredValue, Measurement, Rgb, SegmentFinding},
    uid::{SeriesInstanceUid, SopInstanceUid},
};
use serde::{Deserialize, Serialize};

use super::{
    FormError, VERSION,
    wire::{Clause, bound, read, value, write},
};

/// The largest `findings.json`.
pub const BYTES_MAX: usize = 16 << 20;
/// The most segments, and measurements of each.
const FINDINGS_MAX: usize = 1000;
const WHAT: &str = "findings.json";

/// An answer without its arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The series it was found in.
    pub series: SeriesInstanceUid,
    /// Its images in the order of the grid's slices.
    pub images: Vec<SopInstanceUid>,
    /// Where the mask's voxels lie.
    pub grid: Grid,
    /// What was found.
    pub findings: Findings,
    /// All clauses that were judged.
    pub clauses: Vec<JudgedClause>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    series: String,
    images: Vec<String>,
    grid: WireGrid,
    segments: Vec<Segment>,
    measurements: Vec<WireMeasurement>,
    clauses: Vec<Clause>,
}

/// Extents are columns, rows and slices; origin and steps are LPS, in mm.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireGrid {
    extents: [usize; 3],
    origin: [f64; 3],
    steps: [[f64; 3]; 3],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Segment {
    key: String,
    label: u8,
    name: String,
    category: WireCode,
    property: WireCode,
    laterality: Option<WireCode>,
    colour: [u8; 3],
    measurements: Vec<WireMeasurement>,
}

/// Value, scheme and meaning, as in `app.toml`.
#[derive(Serialize, Deserialize)]
struct WireCode(String, String, String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireMeasurement {
    key: String,
    concept: WireCode,
    derivation: Option<WireCode>,
    method: Option<WireCode>,
    unit: WireCode,
    answer: Answer,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Number(f64),
    Declined(String),
}

/// Writes `findings.json`: the same findings give the same bytes.
///
/// # Errors
/// [`FormError`] if a number is not finite.
pub fn encode(found: &Found) -> Result<Vec<u8>, FormError> {
    check_finite(&found.findings)?;
    let origin = found.grid.origin();
    let document = Document {
        version: VERSION,
        series: found.series.to_string(),
        images: found.images.iter().map(ToString::to_string).collect(),
        grid: WireGrid {
            extents: found.grid.dims().to_array(),
            origin: [origin.x, origin.y, origin.z],
            steps: found.grid.steps().map(VectorLps::to_array),
        },
        segments: found.findings.segments.iter().map(segment).collect(),
        measurements: found.findings.measurements.iter().map(measurement).collect(),
        clauses: found.clauses.iter().map(Clause::from).collect(),
    };
    write(WHAT, &document)
}

/// JSON has no such numbers: they would come back as nothing.
fn check_finite(findings: &Findings) -> Result<(), FormError> {
    let of_segments = findings.segments.iter().flat_map(|segment| &segment.measurements);
    for measurement in of_segments.chain(&findings.measurements) {
        match &measurement.value {
            MeasuredValue::Number(number) if !number.is_finite() => {
                return Err(value("a measurement", &format!("{}: {number}", measurement.key)));
            }
            MeasuredValue::Number(_) | MeasuredValue::Declined { .. } => {}
        }
    }
    Ok(())
}

fn code(code: &Code) -> WireCode {
    WireCode(
        code.value.clone().into_owned(),
        code.scheme.clone().into_owned(),
        code.meaning.clone().into_owned(),
    )
}

fn segment(segment: &SegmentFinding) -> Segment {
    Segment {
        key: segment.key.clone(),
        label: segment.label,
        name: segment.name.clone(),
        category: code(&segment.category),
        property: code(&segment.property),
        laterality: segment.laterality.as_ref().map(code),
        colour: segment.colour.0,
        measurements: segment.measurements.iter().map(measurement).collect(),
    }
}

fn measurement(measurement: &Measurement) -> WireMeasurement {
    WireMeasurement {
        key: measurement.key.clone(),
        concept: code(&measurement.concept),
        derivation: measurement.derivation.as_ref().map(code),
        method: measurement.method.as_ref().map(code),
        unit: code(&measurement.unit),
        answer: match &measurement.value {
            MeasuredValue::Number(number) => Answer::Number(*number),
            MeasuredValue::Declined { reason } => Answer::Declined(reason.clone()),
        },
    }
}

/// Reads `findings.json`.
///
/// # Errors
/// [`FormError`].
pub fn decode(bytes: &[u8]) -> Result<Found, FormError> {
    let document: Document = read(WHAT, bytes, BYTES_MAX)?;
    bound("findings.json: segments", document.segments.len(), FINDINGS_MAX)?;
    let image = |uid: String| SopInstanceUid::from_peer(&uid).ok_or_else(|| value("an image", &uid));
    Ok(Found {
        series: SeriesInstanceUid::from_peer(&document.series)
            .ok_or_else(|| value("the series", &document.series))?,
        images: document.images.into_iter().map(image).collect::<Result<_, _>>()?,
        grid: grid(&document.grid)?,
        findings: Findings {
            segments: document.segments.into_iter().map(segment_back).collect::<Result<_, _>>()?,
            measurements: measurements_back(document.measurements)?,
        },
        clauses: document.clauses.into_iter().map(Into::into).collect(),
    })
}

fn grid(grid: &WireGrid) -> Result<Grid, FormError> {
    let wrong = |error: gantry_image::grid::GridError| value("the grid", &error.to_string());
    let [columns, rows, slices] = grid.extents;
    let dims = Dims::new(columns, rows, slices).map_err(wrong)?;
    let [x, y, z] = grid.origin;
    let steps = grid.steps.map(|[x, y, z]| VectorLps::new(x, y, z));
    Grid::new(dims, PointLps::new(x, y, z), steps).map_err(wrong)
}

fn code_back(WireCode(text, scheme, meaning): WireCode) -> Result<Code, FormError> {
    Code::new(&text, &scheme, &meaning).map_err(|error| value("a code", &error.to_string()))
}

fn segment_back(segment: Segment) -> Result<SegmentFinding, FormError> {
    Ok(SegmentFinding {
        key: segment.key,
        label: segment.label,
        name: segment.name,
        category: code_back(segment.category)?,
        property: code_back(segment.property)?,
        laterality: segment.laterality.map(code_back).transpose()?,
        colour: Rgb(segment.colour),
        measurements: measurements_back(segment.measurements)?,
    })
}

fn measurements_back(all: Vec<WireMeasurement>) -> Result<Vec<Measurement>, FormError> {
    bound("findings.json: measurements", all.len(), FINDINGS_MAX)?;
    all.into_iter().map(measurement_back).collect()
}

fn measurement_back(measurement: WireMeasurement) -> Result<Measurement, FormError> {
    Ok(Measurement {
        key: measurement.key,
        concept: code_back(measurement.concept)?,
        derivation: measurement.derivation.map(code_back).transpose()?,
        method: measurement.method.map(code_back).transpose()?,
        unit: code_back(measurement.unit)?,
        value: match measurement.answer {
            Answer::Number(number) => MeasuredValue::Number(number),
            Answer::Declined(reason) => MeasuredValue::Declined { reason },
        },
    })
}

#[cfg(test)]
mod tests {
    use gantry_types::{code, findings::Verdict};

    use super::*;

    fn found(number: f64) -> Found {
        let measurement = |key: &str, value| Measurement {
            key: key.to_owned(),
            concept: code::LUNG,
            derivation: Some(code::RIGHT),
            method: None,
            unit: Code::fixed("ml", "UCUM", "milliliter"),
            value,
        };
        let declined = MeasuredValue::Declined { reason: "5 mm".to_owned() };
        let steps = [
            VectorLps::new(0.1 + 0.2, 0.0, 0.0),
            VectorLps::new(0.0, 1.0 / 3.0, 0.0),
            VectorLps::new(0.0, 0.0, 1.25),
        ];
        let origin = PointLps::new(-123.456_789_012_345_67, 1e-300, 0.1);
        Found {
            series: SeriesInstanceUid::from_peer("1.2.3").unwrap(),
            images: vec![SopInstanceUid::from_peer("1.2.ABC").unwrap()],
            grid: Grid::new(Dims::new(4, 3, 2).unwrap(), origin, steps).unwrap(),
            findings: Findings {
                segments: vec![SegmentFinding {
                    key: "right-lung".to_owned(),
                    label: 1,
                    name: "Right lung".to_owned(),
                    category: code::ANATOMICAL_STRUCTURE,
                    property: code::LUNG,
                    laterality: Some(code::RIGHT),
                    colour: Rgb([1, 2, 3]),
                    measurements: vec![
                        measurement("volume", MeasuredValue::Number(number)),
                        measurement("laa950", declined.clone()),
                    ],
                }],
                measurements: vec![measurement("both", declined)],
            },
            clauses: vec![JudgedClause {
                name: "thin".to_owned(),
                verdict: Verdict::Failed,
                seen: "5 mm".to_owned(),
            }],
        }
    }

    /// Numbers that a reader of JSON that rounds once too often gets wrong.
    #[test]
    fn findings_are_read_back_to_the_bit() {
        for number in [0.1 + 0.2, 1e-320, 9_007_199_254_740_993.0, 1_234.567_890_123_456_7, f64::MAX, -0.0] {
            let found = found(number);
            let bytes = encode(&found).unwrap();
            let back = decode(&bytes).unwrap();
            assert_eq!(back, found);
            assert_eq!(encode(&back).unwrap(), bytes);
        }
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        assert!(encode(&found(f64::NAN)).is_err());
    }

    #[test]
    fn a_grid_that_is_none_is_refused() {
        let whole = String::from_utf8(encode(&found(1.0)).unwrap()).unwrap();
        let zeroed = whole.replace("1.25", "0.0");
        assert_ne!(zeroed, whole);
        let error = decode(zeroed.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("the grid has the value"), "{error}");
    }
}
