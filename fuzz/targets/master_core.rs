//! Fuzzes `tepui_fuzz_targets`' target `master_core`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("master_core", bytes));
