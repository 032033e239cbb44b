//! The commands, one file each.

mod app;
mod apply;
mod backup;
mod delivery;
mod demo;
mod doctor;
mod export;
mod init;
mod peers;
mod phantom;
mod quarantine;
mod run;
mod runs;
mod schema;
mod serve;
mod source;
mod study;
mod why;
mod worker;

use gantry_api::orders::{By, Reason, ReasonError};
use gantry_flow::names::Actor;
use serde_json::Value;

use crate::{
    cli::{Cli, Command},
    report::{Exit, Failure},
};

/// The rows of a list's document.
fn rows<'a>(document: &'a Value, list: &str) -> &'a [Value] {
    document.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Who orders by a command, and why if it says so.
fn by_command(reason: Option<&str>) -> Result<By, Failure> {
    let bad = |error: ReasonError| Failure::new(Exit::Input, "order/bad-reason", error.to_string());
    Ok(By { actor: Actor::from("command"), reason: reason.map(Reason::parse).transpose().map_err(bad)? })
}

/// Runs what the user asked for.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(options) => demo::run(&options),
        Command::Init(options) => init::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Phantom(options) => phantom::run(&options),
        Command::Echo(peer) => peers::echo(&peer),
        Command::Send(options) => peers::send(&options),
        Command::Worker(options) => worker::run(&options),
        Command::Study(command) => study::run(command),
        Command::App(command) => app::run(command),
        Command::Apply(options) => apply::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Source(command) => source::run(command),
        Command::Why { listing, study } => why::run(&listing, &study),
        Command::Runs(command) => runs::run(command),
        Command::Delivery(command) => delivery::run(&command),
        Command::Quarantine(command) => quarantine::run(&command),
        Command::Backup(options) => backup::backup(&options),
        Command::Restore(options) => backup::restore(&options),
        Command::Doctor(listing) => doctor::run(&listing),
    }
}
