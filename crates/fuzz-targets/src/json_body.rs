//! JSON bodies: what was read can be written, and is then read as the same.

use tepui_master_core::RateLimits;
use tepui_proto::{JsonDialect, LinkMessage, MesosMessage, driver, internal, v1};
use tepui_wire::{BodyError, ContentType, decode, encode};

/// A JSON text, read as each call of the v1 API, and as messages in the older dialect.
pub(crate) fn target(bytes: &[u8]) {
    if let Err(BodyError::JsonSyntax { .. }) = decode::<v1::scheduler::Call>(ContentType::Json, bytes) {
        // It is no JSON for any message.
        let _ = decode::<v1::master::Call>(ContentType::Json, bytes).expect_err("no JSON");
        return;
    }
    check::<v1::scheduler::Call>(JsonDialect::V1, bytes);
    check::<v1::scheduler::Event>(JsonDialect::V1, bytes);
    check::<v1::executor::Call>(JsonDialect::V1, bytes);
    check::<v1::executor::Event>(JsonDialect::V1, bytes);
    check::<v1::master::Call>(JsonDialect::V1, bytes);
    check::<v1::agent::Call>(JsonDialect::V1, bytes);
    check::<driver::Call>(JsonDialect::V0, bytes);
    check::<internal::ReregisterSlaveMessage>(JsonDialect::V0, bytes);
    check::<v1::Resource>(JsonDialect::V0, bytes);
    check_rate_limits(bytes);
}

/// `--rate_limits` of the master's operator.
fn check_rate_limits(bytes: &[u8]) {
    check::<v1::RateLimits>(JsonDialect::V0, bytes);
    if let Ok(limits) = v1::RateLimits::from_json(JsonDialect::V0, bytes) {
        // Refused or not: both are an answer.
        let _ = RateLimits::from_proto(&limits);
    }
}

fn check<T: MesosMessage>(dialect: JsonDialect, bytes: &[u8]) {
    let Ok(message) = T::from_json(dialect, bytes) else { return };
    let binary = message.encode_to_vec();
    let decoded = T::decode_checked(&binary).expect("what JSON gave is complete");
    assert_eq!(decoded.encode_to_vec(), binary, "protobuf");
    let json = message.to_json(dialect);
    match T::from_json(dialect, &json) {
        Ok(again) => {
            let text = String::from_utf8_lossy(&json);
            // Unset fields with a default are written, so the first writing may say more than the message.
            assert_eq!(again.to_json(dialect), json, "{text}");
        }
        Err(error) => panic!("{error} in {}", String::from_utf8_lossy(&json)),
    }
    let _ = encode(ContentType::Json, &message);
    let _ = LinkMessage::decode(T::full_name(), &binary);
}
