//! A cell that is set once, as the standard library's: loom has none.

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, Ordering};

/// Looking is one of loom's loads, and those who would set it take one of loom's locks: between them it lets others go on.
pub(crate) struct OnceLock<T> {
    set: AtomicBool,
    setting: Mutex<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { set: AtomicBool::new(false), setting: Mutex::new(()), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.set.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _setting = self.setting.lock().expect("no panic");
        let outcome = self.value.set(value);
        self.set.store(true, Ordering::Release);
        outcome
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.value.take()
    }
}
