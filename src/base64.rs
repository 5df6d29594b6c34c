//! Base64 (RFC 4648): JSON Web Tokens use the URL alphabet without padding, proxy credentials the standard one with it.

/// The alphabet of section 5, for JSON Web Tokens.
#[cfg(any(test, fuzzing, feature = "simulator"))]
pub(crate) const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The alphabet of section 4, for HTTP's Basic authentication.
#[cfg(any(test, fuzzing, feature = "https"))]
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes in the standard alphabet, with padding.
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) fn encode_padded(bytes: &[u8]) -> String {
    let mut text = encode(STANDARD, bytes);
    text.extend(std::iter::repeat_n('=', (3 - bytes.len() % 3) % 3));
    text
}

/// Encodes without padding.
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) fn encode(alphabet: &[u8; 64], bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            let index = usize::try_from(group >> (18 - 6 * digit) & 63).unwrap_or(0);
            text.push(char::from(alphabet.get(index).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// Decodes either alphabet, padded or not; `None` for anything else. The decoder of claims, where services differ.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let mut group = 0u32;
        for byte in chunk {
            group = group << 6 | u32::from(digit(*byte)?);
        }
        group <<= 6 * (4 - chunk.len());
        let [_, first, second, third] = group.to_be_bytes();
        match chunk.len() {
            4 => bytes.extend([first, second, third]),
            3 => bytes.extend([first, second]),
            2 => bytes.push(first),
            _ => return None,
        }
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4648_section_10_vectors() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(URL_SAFE, plain.as_bytes()), coded);
            assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(decode("Zg=="), Some(b"f".to_vec()));
        for text in ["-_-_", "+/+/", "-/+_"] {
            assert_eq!(decode(text), Some(vec![0xfb, 0xff, 0xbf]), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_base64() {
        for text in ["A", "AAAAA", "A b", "Zm9v\n", "é", "Z=g"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
