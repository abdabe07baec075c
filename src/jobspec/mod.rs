//! Job files: text to model, with every complaint pointing into the user's own file.

pub mod diagnostic;
