//! What a worker says: lines with a longest length, and the end of what it says beside them.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use gantry_ports::job::control::LINE_MAX;

/// Lines that wait to be heard; a worker that says more waits.
const QUEUE: usize = 64;
/// How much of its standard error is kept.
const TAIL_BYTES: usize = 8 << 10;

/// A line, or what stands in its place.
pub(crate) enum Line {
    /// Without its newline.
    Whole(Vec<u8>),
    /// The beginning of one that is longer than a line may be.
    TooLong(Vec<u8>),
    /// The output ended within one.
    Torn,
}

/// Reads lines on a thread of its own until the end, or the first one that is not whole.
pub(crate) fn follow(from: impl Read + Send + 'static) -> io::Result<Receiver<Line>> {
    let (sender, receiver) = sync_channel(QUEUE);
    thread::Builder::new().name("worker-lines".to_owned()).spawn(move || relay(from, &sender))?;
    Ok(receiver)
}

fn relay(from: impl Read, to: &SyncSender<Line>) {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        let read = from.by_ref().take(LINE_MAX as u64 + 1).read_until(b'\n', &mut line);
        let line = match read {
            // An error of a pipe is its end.
            Ok(0) | Err(_) => return,
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                Line::Whole(line)
            }
            Ok(_) if LINE_MAX < line.len() => Line::TooLong(line),
            Ok(_) => Line::Torn,
        };
        let is_last = matches!(line, Line::TooLong(_) | Line::Torn);
        // Nobody listens any more: then there is nobody to tell.
        if to.send(line).is_err() || is_last {
            return;
        }
    }
}

/// The end of a stream.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    /// Follows a stream on a thread of its own.
    pub(crate) fn follow(mut from: impl Read + Send + 'static) -> io::Result<Self> {
        let tail = Self::default();
        let kept = tail.clone();
        thread::Builder::new().name("worker-words".to_owned()).spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                kept.keep(buffer.get(..count).unwrap_or_default());
            }
        })?;
        Ok(tail)
    }

    fn keep(&self, bytes: &[u8]) {
        // A panic elsewhere cannot leave the queue half changed: each use is one call.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let excess = kept.len().saturating_sub(TAIL_BYTES);
        kept.drain(..excess);
    }

    /// What is there now.
    pub(crate) fn text(&self) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(kept.make_contiguous()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_the_first_that_is_not_whole() {
        let text = |length: usize| "x".repeat(length);
        for (said, shapes) in [
            (String::new(), ""),
            ("a\nb\n".to_owned(), "ww"),
            ("a\nb".to_owned(), "wt"),
            (format!("{}\nb\n", text(LINE_MAX)), "ww"),
            (format!("a\n{}\nb\n", text(LINE_MAX + 1)), "wl"),
        ] {
            let lines: Vec<Line> = follow(io::Cursor::new(said.into_bytes())).unwrap().iter().collect();
            let shape = |line: &Line| match line {
                Line::Whole(_) => 'w',
                Line::TooLong(_) => 'l',
                Line::Torn => 't',
            };
            assert_eq!(lines.iter().map(shape).collect::<String>(), shapes);
        }
    }

    #[test]
    fn a_tail_is_the_end() {
        let tail = Tail::default();
        tail.keep(&[b'a'; TAIL_BYTES]);
        tail.keep(b"bc");
        assert_eq!(tail.text().len(), TAIL_BYTES);
        assert!(tail.text().ends_with("abc"));
    }
}
