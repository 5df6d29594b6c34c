//! Prints a token.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let token = bench_token_floor::token(&mut buffer)?;
    let mut out = io::stdout().lock();
    out.write_all(token)?;
    out.write_all(b"\n")
}
