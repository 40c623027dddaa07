//! What holds for any sequence of calls.

