//! The built-in steps that a package may name, and their parameters out of `app.toml`.

mod parameters;
pub mod reference;

use gantry_definition::package::{Package, Step};
use gantry_image::{resample::Border, target::Follow};

use crate::{
    inference::{
        decide::{ComponentsParameters, DecideParameters, Keep, Place, RequireParameters, Rule},
        grid::{self, Beyond, ResampleParameters},
        intensity::{Intensity, Rounding},
        network::{Activation, NetworkParameters, Window},
    },
    lungs::parameters::{AirwayParameters, ClauseParameters, LungsParameters, SpacesParameters},
};
use parameters::Parameters;

/// A step with checked parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum BuiltIn {
    /// Right lung, left lung, airways: labels of an image.
    Lungs(Box<LungsParameters>),
    /// Values of an image on a grid.
    Resample(ResampleParameters),
    /// Other values on the same grid.
    Intensity(Intensity),
    /// Scores of values.
    Network(NetworkParameters),
    /// Labels of scores.
    Decide(DecideParameters),
    /// Parts of labels that stay.
    Components(ComponentsParameters),
    /// A clause about labels.
    Require(RequireParameters),
}

/// Why a package's steps cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("steps: {0}")]
pub struct StepError(String);

/// What a step takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Image,
    Values,
    Scores,
    Labels,
}

impl Matter {
    const fn name(self) -> &'static str {
        match self {
            Self::Image => "the image",
            Self::Values => "values on a grid, from `resample`",
            Self::Scores => "scores, from `network`",
            Self::Labels => "labels, from `decide` or `lungs`",
        }
    }
}

impl BuiltIn {
    const fn takes_and_gives(&self) -> (Matter, Matter) {
        match self {
            Self::Lungs(_) => (Matter::Image, Matter::Labels),
            Self::Resample(_) => (Matter::Image, Matter::Values),
            Self::Intensity(_) => (Matter::Values, Matter::Values),
            Self::Network(_) => (Matter::Values, Matter::Scores),
            Self::Decide(_) => (Matter::Scores, Matter::Labels),
            Self::Components(_) | Self::Require(_) => (Matter::Labels, Matter::Labels),
        }
    }
}

/// Checks the steps of a package, and that each takes what the one before it gives.
///
/// # Errors
/// [`StepError`]: an unknown step or parameter, one that is missing, one of the wrong form, or a wrong order.
pub fn check(package: &Package) -> Result<Vec<BuiltIn>, StepError> {
    let mut at_hand = Matter::Image;
    let mut steps = Vec::new();
    for step in &package.steps {
        let built_in = built_in(step)?;
        let (takes, gives) = built_in.takes_and_gives();
        if takes != at_hand {
            let (name, takes, at_hand) = (&step.name, takes.name(), at_hand.name());
            return Err(StepError(format!("{name} takes {takes}; what it is given is {at_hand}")));
        }
        at_hand = gives;
        steps.push(built_in);
    }
    match at_hand {
        Matter::Labels => Ok(steps),
        Matter::Image => Err(StepError("the package has none".to_owned())),
        Matter::Values | Matter::Scores => {
            Err(StepError(format!("the last one must give {}", Matter::Labels.name())))
        }
    }
}

fn built_in(step: &Step) -> Result<BuiltIn, StepError> {
    let mut taken = Parameters::of(step);
    let p = &mut taken;
    let built_in = match step.name.as_str() {
        "lungs" => BuiltIn::Lungs(Box::new(lungs(p)?)),
        "resample" => BuiltIn::Resample(resample(p)?),
        "scale-intensity" => BuiltIn::Intensity(Intensity::MinMax),
        "scale-intensity-range" => {
            BuiltIn::Intensity(Intensity::Range { from: p.range("from")?, to: p.range("to")? })
        }
        "scale-intensity-percentile" => BuiltIn::Intensity(percentile(p)?),
        "network" => BuiltIn::Network(network(p)?),
        "decide" => BuiltIn::Decide(decide(p)?),
        "components" => BuiltIn::Components(ComponentsParameters {
            label: p.label("label")?,
            keep: p.choice("keep", &[("all", Keep::All), ("largest", Keep::Largest)])?,
            volume_min_ml: p.number("volume_min_ml")?,
        }),
        "require" => BuiltIn::Require(RequireParameters {
            clause: p.text("clause")?,
            sentence: p.text("sentence")?,
            label: p.label("label")?,
            volume_min_ml: p.positive("volume_min_ml")?,
        }),
        other => {
            let known: Vec<&str> = reference::STEPS.iter().map(|step| step.name).collect();
            let known = known.join(", ");
            return Err(StepError(format!("`{other}` is no built-in step; there are: lungs, {known}")));
        }
    };
    taken.finish()?;
    Ok(built_in)
}

fn resample(p: &mut Parameters<'_>) -> Result<ResampleParameters, StepError> {
    let letters = p.text("axes")?;
    let axes = grid::axes(&letters)
        .ok_or_else(|| p.wrong("axes", "must be three letters, one each of L or R, A or P, S or I"))?;
    let follow = p.choice("follow", &[("patient", Follow::Patient), ("image", Follow::Image)])?;
    let spacing_mm = p.three("spacing_mm")?;
    let extents = p.maybe_three_counts("extents")?;
    // Without extents the grid reaches all of the image.
    let beyond = match extents {
        Some(_) => p.choice("beyond", &[("decline", Beyond::Declined), ("ignore", Beyond::Ignored)])?,
        None => Beyond::Declined,
    };
    Ok(ResampleParameters {
        target: ResampleParameters::in_tensor_order(axes, follow, spacing_mm, extents),
        border: p.choice("border", &[("voxels", Border::Voxels), ("centres", Border::Centres)])?,
        outside: p.number("outside")?,
        beyond,
    })
}

fn percentile(p: &mut Parameters<'_>) -> Result<Intensity, StepError> {
    let percentile = p.positive("percentile")?;
    if 100.0 < percentile {
        return Err(p.wrong("percentile", "must be at most 100"));
    }
    Ok(Intensity::Percentile {
        percentile,
        to: p.positive("to")?,
        rounding: p.choice("rounding", &[("whole", Rounding::Whole), ("none", Rounding::None)])?,
    })
}

fn network(p: &mut Parameters<'_>) -> Result<NetworkParameters, StepError> {
    #[derive(Clone, Copy)]
    enum Kind {
        Whole,
        Cores,
        Sliding,
    }
    let model = p.text("model")?;
    let kinds = [("whole", Kind::Whole), ("cores", Kind::Cores), ("sliding", Kind::Sliding)];
    let window = match p.choice("window", &kinds)? {
        Kind::Whole => Window::Whole,
        Kind::Cores => Window::Cores { core: p.three_counts("core")?, halo: p.count("halo")? },
        Kind::Sliding => {
            let (patch, overlap) = (p.three_counts("patch")?, p.number("overlap")?);
            if !(0.0..1.0).contains(&overlap) {
                return Err(p.wrong("overlap", "must be a share of a window, from 0 to below 1"));
            }
            Window::Sliding { patch, overlap }
        }
    };
    let activations =
        [("none", Activation::None), ("softmax", Activation::Softmax), ("sigmoid", Activation::Sigmoid)];
    Ok(NetworkParameters { model, window, activation: p.choice("activation", &activations)? })
}

fn decide(p: &mut Parameters<'_>) -> Result<DecideParameters, StepError> {
    #[derive(Clone, Copy)]
    enum Kind {
        Argmax,
        Threshold,
    }
    let by = match p.choice("by", &[("argmax", Kind::Argmax), ("threshold", Kind::Threshold)])? {
        Kind::Argmax => Rule::Argmax,
        Kind::Threshold => Rule::Threshold(p.number("threshold")?),
    };
    Ok(DecideParameters { by, on: p.choice("on", &[("grid", Place::Grid), ("image", Place::Image)])? })
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
