//! A TCP proxy that can keep silent or refuse.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Verdict;
use super::network::HUB;

/// What a proxy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes everything on.
    Forward,
    /// Holds everything back, and passes it on later.
    Silent,
    /// Closes every connection.
    Refuse,
}

/// A proxy that ends with the runtime.
#[derive(Debug)]
pub(crate) struct Proxy {
    mode: watch::Sender<Mode>,
    port: u16,
}

impl Proxy {
    /// Passes on to `target`.
    pub(crate) fn start(runtime: &Handle, target: String) -> Verdict<Self> {
        let (mode, seen) = watch::channel(Mode::Forward);
        let listener = runtime.block_on(TcpListener::bind((HUB, 0))).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        runtime.spawn(serve(listener, target, seen));
        Ok(Self { mode, port })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("{HUB}:{}", self.port)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn serve(listener: TcpListener, target: String, mode: watch::Receiver<Mode>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connect(client, target.clone(), mode.clone()));
    }
}

async fn connect(client: TcpStream, target: String, mut mode: watch::Receiver<Mode>) {
    if *mode.borrow_and_update() == Mode::Refuse {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (there, back) = (mode.clone(), mode.clone());
    let refused = async { mode.wait_for(|mode| *mode == Mode::Refuse).await.map(drop) };
    tokio::select! {
        // Both are awaited until one refuses: an end in one direction is no end of the other.
        _ = refused => {}
        ((), ()) = async {
            tokio::join!(pump(from_client, to_server, there), pump(from_server, to_client, back))
        } => {}
    }
}

async fn pump(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        if mode.wait_for(|mode| *mode != Mode::Silent).await.is_err() {
            return;
        }
        match read {
            Ok(read) if read > 0 => {
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
            // The other end may have more to say; it is only told that no more comes.
            Ok(_) | Err(_) => return drop(to.shutdown().await),
        }
    }
}
