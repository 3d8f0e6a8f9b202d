//! What a process writes, line by line.

use std::{
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::net::unix::pipe::Receiver;

/// The lines of its standard output and of its standard error. They are read as they come, so that it never waits for a reader; and whoever
/// asks for them reads first what is there by then.
pub(crate) struct Output {
    streams: [Stream; 2],
    lines: Mutex<Vec<String>>,
}

struct Stream {
    pipe: OwnedFd,
    /// The beginning of a line whose end has not come.
    unfinished: Mutex<Vec<u8>>,
}

impl Output {
    /// Reads these pipes until they end.
    pub(crate) fn of(pipes: [OwnedFd; 2]) -> io::Result<Arc<Self>> {
        let [out, error] = &pipes;
        // Nobody who reads waits for more, once a receiver has said so of the pipe.
        let receivers = [out.try_clone()?, error.try_clone()?].map(Receiver::from_owned_fd);
        let streams = pipes.map(|pipe| Stream { pipe, unfinished: Mutex::default() });
        let output = Arc::new(Self { streams, lines: Mutex::default() });
        for (index, receiver) in receivers.into_iter().enumerate() {
            let (output, receiver) = (output.clone(), receiver?);
            tokio::spawn(async move {
                let Some(stream) = output.streams.get(index) else { return };
                while receiver.readable().await.is_ok() {
                    if stream.has_ended(&output.lines, |buffer| receiver.try_read(buffer)) {
                        return;
                    }
                }
            });
        }
        Ok(output)
    }

    /// The lines that it has written by now.
    pub(crate) fn lines(&self) -> Vec<String> {
        for stream in &self.streams {
            // Not by way of Tokio, which may not have heard yet that there is something to read.
            stream.has_ended(&self.lines, |buffer| Ok(rustix::io::read(&stream.pipe, buffer)?));
        }
        self.lines.lock().clone()
    }
}

impl Stream {
    /// Reads what is there; whether that was the end.
    fn has_ended(&self, lines: &Mutex<Vec<String>>, mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> bool {
        let mut unfinished = self.unfinished.lock();
        let mut buffer = vec![0; 65_536];
        let has_ended = loop {
            match read(&mut buffer) {
                Ok(0) => break true,
                Ok(length) => unfinished.extend(buffer.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        let whole = unfinished.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let whole = if has_ended { unfinished.len() } else { whole };
        let written: Vec<u8> = unfinished.drain(..whole).collect();
        lines.lock().extend(String::from_utf8_lossy(&written).lines().map(str::to_owned));
        has_ended
    }
}
