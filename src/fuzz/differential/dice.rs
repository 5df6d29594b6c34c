//! Chance that is the same in every run.

/// SplitMix64, of which the number of a case is the seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(case: u64) -> Self {
        Self(case.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// The first one mostly, one of the others in one case of so many.
    pub(super) fn mostly<'a, T: ?Sized>(&mut self, many: usize, from: &[&'a T]) -> &'a T {
        if self.one_in(many) { self.pick(&from[1..]) } else { from[0] }
    }

    /// A text broken in one to three places: bytes lost, doubled, moved, replaced, or one of these pieces put in.
    pub(super) fn broken(&mut self, mut text: Vec<u8>, pieces: &[&[u8]]) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            let start = self.below(text.len() + 1);
            let end = (start + self.below(4)).min(text.len());
            match self.below(5) {
                0 => drop(text.drain(start..end)),
                1 => {
                    let part = text[start..end].to_vec();
                    text.splice(start..start, part);
                }
                2 => {
                    let part: Vec<_> = text.drain(start..end).collect();
                    let to = self.below(text.len() + 1);
                    text.splice(to..to, part);
                }
                3 => {
                    let byte = self.next() as u8;
                    text.splice(start..end, [byte]);
                }
                _ => drop(text.splice(start..end, self.pick(pieces).iter().copied())),
            }
        }
        text
    }

    /// The same of text, which stays text.
    pub(super) fn broken_text(&mut self, text: &str, pieces: &[&str]) -> String {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        String::from_utf8_lossy(&self.broken(text.into(), &pieces)).into_owned()
    }
}
