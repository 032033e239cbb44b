//! Networks: a real one on a real image, against the map that its facts give, and against Python's engine.

mod brain;
mod lesion;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gantry_image::volume::Volume;
use gantry_infer::{LIBRARY_NAME, OnnxRuntime};
use gantry_pipeline::{
    application::Application,
    inference::network::{Activation, Scores, Window, infer},
    objects::{Objects, Series, survey},
    steps::BuiltIn,
    volume::{Loaded, load},
};
use gantry_ports::infer::Infer as _;
use gantry_tests::notes;

/// The engine, with the library that `make` fetches.
pub(crate) fn engine(threads: usize) -> OnnxRuntime {
    OnnxRuntime::new(vec![notes::root().join("target/onnxruntime").join(LIBRARY_NAME)], threads)
}

/// The files of a folder, by name.
pub(crate) struct Folder(Vec<PathBuf>);

impl Folder {
    pub(crate) fn new(folder: &Path) -> Self {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        Self(files)
    }

    /// Its only series as a volume.
    #[track_caller]
    pub(crate) fn load(&self) -> Loaded {
        let survey = survey(self, &mut |_| {});
        let [series]: &[Series] = &survey.series else { panic!("{} series", survey.series.len()) };
        load(self, series, &mut |_| {}).unwrap()
    }
}

impl Objects for Folder {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn read(&self, number: usize) -> io::Result<Vec<u8>> {
        fs::read(&self.0[number])
    }

    fn name(&self, number: usize) -> String {
        self.0[number].display().to_string()
    }
}

/// The application of a folder.
#[track_caller]
pub(crate) fn application(folder: &Path) -> Application {
    let file = |name: &str| (name.to_owned(), fs::read(folder.join(name)).unwrap());
    Application::new(vec![file("app.toml"), file("model.onnx")]).unwrap()
}

/// The values that an application gives its network.
#[track_caller]
pub(crate) fn prepared(application: &Application, image: &Volume<i16>) -> Volume<f32> {
    let mut values = None;
    for step in &application.steps {
        match step {
            BuiltIn::Resample(parameters) => values = Some(parameters.apply(image).unwrap()),
            BuiltIn::Intensity(intensity) => intensity.apply(values.as_mut().unwrap()).unwrap(),
            BuiltIn::Lungs(_)
            | BuiltIn::Network(_)
            | BuiltIn::Decide(_)
            | BuiltIn::Components(_)
            | BuiltIn::Require(_) => break,
        }
    }
    values.unwrap()
}

/// The scores of an application's network.
#[track_caller]
pub(crate) fn scores(
    application: &Application,
    values: Volume<f32>,
    window: &Window,
    threads: usize,
) -> Scores {
    let mut network = engine(threads).load(application.file("model.onnx").unwrap()).unwrap();
    infer(&mut *network, values, window, Activation::None, &mut |_, _| {}).unwrap()
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
