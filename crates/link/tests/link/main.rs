//! Two links over real sockets, and a peer made of raw bytes.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod front;
#[cfg(test)]
mod links;
#[cfg(test)]
mod requests;
