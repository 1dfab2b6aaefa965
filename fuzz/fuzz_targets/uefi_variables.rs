#![no_main]

#[allow(dead_code, reason = "this program has one target")]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::uefi_variables(data));
