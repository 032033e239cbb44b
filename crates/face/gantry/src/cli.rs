//! What a user can say. Each command's help is its first documentation.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gantry_definition::document::HostPort;

/// Puts imaging AI to work between scanner and PACS.
///
/// Exit codes: 0 done, 1 something unexpected, 2 wrong usage, 3 not found, 4 a peer refused or was not there,
/// 5 an input cannot be used, 6 the configuration cannot be used, 7 the application declined.
#[derive(Debug, Parser)]
#[command(name = "gantry", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole way: a chest CT goes in over DICOM, its results come out, and are compared with the truth.
    ///
    /// Everything happens on this machine, in a new folder that stays. Exits with 1 if a comparison fails.
    Demo(Demo),
    /// Make a data folder; add a PACS and prove it with an echo and a test object.
    Init(Init),
    /// Receive over DICOM, run applications, deliver results. An empty folder is made a data folder: door GANTRY, senders on this
    /// machine.
    Serve(Serve),
    /// Run an application on a folder of DICOM files, without a server.
    ///
    /// Writes OUT/evidence/*.dcm, OUT/findings.json and OUT/summary.png. Exits with 7 if the application declines.
    Run(Run),
    /// Write a synthetic chest CT with known truth.
    Phantom(Phantom),
    /// Ask a DICOM peer for a sign of life (C-ECHO).
    Echo(Peer),
    /// Send DICOM files to a peer (C-STORE).
    Send(Send),
    /// Carry out jobs for a parent process; not for people.
    #[command(hide = true)]
    Worker(Worker),
    /// The studies that are kept.
    #[command(subcommand)]
    Study(Study),
    /// Take documents into use: Source, Workflow, Destination and Door, in YAML.
    ///
    /// All of them are taken, or none. A server that runs takes them up within a second.
    Apply(Apply),
    /// Print the form of documents as a JSON Schema, for editors: of any document, or of one kind.
    Schema(Schema),
    /// The applications of this node: those that ship, and your own.
    #[command(subcommand)]
    App(App),
    /// The peers that were refused, and letting one in.
    #[command(subcommand)]
    Source(Source),
    /// What each workflow makes of a study, clause by clause with the values seen.
    Why {
        #[command(flatten)]
        listing: Listing,
        /// Study Instance UID or accession number.
        study: String,
    },
    /// What was run, how far it is, and where its time went.
    #[command(subcommand)]
    Runs(Runs),
    /// What went where, and sending it once more.
    #[command(subcommand)]
    Delivery(Delivery),
    /// What was stopped and waits for a person, why, and trying again.
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Copy a node into a new folder, also while it serves; everything is read back.
    ///
    /// The copy is a data folder as of one moment, with the site secret: keep it as safe as the node itself.
    Backup(Backup),
    /// Make a data folder of a backup; `gantry serve` goes on where it was made.
    Restore(Restore),
    /// What this node promises here, every limit with its value, and what is wrong.
    Doctor(Listing),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Stop after one study, instead of staying up.
    #[arg(long)]
    pub(crate) once: bool,
    /// One JSON document instead of sentences.
    #[arg(long)]
    pub(crate) json: bool,
    /// Which phantom.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// A folder that does not exist yet, instead of `gantry-demo` or the next free name.
    #[arg(short, long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The data folder: a new or empty one, or one that is in use and gets a PACS.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Where a PACS listens, such as pacs.example.org:104. Without it no PACS is added.
    #[arg(long, requires = "pacs_ae_title")]
    pub(crate) pacs: Option<HostPort>,
    /// The AE title of the PACS.
    #[arg(long, requires = "pacs")]
    pub(crate) pacs_ae_title: Option<String>,
    /// How workflows call it.
    #[arg(long, default_value = "pacs")]
    pub(crate) pacs_name: String,
    /// The laxest class of results that may go there: clinical, research, test.
    #[arg(long, default_value = "research")]
    pub(crate) pacs_class: String,
    /// Ask the PACS afterwards for what it took (C-FIND).
    #[arg(long)]
    pub(crate) pacs_answers_queries: bool,
    /// Our AE title, as the PACS knows us.
    #[arg(long, default_value = "GANTRY")]
    pub(crate) calling: String,
    /// Prove the PACS by an echo alone: send no test object.
    #[arg(long)]
    pub(crate) no_test_object: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The data folder.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Port of the door, instead of the configured one; 0 takes a free one.
    #[arg(long)]
    pub(crate) dicom_port: Option<u16>,
    /// Port of the REST interface and the metrics, instead of the configured one; 0 takes a free one.
    #[arg(long)]
    pub(crate) http_port: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A shipped application (lung-density), or a folder with an app.toml.
    pub(crate) app: String,
    /// A folder of DICOM files; folders in it are searched too.
    pub(crate) dir: PathBuf,
    /// Where the results go.
    #[arg(short, long)]
    pub(crate) out: PathBuf,
    /// Series Instance UID, where the folder holds several that would do.
    #[arg(long)]
    pub(crate) series: Option<String>,
    /// A clause of the contract that you vouch for, such as `contrast`: if it is unknown, it counts as met.
    #[arg(long = "assert", value_name = "CLAUSE")]
    pub(crate) asserted: Vec<String>,
    /// Threads of a network; as many as there are cores. The result does not depend on it.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Run although files are damaged that may be images of the series.
    #[arg(long)]
    pub(crate) leave_out_damaged: bool,
    /// Print findings.json as well.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) listing: Listing,
    /// A folder that does not exist yet.
    pub(crate) to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder of the backup.
    pub(crate) backup: PathBuf,
    /// The data folder: a new or empty one.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// One JSON document instead of sentences.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Threads of a network.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Phantom {
    /// A folder that does not exist yet.
    #[arg(short, long)]
    pub(crate) out: PathBuf,
    /// Which phantom: the same number gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How the slices lie.
    #[arg(long, value_enum, default_value_t = PhantomOrientation::Axial)]
    pub(crate) orientation: PhantomOrientation,
    /// The patient lies feet first.
    #[arg(long)]
    pub(crate) feet_first: bool,
    /// Write the files in no order.
    #[arg(long)]
    pub(crate) shuffled: bool,
    /// Write a localizer and a second reconstruction beside the series.
    #[arg(long)]
    pub(crate) several: bool,
    /// What is in it.
    #[arg(long, value_enum, default_value_t = PhantomKind::Chest)]
    pub(crate) kind: PhantomKind,
}

/// Which of contradicting objects is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichToUse {
    /// What came first.
    First,
    /// What came last.
    Newest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhantomOrientation {
    Axial,
    Sagittal,
    Coronal,
    /// Turned by 20 degrees.
    Oblique,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhantomKind {
    /// A chest.
    Chest,
    /// The same with one to three lesions in its lungs.
    Lesions,
    /// The upper half of it.
    UpperHalf,
    /// A cylinder of water.
    Water,
    /// The same with two rods of foam.
    Foam,
}

/// A DICOM peer.
#[derive(Debug, Clone, Args)]
pub(crate) struct Peer {
    /// Host and port, such as 10.1.2.3:104, pacs.example.org:104 or `[fd00::1]:104`.
    pub(crate) address: HostPort,
    /// The peer's AE title.
    #[arg(long, default_value = "ANY-SCP")]
    pub(crate) called: String,
    /// Our AE title.
    #[arg(long, default_value = "GANTRY")]
    pub(crate) calling: String,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) peer: Peer,
    /// Files, and folders with files.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Study {
    /// List the newest studies.
    List {
        #[command(flatten)]
        listing: Listing,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        count: usize,
        /// Words, each of which stands in patient name, patient ID, accession number or UID.
        #[arg(long, default_value = "")]
        find: String,
        /// Of this Study Date, such as 2026-12-01.
        #[arg(long)]
        date: Option<String>,
    },
    /// Show a study: its series, and objects that came again and differ.
    Show {
        #[command(flatten)]
        listing: Listing,
        /// Study Instance UID or accession number.
        study: String,
    },
    /// Decide about a study that a workflow holds or still waits for.
    Decide {
        #[command(flatten)]
        listing: Listing,
        /// Study Instance UID or accession number.
        study: String,
        /// For which workflow.
        #[arg(long)]
        workflow: String,
        /// Run with what is there now.
        #[arg(long, conflicts_with = "skip", required_unless_present_any = ["skip", "which"])]
        go: bool,
        /// Do not run.
        #[arg(long)]
        skip: bool,
        /// Of objects that came again and show something else, use these.
        #[arg(long = "use", value_name = "WHICH", conflicts_with_all = ["go", "skip"])]
        which: Option<WhichToUse>,
        /// Why; it goes into the audit trail.
        #[arg(long)]
        reason: String,
    },
    /// Write a study's objects as plain files.
    Export {
        #[command(flatten)]
        listing: Listing,
        /// Study Instance UID or accession number.
        study: String,
        /// A folder that does not exist yet.
        #[arg(short, long)]
        out: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// List the applications that workflows may use.
    List(Listing),
    /// Install an application, or a new version of it: a folder with an app.toml and its models.
    ///
    /// It is checked and copied; runs that have begun keep the version that they began with.
    Add {
        #[command(flatten)]
        listing: Listing,
        /// The folder.
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// List refused associations, newest first.
    Refused(Listing),
    /// Let a refused peer in: applies a Source document for its title and address, and prints it.
    Accept {
        #[command(flatten)]
        listing: Listing,
        /// How the peer calls itself, as `gantry source refused` lists it.
        calling: String,
        /// Where it may call from, instead of the address it was refused from: an address or a network.
        #[arg(long)]
        address: Option<String>,
        /// Why; it goes into the audit trail.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List the newest runs.
    List {
        #[command(flatten)]
        listing: Listing,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        count: usize,
    },
    /// Show a run: what it uses, its tasks, its times by stage, and what came of it.
    Show {
        #[command(flatten)]
        listing: Listing,
        /// As `gantry runs list` names it.
        run: String,
    },
    /// End a run that is not over: nothing comes of it.
    Cancel {
        #[command(flatten)]
        listing: Listing,
        /// As `gantry runs list` names it.
        run: String,
        /// Why; it goes into the audit trail.
        #[arg(long)]
        reason: String,
    },
    /// Run once more, with all that is there of the study now: a new run, whose evidence replaces the earlier.
    Rerun {
        #[command(flatten)]
        listing: Listing,
        /// As `gantry runs list` names it.
        run: String,
        /// Why; it goes into the audit trail.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Delivery {
    /// List the newest deliveries.
    List {
        #[command(flatten)]
        listing: Listing,
        /// Of how many objects at most.
        #[arg(long, default_value_t = 100)]
        count: usize,
    },
    /// Send an object once more: the stored bytes, under the same UID.
    Resend {
        #[command(flatten)]
        listing: Listing,
        /// SOP Instance UID of an object that Gantry made.
        object: String,
        /// To this destination alone.
        #[arg(long)]
        destination: Option<String>,
        /// Why; it goes into the audit trail.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// List what waits for a person, with the reason and the command that does something about it: evidence that was not
    /// let out, deliveries that were refused, runs that failed, studies that are held.
    List(Listing),
    /// Try again: what was not let out is judged anew, what was refused is sent anew, what failed is run anew.
    Retry {
        #[command(flatten)]
        listing: Listing,
        /// As `gantry quarantine list` names it, or `all`.
        what: String,
        /// Why; it goes into the audit trail.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of this kind alone.
    #[arg(value_enum, ignore_case = true)]
    pub(crate) kind: Option<DocumentKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentKind {
    Workflow,
    Source,
    Destination,
    Door,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) listing: Listing,
    /// A file, or a folder whose .yaml and .yml files are taken.
    #[arg(short, long)]
    pub(crate) file: PathBuf,
    /// Why; it goes into the audit trail.
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// Where to look, and how to say it.
#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// The data folder.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
