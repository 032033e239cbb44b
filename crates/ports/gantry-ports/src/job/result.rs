//! `result.json`.

use serde::{Deserialize, Serialize};

use super::{
    Complaint, FileEntry, FormError, LeftOut, Outcome, Report, Stage, VERSION, is_file_name,
    wire::{Clause, bound, digest, read, ticket, value, write},
};

/// The largest `result.json`.
pub const BYTES_MAX: usize = 4 << 20;
/// The most files in `out`.
pub const FILES_MAX: usize = 64;
/// The most objects that are named as left out; further ones are only fewer images.
pub const LEFT_OUT_MAX: usize = 1000;
/// The most clauses, stages and engine facts, each.
const ENTRIES_MAX: usize = 1000;

const WHAT: &str = "result.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    attempt: String,
    fence: u64,
    outcome: WireOutcome,
    files: Vec<WireFile>,
    stages: Vec<WireStage>,
    engine: Vec<Fact>,
    left_out: Vec<WireLeftOut>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireOutcome {
    Ran,
    Declined { clauses: Vec<Clause> },
    Refused(WireComplaint),
    Failed(WireComplaint),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireComplaint {
    code: String,
    sentence: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFile {
    name: String,
    length: u64,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireStage {
    name: String,
    micros: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLeftOut {
    index: usize,
    why: String,
}

/// Writes `result.json`. Of objects left out, the first [`LEFT_OUT_MAX`] are named.
///
/// # Errors
/// [`FormError`], which no report of this program causes.
pub fn encode(report: &Report) -> Result<Vec<u8>, FormError> {
    let complaint = |complaint: &Complaint| WireComplaint {
        code: complaint.code.clone(),
        sentence: complaint.sentence.clone(),
    };
    let outcome = match &report.outcome {
        Outcome::Ran => WireOutcome::Ran,
        Outcome::Declined(clauses) => {
            WireOutcome::Declined { clauses: clauses.iter().map(Clause::from).collect() }
        }
        Outcome::Refused(why) => WireOutcome::Refused(complaint(why)),
        Outcome::Failed(why) => WireOutcome::Failed(complaint(why)),
    };
    let file = |file: &FileEntry| WireFile {
        name: file.name.clone(),
        length: file.length,
        digest: file.digest.to_string(),
    };
    let left_out = report.left_out.iter().take(LEFT_OUT_MAX);
    let document = Document {
        version: VERSION,
        attempt: report.ticket.attempt.to_string(),
        fence: report.ticket.fence,
        outcome,
        files: report.files.iter().map(file).collect(),
        stages: report
            .stages
            .iter()
            .map(|stage| WireStage { name: stage.name.clone(), micros: stage.micros })
            .collect(),
        engine: report
            .engine
            .iter()
            .map(|(name, value)| Fact { name: name.clone(), value: value.clone() })
            .collect(),
        left_out: left_out.map(|one| WireLeftOut { index: one.index, why: one.why.clone() }).collect(),
    };
    write(WHAT, &document)
}

/// Reads `result.json`.
///
/// # Errors
/// [`FormError`].
pub fn decode(bytes: &[u8]) -> Result<Report, FormError> {
    let document: Document = read(WHAT, bytes, BYTES_MAX)?;
    bound("result.json: files", document.files.len(), FILES_MAX)?;
    bound("result.json: stages", document.stages.len(), ENTRIES_MAX)?;
    bound("result.json: engine", document.engine.len(), ENTRIES_MAX)?;
    bound("result.json: left_out", document.left_out.len(), LEFT_OUT_MAX)?;
    let complaint = |why: WireComplaint| Complaint { code: why.code, sentence: why.sentence };
    let outcome = match document.outcome {
        WireOutcome::Ran => Outcome::Ran,
        WireOutcome::Declined { clauses } => {
            bound("result.json: clauses", clauses.len(), ENTRIES_MAX)?;
            Outcome::Declined(clauses.into_iter().map(Into::into).collect())
        }
        WireOutcome::Refused(why) => Outcome::Refused(complaint(why)),
        WireOutcome::Failed(why) => Outcome::Failed(complaint(why)),
    };
    let left_out = document.left_out.into_iter();
    Ok(Report {
        ticket: ticket(&document.attempt, document.fence)?,
        outcome,
        files: document.files.into_iter().map(file).collect::<Result<_, _>>()?,
        stages: document
            .stages
            .into_iter()
            .map(|stage| Stage { name: stage.name, micros: stage.micros })
            .collect(),
        engine: document.engine.into_iter().map(|fact| (fact.name, fact.value)).collect(),
        left_out: left_out.map(|one| LeftOut { index: one.index, why: one.why }).collect(),
    })
}

fn file(file: WireFile) -> Result<FileEntry, FormError> {
    if !is_file_name(&file.name) {
        return Err(value("a file name", &file.name));
    }
    Ok(FileEntry { digest: digest(&file.digest)?, name: file.name, length: file.length })
}

#[cfg(test)]
mod tests {
    use gantry_types::{
        digest::Digest,
        findings::{JudgedClause, Verdict},
    };

    use super::*;
    use crate::job::{AttemptId, Ticket};

    fn report(outcome: Outcome) -> Report {
        Report {
            ticket: Ticket { attempt: AttemptId::new("run-1").unwrap(), fence: 3 },
            outcome,
            files: vec![FileEntry { name: "mask.gz".to_owned(), length: 7, digest: Digest([1; 32]) }],
            stages: vec![Stage { name: "load".to_owned(), micros: 12 }],
            engine: vec![("gantry".to_owned(), "0.1.0".to_owned())],
            left_out: vec![LeftOut { index: 4, why: "no DICOM".to_owned() }],
        }
    }

    #[test]
    fn every_outcome_is_read_back() {
        let why =
            Complaint { code: "image/twice".to_owned(), sentence: "image 1.2 is there twice".to_owned() };
        let clause =
            JudgedClause { name: "thin".to_owned(), verdict: Verdict::Unknown, seen: "5 mm".to_owned() };
        for outcome in [
            Outcome::Ran,
            Outcome::Declined(vec![clause]),
            Outcome::Refused(why.clone()),
            Outcome::Failed(why),
        ] {
            let report = report(outcome);
            assert_eq!(decode(&encode(&report).unwrap()).unwrap(), report);
        }
    }

    #[test]
    fn a_file_elsewhere_is_refused() {
        let whole = String::from_utf8(encode(&report(Outcome::Ran)).unwrap()).unwrap();
        let error = decode(whole.replace("mask.gz", "../mask").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "a file name has the value \"../mask\"");
    }
}
