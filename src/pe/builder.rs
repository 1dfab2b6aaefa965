//! EFI programs for tests.

/// A program for x64 with these sections, as `objcopy` lays it out.
pub(crate) fn program(sections: &[(&str, &[u8])]) -> Vec<u8> {
    const ALIGNMENT: usize = 0x200;
    let table = 0x40 + 4 + 20 + 240;
    let headers = (table + sections.len() * 40).next_multiple_of(ALIGNMENT);
    let mut file = vec![0; headers];
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(&mut file, 0, b"MZ");
    put(&mut file, 0x3c, &0x40_u32.to_le_bytes());
    put(&mut file, 0x40, b"PE\0\0\x64\x86");
    put(&mut file, 0x46, &(sections.len() as u16).to_le_bytes());
    // Length of the optional header, then its magic, `SizeOfHeaders` and the number of directories.
    put(&mut file, 0x54, &240_u16.to_le_bytes());
    put(&mut file, 0x58, &0x20b_u16.to_le_bytes());
    put(&mut file, 0x58 + 60, &(headers as u32).to_le_bytes());
    put(&mut file, 0x58 + 108, &16_u32.to_le_bytes());
    for (number, (name, content)) in sections.iter().enumerate() {
        let at = table + number * 40;
        let start = file.len();
        file.extend_from_slice(content);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        put(&mut file, at, name.as_bytes());
        let length = file.len() - start;
        for (field, value) in [(8, content.len()), (16, length), (20, start)] {
            put(&mut file, at + field, &(value as u32).to_le_bytes());
        }
    }
    file
}
