//! What the parser takes and refuses, row by row, each row at every split.

use super::*;

const J: &str = r#"{"access_token":"t","expires_in":"3599"}"#;

/// The outcome of an answer: status and body, or the fault.
fn outcome(bytes: &[u8]) -> Result<(u16, String), Fault> {
    parse(bytes, Limits::default())
        .map(|response| (response.status, String::from_utf8_lossy(response.body()).into_owned()))
}

/// The same, fed in two pieces, and byte by byte.
fn outcome_in_pieces(pieces: &[&[u8]]) -> Result<(u16, String), Fault> {
    let (mut buffer, mut parser) = (Buffer::default(), Parser::new(Limits::default()));
    for piece in pieces {
        buffer.extend(piece);
        if parser.advance(&mut buffer, false)? == Progress::Done {
            break;
        }
    }
    parser.advance(&mut buffer, true)?;
    let response = parser.finish(buffer);
    Ok((response.status, String::from_utf8_lossy(response.body()).into_owned()))
}

/// The verdict of a parser that keeps no body, and how much it held at most.
#[cfg(feature = "https")]
fn watched(pieces: &[&[u8]]) -> (Result<(), Fault>, usize) {
    let (mut buffer, mut parser, mut most) = (Buffer::default(), Parser::watching(false), 0);
    for piece in pieces {
        buffer.extend(piece);
        match parser.advance(&mut buffer, false) {
            Ok(Progress::NeedMore) => most = most.max(buffer.len()),
            outcome => return (outcome.map(|_| ()), most),
        }
    }
    (parser.advance(&mut buffer, true).map(|_| ()), most)
}

/// It agrees with one that keeps it, but for the size of a body, and for what an end in the middle is called.
#[cfg(feature = "https")]
fn check_watched(name: &str, bytes: &[u8], pieces: &[&[u8]]) {
    let (verdict, most) = watched(pieces);
    let agrees = match outcome(bytes) {
        Err(Fault::TooLarge("body")) => true,
        Err(Fault::Truncated) => matches!(verdict, Err(Fault::Truncated | Fault::Empty)),
        other => verdict == other.map(|_| ()),
    };
    assert!(agrees, "{name}: {verdict:?} from one that watches");
    let limits = Limits::default();
    assert!(most <= limits.head + limits.trailers.max(limits.extension + 18), "{name}: {most} bytes are held");
}

#[cfg(not(feature = "https"))]
fn check_watched(_: &str, _: &[u8], _: &[&[u8]]) {}

/// An answer to `HEAD` says how long the body of a `GET` would be (RFC 9110, section 9.3.2).
#[cfg(feature = "https")]
#[test]
fn an_answer_to_head_ends_with_its_head() {
    for headers in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let (mut buffer, mut parser) = (Buffer::default(), Parser::watching(true));
        let interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
        buffer.extend((interim.to_owned() + &head(headers)).as_bytes());
        assert_eq!(parser.advance(&mut buffer, false), Ok(Progress::Done), "{headers}");
        assert_eq!((parser.take_interim(), parser.take_interim()), (interim.len(), 0));
    }
}

fn check(name: &str, bytes: &[u8], matches: impl Fn(&Result<(u16, String), Fault>) -> bool) {
    let whole = outcome(bytes);
    assert!(matches(&whole), "{name}: {whole:?}");
    check_watched(name, bytes, &[bytes]);
    if bytes.len() > 2000 {
        return;
    }
    for split in 0..=bytes.len() {
        let (first, second) = bytes.split_at(split);
        assert_eq!(outcome_in_pieces(&[first, second]), whole, "{name}, split at {split}");
        check_watched(name, bytes, &[first, second]);
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(outcome_in_pieces(&single), whole, "{name}, byte by byte");
    check_watched(name, bytes, &single);
}

fn head(extra: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{extra}\r\n")
}

fn chunked(body: &str) -> Vec<u8> {
    (head("Transfer-Encoding: chunked\r\n") + body).into_bytes()
}

#[test]
fn accepted() {
    let length = J.len();
    let rows: &[(&str, String)] = &[
        ("F01 plain", head(&format!("Content-Length: {length}\r\n")) + J),
        ("F02 lower case name", head(&format!("content-length:{length}\r\n")) + J),
        ("F03 until close", head("") + J),
        ("F04 HTTP/1.0", format!("HTTP/1.0 200 OK\r\n\r\n{J}")),
        ("F09 no reason", format!("HTTP/1.1 200 \r\nContent-Length: {length}\r\n\r\n{J}")),
        ("F10 no reason, no blank", format!("HTTP/1.1 200\r\nContent-Length: {length}\r\n\r\n{J}")),
        ("F24 reason in UTF-8", format!("HTTP/1.1 200 très bien\r\nContent-Length: {length}\r\n\r\n{J}")),
        ("F38 obs-text in a value", head(&format!("X: é\r\nContent-Length: {length}\r\n")) + J),
        ("F40 a hundred headers", head(&("X: y\r\n".repeat(100) + &format!("Content-Length: {length}\r\n"))) + J),
        ("F41 a header of 20 KB", head(&format!("X: {}\r\nContent-Length: {length}\r\n", "y".repeat(20_000))) + J),
        ("F44 the same length twice", head(&format!("Content-Length: {length}\r\nContent-Length: {length}\r\n")) + J),
        ("F46 the same length in a list", head(&format!("Content-Length: {length}, {length}\r\n")) + J),
        ("F56 leading zeros", head(&format!("Content-Length: 000{length}\r\n")) + J),
        ("F60 bytes after the message", head(&format!("Content-Length: {length}\r\n")) + J + "HTTP/1.1 500 no\r\n\r\n"),
        ("F70 CHUNKED", head("Transfer-Encoding: CHUNKED\r\n") + &format!("{length:x}\r\n{J}\r\n0\r\n\r\n")),
        (
            "I01 100 first",
            format!("HTTP/1.1 100 Continue\r\n\r\n{}", head(&format!("Content-Length: {length}\r\n")) + J),
        ),
        (
            "I02 100 with headers",
            format!("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n{}", head(&format!("Content-Length: {length}\r\n")) + J),
        ),
        (
            "I03 early hints",
            format!(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}",
                head(&format!("Content-Length: {length}\r\n")) + J
            ),
        ),
        ("I07 199", format!("HTTP/1.1 199 Odd\r\n\r\n{}", head(&format!("Content-Length: {length}\r\n")) + J)),
        ("S15 two responses", (head(&format!("Content-Length: {length}\r\n")) + J).repeat(2)),
        ("identity coding", head(&format!("Content-Encoding: identity\r\nContent-Length: {length}\r\n")) + J),
        ("tabs around a value", head(&format!("Content-Length:\t{length}\t\r\n")) + J),
    ];
    for (name, bytes) in rows {
        check(name, bytes.as_bytes(), |outcome| *outcome == Ok((200, J.to_owned())));
    }
}

#[test]
fn accepted_chunked() {
    let length = J.len();
    let by_byte: String = J.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let rows: &[(&str, String)] = &[
        ("K01 one chunk", format!("{length:x}\r\n{J}\r\n0\r\n\r\n")),
        ("K02 a chunk a byte", by_byte + "0\r\n\r\n"),
        ("K03 leading zeros", format!("000000{length:x}\r\n{J}\r\n0\r\n\r\n")),
        ("K12 extension", format!("{length:x};a=b;c=\"d\"\r\n{J}\r\n0;e\r\n\r\n")),
        ("K24 trailer", format!("{length:X}\r\n{J}\r\n0\r\nX: y\r\n\r\n")),
        ("K25 trailer that names a length", format!("{length:x}\r\n{J}\r\n0\r\nContent-Length: 5\r\n\r\n")),
        ("K30 last chunk in zeros", format!("{length:x}\r\n{J}\r\n0000\r\n\r\n")),
        ("bytes after the message", format!("{length:x}\r\n{J}\r\n0\r\n\r\nHTTP/1.1 ")),
    ];
    for (name, body) in rows {
        check(name, &chunked(body), |outcome| *outcome == Ok((200, J.to_owned())));
    }
}

#[test]
fn malformed() {
    let length = J.len();
    let rows: &[(&str, String)] = &[
        (
            "F05 HTTP/1.0 chunked",
            format!("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{J}\r\n0\r\n\r\n"),
        ),
        ("F06 HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n".to_owned()),
        ("F07 HTTP/2", "HTTP/2 200 OK\r\n\r\n".to_owned()),
        ("F08 HTTP/0.9", format!("{J}\r\n")),
        ("F11 two digits", "HTTP/1.1 20 OK\r\n\r\n".to_owned()),
        ("F12 four digits", "HTTP/1.1 2000 OK\r\n\r\n".to_owned()),
        ("F13 status 000", "HTTP/1.1 000 OK\r\n\r\n".to_owned()),
        ("F13 status 099", "HTTP/1.1 099 OK\r\n\r\n".to_owned()),
        ("F14 status 999", "HTTP/1.1 999 OK\r\n\r\n".to_owned()),
        ("F15 signed status", "HTTP/1.1 +20 OK\r\n\r\n".to_owned()),
        ("F16 Arabic digits", "HTTP/1.1 ٢٠٠ OK\r\n\r\n".to_owned()),
        ("F17 blank line first", "\r\n".to_owned() + &head("")),
        ("F18 blank first", " ".to_owned() + &head("")),
        ("F19 lower case", "http/1.1 200 OK\r\n\r\n".to_owned()),
        ("F20 ICY", "ICY 200 OK\r\n\r\n".to_owned()),
        ("F21 two blanks", "HTTP/1.1  200 OK\r\n\r\n".to_owned()),
        ("F22 tab", "HTTP/1.1\t200 OK\r\n\r\n".to_owned()),
        ("F23 NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n".to_owned()),
        ("F26 LF alone", "HTTP/1.1 200 OK\n\n".to_owned()),
        ("F27 LF alone, one header", head("X: y\nContent-Length: 0\r\n")),
        ("F28 CR alone", head("X: y\rContent-Length: 0\r\n")),
        ("F29 CR CR LF", head("X: y\r\r\n")),
        ("F30 folded line", head("X: y\r\n z\r\n")),
        ("F31 folded length", head("Content-Length:\r\n 5\r\n")),
        ("F32 fold first", head(" X: y\r\n")),
        ("F33 blank before the colon", head("Content-Length : 5\r\n")),
        ("F34 no colon", head("Content-Length 5\r\n")),
        ("F35 empty name", head(": y\r\n")),
        ("F36 NUL in a value", head("X: \0\r\n")),
        ("F37 control in a name", head("X\u{1}: y\r\n")),
        ("DEL in a value", head("X: \u{7f}\r\n")),
        ("F45 two lengths", head("Content-Length: 5\r\nContent-Length: 6\r\n") + "123456"),
        ("F47 two lengths in a list", head("Content-Length: 5, 6\r\n") + "123456"),
        ("F48 +length", head("Content-Length: +5\r\n") + "12345"),
        ("F49 -length", head("Content-Length: -5\r\n")),
        ("F50 hexadecimal length", head("Content-Length: 0x5\r\n") + "12345"),
        ("F51 length with underscore", head("Content-Length: 1_0\r\n") + "1234567890"),
        ("F52 empty length", head("Content-Length: \r\n")),
        ("F53 junk length", head("Content-Length: five\r\n")),
        ("F54 length over 19 digits", head("Content-Length: 18446744073709551621\r\n")),
        ("F57 blank inside", head("Content-Length: 1 0\r\n")),
        ("F58 vertical tab", head("Content-Length: \u{b}5\r\n")),
        ("list with an empty length", head("Content-Length: 5,\r\n") + "12345"),
        ("F62 length and chunked", head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        ("F63 gzip, chunked", head("Transfer-Encoding: gzip, chunked\r\n")),
        ("F64 chunked, gzip", head("Transfer-Encoding: chunked, gzip\r\n")),
        ("F65 chunked, chunked", head("Transfer-Encoding: chunked, chunked\r\n")),
        ("F66 chunked in two headers", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
        ("F67 identity", head("Transfer-Encoding: identity\r\n")),
        ("F68 xchunked", head("Transfer-Encoding: xchunked\r\n")),
        ("F69 chunkedx", head("Transfer-Encoding: chunkedx\r\n")),
        ("F71 quoted", head("Transfer-Encoding: \"chunked\"\r\n")),
        ("F72 vertical tab", head("Transfer-Encoding: \u{b}chunked\r\n")),
        ("F73 empty", head("Transfer-Encoding:\r\n")),
        ("F74 parameters", head("Transfer-Encoding: chunked;a=b\r\n")),
        ("I05 100 with a body", "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nab".to_owned() + &head("")),
        ("I06 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_owned()),
        ("S08 gzip", head("Content-Encoding: gzip\r\n")),
        ("S12 a TLS alert", "\u{15}\u{3}\u{1}\0\u{2}\u{2}\n".to_owned()),
        ("S13 ssh", "SSH-2.0-OpenSSH_9.2\r\n".to_owned()),
    ];
    for (name, bytes) in rows {
        check(name, bytes.as_bytes(), |outcome| matches!(outcome, Err(Fault::Malformed(_))));
    }
}

#[test]
fn malformed_chunks() {
    for (name, body) in [
        ("K05 seventeen digits", "10000000000000005\r\n12345\r\n0\r\n\r\n"),
        ("K06 0x", "0x5\r\n12345\r\n0\r\n\r\n"),
        ("K07 +", "+5\r\n12345\r\n0\r\n\r\n"),
        ("K08 -", "-5\r\n12345\r\n0\r\n\r\n"),
        ("K09 blank before", " 5\r\n12345\r\n0\r\n\r\n"),
        ("K10 blank after", "5 \r\n12345\r\n0\r\n\r\n"),
        ("K11 underscore", "0_5\r\n12345\r\n0\r\n\r\n"),
        ("K13 quoted CR LF in an extension", "5;a=\"\r\n\"\r\n12345\r\n0\r\n\r\n"),
        ("K14 LF in an extension", "5;a\nb\r\n12345\r\n0\r\n\r\n"),
        ("K16 LF after the size", "5\n12345\r\n0\r\n\r\n"),
        ("K17 LF after the data", "5\r\n12345\n0\r\n\r\n"),
        ("K18 CR after the size", "5\r12345\r\n0\r\n\r\n"),
        ("K19 data too short", "5\r\n123\r\n0\r\n\r\n"),
        ("K20 data too long", "3\r\n12345\r\n0\r\n\r\n"),
        ("K21 no CR LF after the data", "5\r\n12345xx0\r\n\r\n"),
        ("K26 junk trailer", "5\r\n12345\r\n0\r\njunk\r\n\r\n"),
        ("K28 empty size", "\r\n12345\r\n0\r\n\r\n"),
        ("K29 semicolon alone", ";a\r\n12345\r\n0\r\n\r\n"),
        ("K32 fullwidth digit", "５\r\n12345\r\n0\r\n\r\n"),
        ("K33 no-break blank", "\u{a0}5\r\n12345\r\n0\r\n\r\n"),
    ] {
        check(name, &chunked(body), |outcome| matches!(outcome, Err(Fault::Malformed(_))));
    }
}

#[test]
fn too_large() {
    let rows: &[(&str, Vec<u8>)] = &[
        ("F25 reason of 1 MB", format!("HTTP/1.1 200 {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes()),
        ("F39 a thousand headers", head(&"X: y\r\n".repeat(1000)).into_bytes()),
        ("F42 a header of 70 KB", head(&format!("X: {}\r\n", "y".repeat(70_000))).into_bytes()),
        ("F55 a length of 100 GB", head("Content-Length: 100000000000\r\n").into_bytes()),
        ("a length one over", head("Content-Length: 1048577\r\n").into_bytes()),
        ("a body one over", (head("") + &"x".repeat((1 << 20) + 1)).into_bytes()),
        ("K04 sixteen digits", chunked("ffffffffffffffff\r\n")),
        ("K15 extension of 64 KB", chunked(&format!("5;{}\r\n", "x".repeat(65_536)))),
        ("chunks that add up", chunked(&format!("fffff\r\n{}\r\n2\r\n", "x".repeat(0xfffff)))),
        ("K27 trailers of 1 MB", chunked(&format!("0\r\n{}", "X: y\r\n".repeat(1 << 18)))),
        ("a trailer without an end", chunked(&format!("0\r\nX: {}", "y".repeat(1 << 18)))),
        ("I04 fifty interim answers", "HTTP/1.1 102 Processing\r\n\r\n".repeat(50).into_bytes()),
        (
            "interim answers with headers",
            format!("HTTP/1.1 102 Processing\r\n{}\r\n", "X: y\r\n".repeat(60)).repeat(3).into_bytes(),
        ),
    ];
    for (name, bytes) in rows {
        check(name, bytes, |outcome| matches!(outcome, Err(Fault::TooLarge(_))));
    }
}

#[test]
fn cut_short() {
    assert_eq!(outcome(b""), Err(Fault::Empty));
    for (name, bytes) in [
        ("F59 short body", (head("Content-Length: 50\r\n") + J).into_bytes()),
        ("K22 no last chunk", chunked("5\r\n12345\r\n")),
        ("K23 last chunk without its end", chunked("5\r\n12345\r\n0\r\n")),
        ("S09 head cut", b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
        ("head without its blank line", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_vec()),
    ] {
        check(name, &bytes, |outcome| *outcome == Err(Fault::Truncated));
    }
    let whole = chunked("5\r\n12345\r\n0\r\nX: y\r\n\r\n");
    for end in 1..whole.len() {
        assert_eq!(outcome(&whole[..end]), Err(Fault::Truncated), "cut after {end}");
    }
}

#[test]
fn statuses_without_a_body() {
    for (name, bytes, status) in [
        ("S01 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n12345", 204),
        ("S02 204 chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204),
        ("S03 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304),
        ("F61 length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
        ("S11 head alone, then close", "HTTP/1.1 200 OK\r\n\r\n", 200),
    ] {
        check(name, bytes.as_bytes(), |outcome| *outcome == Ok((status, String::new())));
    }
}

#[test]
fn headers_of_the_final_answer_only() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nX: early\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nretry-after:  5 \r\nX: late\r\n\r\n";
    let response = parse(bytes, Limits::default()).unwrap();
    assert_eq!(
        (response.header("Retry-After"), response.header("x"), response.header("y")),
        (Some("5"), Some("late"), None)
    );
    assert_eq!(response.headers().count(), 2);
}

#[test]
fn chunk_framing_does_not_pile_up() {
    let (mut buffer, mut parser) = (Buffer::default(), Parser::new(Limits::default()));
    buffer.extend(&chunked(""));
    for _ in 0..100_000 {
        buffer.extend(b"1;extension=ignored\r\nx\r\n");
        assert_eq!(parser.advance(&mut buffer, false), Ok(Progress::NeedMore));
        assert!(buffer.len() < 100_200);
    }
}
