//! The built-in steps that a package may name, and their parameters out of `app.toml`.

use std::collections::BTreeMap;

use gantry_definition::{
    expression::nearest,
    package::{Package, Parameter, Step},
};

use crate::lungs::parameters::{AirwayParameters, ClauseParameters, LungsParameters, SpacesParameters};

/// A step with checked parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum BuiltIn {
    /// Right lung, left lung, airways.
    Lungs(Box<LungsParameters>),
}

/// Why a package's steps cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("steps: {0}")]
pub struct StepError(String);

/// Checks the steps of a package.
///
/// # Errors
/// [`StepError`]: an unknown step or parameter, one that is missing, or one of the wrong form.
pub fn check(package: &Package) -> Result<Vec<BuiltIn>, StepError> {
    if package.steps.is_empty() {
        return Err(StepError("the package has none".to_owned()));
    }
    package.steps.iter().map(built_in).collect()
}

fn built_in(step: &Step) -> Result<BuiltIn, StepError> {
    match step.name.as_str() {
        "lungs" => {
            let mut taken = Parameters { step: &step.name, left: step.parameters.clone(), known: Vec::new() };
            let parameters = lungs(&mut taken)?;
            taken.finish()?;
            Ok(BuiltIn::Lungs(Box::new(parameters)))
        }
        other => Err(StepError(format!("`{other}` is no built-in step; there is: lungs"))),
    }
}

/// Parameters that have not been asked for yet.
struct Parameters<'a> {
    step: &'a str,
    left: BTreeMap<String, Parameter>,
    known: Vec<&'static str>,
}

impl Parameters<'_> {
    fn take(&mut self, key: &'static str) -> Result<Parameter, StepError> {
        self.known.push(key);
        self.left.remove(key).ok_or_else(|| StepError(format!("{} needs `{key}`", self.step)))
    }

    fn number(&mut self, key: &'static str) -> Result<f64, StepError> {
        match self.take(key)? {
            Parameter::Number(number) if number.is_finite() => Ok(number),
            Parameter::Number(_) | Parameter::Numbers(_) => {
                Err(StepError(format!("{}.{key} must be one number", self.step)))
            }
        }
    }

    fn hu(&mut self, key: &'static str) -> Result<i16, StepError> {
        let number = self.number(key)?;
        let whole = (number.fract() == 0.0 && number.abs() <= 32_000.0).then_some(number);
        // The range was checked.
        whole
            .map(|number| number as i16)
            .ok_or_else(|| StepError(format!("{}.{key} must be a whole number of HU", self.step)))
    }

    fn range(&mut self, key: &'static str) -> Result<[f64; 2], StepError> {
        let wrong = |step: &str| StepError(format!("{step}.{key} must be two ascending numbers"));
        match self.take(key)? {
            Parameter::Numbers(numbers) => match numbers.as_slice() {
                [from, to] if from < to => Ok([*from, *to]),
                _ => Err(wrong(self.step)),
            },
            Parameter::Number(_) => Err(wrong(self.step)),
        }
    }

    fn finish(self) -> Result<(), StepError> {
        let Some(unknown) = self.left.keys().next() else { return Ok(()) };
        let hint = nearest(unknown, self.known.iter().copied())
            .map(|near| format!(": did you mean `{near}`?"))
            .unwrap_or_default();
        Err(StepError(format!("{} does not know `{unknown}`{hint}", self.step)))
    }
}

fn lungs(p: &mut Parameters<'_>) -> Result<LungsParameters, StepError> {
    Ok(LungsParameters {
        air_below_hu: p.hu("air_below_hu")?,
        body_above_hu: p.hu("body_above_hu")?,
        body_opening_mm: p.number("body_opening_mm")?,
        body_min_ml: p.number("body_min_ml")?,
        airway: AirwayParameters {
            lumen_below_hu: p.hu("lumen_below_hu")?,
            trachea_area_mm2: p.range("trachea_area_mm2")?,
            trachea_fill_min: p.number("trachea_fill_min")?,
            trachea_off_middle_max_mm: p.number("trachea_off_middle_max_mm")?,
            trachea_drift_max_mm: p.number("trachea_drift_max_mm")?,
            trachea_gap_max_mm: p.number("trachea_gap_max_mm")?,
            trachea_length_min_mm: p.number("trachea_length_min_mm")?,
            grow_to_hu: p.hu("grow_to_hu")?,
            grow_step_hu: p.hu("grow_step_hu")?,
            volume_max_ml: p.number("airway_volume_max_ml")?,
            leak_ml: p.number("airway_leak_ml")?,
            rim_mm: p.number("airway_rim_mm")?,
        },
        spaces: SpacesParameters {
            piece_min_ml: p.number("piece_min_ml")?,
            piece_outside_max_mm: p.number("piece_outside_max_mm")?,
            core_depth_mm: p.number("core_depth_mm")?,
            core_share_min: p.number("core_share_min")?,
            gas_margin_hu: p.number("gas_margin_hu")?,
            gas_hu: p.number("gas_hu")?,
            vessel_area_max_mm2: p.number("vessel_area_max_mm2")?,
            parted_min_ml: p.number("parted_min_ml")?,
            parted_share_min: p.number("parted_share_min")?,
        },
        clauses: ClauseParameters {
            apart_min_mm: p.number("lungs_apart_min_mm")?,
            volume_min_ml: p.number("lung_volume_min_ml")?,
            height_min_mm: p.number("lung_height_min_mm")?,
            mean_hu: p.range("lung_mean_hu")?,
            airway_min_ml: p.number("airway_min_ml")?,
            end_area_max_percent: p.number("end_area_max_percent")?,
            open_area_max_mm2: p.number("open_area_max_mm2")?,
        },
    })
}
