//! A node's data folder, opened: configuration, store, blobs, clock, ids.
//!
//! Commands open it the same way while `serve` runs; what writes segments opens them, the rest only reads.

use std::{fs, path::Path, path::PathBuf, sync::Arc, time::Duration};

use gantry_api::view::View;
use gantry_dicom::part10::IMPLEMENTATION_CLASS_UID;
use gantry_dimse::{machine, negotiation::Implementation};
use gantry_gateway::{
    Outside,
    settings::{DoorSettings, Limits},
    sources::KnownDoors,
};
use gantry_ports::{
    blob::BlobError, cases::Cases, definitions::Definitions, intake::Intake as _, runs::Runs,
    store::StoreError,
};
use gantry_segments::{Reserved, Segments, Settings};
use gantry_sqlite::SqliteStore;
use gantry_types::{
    ids::{NodeId, SiteId},
    uid::Uid,
};

use crate::{
    config::{self, Config},
    documents,
    report::{Exit, Failure},
    system::{SortableIds, SystemClock},
};

/// The database, in a data folder.
pub(crate) const DATABASE: &str = "gantry.db";
/// The folder of segments there.
pub(crate) const SEGMENTS: &str = "segments";

/// Implementation Version Name; changes only with what we write.
const IMPLEMENTATION_VERSION: &str = "GANTRY_0_1";

/// An opened data folder.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) data: PathBuf,
    pub(crate) config: Config,
    pub(crate) site: SiteId,
    pub(crate) id: NodeId,
    pub(crate) outside: Outside,
    pub(crate) definitions: Arc<dyn Definitions>,
    pub(crate) cases: Arc<dyn Cases>,
    pub(crate) runs: Arc<dyn Runs>,
}

/// What a folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// To serve: by one process at a time; an empty folder is made a data folder.
    Serve,
    /// To read what is kept, also while another process serves.
    Read,
}

impl Node {
    /// Opens a data folder.
    pub(crate) fn open(data: &Path, access: Access) -> Result<Self, Failure> {
        let file = data.join(config::FILE);
        if !file.exists() {
            prepare(data, &file, access)?;
        }
        let config = Config::read(&file)?;
        let bad = |why: String| Failure::new(Exit::Config, "config/invalid", why);
        let site = config.site().map_err(bad)?;
        let id = config.node().map_err(bad)?;
        let (database, segments) = (data.join(DATABASE), data.join(SEGMENTS));
        let opened = |store: Result<SqliteStore, StoreError>| {
            store.map(Arc::new).map_err(|error| Failure::unexpected("store/unusable", &error))
        };
        let settings = segment_settings(&config);
        let (store, blob) = match access {
            Access::Serve => {
                // Before the database is migrated: another process may serve with an older program.
                let reserved = reserve(data, &segments)?;
                let store = opened(SqliteStore::open(&database))?;
                let blob = open_segments(reserved, settings, &store)?;
                (store, blob)
            }
            Access::Read => {
                // Beside a server that runs, which may be of another version: nothing is migrated.
                let there = database.exists();
                let store =
                    opened(if there { SqliteStore::join(&database) } else { SqliteStore::open(&database) })?;
                let blob = Segments::open_to_read(&segments, settings);
                (store, blob.map_err(|error| Failure::unexpected("segments/unusable", &error))?)
            }
        };
        let last = store.last_id().map_err(|error| Failure::unexpected("store/unusable", &error))?;
        let ids = SortableIds::start(random()?, last);
        let outside = Outside {
            blob: Arc::new(blob),
            store: store.clone(),
            intake: store.clone(),
            clock: Arc::new(SystemClock::start()),
            ids: Arc::new(ids),
        };
        Ok(Self {
            data: data.to_owned(),
            config,
            site,
            id,
            outside,
            definitions: store.clone(),
            cases: store.clone(),
            runs: store,
        })
    }

    /// What is told of it.
    pub(crate) fn view(&self) -> View {
        View {
            site: self.site.clone(),
            intake: Arc::clone(&self.outside.intake),
            cases: Arc::clone(&self.cases),
            runs: Arc::clone(&self.runs),
            definitions: Arc::clone(&self.definitions),
            blob: Arc::clone(&self.outside.blob),
        }
    }

    /// How the door is set.
    pub(crate) fn door_settings(&self) -> Result<DoorSettings, Failure> {
        let dicom = &self.config.dicom;
        Ok(DoorSettings {
            site: self.site.clone(),
            doors: KnownDoors::new(documents::doors(self, &documents::DoorRows::read(self)?)?),
            implementation: implementation(),
            association: machine::Settings {
                artim: Duration::from_secs(dicom.artim_secs),
                idle: Duration::from_secs(dicom.idle_secs),
                receive_bytes_max: dicom.pdu_bytes_max,
                ..machine::Settings::default()
            },
            limits: Limits {
                associations: dicom.associations,
                associations_per_peer: dicom.associations_per_peer,
                silent_connections: dicom.silent_connections,
                queue: dicom.queue,
                ..Limits::default()
            },
        })
    }
}

/// How we introduce ourselves to peers.
pub(crate) fn implementation() -> Implementation {
    let class =
        Uid::from_peer(IMPLEMENTATION_CLASS_UID).unwrap_or_else(|| unreachable!("the constant is not blank"));
    Implementation { class, version: IMPLEMENTATION_VERSION.into(), maximum_length: 128 << 10 }
}

fn prepare(data: &Path, file: &Path, access: Access) -> Result<(), Failure> {
    let failed = |error| Failure::unexpected("node/unwritable", &error);
    if access == Access::Read {
        let sentence = format!("{} is no data folder of Gantry: it has no {}", data.display(), config::FILE);
        return Err(Failure::new(Exit::NotFound, "node/no-data-folder", sentence)
            .hint("name the folder that `gantry serve --data` uses"));
    }
    create_private(data).map_err(failed)?;
    let is_empty = fs::read_dir(data).map_err(failed)?.next().is_none();
    if !is_empty {
        let sentence = format!("{} is not empty, and no data folder of Gantry", data.display());
        return Err(Failure::new(Exit::Config, "node/folder-in-use", sentence).hint("name an empty folder"));
    }
    fs::write(file, config::TEMPLATE).map_err(failed)
}

/// Names and images of patients lie in it: nobody else on the machine is to read them. A folder that is there already
/// keeps what its owner gave it.
pub(crate) fn create_private(data: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if let Some(parent) = data.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(data) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn segment_settings(config: &Config) -> Settings {
    Settings {
        segment_bytes: config.storage.segment_mib << 20,
        spares: config.storage.spares,
        content_bytes_max: config.storage.object_mib_max << 20,
        reserve_bytes: config.storage.reserve_mib << 20,
        ..Settings::default()
    }
}

/// Takes the data folder for this process.
fn reserve(data: &Path, segments: &Path) -> Result<Reserved, Failure> {
    Reserved::take(segments).map_err(|error| {
        if matches!(error, BlobError::InUse) {
            let sentence = format!("another process serves {}", data.display());
            return Failure::new(Exit::Config, "node/in-use", sentence);
        }
        Failure::unexpected("segments/unusable", &error)
    })
}

fn open_segments(reserved: Reserved, settings: Settings, store: &SqliteStore) -> Result<Segments, Failure> {
    let last_kept = |container| {
        store.last_in_container(container).map_err(|error| BlobError::Disk {
            doing: "ask what was kept last",
            source: std::io::Error::other(error),
        })
    };
    let last = store.last_container().map_err(|error| Failure::unexpected("store/unusable", &error))?;
    Segments::open(reserved, settings, last, &last_kept)
        .map_err(|error| Failure::unexpected("segments/unusable", &error))
}

pub(crate) fn random() -> Result<u16, Failure> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Failed, "system/no-randomness", error.to_string()))?;
    Ok(u16::from_le_bytes(bytes))
}
