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

#[cfg(test)]
mod tests {
    use gantry_image::{
        geometry::{PointLps, VectorLps},
        grid::{Dims, Grid},
    };

    use super::*;

    fn grid(voxels: usize, first_mm: f64, step_mm: f64) -> Grid {
        let steps =
            [VectorLps::new(step_mm, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
        Grid::new(Dims::new(voxels, 1, 1).unwrap(), PointLps::new(first_mm, 0.0, 0.0), steps).unwrap()
    }

    #[track_caller]
    fn check(rule: Rule, on: Place, channels: &[&[f32]], image: Grid, want: &[u8]) {
        let scores = Scores::new(grid(channels[0].len(), 0.0, 2.0), &channels.concat());
        let labels = DecideParameters { by: rule, on }.apply(scores, &image).unwrap();
        assert_eq!(labels.data(), want, "{rule:?} {on:?}");
    }

    #[test]
    fn the_largest_score_decides_and_of_equals_the_first_channel() {
        let channels: [&[f32]; 3] = [&[5.0, 1.0, 1.0], &[5.0, 2.0, 1.0], &[0.0, 2.0, 3.0]];
        check(Rule::Argmax, Place::Grid, &channels, grid(3, 0.0, 2.0), &[0, 1, 2]);
    }

    #[test]
    fn on_the_grid_labels_go_to_the_nearest_and_in_the_image_scores_are_interpolated() {
        // Voxels of 1 mm from -1 mm on; the network's of 2 mm from 0 on; what it has not seen is 0.
        let (channels, image): ([&[f32]; 1], _) = ([&[0.0, 1.0, 1.0]], grid(8, -2.0, 1.0));
        check(Rule::Threshold(0.6), Place::Grid, &channels, image, &[0, 0, 0, 1, 1, 1, 1, 1]);
        check(Rule::Threshold(0.6), Place::Image, &channels, image, &[0, 0, 0, 0, 1, 1, 1, 1]);
        check(Rule::Threshold(0.5), Place::Image, &channels, image, &[0, 0, 0, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn a_rule_has_the_channels_that_it_needs() {
        let scores = || Scores::new(grid(2, 0.0, 1.0), &[0.0; 4]);
        let refused =
            |by| DecideParameters { by, on: Place::Grid }.on_grid(&scores()).map_err(|e| e.to_string());
        assert_eq!(
            refused(Rule::Threshold(0.5)).unwrap_err(),
            "the network has 2 channels; a threshold needs 1"
        );
        assert!(refused(Rule::Argmax).is_ok());
    }

    #[test]
    fn parts_that_are_small_or_not_the_largest_go() {
        // Voxels of 1 x 1 x 1 mm: a thousandth of a millilitre each.
        let after = |keep, volume_min_ml| {
            let mut labels = Labels::new(grid(9, 0.0, 1.0), vec![1, 0, 1, 1, 1, 2, 0, 1, 1]).unwrap();
            ComponentsParameters { label: 1, keep, volume_min_ml }.apply(&mut labels);
            labels.into_data()
        };
        assert_eq!(after(Keep::All, 0.002), [0, 0, 1, 1, 1, 2, 0, 1, 1]);
        assert_eq!(after(Keep::Largest, 0.0), [0, 0, 1, 1, 1, 2, 0, 0, 0]);
        assert_eq!(after(Keep::Largest, 0.004), [0, 0, 0, 0, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn as_much_of_a_label_as_is_required_is_enough() {
        let labels = Labels::new(grid(3, 0.0, 1.0), vec![1, 2, 2]).unwrap();
        let lacking = |volume_min_ml| {
            let (clause, sentence) = ("chest".to_owned(), "lungs are in the image".to_owned());
            RequireParameters { clause, sentence, label: 2, volume_min_ml }.lacking(&labels)
        };
        assert_eq!(lacking(0.002), None);
        assert!(lacking(0.003).unwrap().starts_with("lungs are in the image: "));
    }
}
