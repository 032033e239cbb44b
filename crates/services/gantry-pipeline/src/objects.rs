//! The objects of a job: what the pipeline is given to read.

use std::fmt;

use gantry_dicom::{
    data_set::DataSet,
    deflate,
    header::{MissingUid, image_header},
    part10,
    reader::{self, Limits, Stop},
    syntax::{self, Wrapping},
    tag,
};
use gantry_types::{
    header::ImageHeader,
    uid::{SeriesInstanceUid, TransferSyntaxUid},
};

/// The most bytes that a deflated data set may inflate to.
const INFLATED_MAX: usize = 4 << 30;

/// Objects by number; each is a Part 10 file.
pub trait Objects {
    /// How many there are.
    fn count(&self) -> usize;

    /// All bytes of one.
    ///
    /// # Errors
    /// As the place where it lies says.
    fn read(&self, number: usize) -> std::io::Result<Vec<u8>>;

    /// What people call it.
    fn name(&self, number: usize) -> String;
}

/// Why an object is no part of any series.
#[derive(Debug)]
pub enum Unusable {
    /// It cannot be read at all.
    Unreadable(std::io::Error),
    /// It has no bytes: a file that could not be written, or copied, may have been an image.
    Empty,
    /// It is no DICOM.
    NotDicom(part10::NotDicom),
    /// Its data set cannot be inflated.
    Deflate(deflate::InflateError),
    /// It is damaged.
    Damaged(reader::Problem),
    /// It names no study, series, class or instance.
    NoIdentity(MissingUid),
}

impl Unusable {
    /// Whether it may be an image that is missing now; not so what is something else, such as a text or a DICOMDIR.
    #[must_use]
    pub fn may_be_an_image(&self) -> bool {
        match self {
            Self::Unreadable(_)
            | Self::Empty
            | Self::Deflate(_)
            | Self::Damaged(_)
            | Self::NotDicom(part10::NotDicom::DamagedMeta) => true,
            Self::NotDicom(part10::NotDicom::NoBeginning) | Self::NoIdentity(_) => false,
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Empty => f.write_str("it has no bytes"),
            Self::NotDicom(error) => error.fmt(f),
            Self::Deflate(error) => error.fmt(f),
            Self::Damaged(problem) => {
                write!(f, "{} at byte {} of its data set", problem.kind, problem.offset)
            }
            Self::NoIdentity(error) => error.fmt(f),
        }
    }
}

/// The series that were found.
#[derive(Debug, Default)]
pub struct Survey {
    /// In the order in which they occur first.
    pub series: Vec<Series>,
    /// Objects that belong to none, by number.
    pub unusable: Vec<(usize, Unusable)>,
}

/// A series: its objects by number, with their header views.
#[derive(Debug)]
pub struct Series {
    /// Which.
    pub uid: SeriesInstanceUid,
    /// Its objects.
    pub objects: Vec<(usize, ImageHeader)>,
}

/// The data set of an object, taken out of its file and inflated.
pub(crate) struct Opened {
    data_set: Vec<u8>,
    syntax: TransferSyntaxUid,
}

impl Opened {
    pub(crate) fn new(objects: &dyn Objects, number: usize) -> Result<Self, Unusable> {
        let file = objects.read(number).map_err(Unusable::Unreadable)?;
        if file.is_empty() {
            return Err(Unusable::Empty);
        }
        let located = part10::locate(&file).map_err(Unusable::NotDicom)?;
        let data_set = match syntax::layout(&located.transfer_syntax).1 {
            Wrapping::Plain => located.data_set.to_vec(),
            Wrapping::Deflated => {
                deflate::inflate(located.data_set, INFLATED_MAX).map_err(Unusable::Deflate)?
            }
        };
        Ok(Self { data_set, syntax: located.transfer_syntax })
    }

    /// Reads up to `stop`.
    pub(crate) fn read(&self, stop: Stop) -> Result<DataSet<'_>, Unusable> {
        let encoding = syntax::layout(&self.syntax).0;
        let reading = reader::read(&self.data_set, encoding, Limits::default(), stop);
        match reading.damage() {
            Some(problem) => Err(Unusable::Damaged(*problem)),
            None => Ok(reading.data_set),
        }
    }

    pub(crate) fn header(&self, data_set: &DataSet<'_>) -> Result<ImageHeader, Unusable> {
        image_header(data_set, self.syntax.clone()).map_err(Unusable::NoIdentity)
    }
}

/// Finds the series; `progress` hears of each object.
pub fn survey(objects: &dyn Objects, progress: &mut dyn FnMut(usize)) -> Survey {
    let mut survey = Survey::default();
    for number in 0..objects.count() {
        progress(number);
        let header = Opened::new(objects, number).and_then(|opened| {
            let data_set = opened.read(Stop::Before(tag::FLOAT_PIXEL_DATA))?;
            opened.header(&data_set)
        });
        match header {
            Err(why) => survey.unusable.push((number, why)),
            Ok(header) => match survey.series.iter_mut().find(|series| series.uid == header.series) {
                Some(series) => series.objects.push((number, header)),
                None => {
                    survey
                        .series
                        .push(Series { uid: header.series.clone(), objects: vec![(number, header)] });
                }
            },
        }
    }
    survey
}
