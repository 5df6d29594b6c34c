//! Failures as a person and a script see them: one line, indented detail, an exit code.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use azmin::{Error, ErrorKind};

/// Why the command ends without having done its work.
pub(super) enum Failed {
    Usage(String),
    Call(Error),
    Write(String, io::Error),
    /// A file, or standard input, and why it could not be read.
    #[cfg(feature = "https")]
    Read(String, io::Error),
    /// `--query` selected nothing.
    #[cfg(feature = "https")]
    Nothing,
    /// A list that does not fit into memory.
    #[cfg(feature = "https")]
    TooLarge,
}

/// What `--help` says of the codes; `Failed::code` gives them.
pub(super) static EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "local failure: a file could not be read or written"),
    (2, "usage: bad option, URL or variable; a refused audience"),
    (3, "the service said 404"),
    (4, "no token: no identity endpoint here, or it refused"),
    (5, "the service said 401 or 403"),
    (6, "throttled (429) or 5xx"),
    (7, "network: DNS, connect, TLS, proxy, a broken or oversized answer"),
    (8, "another 4xx"),
    (9, "the operation that was waited for failed or was cancelled"),
    (10, "--query found nothing"),
    (11, "409 or 412: a precondition was lost"),
    (124, "the deadline ran out while waiting"),
];

impl Failed {
    #[cold]
    pub(super) fn usage(what: String) -> Self {
        Self::Usage(what)
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Write(..) => 1,
            #[cfg(feature = "https")]
            Self::Read(..) => 1,
            #[cfg(feature = "https")]
            Self::Nothing => 10,
            #[cfg(feature = "https")]
            Self::TooLarge => 7,
            Self::Call(error) => match error.kind() {
                ErrorKind::InvalidInput => 2,
                ErrorKind::NotFound => 3,
                ErrorKind::NoEndpoint | ErrorKind::IdentityRefused => 4,
                ErrorKind::AccessDenied => 5,
                ErrorKind::Throttled | ErrorKind::Unavailable => 6,
                ErrorKind::Connection | ErrorKind::BadAnswer => 7,
                ErrorKind::Rejected => 8,
                ErrorKind::OperationFailed => 9,
                ErrorKind::Conflict => 11,
                ErrorKind::DeadlineExceeded => 124,
                _ => 1,
            },
        }
    }

    /// Says why on stderr and gives the exit code.
    #[cold]
    pub(super) fn report(self) -> ExitCode {
        match &self {
            // Whoever read our output has had enough: that is no failure.
            Self::Write(_, why) if why.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Usage(what) => print_to_stderr(&format!("azmin: {what}\n")),
            Self::Write(what, why) => print_to_stderr(&format!("azmin: could not write {what}: {why}\n")),
            #[cfg(feature = "https")]
            Self::Read(what, why) => print_to_stderr(&format!("azmin: could not read {what}: {why}\n")),
            #[cfg(feature = "https")]
            Self::Nothing => print_to_stderr("azmin: --query found nothing\n"),
            #[cfg(feature = "https")]
            Self::TooLarge => {
                print_to_stderr("azmin: the list is larger than 16 MiB: -o jsonl or -O FILE streams it\n")
            }
            Self::Call(error) => print_to_stderr(&describe(error)),
        }
        ExitCode::from(self.code())
    }
}

fn describe(error: &Error) -> String {
    let mut text = format!("azmin: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text.push('\n');
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            text.extend(["  ", name, ": ", value, "\n"]);
        }
    };
    error.details().for_each(|detail| line("detail", Some(&detail.to_string())));
    #[cfg(feature = "https")]
    describe_service(error, &mut line);
    line("request id", error.request_id().map(printable).as_deref());
    line("correlation id", error.correlation_id().map(printable).as_deref());
    line("trace id", error.trace_id().map(printable).as_deref());
    #[cfg(feature = "https")]
    {
        line("client request id", error.client_request_id().map(printable).as_deref());
        line("date", error.date().map(printable).as_deref());
    }
    let wait = error.retry_after().map(|wait| format!("{} s", wait.as_secs()));
    line("retry after", wait.as_deref());
    line("what to do", error.advice());
    #[cfg(feature = "https")]
    if let Some(url) = error.operation_url() {
        let url = printable(url).replace('\'', "%27");
        line("to go on waiting", Some(&["azmin get '", &url, "' --wait"].concat()));
    }
    text
}

/// What only services behind TLS say.
#[cfg(feature = "https")]
fn describe_service(error: &Error, line: &mut dyn FnMut(&str, Option<&str>)) {
    error.inner_codes().for_each(|code| line("inner code", Some(&printable(code))));
    error.policy_violations().for_each(|policy| line("policy", Some(&policy.to_string())));
    let versions: Vec<_> = error.supported_api_versions().collect();
    line("supported versions", Some(versions.join(", ")).filter(|text| !text.is_empty()).as_deref());
    let claims = error.claims().map(|claims| printable(&claims.replace(['\n', '\r', '\t'], " ")));
    line("claims", claims.as_deref());
    line("cause", error.failure_cause().map(printable).as_deref());
    line("region", error.region().map(printable).as_deref());
}

/// Ids and headers come from the network too, and must not drive a terminal: outside ASCII nobody has any.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '\u{fffd}' }).collect()
}

/// There is nobody left to tell when stderr cannot be written.
pub(super) fn print_to_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<lexopt::Error> for Failed {
    fn from(error: lexopt::Error) -> Self {
        // In our own words: lexopt's would bring the formatting of arguments that are not Unicode.
        Self::Usage(match error {
            lexopt::Error::MissingValue { option: Some(option) } => format!("{option} wants a value"),
            lexopt::Error::UnexpectedOption(option) => format!("there is no option {option}"),
            lexopt::Error::UnexpectedValue { option, .. } => format!("{option} takes no value"),
            _ => "these arguments cannot be read".to_owned(),
        })
    }
}
