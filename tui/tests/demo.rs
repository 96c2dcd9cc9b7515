//! The demo as real processes: all of them start, answer, and end with the one that started them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::Home;
use rustix::process::{Pid, Signal, kill_process};

/// Nothing that is waited for takes longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

struct Demo {
    home: Home,
    child: Child,
    /// What it says where: the daemon's socket and every part.
    places: BTreeMap<String, String>,
}

trait Peer: Read + Write {}

impl<T: Read + Write> Peer for T {}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let home = Home::new();
        let keep = home.path().join("demo");
        let mut child = home
            .ccm()
            .args(["demo", "--headless", "--calm", "--keep", keep.to_str().unwrap()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut places = BTreeMap::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while places.len() < 8 {
            let line = lines.next().unwrap().unwrap();
            let (name, place) = line.split_once(' ').unwrap();
            places.insert(name.to_owned(), place.to_owned());
        }
        Self { home, child, places }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn connect(&self, name: &str) -> Box<dyn Peer> {
        let place = &self.places[name];
        if let Some(address) = place.strip_prefix("http://") {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            Box::new(stream)
        } else {
            let path = place.strip_prefix("unix:").unwrap_or(place);
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            Box::new(stream)
        }
    }

    fn get(&self, name: &str, path: &str, headers: &str) -> String {
        let mut stream = self.connect(name);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_starts_everything_apart_from_the_users_own_and_ends_it_in_order() {
    let mut demo = Demo::start(&[]);
    for module in ["crm", "sales", "inventory", "accounting", "hr"] {
        let health = demo.get(module, "/ccm/v1/health", "");
        assert!(health.contains("\"status\":\"running\""), "{module}: {health}");
    }
    let key = "Authorization: Bearer rk_test_ccm_demo\r\n";
    assert!(demo.get("stripe", "/v1/charges?limit=1", key).contains("\"has_more\":true"));
    assert!(demo.get("sendgrid", "/v3/stats", "").starts_with("HTTP/1.1 401"));
    let layouts = demo.home.run(&["--socket", &demo.places["socket"], "get", "layout"]);
    assert!(layouts.contains("business"), "{layouts}");

    let mut peers: Vec<Box<dyn Peer>> = demo.places.keys().map(|name| demo.connect(name)).collect();
    kill_process(demo.pid(), Signal::TERM).unwrap();
    assert!(demo.child.wait().unwrap().success());
    for peer in &mut peers {
        // What a part says at its end does not matter, only that it ends.
        let _ = peer.read_to_end(&mut Vec::new());
    }
    let kept = demo.home.path().join("demo");
    assert!(kept.join("config/layouts/business.toml").exists());
    assert!(!kept.join("run/crm.sock").exists());
    let own: [PathBuf; 2] = [demo.home.path().join("state"), demo.home.config()];
    assert!(own.iter().all(|path| !path.exists()), "the user's own directories are left alone");
}

#[test]
fn parts_and_daemon_end_with_a_demo_that_was_killed() {
    let mut demo = Demo::start(&["--seed", "3"]);
    let mut peers: Vec<(String, Box<dyn Peer>)> =
        demo.places.keys().map(|name| (name.clone(), demo.connect(name))).collect();
    demo.child.kill().unwrap();
    demo.child.wait().unwrap();
    for (name, peer) in &mut peers {
        // A process that lived on would keep the connection, and the read would time out.
        if let Err(error) = peer.read_to_end(&mut Vec::new()) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{name}: {error}");
        }
    }
}

#[test]
fn a_demo_without_a_terminal_asks_for_headless_and_its_parts_stay_on_this_machine() {
    let home = Home::new();
    assert!(home.fail(&["demo"], 2).contains("--headless"));
    assert!(home.fail(&["demo", "--headless", "--keep", "here"], 2).contains("absolute"));
    let named = home.fail(&["--socket", "/tmp/x.sock", "demo", "--headless"], 2);
    assert!(named.contains("daemon of its own"), "{named}");
    let listen = ["demo", "module", "sales", "--listen", "0.0.0.0:0"];
    assert!(home.fail(&listen, 2).contains("loopback"));
    let help = home.run(&["demo", "--help"]);
    assert!(help.contains("module") && help.contains("fake") && !help.contains("until-eof"));
}
