//! `gantry serve`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use gantry_gateway::{door::Door, keeper::Keeper, recovery, sources::KnownSources};
use gantry_net::TcpDoor;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    cli::Serve,
    documents,
    node::{Access, Node},
    report::{Exit, Failure, say},
};

/// Serves until a signal says stop.
pub(crate) fn run(options: &Serve) -> Result<(), Failure> {
    let unexpected = |error: std::io::Error| Failure::unexpected("serve/failed", &error);
    // Before anything is opened: a signal that comes early must not kill the process half way.
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(unexpected)?;
    let node = Node::open(&options.data, Access::Serve)?;
    let found = recovery::recover(&node.outside)
        .map_err(|error| Failure::unexpected("serve/recovery-failed", &error))?;
    for row in &found.damaged {
        say(&format!(
            "warning: the bytes of object {} at {} are damaged or gone",
            row.sop_instance, row.blob
        ));
    }
    let settings = node.door_settings()?;
    let known = settings.sources.clone();
    let mut address = node.config.dicom.listen;
    address.set_port(options.dicom_port.unwrap_or(address.port()));
    let listener = TcpDoor::bind(address).map_err(|error| {
        Failure::new(Exit::Config, "serve/cannot-listen", format!("cannot listen on {address}: {error}"))
            .hint("another program may use the port: choose one with --dicom-port")
    })?;
    let address = listener.address().map_err(unexpected)?;
    let titles: Vec<String> = settings.titles.iter().map(ToString::to_string).collect();
    let (keeper, handle) =
        Keeper::start(node.outside.clone(), node.site.clone(), settings.limits.queue).map_err(unexpected)?;
    let door = Door::open(Box::new(listener), settings, node.outside.clone(), handle).map_err(unexpected)?;
    say(&format!(
        "gantry: door {} is open on {address}, data in {}",
        titles.join(", "),
        options.data.display()
    ));
    let follower = Follower::start(node, known).map_err(unexpected)?;
    signals.forever().next();
    follower.stop();
    door.close();
    keeper.join();
    Ok(())
}

/// How often the store is asked for news.
const FOLLOW: Duration = Duration::from_millis(200);

/// Takes up what other processes apply while the doors are open.
struct Follower {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Follower {
    fn start(node: Node, known: KnownSources) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("follower".to_owned()).spawn(move || {
            let mut seen = None;
            let mut in_use = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                // A store that cannot be read is noticed by the keeper, and answered to the peers; the sources stay.
                let counter = node.outside.store.counter().ok();
                if counter != seen
                    && let Ok(rows) = documents::source_rows(&node)
                {
                    if rows != in_use {
                        known.replace(documents::sources(&node, &rows));
                        in_use = rows;
                    }
                    seen = counter;
                }
                std::thread::sleep(FOLLOW);
            }
        })?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // One that panicked has nothing left to do.
        let _finished = self.thread.join();
    }
}
