//! The search for a secret in the memory of another process, through `/proc`.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Any copy of 24 bytes of a secret has one of its pieces of this length.
pub(crate) const PIECE: usize = 12;

/// Something that must not be found, and what it is.
pub(crate) struct Secret {
    pub(crate) name: &'static str,
    pub(crate) pieces: Vec<Vec<u8>>,
}

impl Secret {
    pub(crate) fn new(name: &'static str, text: &str) -> Self {
        assert!(text.len() >= 2 * PIECE, "{name}: {text}");
        Self { name, pieces: text.as_bytes().chunks_exact(PIECE).map(<[u8]>::to_vec).collect() }
    }

    /// Without the part that says only that it is one, which is the same in all.
    pub(crate) fn token(name: &'static str, token: &str) -> Self {
        Self::new(name, token.split_once('.').expect("a JSON Web Token").1)
    }
}

/// Where a process has a secret: its name, how much of it, and what the memory is.
pub(crate) fn copies(process: u32, secrets: &[Secret]) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let environment = environment(process);
    let mut memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut found = Vec::new();
    let mut bytes = Vec::new();
    for line in maps.lines().filter(|line| can_be_written(line)) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        bytes.resize(usize::try_from(end - start).unwrap(), 0);
        // The kernel's own pages cannot be read this way.
        if memory.seek(SeekFrom::Start(start)).and_then(|_| memory.read_exact(&mut bytes)).is_err() {
            assert!(line.contains("[v"), "{line}");
            continue;
        }
        for secret in secrets {
            let pieces = pieces_in(&bytes, secret).into_iter();
            // What a process is started with stays where the kernel has put it.
            let at: Vec<_> =
                pieces.map(|at| start + u64::try_from(at).unwrap()).filter(|at| !environment.contains(at)).collect();
            if let Some(first) = at.first() {
                found.push(format!("{}: {} pieces from {first:x} on in {line}", secret.name, at.len()));
            }
        }
    }
    found
}

/// All that can be read but the program's own text, in which a test's secrets may stand, and other files.
fn can_be_written(line: &str) -> bool {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (mode, inode) = (fields.next().unwrap(), fields.nth(2).unwrap());
    mode.starts_with("rw") || mode.starts_with('r') && inode == "0"
}

/// Where pieces of it begin.
fn pieces_in(bytes: &[u8], secret: &Secret) -> Vec<usize> {
    let mut starts = vec![false; 1 << 16];
    let start = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    secret.pieces.iter().for_each(|piece| starts[start(piece)] = true);
    let mut found = Vec::new();
    for (page, first) in bytes.chunks(ZEROS.len()).zip((0..).step_by(ZEROS.len())) {
        // Most have never been touched.
        if *page == ZEROS[..page.len()] {
            continue;
        }
        let more = bytes.len().min(first + page.len() + PIECE - 1);
        let windows = bytes[first..more].windows(PIECE).enumerate().filter(|(_, window)| starts[start(window)]);
        let found_here = windows.filter(|(_, window)| secret.pieces.iter().any(|piece| piece == window));
        found.extend(found_here.map(|(at, _)| first + at));
    }
    found
}

const ZEROS: [u8; 4096] = [0; 4096];

/// Where its environment lies: fields 50 and 51 of `/proc/PID/stat`.
fn environment(process: u32) -> Range<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let address = |field: usize| fields[field - 3].trim().parse::<u64>().unwrap();
    address(50)..address(51)
}
