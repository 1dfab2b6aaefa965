//! Refusals of the running kernel, in words.

use std::fmt;

use rustix::io::Errno;

/// The kernel did not take what was to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// What the system call returned.
    pub errno: Errno,
    /// What the kernel logged during the call, oldest first, without priorities and times.
    pub kernel_messages: Vec<String>,
}

impl LoadError {
    /// What the errno of `kexec_file_load` means, who is to blame and what helps
    /// (`kernel/kexec_file.c`, `security/`, `certs/`).
    pub fn reason(&self) -> &'static str {
        match self.errno {
            Errno::PERM => {
                "not permitted: we are not root, kexec is turned off (kernel.kexec_load_disabled), \
                 or the kernel is locked down and the image has no signature that it trusts"
            }
            Errno::ACCESS => "the kernel's integrity policy (IMA) refuses this file",
            Errno::NOEXEC => "it is not a kernel image that this kernel can start",
            Errno::INVAL => {
                "a size, a flag or the command line is not acceptable to the kernel, or the image is \
                 damaged"
            }
            Errno::NODATA => {
                "it is not signed, and the running kernel demands a signature in the file itself: \
                 sign it with a key that is built into that kernel"
            }
            Errno::NOKEY => {
                "its first signature, which alone counts, is by a key that the running kernel does \
                 not have: take it away, and sign with a key that is built into that kernel"
            }
            Errno::KEYREJECTED => {
                "its signature is not over these bytes, or by a key that may not sign it: the file \
                 was changed after it was signed, install and sign it again"
            }
            Errno::KEYREVOKED => "its key was revoked: sign it with another one",
            Errno::BADMSG | Errno::MSGSIZE => {
                "its signature can't be read: the file is damaged, or signed by a tool that the \
                 running kernel does not understand"
            }
            Errno::LIBBAD => {
                "its headers or its table of signatures are not as they have to be in a signed \
                 program: it is damaged, or cut off, install and sign it again"
            }
            Errno::NOPKG => {
                "its signature uses an algorithm that the running kernel does not have: sign it with \
                 RSA and SHA-256"
            }
            Errno::BUSY => "another program is loading a kernel at this moment",
            Errno::NOMEM => "there is not enough memory for it",
            Errno::ADDRNOTAVAIL => "there is no free place in memory where it may be put",
            Errno::TXTBSY => "the file is open for writing by another program",
            Errno::FBIG => "the file is larger than the kernel accepts",
            Errno::NOSYS => {
                "the running kernel has no kexec_file_load (CONFIG_KEXEC_FILE): it can't start \
                 another kernel"
            }
            Errno::IO => "the file could not be read",
            Errno::TIMEDOUT => {
                "it takes longer than the policy allows for an attempt (failure.limit)"
            }
            _ => "for a reason that is not known here",
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the kernel refused to load it: {} (errno {})",
            self.reason(),
            self.errno.raw_os_error()
        )?;
        for message in &self.kernel_messages {
            write!(f, "; kernel: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_reason_errno_and_what_the_kernel_logged() {
        let error = LoadError {
            errno: Errno::NOEXEC,
            kernel_messages: vec!["kexec: Not a bzImage".to_owned()],
        };
        assert_eq!(
            error.to_string(),
            "the kernel refused to load it: it is not a kernel image that this kernel can start \
             (errno 8); kernel: kexec: Not a bzImage"
        );
    }

    #[test]
    fn every_documented_errno_has_its_own_reason() {
        let documented = [
            Errno::PERM,
            Errno::ACCESS,
            Errno::NOEXEC,
            Errno::INVAL,
            Errno::NOKEY,
            Errno::KEYREJECTED,
            Errno::BADMSG,
            Errno::NODATA,
            Errno::NOPKG,
            Errno::KEYREVOKED,
            Errno::LIBBAD,
            Errno::BUSY,
            Errno::NOMEM,
            Errno::ADDRNOTAVAIL,
            Errno::TXTBSY,
            Errno::FBIG,
            Errno::NOSYS,
            Errno::IO,
            Errno::TIMEDOUT,
        ];
        let reasons: std::collections::BTreeSet<_> = documented
            .into_iter()
            .map(|errno| LoadError {
                errno,
                kernel_messages: Vec::new(),
            })
            .map(|error| error.reason())
            .collect();
        assert_eq!(reasons.len(), documented.len());
        assert!(!reasons.contains("for a reason that is not known here"));
    }
}
