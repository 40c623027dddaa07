//! Fuzzes `tepui_fuzz_targets`' target `link_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("link_message", bytes));
