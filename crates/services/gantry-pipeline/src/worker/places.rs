//! The objects of a job: files, and byte ranges of files.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
};

use gantry_ports::job::{ByteRange, Job, Place};

use crate::objects::Objects;

/// The largest object that is read.
const OBJECT_BYTES_MAX: u64 = 4 << 30;

/// Objects where a job says they lie, counted over all inputs.
pub(super) struct Places<'a>(Vec<&'a Place>);

impl<'a> Places<'a> {
    pub(super) fn of(job: &'a Job) -> Self {
        Self(job.inputs.iter().flat_map(|input| &input.objects).collect())
    }
}

impl Objects for Places<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn read(&self, number: usize) -> io::Result<Vec<u8>> {
        let place = self.0.get(number).ok_or(io::ErrorKind::NotFound)?;
        match place.range {
            None => fs::read(&place.file),
            Some(range) => read_range(place, range),
        }
    }

    fn name(&self, number: usize) -> String {
        let Some(place) = self.0.get(number) else { return String::new() };
        match place.range {
            None => place.file.display().to_string(),
            Some(ByteRange { offset, length }) => format!("{} at {offset}+{length}", place.file.display()),
        }
    }
}

fn read_range(place: &Place, ByteRange { offset, length }: ByteRange) -> io::Result<Vec<u8>> {
    if OBJECT_BYTES_MAX < length {
        return Err(io::Error::other(format!("{length} bytes are more than an object may have")));
    }
    let mut file = File::open(&place.file)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    // A shorter file is not the one that the range was cut from.
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
