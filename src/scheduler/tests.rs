//! Golden scripts.
