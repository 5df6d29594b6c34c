//! Where two readers of the same input may differ: by name, with the reason, and only where the input shows it.

/// What came of one input before two readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both take it, and for the same.
    Same,
    /// Neither takes it.
    Refused,
    /// They differ, in a way that has this name.
    Named(&'static str),
}

/// A difference that is meant.
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// Why it is meant: what it guards against, and where that is written. Printed by the tests.
    #[cfg_attr(not(test), allow(dead_code, reason = "a fuzz target prints nothing"))]
    pub(crate) why: &'static str,
}
