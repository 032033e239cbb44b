//! The steps as people read of them: `docs/packages.md` holds these tables, and a test keeps it so.

/// A step.
#[derive(Debug, Clone, Copy)]
pub struct StepReference {
    /// As a package names it.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Its parameters, each with what it means. All are needed, except where the words say otherwise.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// All steps but `lungs`, whose parameters `docs/applications/lung-density.md` explains.
pub const STEPS: &[StepReference] = &[
    StepReference {
        name: "resample",
        does: "the image's values on the grid that the network wants, trilinear and never rounded (as MONAI Orientation and \
               Spacing, but the middles of both grids coincide, where MONAI keeps the first voxel in its corner)",
        parameters: &[
            (
                "axes",
                "three letters, one each of L or R, A or P, S or I: where the axes of the tensor grow to, its \
                      slowest axis first; MONAI's \"RAS\" tensors are \"RAS\" here",
            ),
            (
                "follow",
                "`image`: axes are renamed and reversed, an oblique image stays oblique; `patient`: axes are \
                        the patient's own, an oblique image is turned",
            ),
            ("spacing_mm", "distances between voxels along these axes"),
            (
                "extents",
                "how many voxels along these axes; without it, as many as reach the image's outermost ones",
            ),
            (
                "beyond",
                "with `extents`: what of an image that reaches beyond the grid: `decline` by the clause \
                 `image-within-grid`, or `ignore` what lies there",
            ),
            (
                "border",
                "how far the image reaches: `voxels`, half a voxel beyond the outermost centres; `centres`, to \
                        them",
            ),
            ("outside", "the value beyond it"),
        ],
    },
    StepReference {
        name: "scale-intensity-range",
        does: "one range of values becomes another, what lies beyond is clipped (MONAI ScaleIntensityRange)",
        parameters: &[("from", "two ascending numbers"), ("to", "two ascending numbers")],
    },
    StepReference {
        name: "scale-intensity-percentile",
        does: "0 stays 0, a percentile of the values above 0 becomes `to`, what lies beyond is clipped; an image \
               without values above 0 is declined by the clause `image-has-values`",
        parameters: &[
            ("percentile", "0 to 100, linear between order statistics, as numpy's default"),
            ("to", "what it becomes"),
            ("rounding", "`whole` numbers, or `none`"),
        ],
    },
    StepReference {
        name: "scale-intensity",
        does: "the smallest value becomes 0, the largest 1 (MONAI ScaleIntensity); an image of one value is declined \
               by the clause `image-has-values`",
        parameters: &[],
    },
    StepReference {
        name: "network",
        does: "scores, by a model with one input (1 x 1 x extents) and one output (1 x channels x extents) of 32-bit \
               floats",
        parameters: &[
            ("model", "the file of the model in the package: ONNX, all weights in it"),
            (
                "window",
                "`whole`: everything at once; `cores`: parts whose halo is dropped, the same answer with less memory, for \
                 networks that look at a neighbourhood alone (no strides, no pooling, no normalisation over the \
                 image); `sliding`: overlapping windows blended by a Gaussian (MONAI SlidingWindowInferer)",
            ),
            ("core", "with `cores`: voxels of a part along the tensor's axes"),
            ("halo", "with `cores`: voxels around a part; at least the radius of what one answer depends on"),
            (
                "patch",
                "with `sliding`: voxels of a window along the tensor's axes; a smaller image is padded with 0",
            ),
            ("overlap", "with `sliding`: share of a window that the next one covers too, 0 to below 1"),
            ("activation", "`none`, `softmax` over the channels, or `sigmoid`"),
        ],
    },
    StepReference {
        name: "decide",
        does: "labels on the image's own grid; 0 is none",
        parameters: &[
            (
                "by",
                "`argmax`: the channel with the largest score, channel 0 is none; `threshold`: label 1 where the \
                    only channel is at least that",
            ),
            ("threshold", "with `threshold`: the score"),
            (
                "on",
                "`grid`: decided on the network's grid, each voxel of the image takes the nearest label; `image`: \
                    scores are interpolated at each voxel of the image and decided there",
            ),
        ],
    },
    StepReference {
        name: "components",
        does: "parts of a label that do not stay are taken out; voxels that share a corner hang together",
        parameters: &[
            ("label", "which label"),
            ("keep", "`all`, or only the `largest` (MONAI KeepLargestConnectedComponent)"),
            ("volume_min_ml", "smaller parts go"),
        ],
    },
    StepReference {
        name: "require",
        does: "declines unless there is as much of a label: what the network must have seen before it is believed. \
               Labels that no finding declares are left out of the result",
        parameters: &[
            ("clause", "the clause's name"),
            ("sentence", "what it means, for people"),
            ("label", "which label"),
            ("volume_min_ml", "as much, at least"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of `docs/packages.md`.
    fn tables() -> String {
        let mut page = String::new();
        for step in STEPS {
            page.push_str(&format!("### `{}`\n\n{}.\n", step.name, step.does));
            if !step.parameters.is_empty() {
                page.push_str("\n| parameter | meaning |\n|---|---|\n");
            }
            for (name, meaning) in step.parameters {
                page.push_str(&format!("| `{name}` | {meaning} |\n"));
            }
            page.push('\n');
        }
        page
    }

    #[test]
    fn the_page_says_what_the_steps_are() {
        let page = include_str!("../../../../../docs/packages.md");
        let tables = tables();
        assert!(page.contains(tables.trim_end()), "docs/packages.md lacks:\n\n{tables}");
    }
}
