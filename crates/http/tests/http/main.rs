//! Black-box tests over real sockets: raw bytes in, raw bytes out.

#[cfg(test)]
mod daemon;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod streams;
mod unhurried;
