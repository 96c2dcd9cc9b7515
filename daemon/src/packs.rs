//! Documents that are shipped with the daemon.
