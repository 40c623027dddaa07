//! Fuzzes `tepui_fuzz_targets`' target `accept`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("accept", bytes));
