//! Server-sent events from bytes, however they are cut (HTML Living Standard, section 9.2.6).

use std::mem;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// What it is called; empty if it has no name.
    pub(super) event: String,
    /// Its data, lines joined by line feeds.
    pub(super) data: String,
    /// The last `id:` of the stream so far; empty if there was none.
    pub(super) id: String,
}

/// What was read of a stream so far.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    /// A carriage return ended the last line, and a line feed behind it belongs to it.
    after_return: bool,
    begun: bool,
    event: String,
    data: String,
    id: String,
}

impl Decoder {
    /// The events that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let after_return = mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => frames.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        frames
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = if mem::replace(&mut self.begun, true) {
            &line
        } else {
            line.strip_prefix('\u{feff}').unwrap_or(&line)
        };
        if line.is_empty() {
            return self.end_frame();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            _ => {} // comments, and fields that nobody knows
        }
        None
    }

    fn end_frame(&mut self) -> Option<Frame> {
        let event = mem::take(&mut self.event);
        let mut data = mem::take(&mut self.data);
        data.pop()?; // the line feed behind the last line; without data there is no event
        Some(Frame { event, data, id: self.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each frame as `event|data|id`, read from chunks that end at these places.
    fn decode(text: &str, ends: &[usize]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut start = 0;
        let mut frames = Vec::new();
        for &end in ends.iter().chain([&text.len()]) {
            frames.extend(decoder.push(&text.as_bytes()[start..end]));
            start = end;
        }
        frames.into_iter().map(|Frame { event, data, id }| format!("{event}|{data}|{id}")).collect()
    }

    #[test]
    fn a_stream_reads_the_same_wherever_it_is_cut() {
        let text = "\u{feff}: hello\n\nid: 7\nevent: ticket.created\ndata: {\"é\":1}\n\n\
                    data: a\r\ndata:b\r\n\r\nevent:x\rid: 9\rdata\r\rdata: unfinished\n";
        let whole = decode(text, &[]);
        assert_eq!(whole, ["ticket.created|{\"é\":1}|7", "|a\nb|7", "x||9"]);
        for cut in 0..=text.len() {
            assert_eq!(decode(text, &[cut]), whole, "cut at {cut}");
        }
        let everywhere: Vec<usize> = (0..=text.len()).collect();
        assert_eq!(decode(text, &everywhere), whole);
    }

    #[test]
    fn a_name_without_data_is_no_event() {
        assert_eq!(decode("event: x\n\ndata: y\n\n", &[]), ["|y|"]);
    }
}
