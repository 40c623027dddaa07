//! Fuzzes `tepui_fuzz_targets`' target `protobuf_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tepui_fuzz_targets::run("protobuf_body", bytes));
