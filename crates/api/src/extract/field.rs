//! Text as it comes in a URL or a header.

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::problem::Refusal;

/// A query string of which every part decodes to text without NUL characters. What is read from
/// it later decodes leniently, so it is checked here.
pub(crate) fn checked_text(query: &str) -> Result<(), Refusal> {
    let decoded = decoded(query.as_bytes()).ok_or_else(|| {
        Refusal::malformed("the query has a % that is not followed by two hexadecimal digits")
    })?;
    let text = String::from_utf8(decoded)
        .map_err(|_| Refusal::malformed("the query is not UTF-8 when its %XX are decoded"))?;
    if text.contains('\0') {
        return Err(Refusal::malformed("the query has a NUL character, which no text may hold"));
    }
    Ok(())
}

/// A header that comes once at most.
pub(crate) fn header<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h [u8]>, Refusal> {
    let mut values = headers.get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Refusal::malformed(format!("the header {name} comes more than once")));
    }
    Ok(first.map(actix_web::http::header::HeaderValue::as_bytes))
}

/// The members of a list header, from all the lines that it comes in (RFC 9110, section 5.6.1).
pub(crate) fn members<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(*rest.next()?)? * 16 + hex(*rest.next()?)?,
            other => *other,
        });
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, fine: bool) {
        assert_eq!(checked_text(query).is_ok(), fine, "{query}");
    }

    #[test]
    fn a_query_decodes_to_text_without_nul() {
        check("", true);
        check("key=a+b%20c&key=%C3%A9", true);
        check("key=%00", false);
        check("key=%C3", false);
        check("key=%zz", false);
        check("key=%", false);
    }
}
