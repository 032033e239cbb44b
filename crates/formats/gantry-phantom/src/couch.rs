//! The couch the patient lies on: a flat table, or a cradle that shuts in air behind the back.
//!
//! The cradle is the hard case for whoever looks for the body: its shell survives an opening and touches the body, so
//! that the air behind the back is shut in like a lung. Couch and air are outside of the truth's body.
//!
//! Units and frames: mm from the middle of the body, as in [`crate::anatomy`].

use gantry_image::grid::SpacingMm;

use crate::{
    anatomy::Anatomy,
    paint::{Plane, Within},
};

/// A couch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Couch {
    /// A foam plate with a thin skin, some millimetres below the back.
    Flat {
        /// Between back and plate, mm.
        below: f64,
    },
    /// A solid shell around the back that touches the body at both sides.
    Cradle {
        /// Between back and shell, mm.
        gap: f64,
    },
}

const SKIN: f64 = 2.0;
const PLATE: f64 = 18.0;
/// Thick enough to survive the opening that removes thin shells.
const SHELL: f64 = 5.5;
/// How high the pads are by which a cradle touches the body.
const PAD: f64 = 8.0;

const SKIN_HU: f32 = -150.0;
const FOAM_HU: f32 = -930.0;
const SHELL_HU: f32 = 60.0;
const AIR_HU: f32 = -1000.0;

/// How far behind the middle of the body a cradle begins, as a share of the body's half depth.
const CRADLE_FROM: f64 = 0.3;

impl Couch {
    /// How far the couch reaches behind the middle of the body.
    pub(crate) fn reach(&self, chest: &Anatomy) -> f64 {
        let [_, half_depth] = chest.body;
        match self {
            Self::Flat { below } => half_depth + below + PLATE,
            Self::Cradle { gap } => half_depth + gap + SHELL,
        }
    }

    /// The cradle that shuts in a volume of air, ml, over the whole height of the volume.
    pub(crate) fn cradle(chest: &Anatomy, air_ml: f64, spacing: SpacingMm) -> Self {
        let (mut low, mut high) = (0.5, 40.0);
        // The volume grows with the gap; thirty halvings end far below a voxel.
        for _ in 0..30 {
            let gap = (low + high) / 2.0;
            if cradle_air_ml(chest, gap, spacing.row) < air_ml { low = gap } else { high = gap }
        }
        Self::Cradle { gap: low }
    }

    /// Paints the couch's section. The body is painted after it.
    pub(crate) fn paint(&self, chest: &Anatomy, plane: &mut Plane) {
        let [half_width, half_depth] = chest.body;
        let frame = *plane.frame();
        match self {
            Self::Flat { below } => {
                let top = half_depth + below;
                let half = half_width * 0.9;
                for j in frame.rows(top, top + PLATE) {
                    let depth = frame.y(j) - top;
                    let is_foam = (SKIN..=PLATE - SKIN).contains(&depth);
                    plane.span(j, (-half, half), SKIN_HU, None, Within::Everything);
                    if is_foam {
                        plane.span(j, (SKIN - half, half - SKIN), FOAM_HU, None, Within::Everything);
                    }
                }
            }
            Self::Cradle { gap } => {
                let from = half_depth * CRADLE_FROM;
                for j in frame.rows(from, half_depth + gap + SHELL) {
                    let y = frame.y(j);
                    if let Some(shell) = chest.body_span(y, gap + SHELL) {
                        plane.span(j, shell, SHELL_HU, None, Within::Everything);
                    }
                    if let Some(inside) = chest.body_span(y, *gap)
                        && from + PAD <= y
                    {
                        plane.span(j, inside, AIR_HU, None, Within::Everything);
                    }
                }
            }
        }
    }
}

/// The air between back and shell, summed over rows.
fn cradle_air_ml(chest: &Anatomy, gap: f64, step: f64) -> f64 {
    let [_, half_depth] = chest.body;
    let from = half_depth * CRADLE_FROM + PAD;
    let width = |span: Option<(f64, f64)>| span.map_or(0.0, |(low, high)| high - low);
    let rows = ((half_depth + gap - from) / step) as usize;
    let area: f64 = (0..rows)
        .map(|n| from + (n as f64 + 0.5) * step)
        .map(|y| (width(chest.body_span(y, gap)) - width(chest.body_span(y, 0.0))) * step)
        .sum();
    area * chest.height / 1000.0
}
