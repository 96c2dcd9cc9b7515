//! A private home for the real binaries: own runtime, state and configuration directories, and a
//! daemon that ends with the test.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a helper of tests, of which each test binary uses its own part"
)]

pub mod client;
pub mod pty;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("ccm").tempdir().unwrap();
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(directory.path(), private).unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.path().join("ccm/ccmd.sock")
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config/ccm")
    }

    /// The variables that point every directory into this home.
    pub fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("HOME", self.path().to_owned()),
            ("XDG_RUNTIME_DIR", self.path().to_owned()),
            ("XDG_STATE_HOME", self.path().join("state")),
            ("XDG_CONFIG_HOME", self.path().join("config")),
            ("XDG_DATA_HOME", self.path().join("data")),
        ]
    }

    /// `ccm`, ready to be given arguments.
    pub fn ccm(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccm"));
        command.env_remove("CCM_SOCKET").env_remove("NO_COLOR").stdin(Stdio::null());
        // Nobody's keyring is written by tests.
        command.env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.envs(self.variables());
        command
    }

    /// Runs `ccm` and returns what it printed, which must succeed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "ccm {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs `ccm`, which must fail with this exit code, and returns what it complained.
    pub fn fail(&self, arguments: &[&str], code: i32) -> String {
        let output = self.output(arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "ccm {arguments:?}: {complaint}");
        complaint
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        self.ccm().args(arguments).output().unwrap()
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.ccm().args(["daemon", "stop"]).output();
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
