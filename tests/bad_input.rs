//! Bad input: each a problem that says what is wrong, and nothing changed.

mod addresses;
mod bodies;
mod fields;
mod state;
mod world;
