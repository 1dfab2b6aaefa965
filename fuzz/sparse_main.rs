//! Prints the sparse form of an image: `sparse IMAGE [FLAGS] > FILE`.

#[allow(dead_code, reason = "only the encoder is needed")]
mod sparse;

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let image = std::fs::read(arguments.next().ok_or("usage: sparse IMAGE [FLAGS]")?)?;
    let flags = arguments.next().map_or(Ok(0), |flags| flags.parse())?;
    std::io::stdout().write_all(&sparse::SparseDisk::encode(flags, &image))?;
    Ok(())
}
