//! Query parameters, built up by name.

use std::fmt::Display;

/// The parameters of a request, in the order in which they were added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(pub(crate) Vec<(&'static str, String)>);

impl Parameters {
    /// Adds one for each value: none for `None`, many for a list.
    pub(crate) fn with<T: Display>(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.0.extend(values.into_iter().map(|value| (name, value.to_string())));
        self
    }
}
