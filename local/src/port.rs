//! A port for a process that is yet to start.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::net::TcpSocket;

/// A port of the loopback interface that no other process is given meanwhile: a socket has it, and does not listen. On Linux another socket may listen
/// there all the same if both say `SO_REUSEADDR`, as servers do; elsewhere the port is only free right now.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _held: Option<TcpSocket>,
}

impl Port {
    /// Any that is free.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn free() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let number = socket.local_addr()?.port();
        Ok(Self { number, _held: cfg!(target_os = "linux").then_some(socket) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn nobody_is_given_a_port_that_is_held_and_who_knows_it_may_listen_there() {
        let port = Port::free().unwrap();
        for _ in 0..200 {
            assert_ne!(Port::free().unwrap().number, port.number);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number)).await.unwrap();
        assert_eq!(listener.local_addr().unwrap().port(), port.number);
    }
}
