//! What listens on this machine, as far as this user may see it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::tables;

/// The most processes that are looked at, and the most open files of each.
const PROCESSES_MAX: usize = 32_768;
const FILES_MAX: usize = 4_096;

/// The most of a table that is read, in bytes: some 20,000 sockets.
const TABLE_MAX: u64 = 4 << 20;

/// Where programs are.
const FOLDERS: [&str; 4] = ["usr/bin", "usr/local/bin", "bin", "usr/sbin"];

/// Programs that offers are made of.
const PROGRAMS: [&str; 9] = [
    "docker",
    "podman",
    "systemctl",
    "pg_isready",
    "psql",
    "mysqladmin",
    "mysql",
    "redis-cli",
    "valkey-cli",
];

/// Where the machine's facts are.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/`.
    pub root: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), root: "/".into() }
    }
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Listeners that loopback reaches.
    pub listeners: Vec<Listener>,
    /// Unix sockets that this user may speak to.
    pub sockets: Vec<Socket>,
    /// Programs that are there, with their paths.
    pub programs: HashMap<&'static str, String>,
    /// systemd manages this machine.
    pub systemd: bool,
}

/// Something that listens on TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    /// Where it is reached.
    pub address: SocketAddr,
    pub inode: u64,
    /// Whose it is, when this user may know.
    pub process: Option<String>,
}

/// Something that listens at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub path: String,
    pub process: Option<String>,
}

/// Looks around. What cannot be read is left out.
pub(super) fn read(roots: &Roots) -> Seen {
    let table = |name: &str| limited(&roots.proc.join("net").join(name));
    let tcp: Vec<tables::Tcp> =
        ["tcp", "tcp6"].iter().flat_map(|name| tables::tcp(&table(name))).collect();
    let unix = tables::unix(&table("unix"));
    let owners = owners(&roots.proc);
    let mut listeners: Vec<Listener> = tcp
        .iter()
        .filter_map(|tcp| {
            let address = tables::on_loopback(tcp.address)?;
            Some(Listener {
                address: SocketAddr::new(address, tcp.port),
                inode: tcp.inode,
                process: owners.get(&tcp.inode).cloned(),
            })
        })
        .collect();
    // IPv4 first: the same program often listens on both.
    listeners.sort_by_key(|it| (matches!(it.address.ip(), IpAddr::V6(_)), it.address));
    let is_open = |unix: &tables::Unix| {
        let path = roots.root.join(unix.path.trim_start_matches('/'));
        rustix::fs::access(&path, Access::WRITE_OK).is_ok()
    };
    let sockets = unix
        .into_iter()
        .filter(is_open)
        .map(|unix| Socket { process: owners.get(&unix.inode).cloned(), path: unix.path });
    Seen {
        listeners,
        sockets: sockets.collect(),
        programs: PROGRAMS
            .into_iter()
            .filter_map(|name| Some((name, program(roots, name)?)))
            .collect(),
        systemd: roots.root.join("run/systemd/system").is_dir(),
    }
}

fn limited(path: &Path) -> String {
    use std::io::Read as _;
    let mut text = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        // What was read before an error counts.
        let _ = file.take(TABLE_MAX).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The names of the processes that hold sockets, by the socket's number.
fn owners(proc: &Path) -> HashMap<u64, String> {
    let mut owners = HashMap::new();
    let Ok(entries) = std::fs::read_dir(proc) else { return owners };
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let processes = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(is_number))
        .take(PROCESSES_MAX);
    for process in processes {
        // Of other users' processes the files are not shown.
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let sockets: Vec<u64> = files
            .filter_map(Result::ok)
            .take(FILES_MAX)
            .filter_map(|file| socket_number(&std::fs::read_link(file.path()).ok()?))
            .collect();
        if sockets.is_empty() {
            continue;
        }
        let name = limited(&process.path().join("comm")).trim().to_owned();
        owners.extend(sockets.into_iter().map(|socket| (socket, name.clone())));
    }
    owners
}

/// The number in `socket:[123]`.
fn socket_number(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Where a program is, as its path on the machine.
fn program(roots: &Roots, name: &str) -> Option<String> {
    FOLDERS.iter().find_map(|folder| {
        let path = format!("{folder}/{name}");
        let is_there = rustix::fs::access(roots.root.join(&path), Access::EXEC_OK).is_ok();
        is_there.then(|| format!("/{path}"))
    })
}
