//! Chance that a seed repeats: Vigna's SplitMix64.

pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default()
    }

    /// Uniform, from nought to `end`, which it is not. `end` is less than 2³².
    pub(super) fn below(&mut self, end: u64) -> u64 {
        (u64::from(self.bits()) * end) >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator's published vectors, their upper halves.
    #[test]
    fn seeds_give_the_published_numbers() {
        let mut chance = Chance::new(1_234_567);
        for number in [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(u64::from(chance.bits()), number >> 32);
        }
    }
}
