//! The token that requests bear (RFC 6750).

use axum::http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};

/// A token. Only its digest is kept, so that nothing can print it.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// The token of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether a request bears it. Digests are compared: how long that takes tells nothing of the token, because nobody
    /// can choose what a digest begins with.
    pub(crate) fn is_borne_by(&self, headers: &HeaderMap) -> bool {
        let mut all = headers.get_all(AUTHORIZATION).into_iter();
        let (Some(only), None) = (all.next(), all.next()) else { return false };
        let Some((scheme, token)) = only.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return false;
        };
        let theirs: [u8; 32] = Sha256::digest(token.trim_start_matches(' ')).into();
        let differences = self
            .0
            .iter()
            .zip(theirs)
            .fold(0, |differences, (ours, theirs)| std::hint::black_box(differences | (ours ^ theirs)));
        scheme.eq_ignore_ascii_case("bearer") && differences == 0
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
            assert_eq!(token.is_borne_by(&map), want, "{headers:?}");
        }
    }
}
