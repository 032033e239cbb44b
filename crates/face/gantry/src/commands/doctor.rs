//! `gantry doctor`: what this node promises on this machine, every limit with its value, and what is wrong.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    time::Instant,
};

use gantry_api::{access::SESSION_SECONDS, server};
use gantry_ports::infer::Infer as _;
use serde_json::{Map, Value, json};

use crate::{
    cli::Listing,
    config::Config,
    engine::{self, engine},
    node::{Access, Node},
    report::{Exit, Failure, print, say},
    serving::URGENT_SLOTS,
};

/// How often a flush is timed.
const FLUSHES: usize = 21;

/// Magic numbers of file systems (statfs(2)), and whether a sync there means stable storage.
const FILE_SYSTEMS: &[(i64, &str, Durability)] = &[
    (0xEF53, "ext4", Durability::Stable),
    (0x5846_5342, "xfs", Durability::Stable),
    (0x9123_683E, "btrfs", Durability::StableSlow),
    (0x2FC1_2FC1, "zfs", Durability::StableSlow),
    (0x794C_7630, "overlay", Durability::Unknown),
    (0x0102_1994, "tmpfs", Durability::None),
    (0x6969, "nfs", Durability::Unknown),
];

/// What a success to a sender is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Survives a power cut.
    Stable,
    /// Survives a power cut; copies on write, so that zeroed segments do not help.
    StableSlow,
    /// Depends on what lies below.
    Unknown,
    /// Gone with the power.
    None,
}

/// What was found: sections of names and values, and what is wrong.
#[derive(Default)]
struct Findings {
    sections: Vec<(&'static str, Vec<(String, String)>)>,
    wrong: Vec<String>,
}

/// `gantry doctor`.
pub(crate) fn run(listing: &Listing) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let mut findings = Findings::default();
    disk(&listing.data, &node.config, &mut findings)?;
    limits(&node.config, &mut findings);
    networks(&node.config, &mut findings);
    if listing.json {
        let sections: Map<String, Value> = findings
            .sections
            .iter()
            .map(|(section, rows)| {
                let rows: Map<String, Value> =
                    rows.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                ((*section).to_owned(), Value::Object(rows))
            })
            .collect();
        print(&json!({ "findings": sections, "wrong": findings.wrong }).to_string())?;
    } else {
        for (section, rows) in &findings.sections {
            print(section)?;
            for (name, value) in rows {
                print(&format!("  {name:<40} {value}"))?;
            }
        }
    }
    for wrong in &findings.wrong {
        say(&format!("warning: {wrong}"));
    }
    if findings.wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "doctor/wrong", format!("{} things are wrong", findings.wrong.len())))
}

fn disk(data: &Path, config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unexpected("doctor/disk", &error);
    let stat = rustix::fs::statfs(data).map_err(|errno| failed(errno.into()))?;
    let free_mib = stat.f_bavail.saturating_mul(u64::try_from(stat.f_bsize).unwrap_or(0)) >> 20;
    let known = FILE_SYSTEMS.iter().find(|(magic, ..)| *magic == stat.f_type);
    let (name, durability) = known.map_or(("unknown", Durability::Unknown), |(_, name, d)| (*name, *d));
    let promise = match durability {
        Durability::Stable => "success means stable storage",
        Durability::StableSlow => "success means stable storage; copy-on-write, slower",
        Durability::Unknown => "depends on what lies below this file system",
        Durability::None => "NOT durable: gone with the power",
    };
    if durability == Durability::None {
        findings.wrong.push(format!(
            "{} lies on {name}: what is acknowledged does not survive a power cut",
            data.display()
        ));
    }
    if free_mib < config.storage.reserve_mib {
        findings.wrong.push(format!(
            "{free_mib} MiB are free, {} are kept in reserve: objects are refused with A700",
            config.storage.reserve_mib
        ));
    }
    let flush = time_of_a_flush(data).map_err(failed)?;
    findings.sections.push((
        "disk",
        vec![
            ("file system".to_owned(), name.to_owned()),
            ("durability class".to_owned(), promise.to_owned()),
            ("one flush takes".to_owned(), format!("{flush:.2} ms")),
            ("free".to_owned(), format!("{free_mib} MiB")),
        ],
    ));
    Ok(())
}

/// Milliseconds of an overwrite with sync, the median of some.
fn time_of_a_flush(data: &Path) -> std::io::Result<f64> {
    let path = data.join("doctor.tmp");
    let file = File::create(&path)?;
    file.write_all_at(&[1; 4096], 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(FLUSHES);
    for round in 0..FLUSHES {
        let started = Instant::now();
        file.write_all_at(&[u8::try_from(round).unwrap_or(0); 4096], 0)?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(path)?;
    times.sort_by(f64::total_cmp);
    Ok(times.get(FLUSHES / 2).copied().unwrap_or_default())
}

fn limits(config: &Config, findings: &mut Findings) {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let dicom = &config.dicom;
    let storage = &config.storage;
    findings.sections.push((
        "limits",
        vec![
            row("dicom.associations", dicom.associations.to_string()),
            row("dicom.associations_per_peer", dicom.associations_per_peer.to_string()),
            row("dicom.silent_connections", dicom.silent_connections.to_string()),
            row("dicom.queue", dicom.queue.to_string()),
            row("dicom.artim_secs", dicom.artim_secs.to_string()),
            row("dicom.idle_secs", dicom.idle_secs.to_string()),
            row("dicom.pdu_bytes_max", dicom.pdu_bytes_max.to_string()),
            row("http.tokens", roles(config)),
            row("http: connections", server::CONNECTIONS_MAX.to_string()),
            row("http: bytes of a request's head", server::HEADER_BYTES_MAX.to_string()),
            row("http: seconds until it must be there", server::HEADER_WAIT.as_secs().to_string()),
            row("http: seconds for a whole exchange", server::EXCHANGE_MAX.as_secs().to_string()),
            row("http: requests that read at once", server::READERS_MAX.to_string()),
            row("http: browsers that sign in at once", server::SIGNING_IN_MAX.to_string()),
            row("http: seconds of a session", SESSION_SECONDS.to_string()),
            row("storage.object_mib_max", storage.object_mib_max.to_string()),
            row("storage.reserve_mib", storage.reserve_mib.to_string()),
            row("storage.segment_mib", storage.segment_mib.to_string()),
            row("storage.spares", storage.spares.to_string()),
            row("run.slots", config.run.slots.to_string()),
            row("run: slots for urgent work alone", URGENT_SLOTS.to_string()),
            row("run.threads", config.run.threads.to_string()),
            row("nesting of data sets", gantry_dicom::reader::Limits::default().depth.to_string()),
        ],
    ));
}

/// Who may do what over HTTP.
fn roles(config: &Config) -> String {
    let roles = config.http.tokens.iter().map(|(name, role)| format!("{} {}", name.as_str(), role.as_str()));
    roles.collect::<Vec<_>>().join(", ")
}

/// The engine that networks run on.
fn networks(config: &Config, findings: &mut Findings) {
    let rows = match engine(config.run.threads).engine() {
        Ok(engine) => engine.facts(),
        Err(error) => {
            findings.wrong.push(format!("no network can be run: {error}; {}", engine::HINT));
            vec![("onnxruntime".to_owned(), error.code().to_string())]
        }
    };
    findings.sections.push(("networks", rows));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TEMPLATE;

    #[test]
    fn every_limit_of_the_configuration_is_shown() {
        let mut findings = Findings::default();
        limits(&Config::default(), &mut findings);
        let (_, rows) = findings.sections.pop().unwrap();
        let keys =
            TEMPLATE.lines().filter_map(|line| line.strip_prefix('#')?.split_once(" = ").map(|(key, _)| key));
        for key in keys.filter(|key| !["site", "node", "listen", "ae_title", "trust_loopback"].contains(key))
        {
            assert!(rows.iter().any(|(name, _)| name.ends_with(&format!(".{key}"))), "{key}");
        }
    }
}
