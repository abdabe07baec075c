//! The nearest way out, as tables over small clusters.
