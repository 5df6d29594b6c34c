//! What must hold of thumbprints.

use crate::env::{ENDPOINT, Env, HEADER, THUMBPRINT};
use crate::error::ErrorKind;
use crate::source::{Transport, locate};

/// A thumbprint in whatever spelling is the twenty bytes that its digits stand for, or refused without being repeated; there
/// is no other trust for that endpoint.
pub fn thumbprint(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.is_empty() {
        return;
    }
    let env = Env::fixed(&[(ENDPOINT, "https://10.0.0.4:2377/t?a=b"), (HEADER, "0a1b2c3d"), (THUMBPRINT, &text)]);
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let other = |c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '\u{200e}' || c.is_whitespace());
    match locate(&env, None) {
        Ok(place) => {
            let Transport::Pinned(pin) = &place.endpoint.site().transport else { panic!("it is not pinned") };
            assert!(digits.len() == 40 && !text.contains(other), "{text:?}");
            let spelled: String = pin.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(spelled.eq_ignore_ascii_case(&digits), "{text:?} is not {spelled}");
        }
        Err(error) => {
            let mark_inside = text.trim_start_matches('\u{200e}').contains('\u{200e}');
            assert!(digits.len() != 40 || text.contains(other) || mark_inside, "{text:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            super::assert_presentable(&error);
            assert!(digits.len() < 8 || !error.to_string().contains(&digits), "{error}");
        }
    }
}
