//! Bytes that choose: how a target reads its input that writes its own text.

/// The rest of the bytes; zeros when they are used up.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn pick<T>(&mut self, choices: &'static [T]) -> &'static T {
        &choices[usize::from(self.byte()) % choices.len()]
    }

    /// One of these, or after a byte that says so text of its own: a byte that counts, and as many bytes.
    pub(super) fn text(&mut self, choices: &'static [&'static str]) -> String {
        match usize::from(self.byte()) {
            choice if choice < choices.len() => choices[choice].to_owned(),
            _ => {
                let length = usize::from(self.byte());
                String::from_utf8_lossy(self.take(length)).into_owned()
            }
        }
    }
}
