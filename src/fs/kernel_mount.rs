//! Read-only mounts by the kernel, for what the readers in user space refuse.

/// The permission to ask the kernel for mounts: only process 1 has it.
pub struct KernelMount {}
