//! Answers: a body with its `ETag`, and where what was made can be found.

use std::convert::Infallible;

use actix_web::{
    HttpResponse, ResponseError,
    body::SizedStream,
    error::JsonPayloadError,
    http::header::{self, ContentType},
    web::Bytes,
};
use futures::stream;
use serde::Serialize;

/// The media type of Markdown in UTF-8 (RFC 7763).
pub(crate) const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// How many bytes of a long answer are copied at once.
const PIECE: usize = 1 << 16;

/// An object at a version.
pub(crate) fn versioned(version: i64, body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(version))).json(body)
}

/// An object that was just made, and its path.
pub(crate) fn created(path: String, version: i64, body: impl Serialize) -> HttpResponse {
    HttpResponse::Created()
        .insert_header((header::LOCATION, path))
        .insert_header((header::ETAG, etag(version)))
        .json(body)
}

/// Something that was added to a list, and the path of the list: it has no path of its own.
pub(crate) fn added(path: String, body: impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((header::LOCATION, path)).json(body)
}

/// A body without a version.
pub(crate) fn plain(body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// A body without a version that is likely to have up to so many bytes, which are reserved at once: to
/// grow means to copy what is written already.
pub(crate) fn sized(body: &impl Serialize, bytes: usize) -> HttpResponse {
    let mut text = Vec::with_capacity(bytes);
    match serde_json::to_writer(&mut text, body) {
        Ok(()) => json(text.into()),
        Err(error) => JsonPayloadError::Serialize(error).error_response(),
    }
}

/// JSON that is written already.
pub(crate) fn json(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(body)
}

/// JSON that is written already, of an object at a version. It is sent piece by piece: nobody puts the
/// parts together.
pub(crate) fn versioned_json(version: i64, parts: Vec<Bytes>) -> HttpResponse {
    let length = parts.iter().map(|part| part.len() as u64).sum();
    let pieces = parts.into_iter().flat_map(pieces).map(Ok::<_, Infallible>);
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::ETAG, etag(version)))
        .body(SizedStream::new(length, stream::iter(pieces)))
}

/// A part in pieces that the buffer of a connection holds.
fn pieces(part: Bytes) -> impl Iterator<Item = Bytes> {
    let starts = (0..part.len()).step_by(PIECE);
    starts.map(move |start| part.slice(start..part.len().min(start + PIECE)))
}

/// A text in Markdown.
pub(crate) fn markdown(text: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type(MARKDOWN).body(text.into())
}

/// A text in Markdown, of an object at a version.
pub(crate) fn versioned_markdown(version: i64, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(MARKDOWN)
        .insert_header((header::ETAG, etag(version)))
        .body(text)
}

fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_part_are_the_part() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 1] {
            let part: Vec<u8> = (0..=250).cycle().take(length).collect();
            let pieces: Vec<Bytes> = pieces(part.clone().into()).collect();
            assert!(pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())), "{length}");
            assert_eq!(pieces.concat(), part, "{length}");
        }
    }
}
