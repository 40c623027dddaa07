//! Fuzzes `tepui_fuzz_targets`' target `http_front`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("http_front", bytes));
