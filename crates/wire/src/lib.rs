//! RecordIO framing, protobuf and JSON bodies: bytes in, messages out.
