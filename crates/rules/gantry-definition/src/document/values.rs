//! Values with a form of their own: times, networks, addresses.

use core::net::IpAddr;
use std::{fmt, str::FromStr, time::Duration};

const UNITS: &[(char, u64)] = &[('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `20s`, `3m`, `1h30m`: whole numbers with units, each unit once, the largest first.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit = tail.chars().next()?;
        let (_, length) = units.find(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?;
        rest = tail.get(unit.len_utf8()..)?;
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// A time as people write it.
pub(super) fn show_duration(time: Duration) -> String {
    let mut rest = time.as_secs();
    let mut text = String::new();
    for (unit, length) in UNITS {
        if *length <= rest {
            text += &format!("{}{unit}", rest / length);
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// An address or a network: `10.1.2.3`, `10.1.0.0/16`, `fd00::/8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no [`Cidr`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Not the form of one.
    #[error("`{0}` is no address and no network such as `10.1.2.3`, `10.1.0.0/16` or `fd00::/8`")]
    Form(String),
    /// An address inside a network, where the network was meant or the address alone.
    #[error(
        "`{text}` is an address with a network behind it: write `{network}` for all of it, or `{address}`"
    )]
    HostBits {
        /// As written.
        text: String,
        /// The network.
        network: Cidr,
        /// The address.
        address: IpAddr,
    },
}

impl Cidr {
    /// Its address: that of the network.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether an address lies in it. IPv4 that a socket shows as IPv6 is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let apart = u32::from(own) ^ u32::from(other);
                apart.checked_shr(32 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let apart = u128::from(own) ^ u128::from(other);
                apart.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// How many bits of it count.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let form = || CidrError::Form(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().or(Err(form()))?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => {
                prefix.parse::<u8>().ok().filter(|prefix| *prefix <= bits).ok_or_else(form)?
            }
            Some(_) => return Err(form()),
            None => bits,
        };
        let network = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(u32::from(bits - prefix)).unwrap_or(0);
                IpAddr::from((u32::from(address) & mask).to_be_bytes())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(u32::from(bits - prefix)).unwrap_or(0);
                IpAddr::from((u128::from(address) & mask).to_be_bytes())
            }
        };
        let cidr = Self { address: network, prefix };
        if network == address {
            Ok(cidr)
        } else {
            Err(CidrError::HostBits { text: text.to_owned(), network: cidr, address })
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Where a peer listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address; an IPv6 one without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a text is no [`HostPort`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`"
)]
pub struct HostPortError(String);

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let form = || HostPortError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        let is_plain = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_plain && *port != 0).ok_or_else(form)?;
        let is_name_character = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) if matches!(address.parse(), Ok(IpAddr::V6(_))) => address,
            None if !host.is_empty() && host.bytes().all(is_name_character) => host,
            Some(_) | None => return Err(form()),
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err: fmt::Display> + fmt::Display>(texts: &[&str], want: Expect) {
        let line = |text: &&str| match text.parse::<T>() {
            Ok(value) => format!("{value}\n"),
            Err(error) => format!("error: {error}\n"),
        };
        want.assert_eq(&texts.iter().map(line).collect::<String>());
    }

    #[test]
    fn times_have_units_from_the_largest_to_the_smallest() {
        for (text, seconds) in [("20s", 20), ("3m", 180), ("1h30m", 5400), ("7d", 604_800), ("90s", 90)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "20", "m", "1.5h", "30m1h", "1m1m", "-3s", "3 m", "3ms", "99999999999999999999s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(
            ["0s", "90s", "1h30m", "7d"].map(|t| show_duration(duration(t).unwrap())).join(" "),
            "0s 1m30s 1h30m 7d"
        );
    }

    #[test]
    fn networks_are_written_without_host_bits() {
        check::<Cidr>(
            &[
                "10.1.2.3",
                "10.1.0.0/16",
                "0.0.0.0/0",
                "::1",
                "fd00::/8",
                "10.1.2.3/8",
                "10.1/16",
                "10.0.0.0/33",
                "10.0.0.0/+8",
                "pacs",
            ],
            expect![[r#"
                10.1.2.3/32
                10.1.0.0/16
                0.0.0.0/0
                ::1/128
                fd00::/8
                error: `10.1.2.3/8` is an address with a network behind it: write `10.0.0.0/8` for all of it, or `10.1.2.3`
                error: `10.1/16` is no address and no network such as `10.1.2.3`, `10.1.0.0/16` or `fd00::/8`
                error: `10.0.0.0/33` is no address and no network such as `10.1.2.3`, `10.1.0.0/16` or `fd00::/8`
                error: `10.0.0.0/+8` is no address and no network such as `10.1.2.3`, `10.1.0.0/16` or `fd00::/8`
                error: `pacs` is no address and no network such as `10.1.2.3`, `10.1.0.0/16` or `fd00::/8`
            "#]],
        );
    }

    #[test]
    fn an_address_has_host_and_port() {
        check::<HostPort>(
            &[
                "pacs:104",
                "10.1.2.3:11112",
                "[fd00::1]:104",
                "pacs",
                "pacs:0",
                "pacs:70000",
                ":104",
                "fd00::1:104",
                "pa cs:104",
                "pacs:+1",
            ],
            expect![[r#"
                pacs:104
                10.1.2.3:11112
                [fd00::1]:104
                error: `pacs` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
                error: `pacs:0` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
                error: `pacs:70000` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
                error: `:104` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
                error: `fd00::1:104` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
                error: `pa cs:104` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
                error: `pacs:+1` is not of the form `host:port`, as in `pacs.example.org:104`, `10.1.2.3:104` or `[fd00::1]:104`
            "#]],
        );
    }
}
