//! A node at work: door, keeper, conductor, run slots, HTTP, each in its threads; started in order and stopped in order.

use std::{
    net::{SocketAddr, TcpListener},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use gantry_api::{
    orders::Orders,
    server::{Interface, Server},
};
use gantry_conductor::{Conductor, Performers, Slot};
use gantry_gateway::{
    delivering::{self, Couriers},
    door::Door,
    keeper::Keeper,
    recovery,
    sources::KnownDoors,
};
use gantry_net::{TcpDialer, TcpDoor};
use gantry_ports::{
    news::{News, Seen, Woken},
    pulse::Pulse,
};
use gantry_process::{Priority, Workers};
use gantry_publish::Publisher;
use gantry_types::ae_title::AeTitle;

use crate::{
    applications::Shelf,
    documents::{self, DoorRows},
    engine,
    node::{self, Node},
    report::{Exit, Failure, say},
    secret,
};

/// Slots beside those of the configuration that take urgent work alone (UR1).
pub(crate) const URGENT_SLOTS: usize = 1;
/// How often the store is asked for news.
const FOLLOW: Duration = Duration::from_millis(20);
/// The same while there is news at each look: objects come in, and everybody would wake for each of them. What other
/// processes apply is taken up within it.
const FOLLOW_BUSY: Duration = Duration::from_millis(100);

/// Before work that panicked begins anew.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// A node that keeps what comes in, and does nothing with it.
pub(crate) struct Reception {
    address: SocketAddr,
    doors: KnownDoors,
    door: Door,
    keeper: Keeper,
}

/// A node at work.
pub(crate) struct Serving {
    reception: Reception,
    news: News,
    threads: Vec<JoinHandle<()>>,
    pulses: Vec<Pulse>,
    http: Option<Server>,
}

/// Where a node listens.
pub(crate) struct Listen {
    pub(crate) dicom: SocketAddr,
    /// Nothing, if it gives nothing over HTTP.
    pub(crate) http: Option<SocketAddr>,
}

fn unexpected(error: &std::io::Error) -> Failure {
    Failure::unexpected("serve/failed", error)
}

fn bind_http(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).map_err(|error| {
        let sentence = format!("cannot listen on {listen}: {error}");
        Failure::new(Exit::Config, "http/cannot-listen", sentence).hint(
            "another program may use the port: choose one with --http-port, or set http.listen to \"off\"",
        )
    })
}

impl Reception {
    /// Puts right what the last process left, and opens the door.
    pub(crate) fn open(node: &Node, listen: SocketAddr) -> Result<Self, Failure> {
        let found = recovery::recover(&node.outside)
            .map_err(|error| Failure::unexpected("serve/recovery-failed", &error))?;
        for row in &found.damaged {
            say(&format!(
                "warning: the bytes of object {} at {} are damaged or gone",
                row.sop_instance, row.blob
            ));
        }
        let settings = node.door_settings()?;
        let doors = settings.doors.clone();
        let listener = TcpDoor::bind(listen).map_err(|error| {
            Failure::new(Exit::Config, "serve/cannot-listen", format!("cannot listen on {listen}: {error}"))
                .hint("another program may use the port: choose one with --dicom-port")
        })?;
        let address = listener.address().map_err(|error| unexpected(&error))?;
        let (keeper, handle) = Keeper::start(node.outside.clone(), node.site.clone(), settings.limits.queue)
            .map_err(|error| unexpected(&error))?;
        let door = Door::open(Box::new(listener), settings, node.outside.clone(), handle)
            .map_err(|error| unexpected(&error))?;
        Ok(Self { address, doors, door, keeper })
    }

    /// Where the door is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the door, and lets what was given be made durable.
    pub(crate) fn close(self) {
        self.door.close();
        self.keeper.join();
    }
}

impl Serving {
    /// Opens the door, and takes up the work that is there.
    pub(crate) fn start(node: Node, listen: Listen) -> Result<Self, Failure> {
        // Before there is work: a port that is taken is to be said, and nothing to be broken off.
        let http = listen.http.map(bind_http).transpose()?;
        let keys = secret::keys(&node.data, &node.config.http.tokens)?;
        let (view, clock) = (node.view(), Arc::clone(&node.outside.clock));
        let conductor = conductor(&node);
        let orders = orders(&node, Arc::clone(&conductor));
        let desk = Arc::new(documents::Desk(node.clone()));
        let lost =
            conductor.recover().map_err(|error| Failure::unexpected("serve/recovery-failed", &error))?;
        if 0 < lost {
            say(&format!("gantry: {lost} attempts were lost with the last process and are made again"));
        }
        let couriers = couriers(&node);
        couriers.recover().map_err(|error| Failure::unexpected("serve/recovery-failed", &error))?;
        let workers = Pools::open(&node)?;
        let publisher = publisher(&node)?;
        let reception = Reception::open(&node, listen.dicom)?;
        let doors = reception.doors.clone();
        let pulses = vec![reception.door.pulse(), reception.keeper.pulse()];
        let mut serving = Self { reception, news: News::default(), threads: Vec::new(), pulses, http: None };
        serving.work(conductor, workers, node.config.run.slots)?;
        serving.watch("publisher", move |news| publisher.run(news))?;
        serving.watch("couriers", move |news| couriers.run(news))?;
        serving.follow(node, doors)?;
        if let Some(listener) = http {
            let (version, pulses) = (env!("CARGO_PKG_VERSION"), serving.pulses.clone());
            let interface = Interface { view, orders, desk, clock, version, keys, pulses };
            serving.http = Some(Server::start(listener, interface).map_err(|error| unexpected(&error))?);
        }
        Ok(serving)
    }

    /// Says where pages, REST and metrics are, if they are anywhere.
    pub(crate) fn say_http(&self, data: &Path) {
        if let Some(http) = &self.http {
            let tokens = data.join(secret::TOKENS);
            say(&format!("gantry: http on http://{}, tokens in {}", http.address(), tokens.display()));
        }
    }

    /// Where the door is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.reception.address
    }

    /// What it is called by.
    pub(crate) fn titles(&self) -> Vec<AeTitle> {
        self.reception.doors.titles()
    }

    /// Closes the door, lets what was given be made durable, and ends all else.
    pub(crate) fn stop(self) {
        // First, so that nobody is told that threads have ended which were told to.
        if let Some(http) = self.http {
            http.stop();
        }
        self.reception.close();
        self.news.end();
        for thread in self.threads {
            // One that panicked has nothing left to do.
            let _finished = thread.join();
        }
    }

    /// Starts a thread. Work that panics is a fault of the program; it is told, and the work begins anew: everything
    /// that it needs is in the store.
    fn spawn(
        &mut self,
        name: &'static str,
        mut work: impl FnMut(&News) + Send + 'static,
    ) -> Result<Pulse, Failure> {
        let news = self.news.clone();
        let (beating, pulse) = Pulse::start(name);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Err(_panic) = catch_unwind(AssertUnwindSafe(|| work(&news))) {
                beating.stumble();
                say(&format!("error: {name} panicked, and begins anew: this is a fault of the program"));
                if news.wait(Seen::default(), AFTER_PANIC) == Woken::Over {
                    return;
                }
            }
        });
        self.threads.push(thread.map_err(|error| unexpected(&error))?);
        Ok(pulse)
    }

    /// Starts a thread without which the node does not work.
    fn watch(&mut self, name: &'static str, work: impl FnMut(&News) + Send + 'static) -> Result<(), Failure> {
        let pulse = self.spawn(name, work)?;
        self.pulses.push(pulse);
        Ok(())
    }

    /// The conductor, and the slots that carry out what it begins.
    fn work(&mut self, conductor: Arc<Conductor>, workers: Pools, slots: usize) -> Result<(), Failure> {
        let (teller, pools) = (Arc::clone(&conductor), workers.clone());
        // Cases wait for it, urgent ones too, and it takes seconds at most.
        self.watch("teller", move |news| teller.tell_revisions(pools.performers().urgent, news))?;
        let every_lane = std::iter::repeat_n(Slot::Any, slots);
        for slot in every_lane.chain(std::iter::repeat_n(Slot::Urgent, URGENT_SLOTS)) {
            let (conductor, workers) = (Arc::clone(&conductor), workers.clone());
            self.watch("slot", move |news| conductor.run_slot(slot, workers.performers(), news))?;
        }
        self.watch("conductor", move |news| conductor.conduct(news))?;
        // Started ahead, so that the first study does not wait for them; the door is open already.
        let warm_up = self.spawn("warm-up", move |_| {
            for workers in [&workers.urgent, &workers.other] {
                if let Err(error) = workers.warm_up() {
                    say(&format!("warning: a worker does not start: {error} [{}]", error.code()));
                }
            }
        });
        warm_up.map(drop)
    }

    /// Takes up what other processes commit while the door is open.
    fn follow(&mut self, node: Node, known: KnownDoors) -> Result<(), Failure> {
        self.watch("follower", move |news| {
            let mut seen = None;
            let mut in_use = None;
            let mut pause = FOLLOW;
            while !news.is_over() {
                // A store that cannot be read is noticed by the keeper, and answered to the peers; the doors stay.
                let counter = node.outside.store.counter().ok();
                if counter == seen {
                    pause = FOLLOW;
                } else {
                    pause = (pause * 2).min(FOLLOW_BUSY);
                    news.tell();
                    if let Ok(rows) = DoorRows::read(&node) {
                        if in_use.as_ref() != Some(&rows)
                            && let Ok(doors) = documents::doors(&node, &rows)
                        {
                            known.replace(doors);
                            in_use = Some(rows);
                        }
                        seen = counter;
                    }
                }
                std::thread::sleep(pause);
            }
        })
    }
}

/// What gives orders to a node: beside a server that runs, or within it.
pub(crate) fn orders(node: &Node, conductor: Arc<Conductor>) -> Orders {
    let (store, clock) = (Arc::clone(&node.outside.store), Arc::clone(&node.outside.clock));
    Orders { view: node.view(), store, clock, conductor }
}

pub(crate) fn conductor(node: &Node) -> Arc<Conductor> {
    let outside = gantry_conductor::Outside {
        store: Arc::clone(&node.outside.store),
        intake: Arc::clone(&node.outside.intake),
        cases: Arc::clone(&node.cases),
        runs: Arc::clone(&node.runs),
        definitions: Arc::clone(&node.definitions),
        blob: Arc::clone(&node.outside.blob),
        packages: Arc::new(Shelf::of(node)),
        clock: Arc::clone(&node.outside.clock),
        ids: Arc::clone(&node.outside.ids),
        say: Arc::new(|line| say(&format!("warning: {line}"))),
    };
    let settings = gantry_conductor::Settings::new(node.site.clone(), node.id.clone());
    Arc::new(Conductor::new(outside, settings))
}

fn publisher(node: &Node) -> Result<Publisher, Failure> {
    let outside = gantry_publish::Outside {
        store: Arc::clone(&node.outside.store),
        intake: Arc::clone(&node.outside.intake),
        cases: Arc::clone(&node.cases),
        runs: Arc::clone(&node.runs),
        definitions: Arc::clone(&node.definitions),
        blob: Arc::clone(&node.outside.blob),
        packages: Arc::new(Shelf::of(node)),
        clock: Arc::clone(&node.outside.clock),
        say: Arc::new(|line| say(&format!("warning: {line}"))),
    };
    let settings = gantry_publish::Settings {
        site: node.site.clone(),
        secret: secret::in_folder(&node.data)?,
        gantry_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Ok(Publisher::new(outside, settings))
}

fn couriers(node: &Node) -> Couriers {
    let outside = delivering::Outside {
        store: Arc::clone(&node.outside.store),
        cases: Arc::clone(&node.cases),
        runs: Arc::clone(&node.runs),
        definitions: Arc::clone(&node.definitions),
        blob: Arc::clone(&node.outside.blob),
        clock: Arc::clone(&node.outside.clock),
        dial: Arc::new(TcpDialer),
        say: Arc::new(|line| say(&format!("warning: {line}"))),
    };
    let (site, id) = (node.site.clone(), node.id.clone());
    let settings = delivering::Settings { site, node: id, implementation: node::implementation() };
    Couriers::new(outside, settings)
}

/// The workers of a node. They are this very program.
#[derive(Clone)]
struct Pools {
    /// For the urgent lane, one of them warm and free.
    urgent: Arc<Workers>,
    /// For all else, which the processor does when the urgent ones leave it something.
    other: Arc<Workers>,
}

impl Pools {
    fn open(node: &Node) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| unexpected(&error))?;
        let jobs = absolute(&node.data)?.join("jobs");
        let open = |name: &str, idle_max, priority| {
            let threads = node.config.run.threads.to_string();
            let arguments = vec!["worker".into(), "--threads".into(), threads.into()];
            let mut settings = gantry_process::Settings::new(program.clone(), arguments, jobs.join(name));
            (settings.idle_max, settings.priority) = (idle_max, priority);
            settings.environment = &[engine::PLACE];
            Workers::open(settings).map_err(|error| Failure::unexpected("serve/workers", &error))
        };
        Ok(Self {
            urgent: Arc::new(open("urgent", URGENT_SLOTS, Priority::Normal)?),
            other: Arc::new(open("other", node.config.run.slots, Priority::Low)?),
        })
    }

    fn performers(&self) -> Performers<'_> {
        Performers { urgent: &*self.urgent, other: &*self.other }
    }
}

/// A worker may stand elsewhere.
fn absolute(path: &Path) -> Result<std::path::PathBuf, Failure> {
    path.canonicalize().map_err(|error| unexpected(&error))
}
