//! How much memory a payload may take.

/// Bytes that a payload may take: half of what is available, since the kernel makes its own copy of everything while it
/// loads. No limit where the kernel does not say what is available.
pub fn for_payload() -> u64 {
    available().map_or(u64::MAX, |bytes| bytes / 2)
}

/// Bytes that the kernel could give out without swapping (`MemAvailable` of `/proc/meminfo`), or
/// `None` where it does not say.
fn available() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_file() {
        let meminfo = "MemTotal:       16384 kB\nMemAvailable:    8192 kB\nBuffers: 1 kB\n";
        assert_eq!(parse(meminfo), Some(8192 * 1024));
        assert_eq!(parse("MemTotal: 1 kB\n"), None);
        assert_eq!(parse("MemAvailable: 99999999999999999999 kB"), None);
        assert!(available().is_some());
    }
}
