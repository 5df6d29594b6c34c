//! A receive buffer that leaves no copy of a token behind: it wipes what it held when it grows and when it goes.

use zeroize::Zeroize;

/// Bytes received so far, with room for more.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
    /// The most that was ever filled: what has to be wiped.
    touched: usize,
}

impl Buffer {
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or(&[])
    }

    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    /// Room for at least one byte more.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            let mut larger = vec![0; (self.bytes.len() * 2).max(FIRST)];
            if let Some(start) = larger.get_mut(..self.filled) {
                start.copy_from_slice(self.filled());
            }
            self.wipe();
            self.bytes = larger;
            self.touched = self.filled;
        }
        self.bytes.get_mut(self.filled..).unwrap_or(&mut [])
    }

    /// Counts `count` bytes of `spare` as filled.
    pub(crate) fn advance(&mut self, count: usize) {
        self.filled = self.bytes.len().min(self.filled + count);
        self.touched = self.touched.max(self.filled);
    }

    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn extend(&mut self, mut more: &[u8]) {
        while !more.is_empty() {
            let spare = self.spare();
            let count = spare.len().min(more.len());
            let (now, later) = more.split_at(count);
            if let Some(spare) = spare.get_mut(..count) {
                spare.copy_from_slice(now);
            }
            self.advance(count);
            more = later;
        }
    }

    /// Moves what stands from `from` on to `to`, an earlier place, and forgets what was between.
    pub(crate) fn close_gap(&mut self, from: usize, to: usize) {
        if to < from && from <= self.filled {
            self.bytes.copy_within(from..self.filled, to);
            self.filled -= from - to;
        }
    }

    /// Moves `count` bytes from `from` to `to` and leaves the rest where it is.
    pub(crate) fn move_down(&mut self, from: usize, count: usize, to: usize) {
        if to < from && from + count <= self.filled {
            self.bytes.copy_within(from..from + count, to);
        }
    }

    fn wipe(&mut self) {
        if let Some(touched) = self.bytes.get_mut(..self.touched) {
            touched.zeroize();
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// A token's answer is about 2 KiB with its headers.
const FIRST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_closes_gaps() {
        let mut buffer = Buffer::default();
        let text: Vec<u8> = (0..10_000).map(|n| (n % 251) as u8).collect();
        buffer.extend(&text);
        assert_eq!(buffer.filled(), text);
        buffer.close_gap(9_000, 10);
        assert_eq!(buffer.filled()[..10], text[..10]);
        assert_eq!(buffer.filled()[10..], text[9_000..]);
        assert!(buffer.touched >= 10_000);
    }

    #[test]
    fn what_is_not_there_is_not_moved() {
        let mut buffer = Buffer::default();
        buffer.extend(b"0123456789");
        buffer.close_gap(11, 0);
        buffer.close_gap(3, 7);
        buffer.move_down(5, 6, 0);
        buffer.move_down(3, 2, 7);
        assert_eq!(buffer.filled(), b"0123456789");
        buffer.move_down(5, 5, 0);
        assert_eq!(buffer.filled(), b"5678956789");
    }

    #[test]
    fn nothing_stays_of_what_is_wiped() {
        let mut buffer = Buffer::default();
        buffer.extend(b"secret");
        buffer.close_gap(6, 0);
        assert_eq!((buffer.len(), buffer.bytes.starts_with(b"secret")), (0, true));
        buffer.wipe();
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }
}
