//! Black-box tests over real sockets: raw bytes in, raw bytes out.

mod daemon;
mod hostile;
mod paths;
mod recordings;
mod responses;
mod streams;
