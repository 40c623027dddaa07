//! Fuzzes `tepui_fuzz_targets`' target `agent_core`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("agent_core", bytes));
