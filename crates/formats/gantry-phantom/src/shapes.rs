//! Ellipsoids and capsules, cut into spans along x.
//!
//! Units and frames: mm from the middle of the body, x to the left, y to the back, z to the head.

use crate::paint::Span;

/// A body whose section with any line along x is one span.
pub(crate) trait Shape {
    /// From where to where it reaches along z.
    fn z(&self) -> Span;
    /// From where to where it reaches along y.
    fn y(&self) -> Span;
    /// Its span on the line at y, z.
    fn span(&self, y: f64, z: f64) -> Option<Span>;
}

/// An ellipsoid with its axes along x, y and z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ellipsoid {
    pub(crate) centre: [f64; 3],
    pub(crate) half_axes: [f64; 3],
}

/// All points within a radius of a line segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Capsule {
    pub(crate) from: [f64; 3],
    pub(crate) to: [f64; 3],
    pub(crate) radius: f64,
}

impl Ellipsoid {
    pub(crate) fn volume_ml(&self) -> f64 {
        let [a, b, c] = self.half_axes;
        // 4/3 pi
        4.188_790_204_786_391 * a * b * c / 1000.0
    }
}

impl Shape for Ellipsoid {
    fn z(&self) -> Span {
        (self.centre[2] - self.half_axes[2], self.centre[2] + self.half_axes[2])
    }

    fn y(&self) -> Span {
        (self.centre[1] - self.half_axes[1], self.centre[1] + self.half_axes[1])
    }

    fn span(&self, y: f64, z: f64) -> Option<Span> {
        let [_, cy, cz] = self.centre;
        let [a, b, c] = self.half_axes;
        let (y, z) = ((y - cy) / b, (z - cz) / c);
        let left = 1.0 - y * y - z * z;
        let half = (0.0 < left).then(|| a * left.sqrt())?;
        Some((self.centre[0] - half, self.centre[0] + half))
    }
}

impl Capsule {
    pub(crate) fn thicker(&self, by: f64) -> Self {
        Self { radius: self.radius + by, ..*self }
    }

    fn reach(&self, axis: usize) -> Span {
        let [one, other] = [self.from, self.to].map(|end| end.get(axis).copied().unwrap_or_default());
        (one.min(other) - self.radius, one.max(other) + self.radius)
    }

    /// The span of the sphere around one end.
    fn end(&self, end: [f64; 3], y: f64, z: f64) -> Option<Span> {
        let sphere = Ellipsoid { centre: end, half_axes: [self.radius; 3] };
        sphere.span(y, z)
    }

    /// The span of the cylinder between the ends.
    fn cylinder(&self, y: f64, z: f64) -> Option<Span> {
        let [ax, ay, az] = self.from;
        let [bx, by, bz] = self.to;
        let (lx, ly, lz) = (bx - ax, by - ay, bz - az);
        let length = (lx * lx + ly * ly + lz * lz).sqrt();
        if length == 0.0 {
            return None;
        }
        let (ux, uy, uz) = (lx / length, ly / length, lz / length);
        let (dy, dz) = (y - ay, z - az);
        // With q = x - ax: the point lies along = q ux + along_0 on the axis, at a squared distance of
        // q^2 + dy^2 + dz^2 - along^2 from it.
        let along_0 = dy * uy + dz * uz;
        let across = 1.0 - ux * ux;
        let rest = dy * dy + dz * dz - along_0 * along_0 - self.radius * self.radius;
        let (mut low, mut high) = if 1e-9 < across {
            let half_b = ux * along_0;
            let discriminant = half_b * half_b - across * rest;
            let root = (0.0 <= discriminant).then(|| discriminant.sqrt())?;
            ((half_b - root) / across, (half_b + root) / across)
        } else if rest <= 0.0 {
            // The axis runs along x: within the radius everywhere between the ends.
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            return None;
        };
        if 1e-9 < ux.abs() {
            let (one, other) = (-along_0 / ux, (length - along_0) / ux);
            low = low.max(one.min(other));
            high = high.min(one.max(other));
        } else if along_0 < 0.0 || length < along_0 {
            return None;
        }
        (low < high).then_some((ax + low, ax + high))
    }
}

impl Shape for Capsule {
    fn z(&self) -> Span {
        self.reach(2)
    }

    fn y(&self) -> Span {
        self.reach(1)
    }

    fn span(&self, y: f64, z: f64) -> Option<Span> {
        let spans = [self.end(self.from, y, z), self.cylinder(y, z), self.end(self.to, y, z)];
        // A capsule is convex, so its three parts make one span.
        spans.into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance_to_segment(capsule: &Capsule, p: [f64; 3]) -> f64 {
        let sub = |a: [f64; 3], b: [f64; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        let (axis, to_p) = (sub(capsule.to, capsule.from), sub(p, capsule.from));
        let t = (dot(to_p, axis) / dot(axis, axis)).clamp(0.0, 1.0);
        let rest = [to_p[0] - t * axis[0], to_p[1] - t * axis[1], to_p[2] - t * axis[2]];
        dot(rest, rest).sqrt()
    }

    #[test]
    fn a_capsule_is_all_that_is_near_its_axis() {
        let ends = [[1.0, 2.0, 3.0], [7.0, -1.0, 5.0], [9.0, 2.0, 3.0], [1.0, 2.0, 8.0]];
        for (one, other) in [(0, 1), (1, 2), (0, 2), (0, 3), (3, 0)] {
            let capsule = Capsule { from: ends[one], to: ends[other], radius: 2.0 };
            let mut inside = 0;
            for x in -30..120 {
                for y in -40..50 {
                    for z in 0..110 {
                        let p = [
                            f64::from(x) * 0.1 + 0.003,
                            f64::from(y) * 0.1 + 0.004,
                            f64::from(z) * 0.1 + 0.001,
                        ];
                        let near = distance_to_segment(&capsule, p) < 2.0;
                        let span = capsule.span(p[1], p[2]);
                        assert_eq!(
                            span.is_some_and(|(low, high)| (low..high).contains(&p[0])),
                            near,
                            "{p:?}"
                        );
                        inside += u32::from(near);
                    }
                }
            }
            assert!(10_000 < inside);
        }
    }
}
