//! What lies between a server and its database, and fails as it is told.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// Not at all.
    Pass,
    /// Connections are closed as soon as anything is asked.
    Refuse,
    /// Nothing is handed on, and nothing is closed.
    Hang,
    /// Of an insert into this table a part arrives.
    CutInsert(&'static str),
    /// An insert into this table arrives, and its answer does not.
    CutAnswer(&'static str),
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    mode: Mutex<Mode>,
    /// `host:port`
    upstream: Mutex<String>,
    struck: AtomicUsize,
}

impl Proxy {
    /// Before what answers at `http://…`.
    pub(crate) async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            mode: Mutex::new(Mode::Pass),
            upstream: Mutex::new(host(url)),
            struck: AtomicUsize::new(0),
        });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                // A connection that is cut is what this is for.
                tokio::spawn(async move { state.carry(client).await.is_ok() });
            }
        });
        Self { address, state }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.state.mode.lock() = mode;
    }

    /// The database answers elsewhere now.
    pub(crate) fn moved(&self, url: &str) {
        *self.state.upstream.lock() = host(url);
    }

    /// How often it failed.
    pub(crate) fn struck(&self) -> usize {
        self.state.struck.load(Ordering::SeqCst)
    }
}

/// `host:port` of `http://user:password@host:port`.
pub(crate) fn host(url: &str) -> String {
    let rest = url.trim_start_matches("http://");
    rest.rsplit_once('@').map_or(rest, |(_, host)| host).to_owned()
}

impl State {
    fn mode(&self) -> Mode {
        *self.mode.lock()
    }

    fn strike<T>(&self) -> io::Result<T> {
        self.struck.fetch_add(1, Ordering::SeqCst);
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let upstream = self.upstream.lock().clone();
        let mut server = TcpStream::connect(upstream).await?;
        let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        let mut answer_is_lost = false;
        loop {
            tokio::select! {
                size = client.read(&mut asked) => {
                    let chunk = &asked[..size?];
                    let inserts = |table: &str| contains(chunk, "INSERT") && contains(chunk, table);
                    match self.mode() {
                        _ if chunk.is_empty() => return Ok(()),
                        Mode::Refuse => return self.strike(),
                        Mode::CutInsert(table) if inserts(table) => {
                            server.write_all(&chunk[..chunk.len() - chunk.len().min(10)]).await?;
                            return self.strike();
                        }
                        Mode::CutAnswer(table) if inserts(table) => answer_is_lost = true,
                        Mode::Hang => self.hang().await?,
                        _ => {}
                    }
                    server.write_all(chunk).await?;
                }
                size = server.read(&mut answered) => {
                    let chunk = &answered[..size?];
                    match self.mode() {
                        _ if chunk.is_empty() => return Ok(()),
                        _ if answer_is_lost => return self.strike(),
                        Mode::Hang => self.hang().await?,
                        _ => client.write_all(chunk).await?,
                    }
                }
            }
        }
    }

    /// Until it is told otherwise; what was on its way then is lost.
    async fn hang(&self) -> io::Result<()> {
        while self.mode() == Mode::Hang {
            sleep(Duration::from_millis(20)).await;
        }
        self.strike()
    }
}

fn contains(chunk: &[u8], text: &str) -> bool {
    chunk.windows(text.len()).any(|window| window == text.as_bytes())
}
