//! One request after the other over one connection, for what is measured one at a time.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Instant,
};

use anyhow::{Context, ensure};

/// A connection that stays open.
#[derive(Debug)]
pub(crate) struct Http {
    stream: BufReader<TcpStream>,
}

impl Http {
    /// Connects to a server.
    pub(crate) fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Reads a path; the body.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: phaseline\r\n\r\n"), path)
    }

    /// Posts a body; the answer's.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: phaseline\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.ask(&request, path)
    }

    /// Reads a path again and again; how long each time took, in milliseconds.
    pub(crate) fn times(&mut self, path: &str, count: usize) -> anyhow::Result<Vec<f64>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            self.get(path)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(times)
    }

    fn ask(&mut self, request: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().context("a length")?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let fine = status.split(' ').nth(1).is_some_and(|code| code.starts_with('2'));
        ensure!(fine, "{path} was answered {}{}", status, String::from_utf8_lossy(&body));
        Ok(body)
    }
}
