//! Searching invented metrics.
