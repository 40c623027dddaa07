//! Real clusters for tests: processes, third-party clients.
