//! How a write goes on after its first answer.

use std::time::Duration;

/// How the next write to Azure Resource Manager goes on, for [`Azure::operation`](super::Azure::operation).
///
/// The headers are those of <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>. Where
/// there are URLs to poll, they are signed with `t`, `c`, `s` and `h` like the real ones, which makes each longer than 3 KB.
///
/// ```
/// use std::time::Duration;
/// use azmin::simulator::{Azure, Operation};
///
/// let azure = Azure::start()?;
/// azure.operation(Operation::azure_async_operation().polls(3).retry_after(Duration::from_secs(10)));
/// azure.operation(Operation::location().relative().fails("AllocationFailed", "Allocation failed."));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Operation {
    pub(super) variant: Variant,
    pub(super) status: Option<u16>,
    pub(super) polls: u32,
    pub(super) retry_after: Duration,
    pub(super) relative: bool,
    pub(super) moving: bool,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    AzureAsyncOperation,
    OperationLocation,
    Location,
    Both,
    ProvisioningState,
    NoHeader,
    Synchronous,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed { code: String, message: String },
    Canceled,
}

impl Operation {
    /// A document to poll, by the header `Azure-AsyncOperation`.
    pub fn azure_async_operation() -> Self {
        Self::new(Variant::AzureAsyncOperation)
    }

    /// A document to poll, by the header `Operation-Location`; at the end it names the resource as `resourceLocation`.
    pub fn operation_location() -> Self {
        Self::new(Variant::OperationLocation)
    }

    /// A URL that answers 202 until it answers with the result, by the header `Location`.
    pub fn location() -> Self {
        Self::new(Variant::Location)
    }

    /// Both `Azure-AsyncOperation` and `Location`.
    pub fn both() -> Self {
        Self::new(Variant::Both)
    }

    /// No header: the resource's own `provisioningState` says how it stands.
    pub fn provisioning_state() -> Self {
        Self::new(Variant::ProvisioningState)
    }

    /// 202 without any header or body, as no service should.
    pub fn no_header() -> Self {
        Self::new(Variant::NoHeader)
    }

    /// At its end with the first answer.
    pub fn synchronous() -> Self {
        Self::new(Variant::Synchronous)
    }

    /// The status of the first answer. Default: with `Location` and without header 202, otherwise for PUT and PATCH 201
    /// if the resource is new and 200 if not, for POST and DELETE 202.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// How many polls find it still running. Default: one.
    pub fn polls(mut self, polls: u32) -> Self {
        self.polls = polls;
        self
    }

    /// The `Retry-After` of all answers but the last, in whole seconds. Default: 0.
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = time;
        self
    }

    /// The URLs come as paths, without scheme and host.
    pub fn relative(mut self) -> Self {
        self.relative = true;
        self
    }

    /// Each poll is answered with another URL; the one before is not found any more.
    pub fn moving(mut self) -> Self {
        self.moving = true;
        self
    }

    /// It ends as failed, with this error.
    pub fn fails(mut self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.end = End::Failed { code: code.into(), message: message.into() };
        self
    }

    /// It ends as canceled.
    pub fn canceled(mut self) -> Self {
        self.end = End::Canceled;
        self
    }

    fn new(variant: Variant) -> Self {
        Self {
            variant,
            status: None,
            polls: 1,
            retry_after: Duration::ZERO,
            relative: false,
            moving: false,
            end: End::Succeeded,
        }
    }
}
