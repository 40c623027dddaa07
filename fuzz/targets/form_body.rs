//! Fuzzes `tepui_fuzz_targets`' target `form_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("form_body", bytes));
