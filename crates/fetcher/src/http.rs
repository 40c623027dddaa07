//! `http` and `https`.

use std::sync::{Arc, OnceLock};

use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsConfigBuilder};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body, http::Response};

use crate::error::Wrong;

/// More redirects lead nowhere.
const MAX_REDIRECTS: u32 = 20;

/// Asks for a file. Proxies are taken from the environment, as usual (`http_proxy`, `https_proxy`, `no_proxy`).
pub(crate) fn get(url: &str) -> Result<Response<Body>, Wrong> {
    accept(agent().get(url).call())
}

/// How large a file is, if the server says so.
pub(crate) fn size(url: &str) -> Option<u64> {
    let response = accept(agent().head(url).call()).ok()?;
    let length = response.headers().get("content-length")?.to_str().ok()?;
    // Compat: an empty file is as unknown as any.
    length.parse().ok().filter(|length| *length > 0)
}

/// The status of a page, after redirections. Certificates are not looked at: it is asked of a task about itself.
pub(crate) fn status(url: &str) -> Result<u16, String> {
    let tls = tls().disable_verification(true).build();
    let answer = config().tls_config(tls).build().new_agent().get(url).call();
    answer.map(|response| response.status().as_u16()).map_err(|error| error.to_string())
}

fn accept(answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Wrong> {
    let response = answer.map_err(|error| Wrong(error.to_string()))?;
    match response.status().as_u16() {
        200 => Ok(response),
        code => {
            let hint =
                if code == 401 || code == 403 { "\nhint: the fetcher sends no credentials" } else { "" };
            Err(Wrong(format!("received HTTP return code {code}{hint}")))
        }
    }
}

fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        let tls = tls().root_certs(RootCerts::Specific(Arc::new(trusted()))).build();
        config().tls_config(tls).build().new_agent()
    })
}

fn config() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MAX_REDIRECTS)
        .user_agent(concat!("tepui-fetcher/", env!("CARGO_PKG_VERSION")))
}

fn tls() -> TlsConfigBuilder {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder().unversioned_rustls_crypto_provider(provider)
}

/// The certificates that this machine trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
fn trusted() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}
