//! The blur of a reconstruction kernel, in plane.
//!
//! The kernel is a cubic B-spline, which is close to a Gaussian, has a finite reach and needs no exponential: a knot
//! distance of h gives a standard deviation of h / sqrt(3).

#![expect(clippy::indexing_slicing, reason = "taps and pixels are addressed within the padded row")]

/// A separable blur for planes of one pixel spacing.
pub(crate) struct Blur {
    /// One half of each kernel, from the centre outwards: along rows, along columns.
    halves: [Vec<f32>; 2],
}

impl Blur {
    /// A blur of a standard deviation, mm, for pixels of a size along x and y, mm.
    pub(crate) fn new(deviation_mm: f64, step_mm: [f64; 2]) -> Self {
        Self { halves: step_mm.map(|step| half_kernel(deviation_mm, step)) }
    }

    /// Blurs a plane in place; beyond its border it goes on as at the border.
    pub(crate) fn apply(&self, plane: &mut [f32], columns: usize, scratch: &mut Vec<f32>) {
        let [along_rows, along_columns] = &self.halves;
        for row in plane.chunks_exact_mut(columns) {
            blur_row(row, along_rows, scratch);
        }
        blur_columns(plane, columns, along_columns, scratch);
    }
}

/// The weights at 0, 1, 2 ... pixels; all of them, mirrored, add up to 1.
fn half_kernel(deviation_mm: f64, step_mm: f64) -> Vec<f32> {
    let knots_mm = deviation_mm * 3.0f64.sqrt();
    let weights: Vec<f64> =
        (0..).map(|n| cubic(f64::from(n) * step_mm / knots_mm)).take_while(|weight| 0.0 < *weight).collect();
    let total = weights.iter().sum::<f64>() * 2.0 - weights.first().copied().unwrap_or(1.0);
    weights.iter().map(|weight| (weight / total) as f32).collect()
}

/// The cubic B-spline at a distance of t knots.
fn cubic(t: f64) -> f64 {
    if t < 1.0 {
        2.0 / 3.0 - t * t + t * t * t / 2.0
    } else if t < 2.0 {
        (2.0 - t) * (2.0 - t) * (2.0 - t) / 6.0
    } else {
        0.0
    }
}

fn blur_row(row: &mut [f32], half: &[f32], padded: &mut Vec<f32>) {
    let reach = half.len() - 1;
    let (Some(first), Some(last)) = (row.first().copied(), row.last().copied()) else { return };
    padded.clear();
    padded.resize(reach, first);
    padded.extend_from_slice(row);
    padded.resize(row.len() + 2 * reach, last);
    for (i, value) in row.iter_mut().enumerate() {
        let centre = i + reach;
        let mut sum = padded[centre] * half[0];
        for (n, weight) in half.iter().enumerate().skip(1) {
            sum += (padded[centre - n] + padded[centre + n]) * weight;
        }
        *value = sum;
    }
}

/// Row by row, so that each step is a sum over whole rows.
fn blur_columns(plane: &mut [f32], columns: usize, half: &[f32], source: &mut Vec<f32>) {
    source.clear();
    source.extend_from_slice(plane);
    let last = plane.len() / columns - 1;
    for (j, row) in plane.chunks_exact_mut(columns).enumerate() {
        let line = |j: usize| &source[j * columns..(j + 1) * columns];
        for (value, from) in row.iter_mut().zip(line(j)) {
            *value = from * half[0];
        }
        for (n, weight) in half.iter().enumerate().skip(1) {
            let (above, below) = (line(j.saturating_sub(n)), line((j + n).min(last)));
            for ((value, above), below) in row.iter_mut().zip(above).zip(below) {
                *value += (above + below) * weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_spread_with_the_deviation_asked_for_and_nothing_is_lost() {
        let (columns, rows) = (41, 31);
        let mut plane = vec![0.0; columns * rows];
        plane[15 * columns + 20] = 1.0;
        Blur::new(1.5, [0.7, 1.0]).apply(&mut plane, columns, &mut Vec::new());
        let moment = |step: f64, centre: f64, place: fn(usize, usize) -> usize| -> f64 {
            let square = |at: usize| ((place(at, columns) as f64 - centre) * step).powi(2);
            plane.iter().enumerate().map(|(at, value)| f64::from(*value) * square(at)).sum()
        };
        assert!((plane.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((moment(0.7, 20.0, |at, columns| at % columns).sqrt() - 1.5).abs() < 0.02);
        assert!((moment(1.0, 15.0, |at, columns| at / columns).sqrt() - 1.5).abs() < 0.02);
    }

    #[test]
    fn an_even_plane_stays_even_up_to_its_border() {
        let mut plane = vec![7.0; 12];
        Blur::new(2.0, [1.0, 1.0]).apply(&mut plane, 4, &mut Vec::new());
        assert!(plane.iter().all(|value| (value - 7.0).abs() < 1e-5));
    }
}
