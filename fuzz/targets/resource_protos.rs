//! Fuzzes `tepui_fuzz_targets`' target `resource_protos`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("resource_protos", bytes));
