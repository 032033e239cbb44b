//! From scores to labels on the image's own grid; and what becomes of labels.

use gantry_image::{
    components::{Components, Connectivity},
    grid::Grid,
    measure,
    resample::{Border, Interpolation, Places, resample},
    volume::Labels,
};

use super::network::Scores;

/// The `decide` step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecideParameters {
    /// How a voxel's scores become its label.
    pub by: Rule,
    /// Where it is decided.
    pub on: Place,
}

/// How scores become a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// The channel with the largest score, the first of equals; channel 0 is the background.
    Argmax,
    /// Label 1 where the only channel is at least this.
    Threshold(f64),
}

/// Where labels are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the network's grid; each voxel of the image takes the label of the nearest voxel there.
    Grid,
    /// At each voxel of the image, from scores that are interpolated there: smoother borders.
    Image,
}

/// The scores have another number of channels than the rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the network has {found} channels; {rule} needs {needed}")]
pub struct ChannelsError {
    /// Which rule.
    pub rule: &'static str,
    /// What it needs, in words.
    pub needed: &'static str,
    /// What there is.
    pub found: usize,
}

impl DecideParameters {
    /// The labels of each voxel of `image`; 0 where the network saw nothing.
    ///
    /// # Errors
    /// [`ChannelsError`]
    pub fn apply(&self, scores: Scores, image: &Grid) -> Result<Labels, ChannelsError> {
        match self.on {
            Place::Grid => {
                let labels = self.on_grid(&scores)?;
                drop(scores);
                Ok(resample(&labels, image, Interpolation::Nearest, Border::Voxels, 0))
            }
            Place::Image => {
                self.check(&scores)?;
                let channels: Vec<&[f32]> = scores.channels().collect();
                let places = Places::new(scores.grid(), image, Border::Voxels);
                let mut labels = Labels::filled(*image, 0);
                for (offset, label) in labels.data_mut().iter_mut().enumerate() {
                    let Some(place) = places.of(offset) else { continue };
                    let corners = places.corners(place);
                    let score = |channel: &&[f32]| {
                        let value = |(at, weight): &(usize, f64)| {
                            channel.get(*at).map_or(0.0, |score| weight * f64::from(*score))
                        };
                        corners.iter().map(value).sum::<f64>()
                    };
                    *label = self.label(channels.iter().map(score));
                }
                Ok(labels)
            }
        }
    }

    /// The labels on the network's grid.
    ///
    /// # Errors
    /// [`ChannelsError`]
    pub fn on_grid(&self, scores: &Scores) -> Result<Labels, ChannelsError> {
        self.check(scores)?;
        let channels: Vec<&[f32]> = scores.channels().collect();
        let mut labels = Labels::filled(*scores.grid(), 0);
        for (offset, label) in labels.data_mut().iter_mut().enumerate() {
            let score = |channel: &&[f32]| channel.get(offset).map_or(0.0, |score| f64::from(*score));
            *label = self.label(channels.iter().map(score));
        }
        Ok(labels)
    }

    fn label(&self, scores: impl Iterator<Item = f64>) -> u8 {
        match self.by {
            Rule::Argmax => {
                let mut best = (0, f64::NEG_INFINITY);
                for (label, score) in (0_u8..).zip(scores) {
                    if best.1 < score {
                        best = (label, score);
                    }
                }
                best.0
            }
            Rule::Threshold(limit) => u8::from(scores.take(1).any(|score| limit <= score)),
        }
    }

    fn check(&self, scores: &Scores) -> Result<(), ChannelsError> {
        let found = scores.channels().len();
        let (rule, needed, is_right) = match self.by {
            Rule::Argmax => ("argmax", "2 to 256", (2..=256).contains(&found)),
            Rule::Threshold(_) => ("a threshold", "1", found == 1),
        };
        if is_right { Ok(()) } else { Err(ChannelsError { rule, needed, found }) }
    }
}

/// The `components` step: what of a label stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComponentsParameters {
    /// Which label.
    pub label: u8,
    /// Which of its parts, of those that are large enough.
    pub keep: Keep,
    /// Smaller parts go. ml.
    pub volume_min_ml: f64,
}

/// Which parts of a label stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// The largest one (MONAI KeepLargestConnectedComponent).
    Largest,
}

impl ComponentsParameters {
    /// Takes what does not stay out of the labels. Voxels that share a corner hang together.
    pub fn apply(&self, labels: &mut Labels) {
        let data = labels.data();
        let inside = |offset: usize| data.get(offset) == Some(&self.label);
        let parts = Components::find(labels.dims(), Connectivity::Corners, inside);
        let (largest, voxel_ml) = (parts.largest(), labels.grid().voxel_ml());
        parts.paint(labels, |number| {
            let part = parts.parts().get(number)?;
            let is_kept = self.keep == Keep::All || largest == Some(number);
            let is_large = self.volume_min_ml <= part.voxels as f64 * voxel_ml;
            (!is_kept || !is_large).then_some(0)
        });
    }
}

/// The `require` step: the application declines unless there is as much of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct RequireParameters {
    /// The clause's name.
    pub clause: String,
    /// What it means, for people.
    pub sentence: String,
    /// Which label.
    pub label: u8,
    /// As much of it, at least. ml.
    pub volume_min_ml: f64,
}

impl RequireParameters {
    /// What was seen, if it is too little.
    #[must_use]
    pub fn lacking(&self, labels: &Labels) -> Option<String> {
        let seen_ml = measure::region(labels, self.label).map_or(0.0, |region| region.volume_ml);
        (seen_ml < self.volume_min_ml).then(|| {
            format!("{}: {seen_ml:.0} ml were seen, {:.0} ml are needed", self.sentence, self.volume_min_ml)
        })
    }
}
