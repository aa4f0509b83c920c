//! The condition of a change: `If-Match` (RFC 9110, section 13.1.1).

use actix_web::http::header::{HeaderMap, HeaderValue, IF_MATCH};

use crate::problem::Refusal;

/// What a change expects whose `If-Match` names no version of ours: versions begin at 1, so no
/// object is at this one, and the change is refused as it must be.
pub(crate) const NO_VERSION: i64 = 0;

/// An entity tag (RFC 9110, section 8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag<'t> {
    weak: bool,
    opaque: &'t [u8],
}

/// The version that the object must have; `None` where any is fine.
///
/// # Errors
/// No list of entity tags, or one that names several versions: an object is at one only, so
/// nobody who has read it needs two.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let lines: Vec<&[u8]> = headers.get_all(IF_MATCH).map(HeaderValue::as_bytes).collect();
    let list = lines.join(&b',');
    if lines.is_empty() || list.trim_ascii() == b"*" {
        return Ok(None);
    }
    let tags = tags(&list).ok_or_else(|| {
        Refusal::malformed(
            "If-Match must be the ETag of an answer, as \"7\" in its quotation marks, or *",
        )
    })?;
    let mut versions = tags.into_iter().filter_map(Tag::version);
    let version = versions.next().unwrap_or(NO_VERSION);
    if versions.any(|other| other != version) {
        return Err(Refusal::malformed("If-Match names several versions; one is enough"));
    }
    Ok(Some(version))
}

impl Tag<'_> {
    /// The version whose tag this is. The comparison is strong, and a tag is compared character by
    /// character: 007 is not 7.
    fn version(self) -> Option<i64> {
        let version: i64 = std::str::from_utf8(self.opaque).ok()?.parse().ok()?;
        let ours = version > NO_VERSION && version.to_string().as_bytes() == self.opaque;
        (ours && !self.weak).then_some(version)
    }
}

/// The tags of a list; a list may have empty elements (RFC 9110, section 5.6.1).
fn tags(list: &[u8]) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = list.trim_ascii();
    while !rest.is_empty() {
        if !rest.starts_with(b",") {
            let (tag, behind) = tag(rest)?;
            tags.push(tag);
            rest = behind.trim_ascii_start();
        }
        rest = match rest {
            [] => rest,
            [b',', behind @ ..] => behind.trim_ascii_start(),
            [_, ..] => return None,
        };
    }
    (!tags.is_empty()).then_some(tags)
}

/// The tag that a text begins with, and what is behind it.
fn tag(text: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let strong = text.strip_prefix(b"W/");
    let (weak, quoted) = (strong.is_some(), strong.unwrap_or(text).strip_prefix(b"\"")?);
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    let (opaque, behind) = quoted.split_at(end);
    let legal = opaque.iter().all(|byte| matches!(byte, b'!'..=b'~' | 0x80..));
    legal.then_some((Tag { weak, opaque }, &behind[1..]))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Result<Option<i64>, ()>) {
        let mut request = TestRequest::default();
        for line in lines {
            request = request.append_header((IF_MATCH, *line));
        }
        let seen = if_match(request.to_http_request().headers());
        assert_eq!(seen.map_err(|_| ()), expected, "{lines:?}");
    }

    #[test]
    fn a_version_is_expected_by_its_strong_tag() {
        check(&[], Ok(None));
        check(&["*"], Ok(None));
        check(&["\"7\""], Ok(Some(7)));
        check(&[" , \"one\" ,\"7\", W/\"8\","], Ok(Some(7)));
        check(&["\"a,b\"", "\"7\""], Ok(Some(7)));
        check(&["\"7\", \"7\""], Ok(Some(7)));
    }

    #[test]
    fn a_tag_that_is_none_of_ours_is_at_no_version() {
        for tag in ["W/\"7\"", "\"\"", "\"one\"", "\"007\"", "\"+7\"", "\"-7\"", "\"0\"", "\"é\""]
        {
            check(&[tag], Ok(Some(NO_VERSION)));
        }
        check(&["\"99999999999999999999\""], Ok(Some(NO_VERSION)));
    }

    #[test]
    fn what_is_no_list_of_tags_or_names_two_versions_is_refused() {
        for text in ["", ",", "7", "w/\"7\"", "\"7", "\"7\" \"8\"", "\"7\"x", "\"a b\"", "*, \"7\""]
        {
            check(&[text], Err(()));
        }
        check(&["\"7\", \"8\""], Err(()));
        check(&["\"7\"", "\"8\""], Err(()));
        check(&["*", "*"], Err(()));
    }
}
