//! Painting one plane of a phantom: densities with soft edges along rows, and a tissue class for every pixel.
//!
//! A shape gives, for a row, from where to where it reaches along x. Pixels that an end lies in are mixed by the share
//! that is covered; a pixel is of a shape's class if its centre is covered.

#![expect(clippy::indexing_slicing, reason = "pixel numbers are clamped to the row before use")]

use gantry_image::grid::Dims;

/// What a pixel is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Air or couch outside of the body.
    Outside,
    /// The body, where it is nothing else.
    Tissue,
    /// Within the right lung.
    RightLung,
    /// Within the left lung.
    LeftLung,
    /// The wall of the airway.
    AirwayWall,
    /// The inside of the airway.
    AirwayLumen,
    /// A lesion in a lung.
    Lesion,
}

/// From where to where along x, mm.
pub(crate) type Span = (f64, f64);

/// A plane being painted.
pub(crate) struct Plane {
    frame: Frame,
    /// Densities, HU.
    pub(crate) hu: Vec<f32>,
    /// What each pixel is of.
    pub(crate) classes: Vec<Class>,
}

/// Where the pixels of a plane lie: mm from the middle of the body, x to the left and y to the back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) dims: Dims,
    pub(crate) first: [f64; 2],
    pub(crate) step: [f64; 2],
}

/// Which pixels of a span are painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// All.
    Everything,
    /// Only those of a lung: vessels end at its border.
    Lungs,
    /// Only those of the body.
    Body,
}

impl Frame {
    pub(crate) fn x(&self, i: usize) -> f64 {
        self.first[0] + self.step[0] * i as f64
    }

    pub(crate) fn y(&self, j: usize) -> f64 {
        self.first[1] + self.step[1] * j as f64
    }

    /// The rows whose centres lie from `low` to `high`.
    pub(crate) fn rows(&self, low: f64, high: f64) -> core::ops::Range<usize> {
        let row = |y: f64| ((y - self.first[1]) / self.step[1]).max(-1.0);
        let end = self.dims.rows();
        ((row(low).ceil().max(0.0) as usize).min(end))..((row(high).floor() + 1.0) as usize).min(end)
    }
}

impl Plane {
    pub(crate) fn new(frame: Frame) -> Self {
        let pixels = frame.dims.plane();
        Self { frame, hu: vec![0.0; pixels], classes: vec![Class::Outside; pixels] }
    }

    pub(crate) const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Nothing but air.
    pub(crate) fn clear(&mut self, air_hu: f32) {
        self.hu.fill(air_hu);
        self.classes.fill(Class::Outside);
    }

    /// Gives pixels of the body whose centres lie in a span another class, and leaves their density.
    pub(crate) fn own(&mut self, j: usize, span: Span, class: Class) {
        let columns = self.frame.dims.columns();
        for i in 0..columns {
            let x = self.frame.x(i);
            let own = &mut self.classes[j * columns + i];
            if span.0 <= x && x < span.1 && *own != Class::Outside {
                *own = class;
            }
        }
    }

    /// Paints a span of a row with a density, and with a class if there is one.
    pub(crate) fn span(&mut self, j: usize, span: Span, hu: f32, class: Option<Class>, within: Within) {
        let columns = self.frame.dims.columns();
        let [first, step] = [self.frame.first[0], self.frame.step[0]];
        // In pixels, whole numbers at pixel borders.
        let (from, to) = ((span.0 - first) / step + 0.5, (span.1 - first) / step + 0.5);
        if to <= from || to <= 0.0 || columns as f64 <= from {
            return;
        }
        let (from, to) = (from.max(0.0), to.min(columns as f64));
        let row = j * columns;
        for i in from.floor() as usize..(to.ceil() as usize).min(columns) {
            let at = row + i;
            let own = self.classes[at];
            let allowed = match within {
                Within::Everything => true,
                Within::Lungs => matches!(own, Class::RightLung | Class::LeftLung),
                Within::Body => own != Class::Outside,
            };
            if !allowed {
                continue;
            }
            let covered = ((i as f64 + 1.0).min(to) - (i as f64).max(from)) as f32;
            self.hu[at] += (hu - self.hu[at]) * covered;
            let centre = i as f64 + 0.5;
            if let Some(class) = class
                && from <= centre
                && centre < to
            {
                self.classes[at] = class;
            }
        }
    }
}
