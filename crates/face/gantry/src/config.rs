//! `gantry.toml`: what belongs to the node itself.
//!
//! Every key has a default; unknown keys are refused. A commented file is written into an empty data folder.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use gantry_api::access::{PersonName, Role};
use gantry_types::{
    ae_title::AeTitle,
    ids::{NodeId, SiteId},
};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::report::{Exit, Failure};

/// The file's name in the data folder.
pub(crate) const FILE: &str = "gantry.toml";

/// The node's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) site: String,
    pub(crate) node: String,
    pub(crate) dicom: Dicom,
    pub(crate) http: Http,
    pub(crate) storage: Storage,
    pub(crate) run: Run,
}

/// Doors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dicom {
    pub(crate) listen: SocketAddr,
    pub(crate) ae_title: String,
    pub(crate) trust_loopback: bool,
    pub(crate) associations: usize,
    pub(crate) associations_per_peer: usize,
    pub(crate) silent_connections: usize,
    pub(crate) queue: usize,
    pub(crate) artim_secs: u64,
    pub(crate) idle_secs: u64,
    pub(crate) pdu_bytes_max: u32,
}

/// REST and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// Nothing, if there is no such interface.
    #[serde(deserialize_with = "address_or_off")]
    pub(crate) listen: Option<SocketAddr>,
    /// By name, what somebody may do whose token is in the data folder.
    #[serde(deserialize_with = "roles")]
    pub(crate) tokens: BTreeMap<PersonName, Role>,
}

fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<PersonName, Role>, D::Error> {
    let written = BTreeMap::<String, String>::deserialize(deserializer)?;
    let one = |(name, role): (String, String)| {
        let wrong = || D::Error::custom(format!("the role {role:?} of {name} is not read, operate or admin"));
        Ok((PersonName::parse(&name).map_err(D::Error::custom)?, Role::parse(&role).ok_or_else(wrong)?))
    };
    written.into_iter().map(one).collect()
}

fn address_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || text == "off" {
        return Ok(None);
    }
    let wrong = |_| D::Error::custom(format!("{text:?} is neither an address with a port nor \"off\""));
    text.parse().map(Some).map_err(wrong)
}

/// Where bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storage {
    pub(crate) segment_mib: u64,
    pub(crate) spares: usize,
    pub(crate) object_mib_max: u64,
    pub(crate) reserve_mib: u64,
}

/// How runs are carried out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Run {
    pub(crate) slots: usize,
    pub(crate) threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: "site".to_owned(),
            node: "node".to_owned(),
            dicom: Dicom::default(),
            http: Http::default(),
            storage: Storage::default(),
            run: Run::default(),
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Self { slots: 2, threads: 2 }
    }
}

impl Default for Dicom {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 11112)),
            ae_title: "GANTRY".to_owned(),
            trust_loopback: true,
            associations: 200,
            associations_per_peer: 50,
            silent_connections: 64,
            queue: 1024,
            artim_secs: 30,
            idle_secs: 600,
            pdu_bytes_max: 4 << 20,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        let admin = PersonName::parse("admin").map(|name| (name, Role::Admin));
        Self { listen: Some(SocketAddr::from(([127, 0, 0, 1], 8420))), tokens: admin.into_iter().collect() }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { segment_mib: 256, spares: 2, object_mib_max: 8192, reserve_mib: 2048 }
    }
}

/// The file that an empty data folder gets: every key with its default, commented.
pub(crate) const TEMPLATE: &str = include_str!("config/template.toml");

impl Config {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::unexpected("config/unreadable", &error))?;
        Self::parse(&text).map_err(|why| {
            Failure::new(Exit::Config, "config/invalid", format!("{}: {why}", path.display()))
                .hint("the commented template lists every key: `gantry serve` writes it into an empty folder")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        config.site()?;
        config.node()?;
        config.ae_title()?;
        config.check_numbers()?;
        Ok(config)
    }

    /// Numbers with which the node would open and do nothing, or be no numbers any more in bytes.
    fn check_numbers(&self) -> Result<(), String> {
        const MIB_MAX: u64 = 1 << 40;
        let Self { dicom, storage, run, .. } = self;
        let as_u64 = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let least = [
            ("dicom.associations", as_u64(dicom.associations)),
            ("dicom.associations_per_peer", as_u64(dicom.associations_per_peer)),
            ("dicom.silent_connections", as_u64(dicom.silent_connections)),
            ("dicom.queue", as_u64(dicom.queue)),
            ("dicom.artim_secs", dicom.artim_secs),
            ("dicom.idle_secs", dicom.idle_secs),
            ("storage.segment_mib", storage.segment_mib),
            ("storage.object_mib_max", storage.object_mib_max),
            ("run.slots", as_u64(run.slots)),
            ("run.threads", as_u64(run.threads)),
        ];
        if let Some((key, _)) = least.iter().find(|(_, number)| *number == 0) {
            return Err(format!("{key} is 0: nothing could come in or be run; the least is 1"));
        }
        let mib = [
            ("storage.segment_mib", storage.segment_mib),
            ("storage.object_mib_max", storage.object_mib_max),
            ("storage.reserve_mib", storage.reserve_mib),
        ];
        match mib.iter().find(|(_, number)| MIB_MAX < *number) {
            Some((key, number)) => Err(format!("{key} is {number}: the most is {MIB_MAX}")),
            None => Ok(()),
        }
    }

    /// Whose objects these are.
    pub(crate) fn site(&self) -> Result<SiteId, String> {
        self.site.parse().map_err(|error: gantry_types::ids::IdError| error.to_string())
    }

    /// Which installation of the program this is.
    pub(crate) fn node(&self) -> Result<NodeId, String> {
        self.node.parse().map_err(|error: gantry_types::ids::IdError| error.to_string())
    }

    /// The door's title.
    pub(crate) fn ae_title(&self) -> Result<AeTitle, String> {
        AeTitle::parse(&self.dicom.ae_title).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_the_defaults() {
        assert_eq!(Config::parse(TEMPLATE), Ok(Config::default()));
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(Config::parse(&uncommented), Ok(Config::default()));
        assert!(uncommented.matches(" = ").count() >= 14, "every key stands in the template");
    }

    #[test]
    fn unknown_keys_and_bad_values_are_refused_with_their_place() {
        for (text, part) in [
            ("[dicom]\nportt = 1", "unknown field `portt`"),
            ("site = \"A b\"", "site \"A b\""),
            ("[dicom]\nae_title = \"SEVENTEEN-LETTERS\"", "longer than 16"),
            ("[dicom]\nqueue = 0", "dicom.queue is 0"),
            (
                "[http]\ntokens = { lena = \"boss\" }",
                "the role \"boss\" of lena is not read, operate or admin",
            ),
            ("[http]\ntokens = { \"../x\" = \"read\" }", "name \"../x\" is not 1 to 64 characters"),
            ("[http]\ntokens = { command = \"read\" }", "`command` is what a part of Gantry is called"),
            ("[http]\nlisten = \"8420\"", "\"8420\" is neither an address with a port nor \"off\""),
            ("[storage]\nsegment_mib = 17592186044416", "storage.segment_mib is 17592186044416"),
        ] {
            let why = Config::parse(text).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }
    #[test]
    fn the_http_interface_can_be_left_out() {
        for off in ["off", ""] {
            let config = Config::parse(&format!("[http]\nlisten = {off:?}")).unwrap();
            assert_eq!(config.http.listen, None);
        }
    }
}
