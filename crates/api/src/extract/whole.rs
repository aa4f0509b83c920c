//! Whole numbers as text.

use serde::Deserialize;

/// A whole number from `LEAST` to `MOST`, written in decimal digits and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Whole<const LEAST: u64, const MOST: u64>(u64);

impl<const LEAST: u64, const MOST: u64> Whole<LEAST, MOST> {
    /// The number.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// The number, or the largest one of the type.
    pub(crate) fn saturating_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// The number, or the largest one of the type.
    pub(crate) fn saturating_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<&str> for Whole<LEAST, MOST> {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        let digits = text.bytes().all(|digit| digit.is_ascii_digit());
        digits
            .then(|| text.parse().ok())
            .flatten()
            .filter(|number| (LEAST..=MOST).contains(number))
            .map(Self)
            .ok_or_else(|| format!("must be a whole number from {LEAST} to {MOST}"))
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<String> for Whole<LEAST, MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::try_from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_made_of_digits_and_within_its_bounds() {
        let parse = |text: &str| Whole::<1, 100>::try_from(text).map(Whole::get).ok();
        assert_eq!(["1", "007", "100"].map(parse), [Some(1), Some(7), Some(100)]);
        for text in ["", "0", "101", "+7", "-7", "7.0", " 7", "99999999999999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
