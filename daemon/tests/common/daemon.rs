//! A real daemon in a folder of its own, and a connection to its socket.

use std::path::Path;

use ccm_daemon::app::Daemon;
use ccm_daemon::clock::Clock;
use ccm_daemon::settings::Settings;
use tonic::transport::{Channel, Endpoint};

/// Starts a daemon that keeps everything below `home` and finds these documents there: paths as
/// `modules/sales.toml`, and their texts.
pub(crate) async fn start(home: &Path, documents: &[(String, String)]) -> (Daemon, Channel) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = home.join("config");
    std::fs::create_dir_all(&config).unwrap();
    for (path, text) in documents {
        let file = config.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let settings = Settings {
        data_directory: Some(home.join("data")),
        config_directory: Some(config),
        socket: Some(home.join("run/ccmd.sock")),
        ..Settings::default()
    };
    let daemon = Daemon::start(settings, Clock::system()).await.unwrap();
    let channel = channel(daemon.socket()).await;
    (daemon, channel)
}

/// A connection to a daemon's socket.
pub(crate) async fn channel(socket: &Path) -> Channel {
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
    endpoint.connect().await.unwrap()
}
