//! A cell that is set once, as the standard library's: loom has none.

use loom::sync::RwLock;

/// To look and to set are one step each, which loom puts anywhere. A look that finds nothing although it is set by then, as
/// real machines allow, is like one that came before.
pub(crate) struct OnceLock<T> {
    step: RwLock<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { step: RwLock::new(()), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        let _step = self.step.read().expect("no panic");
        self.value.get()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _step = self.step.write().expect("no panic");
        self.value.set(value)
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.value.take()
    }
}
