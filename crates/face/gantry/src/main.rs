//! Gantry: puts imaging AI to work between scanner and PACS.
//!
//! Reading order: `cli` (what a user can say), `node` (a data folder, opened), `serving` (what
//! runs in it), `commands` (one file each), `report` (how
//! it ends).

mod applications;
mod cli;
mod commands;
mod config;
mod documents;
mod engine;
mod node;
mod report;
mod secret;
mod serving;
mod system;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    report::finish(commands::run(cli::Cli::parse()))
}
