//! The token that requests bear (RFC 6750).

use axum::http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};

/// A token. Only its digest is kept, so that nothing can print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token([u8; 32]);

impl Token {
    /// The token of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The token that a request bears.
    pub(crate) fn borne(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(AUTHORIZATION).into_iter();
        let (Some(only), None) = (all.next(), all.next()) else { return None };
        let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Self::new(token.trim_start_matches(' ')))
    }

    /// Whether both are the same. Digests are compared, all of them: how long that takes tells nothing of the token,
    /// because nobody can choose what a digest begins with.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(other.0)
            .fold(0, |differences, (ours, theirs)| std::hint::black_box(differences | (ours ^ theirs)))
            == 0
    }

    /// What sessions of whoever has it are signed with: who changes the token ends them.
    pub(crate) fn key(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_of_the_whole_token_is_let_in() {
        let token = Token::new("c0ffee");
        for (headers, want) in [
            (&["Bearer c0ffee"][..], true),
            (&["bearer  c0ffee"], true),
            (&["Bearer c0ffe"], false),
            (&["Bearer c0ffee "], false),
            (&["Bearer c0ffeee"], false),
            (&["Bearer"], false),
            (&["Bearer "], false),
            (&["c0ffee"], false),
            (&["Basic c0ffee"], false),
            (&["Bearer c0ffee", "Bearer c0ffee"], false),
            (&[], false),
        ] {
            let mut map = HeaderMap::new();
            for header in headers {
                map.append(AUTHORIZATION, header.parse().unwrap());
            }
            let is_borne = Token::borne(&map).is_some_and(|borne| token.is(&borne));
            assert_eq!(is_borne, want, "{headers:?}");
        }
    }
}
