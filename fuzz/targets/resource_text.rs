//! Fuzzes `tepui_fuzz_targets`' target `resource_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("resource_text", bytes));
