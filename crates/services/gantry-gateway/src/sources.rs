//! Doors and sources: which peers may come in by which title, by their AE title and address (RC5).

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use gantry_definition::document::Cidr;
use gantry_dimse::pdu::reject::RejectReason;
use gantry_types::ae_title::AeTitle;

/// A known peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How it calls itself; nothing means any title.
    pub title: Option<AeTitle>,
    /// Where it calls from.
    pub networks: Vec<Cidr>,
}

/// All known peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources(pub Vec<Source>);

/// The titles that open doors, and whom each lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors(pub Vec<TitleRule>);

/// Whom a title lets in. Of several rules for a title each lets in whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleRule {
    /// As what we are called.
    pub title: AeTitle,
    /// Who may come in by it.
    pub accepts: Sources,
}

/// The doors as they are now: replaced while they are open.
#[derive(Debug, Clone, Default)]
pub struct KnownDoors(Arc<RwLock<Doors>>);

impl KnownDoors {
    /// These, until others are told.
    #[must_use]
    pub fn new(doors: Doors) -> Self {
        Self(Arc::new(RwLock::new(doors)))
    }

    /// From now on these are known; associations that are open stay.
    pub fn replace(&self, doors: Doors) {
        // The value is replaced whole, so a panic elsewhere cannot leave half of it.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = doors;
    }

    /// The titles that open doors, each once.
    #[must_use]
    pub fn titles(&self) -> Vec<AeTitle> {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut titles: Vec<AeTitle> = Vec::new();
        for rule in &doors.0 {
            if !titles.contains(&rule.title) {
                titles.push(rule.title.clone());
            }
        }
        titles
    }

    /// As [`Doors::admit`], of the doors known now.
    ///
    /// # Errors
    /// The reason of the A-ASSOCIATE-RJ.
    pub fn admit(
        &self,
        called: Option<&AeTitle>,
        calling: Option<&AeTitle>,
        address: IpAddr,
    ) -> Result<AeTitle, RejectReason> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).admit(called, calling, address)
    }
}

impl Doors {
    /// The title by which somebody comes in; else why he does not.
    ///
    /// # Errors
    /// The reason of the A-ASSOCIATE-RJ: there is no such title (1/7), or its rules let him not in: the reason of the
    /// last of them.
    pub fn admit(
        &self,
        called: Option<&AeTitle>,
        calling: Option<&AeTitle>,
        address: IpAddr,
    ) -> Result<AeTitle, RejectReason> {
        let mut reason = RejectReason::CalledAeTitleNotRecognized;
        for rule in self.0.iter().filter(|rule| Some(&rule.title) == called) {
            match rule.accepts.admit(calling, address) {
                Ok(()) => return Ok(rule.title.clone()),
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }
}

impl Sources {
    /// Anybody on this machine.
    #[must_use]
    pub fn loopback() -> Self {
        let networks =
            ["127.0.0.0/8", "::1"].into_iter().filter_map(|network| network.parse().ok()).collect();
        Self(vec![Source { title: None, networks }])
    }

    /// Whether somebody who calls himself `title` may come in from `address`; else why not.
    ///
    /// # Errors
    /// The reason of the A-ASSOCIATE-RJ: the title is not known at all (1/3), or not from there (1/1).
    pub fn admit(&self, title: Option<&AeTitle>, address: IpAddr) -> Result<(), RejectReason> {
        let mut is_title_known = false;
        for source in &self.0 {
            if source.title.is_some() && source.title.as_ref() != title {
                continue;
            }
            if source.networks.iter().any(|network| network.contains(address)) {
                return Ok(());
            }
            // Who is let in under any title from somewhere makes no title known elsewhere.
            is_title_known |= source.title.is_some();
        }
        Err(if is_title_known {
            RejectReason::UserNoReason
        } else {
            RejectReason::CallingAeTitleNotRecognized
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(title: &str, networks: &[&str]) -> Source {
        Source {
            title: AeTitle::parse(title).ok(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        }
    }

    #[track_caller]
    fn check(sources: &Sources, title: &str, address: &str, want: Result<(), RejectReason>) {
        assert_eq!(sources.admit(AeTitle::parse(title).ok().as_ref(), address.parse().unwrap()), want);
    }

    #[test]
    fn title_and_address_must_both_fit() {
        let sources = Sources(vec![
            source("CT ROOM 2", &["10.1.0.0/16"]),
            source("MR1", &["10.2.0.7/32", "fd00:1::/64"]),
        ]);
        check(&sources, "CT ROOM 2", "10.1.200.3", Ok(()));
        check(&sources, "CT ROOM 2", "10.2.0.7", Err(RejectReason::UserNoReason));
        check(&sources, "MR1", "fd00:1::5", Ok(()));
        check(&sources, "MR1", "fd00:2::5", Err(RejectReason::UserNoReason));
        check(&sources, "mr1", "10.2.0.7", Err(RejectReason::CallingAeTitleNotRecognized));
        check(&sources, "", "10.2.0.7", Err(RejectReason::CallingAeTitleNotRecognized));
        check(&Sources::default(), "MR1", "127.0.0.1", Err(RejectReason::CallingAeTitleNotRecognized));
    }

    #[test]
    fn each_title_lets_in_its_own() {
        let title = |title: &str| AeTitle::parse(title).unwrap();
        let rule = |called: &str, accepts| TitleRule { title: title(called), accepts };
        let only = Sources(vec![source("CT1", &["10.0.0.0/8"])]);
        let doors = KnownDoors::new(Doors(vec![
            rule("GANTRY", Sources::loopback()),
            rule("STROKE AI", only.clone()),
            rule("GANTRY", only),
        ]));
        let admit = |called: &str, calling: &str, address: &str| {
            doors.admit(Some(&title(called)), Some(&title(calling)), address.parse().unwrap())
        };
        assert_eq!(admit("GANTRY", "X", "127.0.0.1"), Ok(title("GANTRY")));
        assert_eq!(admit("GANTRY", "CT1", "10.0.0.1"), Ok(title("GANTRY")));
        assert_eq!(admit("STROKE AI", "CT1", "10.0.0.1"), Ok(title("STROKE AI")));
        assert_eq!(admit("STROKE AI", "X", "127.0.0.1"), Err(RejectReason::CallingAeTitleNotRecognized));
        assert_eq!(admit("STROKE AI", "CT1", "11.0.0.1"), Err(RejectReason::UserNoReason));
        assert_eq!(admit("OTHER", "CT1", "10.0.0.1"), Err(RejectReason::CalledAeTitleNotRecognized));
        assert_eq!(doors.titles(), [title("GANTRY"), title("STROKE AI")]);
    }

    #[test]
    fn loopback_lets_in_this_machine_alone() {
        let sources = Sources::loopback();
        for address in ["127.0.0.1", "127.255.0.9", "::1"] {
            check(&sources, "ANY", address, Ok(()));
        }
        check(&sources, "ANY", "10.0.0.1", Err(RejectReason::CallingAeTitleNotRecognized));
    }
}
