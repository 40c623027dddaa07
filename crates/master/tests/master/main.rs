//! A real master on a free port, driven with raw HTTP.

mod exchange;
mod http_api;
mod recordings;
mod running_master;
