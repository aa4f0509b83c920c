//! The newest part of the log in memory, ready to be sent, for all streams together.

use std::collections::VecDeque;

use actix_web::web::{Bytes, BytesMut};

use super::{frame::Frame, kinds::Kinds};

/// All events of the log between two positions.
#[derive(Debug)]
pub(super) struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
    room: usize,
    /// Everything behind this position is here,
    base: i64,
    /// up to this one.
    head: i64,
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its text; empty where nothing in it is wanted.
    pub(super) text: Bytes,
    /// The position that it reaches.
    pub(super) through: i64,
    /// Whether it ends because it was long enough.
    pub(super) full: bool,
}

impl Ring {
    /// Nothing, from this position on. It takes up to so many bytes.
    pub(super) const fn new(position: i64, room: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, room, base: position, head: position }
    }

    /// The last position that it knows of.
    pub(super) const fn head(&self) -> i64 {
        self.head
    }

    /// Goes on with what the log says up to a position; what is oldest makes room.
    pub(super) fn append(&mut self, frames: Vec<Frame>, through: i64) {
        for frame in frames {
            self.bytes += weight(&frame);
            self.frames.push_back(frame);
        }
        self.head = self.head.max(through);
        while self.bytes > self.room
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= weight(&oldest);
            self.base = oldest.sequence;
        }
    }

    /// What is wanted of the events behind a position, about so many bytes of it at most; `None`
    /// where they are not all here any more.
    pub(super) fn piece(&self, after: i64, wanted: Kinds, most: usize) -> Option<Piece> {
        if after < self.base {
            return None;
        }
        let first = self.frames.partition_point(|frame| frame.sequence <= after);
        let mut text = BytesMut::new();
        for frame in self.frames.range(first..).filter(|frame| frame.kind.meets(wanted)) {
            text.extend_from_slice(&frame.text);
            if text.len() >= most {
                let (text, through) = (text.freeze(), frame.sequence);
                return Some(Piece { text, through, full: true });
            }
        }
        Some(Piece { text: text.freeze(), through: self.head.max(after), full: false })
    }

    /// The types of the events behind a position; all where they are not here any more.
    pub(super) fn kinds_behind(&self, after: i64) -> Kinds {
        if after < self.base {
            return Kinds::ALL;
        }
        let fresh = self.frames.iter().rev().take_while(|frame| frame.sequence > after);
        fresh.fold(Kinds::NONE, |all, frame| all.and(frame.kind))
    }
}

fn weight(frame: &Frame) -> usize {
    frame.text.len() + size_of::<Frame>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1000;

    fn frame(sequence: i64, kind: &str) -> Frame {
        Frame { sequence, kind: Kinds::of(kind), text: Bytes::from(format!("<{sequence}>")) }
    }

    fn filled(room: usize) -> Ring {
        let mut ring = Ring::new(10, room);
        ring.append(vec![frame(12, "task.created"), frame(15, "task.failed")], 20);
        ring.append(vec![frame(23, "task.created")], 23);
        ring
    }

    #[track_caller]
    fn check(ring: &Ring, after: i64, wanted: &str, expected: Option<(&str, i64)>) {
        let names: Vec<String> = wanted.split_whitespace().map(str::to_owned).collect();
        let piece = ring.piece(after, Kinds::named(&names), MOST);
        let piece =
            piece.map(|piece| (String::from_utf8(piece.text.to_vec()).unwrap(), piece.through));
        assert_eq!(piece.as_ref().map(|(text, through)| (text.as_str(), *through)), expected);
    }

    #[test]
    fn a_stream_goes_on_behind_its_position_with_what_it_wants() {
        let ring = filled(MOST);
        check(&ring, 10, "", Some(("<12><15><23>", 23)));
        check(&ring, 12, "", Some(("<15><23>", 23)));
        check(&ring, 17, "", Some(("<23>", 23)));
        check(&ring, 10, "task.created", Some(("<12><23>", 23)));
        check(&ring, 10, "agent.drained", Some(("", 23)));
        check(&ring, 23, "", Some(("", 23)));
    }

    #[test]
    fn a_position_that_is_not_reached_yet_stays_where_it_is() {
        check(&filled(MOST), 99, "", Some(("", 99)));
    }

    #[test]
    fn who_is_too_far_behind_is_told_so() {
        check(&filled(MOST), 9, "", None);
        let small = filled(2 * (size_of::<Frame>() + 4));
        check(&small, 11, "", None);
        check(&small, 12, "", Some(("<15><23>", 23)));
        assert_eq!(small.kinds_behind(11), Kinds::ALL);
    }

    #[test]
    fn however_small_the_room_what_does_not_fit_is_passed_over_by_nobody() {
        let none = filled(0);
        check(&none, 22, "", None);
        check(&none, 23, "", Some(("", 23)));
    }

    #[test]
    fn a_piece_ends_when_it_is_long_enough() {
        let piece = filled(MOST).piece(10, Kinds::ALL, 8).unwrap();
        assert_eq!(piece, Piece { text: Bytes::from("<12><15>"), through: 15, full: true });
    }

    #[test]
    fn the_types_of_what_is_new_are_known() {
        let ring = filled(MOST);
        assert_eq!(ring.kinds_behind(15), Kinds::of("task.created"));
        assert_eq!(ring.kinds_behind(12), Kinds::of("task.created").and(Kinds::of("task.failed")));
        assert_eq!(ring.kinds_behind(23), Kinds::NONE);
    }
}
