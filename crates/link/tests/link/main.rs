//! Two links over real sockets, and a peer made of raw bytes.

mod delivery;
mod front;
mod links;
mod requests;
