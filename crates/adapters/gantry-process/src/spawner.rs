//! The thread that starts workers.
//!
//! A worker asks to be killed when its parent dies, and to the operating system the parent is the thread that started
//! it. Callers' threads come and go; this one lives as long as the workers may.

use std::{
    io,
    process::{Child, Command},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

type Request = (Command, SyncSender<io::Result<Child>>);

/// A handle of the thread; it ends when the handle is dropped.
pub(crate) struct Spawner(SyncSender<Request>);

impl Spawner {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, requests) = sync_channel(0);
        thread::Builder::new().name("worker-spawner".to_owned()).spawn(move || serve(&requests))?;
        Ok(Self(sender))
    }

    /// Starts a program.
    pub(crate) fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts workers is gone");
        let (answer, answers) = sync_channel(1);
        self.0.send((command, answer)).map_err(|error| {
            drop(error);
            gone()
        })?;
        match answers.recv() {
            Ok(child) => child,
            Err(_) => Err(gone()),
        }
    }
}

fn serve(requests: &Receiver<Request>) {
    while let Ok((mut command, answer)) = requests.recv() {
        if let Err(unheard) = answer.send(command.spawn()) {
            // Nobody waits for it any more.
            if let Ok(mut child) = unheard.0 {
                let _gone = child.kill();
                let _gone = child.wait();
            }
        }
    }
}
