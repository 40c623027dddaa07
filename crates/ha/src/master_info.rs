//! What a master says of itself in an election.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use tepui_proto::v1::{Address, MasterInfo};
use tepui_proto::{JsonDialect, JsonError, MalformedMessage, MesosMessage as _};

/// A member's content that is no `MasterInfo`.
#[derive(Debug, thiserror::Error)]
pub enum MasterInfoError {
    /// Not its JSON.
    #[error("failed to parse data into valid JSON: {0}")]
    Json(#[from] JsonError),
    /// Not its binary form.
    #[error("failed to parse data into MasterInfo: {0}")]
    Binary(#[from] MalformedMessage),
    /// Not an address.
    #[error("failed to parse `{0}` as the address of a master")]
    Pid(String),
}

/// The JSON that Mesos writes: that of the older API, each object's names in alphabetic order.
pub fn to_json(info: &MasterInfo) -> Vec<u8> {
    let json = info.to_json(JsonDialect::V0);
    match serde_json::from_slice::<serde_json::Value>(&json) {
        Ok(mut value) => {
            value.sort_all_objects();
            value.to_string().into_bytes()
        }
        // Our writer makes valid JSON; any reader takes its names in any order.
        Err(_) => json,
    }
}

/// Reads what [`to_json`] or a Mesos master wrote.
///
/// # Errors
/// The text is no JSON, or not that of a `MasterInfo`.
pub fn from_json(json: &[u8]) -> Result<MasterInfo, MasterInfoError> {
    Ok(MasterInfo::from_json(JsonDialect::V0, json)?)
}

/// Reads what masters before Mesos 0.24 wrote: the binary message.
pub(crate) fn from_binary(bytes: &[u8]) -> Result<MasterInfo, MasterInfoError> {
    Ok(MasterInfo::decode_checked(bytes)?)
}

/// Makes a `MasterInfo` of `master@host:port` or `host:port`, as the oldest masters wrote it and as users give it.
///
/// # Errors
/// The text is no numeric address.
pub fn from_pid(pid: &str) -> Result<MasterInfo, MasterInfoError> {
    let address = pid.strip_prefix("master@").unwrap_or(pid);
    let parsed: SocketAddr = address.parse().map_err(|_| MasterInfoError::Pid(pid.to_owned()))?;
    Ok(from_address(parsed, None))
}

/// Makes a `MasterInfo` of `[master@]host:port`, where the host may be a name.
pub(crate) fn resolve(text: &str) -> Option<MasterInfo> {
    let address = text.strip_prefix("master@").unwrap_or(text);
    if let Ok(info) = from_pid(address) {
        return Some(info);
    }
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().ok()?.collect();
    // The link speaks of masters by their IPv4 address.
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first())?;
    Some(from_address(*first, Some(host)))
}

pub(crate) fn from_address(address: SocketAddr, hostname: Option<&str>) -> MasterInfo {
    let pid = format!("master@{address}");
    let hostname = hostname.map(str::to_owned);
    MasterInfo {
        id: pid.clone(),
        // Compat: the word holds the address in network order, so it differs between machines of either byte order.
        ip: match address.ip() {
            IpAddr::V4(ip) => u32::from_ne_bytes(ip.octets()),
            IpAddr::V6(_) => 0,
        },
        port: u32::from(address.port()),
        pid: Some(pid),
        hostname: hostname.clone(),
        address: Some(Address {
            hostname,
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tepui_proto::v1::master_info::{Capability, capability};

    #[test]
    fn the_json_is_that_of_mesos() {
        let capability = |kind: capability::Type| Capability { r#type: Some(kind.into()) };
        let info = MasterInfo {
            id: "f6a7b1c8-4c2c-4ef4-9bd5-5c8f0d6d1c1b".to_owned(),
            version: Some("1.11.0".to_owned()),
            capabilities: vec![
                capability(capability::Type::AgentUpdate),
                capability(capability::Type::AgentDraining),
                capability(capability::Type::QuotaV2),
            ],
            ..from_address("127.0.0.1:5050".parse().unwrap(), Some("localhost"))
        };
        let wanted = concat!(
            r#"{"address":{"hostname":"localhost","ip":"127.0.0.1","port":5050},"#,
            r#""capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"#,
            r#""hostname":"localhost","id":"f6a7b1c8-4c2c-4ef4-9bd5-5c8f0d6d1c1b","ip":16777343,"#,
            r#""pid":"master@127.0.0.1:5050","port":5050,"version":"1.11.0"}"#
        );
        assert_eq!(String::from_utf8(to_json(&info)).unwrap(), wanted);
        assert_eq!(from_json(wanted.as_bytes()).unwrap(), info);
    }

    #[test]
    fn all_forms_that_mesos_ever_wrote_are_read_and_garbage_is_refused() {
        let info = from_pid("master@10.0.0.1:5050").unwrap();
        assert_eq!(info.port, 5050);
        assert_eq!(from_binary(&prost::Message::encode_to_vec(&info)).unwrap(), info);
        assert!(from_pid("nonsense").is_err());
        assert!(from_binary(b"\xff\xff").is_err());
        for bad in [&b""[..], b"{", b"{}", b"[1]", b"\xff"] {
            assert!(from_json(bad).is_err());
        }
    }
}
