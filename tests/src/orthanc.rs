//! Orthanc, as the PACS that results go to.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{self, Listening};

/// How it is called, and calls.
pub const TITLE: &str = "ORTHANC";

/// A running Orthanc with an empty folder of its own.
pub struct Orthanc {
    listening: Listening,
    http: SocketAddr,
    _dir: TempDir,
}

impl Orthanc {
    /// Starts it; `lua` is a script that it runs, or nothing. A missing program is a skip of `test`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    #[track_caller]
    pub fn start(test: &str, gantry: Option<SocketAddr>, lua: &str) -> Option<Self> {
        let program = peer::program(test, "Orthanc")?;
        let Ok(dir) = TempDir::new() else { unreachable!("a folder for temporary files") };
        let (config, script) = (dir.path().join("orthanc.json"), dir.path().join("script.lua"));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let http = free.unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let scripts: Vec<&Path> = if lua.is_empty() { Vec::new() } else { vec![&script] };
        let mut modalities = serde_json::Map::new();
        if let Some(gantry) = gantry {
            modalities.insert("gantry".to_owned(), json!(["GANTRY", gantry.ip().to_string(), gantry.port()]));
        }
        let listening = Listening::start(|port| {
            let settings = json!({
                "StorageDirectory": dir.path().join("storage"),
                "IndexDirectory": dir.path().join("storage"),
                "Plugins": [],
                "HttpServerEnabled": true,
                "HttpPort": http.port(),
                "RemoteAccessAllowed": false,
                "AuthenticationEnabled": false,
                "DicomServerEnabled": true,
                "DicomAet": TITLE,
                "DicomPort": port,
                "DicomModalities": modalities,
                "DicomAlwaysAllowEcho": true,
                "DicomAlwaysAllowStore": true,
                "DicomAlwaysAllowFind": true,
                "LuaScripts": scripts,
            });
            let written = fs::write(&config, settings.to_string()).and_then(|()| fs::write(&script, lua));
            assert!(written.is_ok(), "{written:?}");
            let mut command = Command::new(program);
            command.arg(&config);
            command
        });
        Some(Self { listening, http, _dir: dir })
    }

    /// Where it takes objects.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// A document of Gantry that makes it a destination.
    #[must_use]
    pub fn destination(&self, name: &str) -> String {
        format!(
            "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: {name}, class: research }}\n\
             aeTitle: {TITLE}\naddress: {}\nconfirm: query\nretry: {{ backoff: 1s, longest: 5s }}\n",
            self.address()
        )
    }

    /// What its REST interface answers.
    ///
    /// # Panics
    /// If it does not answer with success.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str) -> Vec<u8> {
        let answer = self.ask(path);
        let split = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
        let (head, body) = answer.split_at(split);
        assert!(head.starts_with(b"HTTP/1.") && head.get(8..12) == Some(b" 200"), "{path}: {answer:?}");
        body.to_vec()
    }

    fn ask(&self, path: &str) -> Vec<u8> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = TcpStream::connect(self.http).and_then(|mut stream| {
                stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer)?;
                Ok(answer)
            });
            match answer {
                Ok(answer) => return answer,
                Err(error) => assert!(Instant::now() < deadline, "{path}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The identifiers of all objects that it has.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    #[track_caller]
    pub fn instances(&self) -> Vec<String> {
        let all: Value = serde_json::from_slice(&self.get("/instances")).unwrap_or_default();
        let texts = all.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// Writes the evidence of a study below a folder, as `gantry run` does: `evidence/SEG.dcm` and the others.
    ///
    /// # Panics
    /// If a file cannot be written, or an object of another class or a second one of a class is there.
    #[track_caller]
    pub fn fetch_evidence(&self, study: &str, out: &Path) -> Vec<PathBuf> {
        let folder = out.join("evidence");
        let made = fs::create_dir_all(&folder);
        assert!(made.is_ok(), "{made:?}");
        let mut written = Vec::new();
        for id in self.instances() {
            let text = |tag: &str| {
                let bytes = self.get(&format!("/instances/{id}/content/{tag}"));
                String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ']).to_owned()
            };
            if text("0020-000d") != study {
                continue;
            }
            let name = match text("0008-0016").as_str() {
                "1.2.840.10008.5.1.4.1.1.66.4" => "SEG",
                "1.2.840.10008.5.1.4.1.1.88.34" => "SR",
                "1.2.840.10008.5.1.4.1.1.7" => "SC",
                _ => continue,
            };
            let path = folder.join(format!("{name}.dcm"));
            assert!(!path.exists(), "two objects {name} of study {study}");
            let wrote = fs::write(&path, self.get(&format!("/instances/{id}/file")));
            assert!(wrote.is_ok(), "{wrote:?}");
            written.push(path);
        }
        written.sort();
        written
    }
}
