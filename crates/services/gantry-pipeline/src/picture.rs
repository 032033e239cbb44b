//! The summary picture: one page with the regions on the image and the numbers beside them.
//!
//! An axial and a coronal slice through the regions, seen as radiologists see them (patient's right on the left), with
//! the regions in their colours, and the measurements as text. The page says in its pixels that it is an AI result;
//! it never says whose.

use gantry_definition::package::{Class, Package};
use gantry_image::{
    geometry::VoxelIndex,
    grid::GridError,
    measure,
    orient::AxisMap,
    volume::{Labels, Volume},
};
use gantry_types::findings::{Findings, MeasuredValue, Measurement};

mod canvas;

use canvas::{Canvas, Rgb8};

/// Size of the page.
const COLUMNS: usize = 1024;
const ROWS: usize = 768;
/// Without a window, this share of the voxels is black, and as much white.
const SHARE_BEYOND: f64 = 0.005;

/// A page of RGB pixels, row by row from the top left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
    /// Three bytes for each pixel.
    pub rgb: Vec<u8>,
}

const WHITE: Rgb8 = [235, 235, 235];
const GREY: Rgb8 = [150, 150, 150];
const WARNING: Rgb8 = [255, 200, 60];

/// Draws the page.
///
/// # Errors
/// [`GridError`], which a volume with a grid from its constructor cannot cause.
pub fn draw(
    package: &Package,
    findings: &Findings,
    volume: &Volume<i16>,
    labels: &Labels,
) -> Result<Page, GridError> {
    let map = AxisMap::to_lps(volume.grid());
    let (volume, labels) = (map.apply(volume)?, map.apply(labels)?);
    let mut canvas = Canvas::new(COLUMNS, ROWS);
    canvas.text(16, 14, 2, WHITE, &format!("{} {}", package.title, package.version));
    canvas.text(16, 40, 1, WARNING, &warning(package.class));
    let at = middle(&labels);
    let window = package.window.unwrap_or_else(|| spread(&volume));
    let view = View { volume: &volume, labels: &labels, findings, window: window.map(i32::from) };
    view.axial(&mut canvas, at.k, Frame { left: 16, top: 64, columns: 488, rows: 420 });
    view.coronal(&mut canvas, at.j, Frame { left: 520, top: 64, columns: 488, rows: 420 });
    canvas.text(16, 490, 1, GREY, "axial, R on the left");
    canvas.text(520, 490, 1, GREY, "coronal, R on the left");
    numbers(&mut canvas, findings);
    Ok(canvas.into_page())
}

fn warning(class: Class) -> String {
    let for_what = match class {
        Class::Clinical => "",
        Class::Research => " - FOR RESEARCH ONLY",
        Class::Test => " - TEST",
    };
    format!("AI RESULT - NOT REVIEWED{for_what}")
}

/// Where to cut: the middle of all regions.
fn middle(labels: &Labels) -> VoxelIndex {
    let any = labels.map(|label| u8::from(*label != 0));
    let dims = labels.dims();
    let centre = measure::region(&any, 1).map(|region| labels.grid().to_voxel(region.centroid));
    let clamp = |at: f64, count: usize| (at.round().max(0.0) as usize).min(count.saturating_sub(1));
    match centre {
        Some(centre) => VoxelIndex::new(
            clamp(centre.i, dims.columns()),
            clamp(centre.j, dims.rows()),
            clamp(centre.k, dims.slices()),
        ),
        None => VoxelIndex::new(dims.columns() / 2, dims.rows() / 2, dims.slices() / 2),
    }
}

/// A place on the page.
#[derive(Clone, Copy)]
struct Frame {
    left: usize,
    top: usize,
    columns: usize,
    rows: usize,
}

struct View<'a> {
    volume: &'a Volume<i16>,
    labels: &'a Labels,
    findings: &'a Findings,
    window: [i32; 2],
}

/// The values between which nearly all voxels lie.
fn spread(volume: &Volume<i16>) -> [i16; 2] {
    let mut counts = vec![0_usize; 1 << 16];
    for value in volume.data() {
        // A 16-bit value has a place in a table of 65536.
        if let Some(count) = counts.get_mut((i32::from(*value) + 32768) as usize) {
            *count += 1;
        }
    }
    let beyond = (volume.data().len() as f64 * SHARE_BEYOND) as usize;
    let values = || (i16::MIN..=i16::MAX).zip(counts.iter().copied());
    let (low, high) = (behind(values(), beyond), behind(values().rev(), beyond));
    [low, high.max(low.saturating_add(1))]
}

/// The first value behind as many voxels.
fn behind(mut counts: impl Iterator<Item = (i16, usize)>, voxels: usize) -> i16 {
    let mut seen = 0;
    let found = counts.find(|(_, count)| {
        seen += count;
        voxels < seen
    });
    found.map_or(0, |(value, _)| value)
}

impl View<'_> {
    fn axial(&self, canvas: &mut Canvas, k: usize, frame: Frame) {
        let (dims, spacing) = (self.volume.dims(), self.volume.grid().spacing());
        let size = [dims.columns() as f64 * spacing.column, dims.rows() as f64 * spacing.row];
        self.cut(canvas, frame, size, |x_mm, y_mm| {
            VoxelIndex::new((x_mm / spacing.column) as usize, (y_mm / spacing.row) as usize, k)
        });
    }

    fn coronal(&self, canvas: &mut Canvas, j: usize, frame: Frame) {
        let (dims, spacing) = (self.volume.dims(), self.volume.grid().spacing());
        let size = [dims.columns() as f64 * spacing.column, dims.slices() as f64 * spacing.slice];
        let last = dims.slices().saturating_sub(1);
        // The head is at the top, and k ascends to it.
        self.cut(canvas, frame, size, |x_mm, y_mm| {
            let from_top = (y_mm / spacing.slice) as usize;
            VoxelIndex::new((x_mm / spacing.column) as usize, j, last - from_top.min(last))
        });
    }

    /// Fills a frame with a cut of `size` millimetres, as large as it fits and in true proportion.
    fn cut(&self, canvas: &mut Canvas, frame: Frame, size: [f64; 2], voxel: impl Fn(f64, f64) -> VoxelIndex) {
        let [width_mm, height_mm] = size;
        let mm_per_pixel = (width_mm / frame.columns as f64).max(height_mm / frame.rows as f64);
        for row in 0..frame.rows {
            for column in 0..frame.columns {
                let (x_mm, y_mm) = ((column as f64 + 0.5) * mm_per_pixel, (row as f64 + 0.5) * mm_per_pixel);
                if x_mm < width_mm && y_mm < height_mm {
                    let colour = self.colour(voxel(x_mm, y_mm));
                    canvas.set(frame.left + column, frame.top + row, colour);
                }
            }
        }
    }

    fn colour(&self, at: VoxelIndex) -> Rgb8 {
        let [low, high] = self.window;
        let hu = self.volume.get(at).copied().map_or(low, i32::from).clamp(low, high);
        // 0 to 255 by construction.
        let grey = u8::try_from((hu - low) * 255 / (high - low).max(1)).unwrap_or(u8::MAX);
        let label = self.labels.get(at).copied().unwrap_or(0);
        let segment = self.findings.segments.iter().find(|segment| segment.label == label);
        match segment {
            Some(segment) => segment.colour.0.map(|colour| {
                u8::try_from((u16::from(colour) * 2 + u16::from(grey) * 3) / 5).unwrap_or(u8::MAX)
            }),
            None => [grey; 3],
        }
    }
}

fn numbers(canvas: &mut Canvas, findings: &Findings) {
    let mut top = 520;
    let mut declined = Vec::new();
    for segment in &findings.segments {
        canvas.fill(16, top + 2, 12, 12, segment.colour.0);
        let values: Vec<String> = segment.measurements.iter().map(shown).collect();
        canvas.text(40, top, 2, WHITE, &format!("{:<11} {}", segment.name, values.join("  ")));
        top += 28;
        for measurement in &segment.measurements {
            if let MeasuredValue::Declined { reason } = &measurement.value
                && !declined.contains(&(measurement.concept.meaning.clone(), reason.clone()))
            {
                declined.push((measurement.concept.meaning.clone(), reason.clone()));
            }
        }
    }
    for (concept, reason) in declined {
        top += 6;
        canvas.text(16, top, 1, WARNING, &format!("{concept}: not given, because"));
        top += 12;
        for part in reason.split("; ") {
            canvas.text(32, top, 1, GREY, part);
            top += 12;
        }
    }
}

/// A measurement in few characters.
fn shown(measurement: &Measurement) -> String {
    match &measurement.value {
        MeasuredValue::Number(value) => {
            let unit = match &*measurement.unit.value {
                "[hnsf'U]" => "HU",
                other => other,
            };
            format!("{value:.0} {unit}")
        }
        MeasuredValue::Declined { .. } => format!("{} not given", measurement.unit.value),
    }
}
