//! Fuzzes `tepui_fuzz_targets`' target `json_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("json_body", bytes));
