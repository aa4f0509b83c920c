//! A server for tests that answers what it was told, and remembers what it was asked.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::{Client, RetryPolicy};

/// What to do with one connection.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// Reads the request and answers with this status, these header lines, and this body.
    Answer(u16, &'static str, String),
    /// Reads the request and hangs up.
    HangUp,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Its first line without the version: `GET /healthz`.
    pub(crate) line: String,
    head: String,
    pub(crate) body: String,
}

/// Everything the server was asked, as it comes in.
pub(crate) type Heard = mpsc::UnboundedReceiver<Asked>;

impl Asked {
    /// The value of a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// An answer with this status and JSON.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Turn {
    Turn::Answer(status, "", body.to_string())
}

/// A problem of this kind.
pub(crate) fn problem(status: u16, name: &str) -> Turn {
    let kind = format!("/problems/{name}");
    let body = serde_json::json!({ "type": kind, "title": name, "status": status, "detail": name });
    json(status, &body)
}

/// A server that takes one turn for each connection and then no more, and a client of it that
/// hardly pauses between tries.
pub(crate) async fn serve(turns: impl IntoIterator<Item = Turn>) -> (Client, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (told, heard) = mpsc::unbounded_channel();
    let turns: Vec<Turn> = turns.into_iter().collect();
    tokio::spawn(async move {
        for turn in turns {
            let (mut connection, _) = listener.accept().await.unwrap();
            let asked = read(&mut connection).await;
            if let Turn::Answer(status, headers, body) = turn {
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\
                     {headers}\r\n{body}"
                );
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
            let _ = told.send(asked);
        }
    });
    let hasty = RetryPolicy {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        ..RetryPolicy::default()
    };
    (Client::builder(&address).actor("amy").retries(hasty).build().unwrap(), heard)
}

async fn read(connection: &mut TcpStream) -> Asked {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (line, head) = head.split_once("\r\n").unwrap();
            let line = line.trim_end_matches(" HTTP/1.1").to_owned();
            let asked = Asked { line, head: head.to_owned(), body: body.to_owned() };
            let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
            if asked.body.len() == length {
                return asked;
            }
        }
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the client hung up in the middle of a request");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
}
