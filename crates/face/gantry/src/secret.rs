//! Secrets in a data folder, each made once and readable by its owner alone: the site secret, that all UIDs of a site
//! are derived from, and the tokens of the HTTP interface.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use gantry_api::{
    access::{Keys, Person, PersonName, Role},
    token::Token,
};
use gantry_evidence::uid::SiteSecret;
use gantry_flow::names::Actor;

use crate::{
    config, node,
    report::{Exit, Failure},
};

/// The file's name, beside `gantry.toml`.
pub(crate) const FILE: &str = "site.secret";

/// The file of the token that may read, as text.
pub(crate) const TOKEN_FILE: &str = "http.token";

/// The folder of the tokens that have a name and a role, one file for each name.
pub(crate) const TOKENS: &str = "http.tokens";

const BYTES: usize = 32;

/// A token that is shorter can be guessed.
const TOKEN_LETTERS_MIN: usize = 16;

/// The secret in a folder, made if there is none.
pub(crate) fn in_folder(folder: &Path) -> Result<SiteSecret, Failure> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
        Err(error) => return Err(Failure::unexpected("secret/unreadable", &error)),
    };
    SiteSecret::new(&bytes).ok_or_else(|| {
        let sentence = format!("{} is too short to be a secret", path.display());
        Failure::new(Exit::Config, "secret/too-short", sentence)
            .hint("restore it from a backup: UIDs depend on it")
    })
}

/// The tokens of a folder, those made that are not there yet: one that may read, and one for each name.
pub(crate) fn keys(folder: &Path, named: &BTreeMap<PersonName, Role>) -> Result<Keys, Failure> {
    let mut keys = Keys::default();
    let reader = Person { actor: Actor::from(TOKEN_FILE), role: Role::Read };
    keys.add(reader, token(&folder.join(TOKEN_FILE))?);
    let tokens = folder.join(TOKENS);
    if !named.is_empty() {
        node::create_private(&tokens).map_err(|error| Failure::unexpected("secret/unwritable", &error))?;
    }
    for (name, role) in named {
        let path = tokens.join(name.as_str());
        if !keys.add(Person { actor: Actor::from(name.as_str()), role: *role }, token(&path)?) {
            let sentence = format!("the token in {} is another one's too", path.display());
            return Err(Failure::new(Exit::Config, "secret/token-twice", sentence)
                .hint("remove the file, and a new one is made"));
        }
    }
    Ok(keys)
}

/// The token of a file, made if there is none. Somebody may write one of their own; blanks around it do not count.
fn token(path: &Path) -> Result<Token, Failure> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
            write(path, text.as_bytes())?;
            text.into_bytes()
        }
        Err(error) => return Err(Failure::unexpected("secret/unreadable", &error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    if text.len() < TOKEN_LETTERS_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let sentence = format!("{} holds no token", path.display());
        return Err(Failure::new(Exit::Config, "secret/no-token", sentence).hint(
            "a token is 16 or more letters and digits without blanks; remove the file, and a new one is made",
        ));
    }
    Ok(Token::new(text))
}

/// The secret of the nearest data folder at or above `start`, else the one in `otherwise`.
pub(crate) fn nearest(start: &Path, otherwise: &Path) -> Result<SiteSecret, Failure> {
    let start = fs::canonicalize(start).unwrap_or_else(|_| PathBuf::from(start));
    let data = start.ancestors().find(|folder| folder.join(config::FILE).is_file());
    in_folder(data.unwrap_or(otherwise))
}

fn make(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = random()?;
    write(path, &bytes)?;
    Ok(bytes)
}

fn random() -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Failed, "system/no-randomness", error.to_string()))?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::unexpected("secret/unwritable", &error))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn it_is_made_once_and_a_data_folder_above_comes_first() {
        let dir = TempDir::new().unwrap();
        let (data, out) = (dir.path().join("data"), dir.path().join("out"));
        fs::create_dir_all(data.join("a/b")).unwrap();
        fs::create_dir_all(&out).unwrap();
        let own = nearest(&data.join("a/b"), &out).map_err(|f| f.to_string()).unwrap();
        assert!(own == in_folder(&out).map_err(|f| f.to_string()).unwrap());
        fs::write(data.join(config::FILE), "").unwrap();
        let of_site = nearest(&data.join("a/b"), &out).map_err(|f| f.to_string()).unwrap();
        assert!(of_site == in_folder(&data).map_err(|f| f.to_string()).unwrap() && of_site != own);
    }
    #[test]
    fn the_token_is_made_once_for_its_owner_alone_and_a_weak_one_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = TempDir::new().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        token(&path).map_err(|f| f.to_string()).unwrap();
        let made = fs::read_to_string(&path).unwrap();
        assert!(made.len() == 2 * BYTES && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        token(&path).map_err(|f| f.to_string()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), made);
        for (text, is_taken) in
            [("0123456789abcdef\n", true), ("short", false), ("0123456789 abcdef", false), ("", false)]
        {
            fs::write(&path, text).unwrap();
            assert_eq!(token(&path).is_ok(), is_taken, "{text:?}");
        }
    }

    #[test]
    fn everybody_gets_a_token_of_their_own() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = TempDir::new().unwrap();
        let name = |text| PersonName::parse(text).unwrap();
        let named = BTreeMap::from([(name("kim"), Role::Admin), (name("lena"), Role::Operate)]);
        assert!(keys(dir.path(), &named).is_ok());
        let folder = dir.path().join(TOKENS);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert!(read("kim").len() == 2 * BYTES && read("kim") != read("lena"));
        fs::write(folder.join("lena"), read("kim")).unwrap();
        assert_eq!(keys(dir.path(), &named).err().unwrap().code.0, "secret/token-twice");
    }
}
