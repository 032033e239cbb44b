//! A worker for tests: it behaves as the name of the job's application says
//! ([`gantry_ports::contract::performer::Behaviour`]).
#![expect(clippy::unwrap_used, reason = "a worker that misbehaves may as well panic")]

use std::{
    fs,
    io::{self, BufRead as _, Write as _},
    path::Path,
    process, thread,
    time::Duration,
};

use gantry_ports::{
    contract::performer::{Behaviour, FILE, behaviour, outcome_of},
    job::{
        FileEntry, Job, Outcome, Report, Ticket, VERSION,
        control::{FromWorker, LINE_MAX, ToWorker, decode_to_worker, encode_from_worker},
        names, request, result,
    },
};
use gantry_types::digest::Digest;
use sha2::{Digest as _, Sha256};

fn main() {
    gantry_process::die_with_parent().unwrap();
    // Told so, it does not even say hello.
    if std::env::args().any(|argument| argument == "--mute") {
        forever();
    }
    let mut later = None;
    for line in io::stdin().lock().lines() {
        match decode_to_worker(line.unwrap().as_bytes()).unwrap() {
            ToWorker::Hello { .. } => {
                say(&FromWorker::Hello { protocol: VERSION, version: "test".to_owned() });
            }
            ToWorker::Job { dir } => {
                match later.take() {
                    Some(Later::Say(earlier)) => say(&earlier),
                    Some(Later::Die) => process::abort(),
                    None => {}
                }
                later = carry_out(&dir);
            }
            ToWorker::Cancel(_) => {}
            ToWorker::Quit => return,
        }
    }
}

/// What is done as soon as the next job is there.
enum Later {
    Say(FromWorker),
    Die,
}

fn say(message: &FromWorker) {
    say_raw(&encode_from_worker(message).unwrap());
}

fn say_raw(bytes: &[u8]) {
    let mut stdout = io::stdout();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).unwrap();
}

fn forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Behaves.
fn carry_out(dir: &Path) -> Option<Later> {
    let job = request::decode(&fs::read(dir.join(names::REQUEST)).unwrap()).unwrap();
    match behaviour(&job).unwrap() {
        Behaviour::Answers => {
            let ticket = job.ticket.clone();
            say(&FromWorker::Progress { ticket: ticket.clone(), done: 1, of: 2 });
            say(&FromWorker::Mark { ticket, stage: "load".to_owned() });
            say(&answered(dir, &job));
        }
        Behaviour::AnswersTwice => {
            let done = answered(dir, &job);
            say(&done);
            return Some(Later::Say(done));
        }
        Behaviour::AnswersOnce => {
            say(&answered(dir, &job));
            return Some(Later::Die);
        }
        behaviour @ (Behaviour::Declines | Behaviour::Fails) => {
            let digest = written(dir, &job.ticket, outcome_of(behaviour), Vec::new());
            say(&FromWorker::Done { ticket: job.ticket, digest });
        }
        Behaviour::Crashes => process::abort(),
        Behaviour::Exits => process::exit(3),
        Behaviour::Hangs => forever(),
        Behaviour::EatsMemory => eat(job.limits.memory_bytes),
        Behaviour::GulpsMemory => {
            let gulp = vec![1_u8; usize::try_from(job.limits.memory_bytes * 64).unwrap()];
            assert_eq!(std::hint::black_box(gulp).last(), Some(&1));
        }
        Behaviour::TalksGarbage => say_raw(b"Traceback (most recent call last):\n"),
        Behaviour::TalksEndlessly => loop {
            say_raw(&[b'x'; LINE_MAX]);
        },
        Behaviour::Floods => loop {
            say(&FromWorker::Progress { ticket: job.ticket.clone(), done: 1, of: 2 });
        },
        Behaviour::ClosesOutput => close_output(),
        Behaviour::AnswersStale => {
            let fence = job.ticket.fence.wrapping_sub(1);
            let job = Job { ticket: Ticket { fence, ..job.ticket.clone() }, ..job };
            say(&answered(dir, &job));
        }
        Behaviour::WritesStaleResult => {
            let fence = job.ticket.fence.wrapping_sub(1);
            let digest = written(dir, &Ticket { fence, ..job.ticket.clone() }, Outcome::Ran, Vec::new());
            say(&FromWorker::Done { ticket: job.ticket, digest });
        }
        Behaviour::AnnouncesWrongDigest => {
            answered(dir, &job);
            say(&FromWorker::Done { ticket: job.ticket, digest: Digest([9; 32]) });
        }
        Behaviour::ChangesFile => {
            let done = answered(dir, &job);
            fs::write(dir.join(names::OUT).join(FILE), "something else").unwrap();
            say(&done);
        }
        Behaviour::LinksFile => {
            let done = answered(dir, &job);
            let (out, elsewhere) = (dir.join(names::OUT), dir.join(names::IN));
            fs::rename(out.join(FILE), elsewhere.join(FILE)).unwrap();
            std::os::unix::fs::symlink(elsewhere.join(FILE), out.join(FILE)).unwrap();
            say(&done);
        }
        Behaviour::WritesNothing => {
            say(&FromWorker::Done { ticket: job.ticket, digest: Digest([9; 32]) });
        }
    }
    None
}

/// Takes memory slowly enough to be watched.
fn eat(limit: u64) -> ! {
    let mut eaten = Vec::new();
    while (eaten.len() as u64) << 22 < 2 * limit {
        eaten.push(std::hint::black_box(vec![1_u8; 1 << 22]));
        thread::sleep(Duration::from_millis(5));
    }
    forever()
}

/// The output is closed by replacing the program with one that has none.
fn close_output() -> ! {
    use std::os::unix::process::CommandExt as _;
    // Returns only if there is no such program.
    let _missing = process::Command::new("sleep").arg("3600").stdout(process::Stdio::null()).exec();
    process::exit(4)
}

fn answered(dir: &Path, job: &Job) -> FromWorker {
    let text = job.ticket.to_string().into_bytes();
    fs::write(dir.join(names::OUT).join(FILE), &text).unwrap();
    let file = FileEntry { name: FILE.to_owned(), length: text.len() as u64, digest: digest(&text) };
    let digest = written(dir, &job.ticket, Outcome::Ran, vec![file]);
    FromWorker::Done { ticket: job.ticket.clone(), digest }
}

fn written(dir: &Path, ticket: &Ticket, outcome: Outcome, files: Vec<FileEntry>) -> Digest {
    let ticket = ticket.clone();
    let report =
        Report { ticket, outcome, files, stages: Vec::new(), engine: Vec::new(), left_out: Vec::new() };
    let bytes = result::encode(&report).unwrap();
    fs::write(dir.join(names::RESULT), &bytes).unwrap();
    digest(&bytes)
}
