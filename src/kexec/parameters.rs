//! How the kernel divides its command line into parameters.

/// The parameters as the kernel divides them (`next_arg` in `lib/cmdline.c`): spaces in quotes divide nothing.
/// Each with where it begins. `None` when a quote is not closed.
pub(crate) fn parameters_of(cmdline: &str) -> Option<Vec<(usize, &str)>> {
    let mut pieces = Vec::new();
    let mut is_quoted = false;
    let mut start = 0;
    for (at, c) in cmdline.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if is_space(c) && !is_quoted => {
                pieces.push((start, cmdline.get(start..at)?));
                start = at.checked_add(c.len_utf8())?;
            }
            _ => {}
        }
    }
    pieces.push((start, cmdline.get(start..)?));
    pieces.retain(|(_, piece)| !piece.is_empty());
    (!is_quoted).then_some(pieces)
}

/// Is it a space to the kernel (`lib/ctype.c`)? The byte 0xa0 is one, also inside of a letter of UTF-8.
pub(crate) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}' || c.encode_utf8(&mut [0; 4]).as_bytes().contains(&0xa0)
}
