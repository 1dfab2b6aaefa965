//! `boot.cfg`, which VMware's `mboot.c32 -c` reads: `kernel`, `kernelopt`, and `modules` with `---` between.

use super::line::{split, words};

/// The kernel and its modules, by name, with their arguments.
pub(super) fn modules(text: &str) -> Vec<(String, String)> {
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.trim().split_once('='));
        let found = pairs.find(|(name, _)| name.trim_end().eq_ignore_ascii_case(key));
        found.map_or("", |(_, value)| value.trim())
    };
    let prefix = value("prefix").trim_end_matches('/');
    let path = |name: &str| match prefix {
        "" => name.to_owned(),
        prefix => format!("{prefix}/{}", name.trim_start_matches('/')),
    };
    let kernel = words(value("kernel")).next();
    let kernel = kernel.map(|name| (path(name), value("kernelopt").to_owned()));
    let parts = value("modules").split("---");
    let modules = parts.filter(|part| !part.trim().is_empty()).map(|part| {
        let (name, arguments) = split(part);
        (path(name), arguments.trim_end().to_owned())
    });
    kernel.into_iter().chain(modules).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_installer_brings() {
        let text = "bootstate=0\r\ntitle=Loading installer\r\ntimeout=5\r\nprefix=/esx\r\n\
                    kernel=/b.b00\r\nkernelopt=runweasel cdromBoot\r\n\
                    modules=/jumpstrt.gz --- /useropts.gz x --- k.b00\r\nbuild=7.0\r\n";
        let found = modules(text);
        let found: Vec<_> = found
            .iter()
            .map(|(n, a)| (n.as_str(), a.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("/esx/b.b00", "runweasel cdromBoot"),
                ("/esx/jumpstrt.gz", ""),
                ("/esx/useropts.gz", "x"),
                ("/esx/k.b00", ""),
            ]
        );
        assert_eq!(modules("nothing"), []);
    }
}
