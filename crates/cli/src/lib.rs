//! The operator's and user's commands, and all printing.
