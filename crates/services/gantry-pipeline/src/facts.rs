//! What a volume's images say of themselves, as the variables of a package's clauses.

use gantry_definition::expression::{Facts, Value};
use gantry_types::header::Contrast;

use crate::volume::Loaded;

/// The facts of a volume. What the images do not say, or say differently from one another, is absent.
#[must_use]
pub fn facts(loaded: &Loaded) -> Facts {
    let mut facts = Facts::new();
    let mut text = |name, of: &dyn Fn(&gantry_types::header::ImageHeader) -> Option<String>| {
        let mut all = loaded.images.iter().map(of);
        let first = all.next().flatten().filter(|text| !text.is_empty());
        if let Some(first) = first
            && all.all(|other| other.as_deref() == Some(&first))
        {
            facts.insert(name, Value::Text(first));
        }
    };
    text("image.modality", &|image| Some(image.modality.clone()));
    text("image.manufacturer", &|image| Some(image.manufacturer.clone()));
    text("image.kernel", &|image| image.convolution_kernel.first().cloned());
    // An agent that any image tells of was given; an absent or empty one says nothing.
    if loaded.images.iter().any(|image| image.contrast == Contrast::Given) {
        facts.insert("image.contrast", Value::Text("given".to_owned()));
    }
    let spacing = loaded.volume.grid().spacing();
    facts.insert("image.sliceDistance", Value::Number(round(spacing.slice)));
    facts.insert("image.slices", Value::Number(loaded.images.len() as f64));
    let thicknesses = loaded.images.iter().map(|image| image.slice_thickness.as_ref().map(|t| t.value));
    if let Some(thickest) =
        thicknesses.collect::<Option<Vec<f64>>>().and_then(|all| all.into_iter().reduce(f64::max))
    {
        let largest = thickest.max(spacing.slice).max(spacing.row).max(spacing.column);
        facts.insert("image.thickness", Value::Number(round(largest)));
    }
    facts
}

/// Positions are rounded by those who write them: a distance of 1.4999999 mm is 1.5.
fn round(mm: f64) -> f64 {
    (mm * 1e4).round() / 1e4
}
