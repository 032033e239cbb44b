//! Who may do what: people and programs by their tokens, each with a name and a role; and sessions of browsers.
//!
//! A session is a cookie that says whose it is and until when, signed with the digest of that one's token. Nothing of
//! it is kept: it outlives a restart, and ends when its token is changed or taken away.

use axum::http::{HeaderMap, HeaderValue, header};
use gantry_flow::names::Actor;
use gantry_types::{ids::IdError, instant::Instant};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::token::Token;

/// What somebody may do; each role may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    Read,
    /// Order what is done with studies, runs and deliveries.
    Operate,
    /// Let senders in, and take documents into use.
    Admin,
}

const ROLES: [(&str, Role); 3] = [("read", Role::Read), ("operate", Role::Operate), ("admin", Role::Admin)];

impl Role {
    /// As configuration and answers call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        ROLES.iter().find(|(_, role)| *role == self).map_or("read", |(word, _)| word)
    }

    /// The role of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        ROLES.iter().find(|(known, _)| *known == word).map(|(_, role)| *role)
    }
}

/// Names that stand in the audit trail for parts of the program.
const TAKEN: &[&str] = &["command", "conductor", "courier", "door", "publisher", "recovery", "restore"];

/// Whoever bears a token, as the audit trail knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonName(Box<str>);

/// Why a text names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonNameError {
    /// It has another form.
    #[error(transparent)]
    Form(#[from] IdError),
    /// A part of the program is called so.
    #[error("`{0}` is what a part of Gantry is called in the audit trail")]
    Taken(String),
}

impl PersonName {
    /// The name of this text.
    ///
    /// # Errors
    /// [`PersonNameError`].
    pub fn parse(text: &str) -> Result<Self, PersonNameError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&text.len()) || !text.bytes().all(is_plain) {
            return Err(IdError { kind: "name", text: text.to_owned() }.into());
        }
        if TAKEN.contains(&text) {
            return Err(PersonNameError::Taken(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub actor: Actor,
    /// What they may.
    pub role: Role,
}

/// A token, and whose it is.
#[derive(Clone)]
struct Key {
    person: Person,
    token: Token,
}

/// All tokens that are let in.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

/// The cookie of a session.
const COOKIE: &str = "gantry-session";

/// How long a session lasts: a shift.
pub const SESSION_SECONDS: i64 = 12 * 3600;

impl Keys {
    /// Lets a token in, as this person; says whether it was new.
    pub fn add(&mut self, person: Person, token: Token) -> bool {
        let is_new = !self.0.iter().any(|key| key.token.is(&token));
        if is_new {
            self.0.push(Key { person, token });
        }
        is_new
    }

    fn of_token(&self, token: &Token) -> Option<&Key> {
        // Every one is compared, whichever it is.
        self.0.iter().fold(None, |found, key| if key.token.is(token) { Some(key) } else { found })
    }

    /// Whose token this is.
    pub(crate) fn whose(&self, token: &Token) -> Option<&Person> {
        self.of_token(token).map(|key| &key.person)
    }

    /// What a browser is to keep, for whoever has this token.
    pub(crate) fn session(&self, token: &Token, now: Instant) -> Option<String> {
        let key = self.of_token(token)?;
        let expires = now.0.div_euclid(1_000_000).saturating_add(SESSION_SECONDS);
        let name = &key.person.actor;
        let signed = hex(&signature(key, expires).finalize().into_bytes());
        // The name last: it may have dots.
        Some(format!("{expires}.{signed}.{name}"))
    }

    /// Who comes with a session that is not over.
    pub(crate) fn of_session(&self, headers: &HeaderMap, now: Instant) -> Option<Person> {
        let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut cookies = all.flat_map(|value| value.split("; ")).filter_map(|pair| pair.split_once('='));
        let (_, session) = cookies.find(|(name, _)| *name == COOKIE)?;
        let (expires, rest) = session.split_once('.')?;
        let (signed, name) = rest.split_once('.')?;
        let key = self.0.iter().find(|key| *key.person.actor.0 == *name)?;
        let (expires, signed) = (expires.parse().ok()?, bytes(signed)?);
        let is_theirs = signature(key, expires).verify_slice(&signed).is_ok();
        (is_theirs && now.0.div_euclid(1_000_000) < expires).then(|| key.person.clone())
    }
}

/// Over what a session says.
fn signature(key: &Key, expires: i64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.token.key())
        .unwrap_or_else(|_| unreachable!("a key of any length will do"));
    mac.update(format!("session of {} until {expires}", key.person.actor).as_bytes());
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect()
}

/// How the browser reached us: over TLS only if a proxy in front says so.
fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}

/// The header that gives a browser its session.
pub(crate) fn set_cookie(session: &str, headers: &HeaderMap) -> HeaderValue {
    cookie(session, SESSION_SECONDS, headers)
}

/// The header that ends it.
pub(crate) fn clear_cookie(headers: &HeaderMap) -> HeaderValue {
    cookie("", 0, headers)
}

fn cookie(session: &str, seconds: i64, headers: &HeaderMap) -> HeaderValue {
    let secure = if is_secure(headers) { "; Secure" } else { "" };
    let text = format!("{COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("gantry-session=; Path=/"))
}

/// Whether what a browser sends comes from a page of ours: its `Origin` is the host that it sends it to. Another
/// site can make a browser send a form, with its cookies where a browser forgets what `SameSite` means, but cannot
/// make it say that.
pub(crate) fn is_same_origin(headers: &HeaderMap) -> bool {
    let one = |name| {
        let mut all = headers.get_all(name).into_iter();
        match (all.next(), all.next()) {
            (Some(only), None) => only.to_str().ok(),
            _ => None,
        }
    };
    let (Some(origin), Some(host)) = (one(header::ORIGIN), one(header::HOST)) else { return false };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let mut keys = Keys::default();
        for (name, role, token) in
            [("lena", Role::Operate, "one"), ("kim", Role::Admin, "two"), ("http.token", Role::Read, "three")]
        {
            assert!(keys.add(Person { actor: Actor::from(name), role }, Token::new(token)));
        }
        assert!(!keys.add(Person { actor: Actor::from("eve"), role: Role::Admin }, Token::new("one")));
        keys
    }

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_session_is_of_who_had_the_token_until_it_is_over_or_the_token_another() {
        let (keys, now) = (keys(), Instant(1_000_000_000));
        let session = keys.session(&Token::new("one"), now).unwrap();
        assert_eq!(keys.session(&Token::new("four"), now), None);
        let whose = |keys: &Keys, session: &str, at: Instant| {
            let cookies = format!("other=1; {COOKIE}={session}");
            keys.of_session(&headers(&[(header::COOKIE, &cookies)]), at)
        };
        let lena = Person { actor: Actor::from("lena"), role: Role::Operate };
        assert_eq!(whose(&keys, &session, now), Some(lena));
        assert_eq!(whose(&keys, &session, Instant(now.0 + SESSION_SECONDS * 1_000_000)), None);
        let (expires, signed) = (&session[..5], session.split('.').nth(1).unwrap());
        assert_eq!(session, format!("44200.{signed}.lena"));
        for forged in [
            format!("{expires}.{signed}.kim"),
            format!("54200.{signed}.lena"),
            format!("{expires}.{}.lena", &signed[2..]),
            format!("{expires}.{signed}00.lena"),
            "99999999999..lena".to_owned(),
            String::new(),
        ] {
            assert_ne!(forged, session);
            assert_eq!(whose(&keys, &forged, now), None, "{forged}");
        }
        let reader = keys.session(&Token::new("three"), now).unwrap();
        assert_eq!(whose(&keys, &reader, now).unwrap().role, Role::Read, "a name with a dot");
        let mut changed = Keys::default();
        changed.add(Person { actor: Actor::from("lena"), role: Role::Admin }, Token::new("another"));
        assert_eq!(whose(&changed, &session, now), None);
    }

    #[test]
    fn only_our_own_pages_are_of_our_origin() {
        for (origin, host, want) in [
            (Some("http://gantry:8420"), "gantry:8420", true),
            (Some("https://gantry.example"), "gantry.example", true),
            (Some("http://gantry:8421"), "gantry:8420", false),
            (Some("https://evil.example"), "gantry.example", false),
            (Some("null"), "gantry.example", false),
            (None, "gantry.example", false),
        ] {
            let mut map = headers(&[(header::HOST, host)]);
            origin.map(|origin| map.append(header::ORIGIN, origin.parse().unwrap()));
            assert_eq!(is_same_origin(&map), want, "{origin:?} {host}");
        }
    }

    #[test]
    fn a_cookie_is_for_us_alone_and_secure_behind_tls() {
        let plain = set_cookie("s", &HeaderMap::new());
        assert_eq!(plain, "gantry-session=s; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        let proxied = headers(&[(header::HeaderName::from_static("x-forwarded-proto"), "https")]);
        assert!(set_cookie("s", &proxied).to_str().unwrap().ends_with("; Secure"));
    }

    #[test]
    fn nobody_is_called_like_a_part_of_the_program() {
        assert_eq!(PersonName::parse("lena").unwrap().as_str(), "lena");
        for text in ["command", "", "Lena", "a.b", "a b"] {
            assert!(PersonName::parse(text).is_err(), "{text:?}");
        }
    }
}
