//! A secret is really sent to a service that tells it to everybody; then all that the commands show
//! and all that is left in files is searched for it.
#![expect(clippy::unwrap_used, reason = "a test of its own")]

mod common;
#[path = "../../daemon/tests/common/sweep.rs"]
mod sweep;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use common::Home;
use sweep::{canary, found, needles, sweep};

/// A service that repeats the secret it was sent in its headers and its body, and what it received.
struct Echo {
    port: u16,
    received: Arc<Mutex<String>>,
}

impl Echo {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || answer(stream.unwrap(), &all));
            }
        });
        Self { port, received }
    }
}

fn answer(mut stream: TcpStream, received: &Mutex<String>) {
    let mut head = Vec::new();
    let mut chunk = [0; 4_096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => head.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    received.lock().unwrap().push_str(&head);
    let secret = head.lines().find_map(|line| line.split_once("earer ")).map_or("", |it| it.1);
    let body = serde_json::json!({ "orders": 3, "you": secret }).to_string();
    let status = if head.starts_with("GET /broken") { "500 " } else { "200 " };
    let answer = format!(
        "HTTP/1.1 {status}{secret}\r\nx-you: {secret}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes());
}

/// The documents of a dashboard that shows what the service tells, and what it fails to tell.
fn documents(home: &Home, port: u16) {
    let source = |endpoint: &str| {
        format!(
            "type = \"external_api\"\ninterval = \"1s\"\n\n[external_api]\nbase_url = \"http://127.0.0.1:{port}\"\nendpoint = {endpoint:?}\ncredential = \"shop\"\n\n[extract.values]\norders = \"$.orders\"\n"
        )
    };
    let widget = |source: &str| {
        format!(
            "title = {source:?}\nsource = {source:?}\ntype = \"stat\"\n\n[stat]\nprimary = {{ value = \"orders\", label = \"orders\" }}\n"
        )
    };
    let layout = "title = \"shop\"\n\n[[page]]\ntitle = \"one\"\n\n[[page.widget]]\nname = \"shop\"\nat = { x = 0, y = 0, w = 6, h = 6 }\n\n[[page.widget]]\nname = \"broken\"\nat = { x = 6, y = 0, w = 6, h = 6 }\n";
    let egress = format!("[[allow]]\nhost = \"127.0.0.1\"\nports = [{port}]\n");
    let all = [
        ("egress/shop.toml", egress),
        ("sources/shop.toml", source("orders")),
        ("sources/broken.toml", source("broken")),
        ("widgets/shop.toml", widget("shop")),
        ("widgets/broken.toml", widget("broken")),
        ("layouts/shop.toml", layout.to_owned()),
    ];
    for (path, text) in all {
        home.write(&format!("shop/{path}"), &text);
    }
}

fn keep(home: &Home, name: &str, port: u16, secret: &str) {
    let origin = format!("http://127.0.0.1:{port}");
    let mut command = home.ccm();
    command.args(["cred", "set", name, "--origin", &origin, "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// What can be asked for, in every form in which it is shown.
const COMMANDS: &[&[&str]] = &[
    &["snapshot", "shop", "--format", "text"],
    &["snapshot", "shop", "--format", "ansi"],
    &["snapshot", "shop", "--format", "json"],
    &["snapshot", "shop", "--format", "svg"],
    &["snapshot", "shop", "--format", "png"],
    &["snapshot", "sources", "--format", "json"],
    &["source", "test", "shop"],
    &["source", "test", "shop", "--json"],
    &["source", "test", "broken"],
    &["source", "list"],
    &["source", "list", "--json"],
    &["source", "calls"],
    &["source", "calls", "--json"],
    &["status", "--json"],
    &["get"],
    &["get", "source/shop", "-o", "json"],
    &["history", "source/shop"],
    &["cred", "list", "--json"],
    &["cred", "test", "shop"],
    &["cred", "providers", "--json"],
    &["doctor"],
    &["daemon", "logs", "-n", "10000"],
];

#[test]
fn a_secret_that_a_service_repeats_is_on_no_screen_and_in_no_file() {
    let home = Home::new();
    let secret = canary();
    let needles = needles(&secret);
    let echo = Echo::start();
    keep(&home, "shop", echo.port, &secret);
    documents(&home, echo.port);
    let folder = home.path().join("shop");
    home.run(&["apply", "-f", folder.to_str().unwrap(), "--reason", "try it"]);
    let mut hits = Vec::new();
    let mut said = String::new();
    for arguments in COMMANDS {
        let output = home.output(arguments);
        for bytes in [&output.stdout, &output.stderr] {
            hits.extend(found(&needles, &arguments.join(" "), bytes));
            said.push_str(&String::from_utf8_lossy(bytes));
        }
    }
    assert_eq!(hits, Vec::<String>::new());
    // All of it was about the secret.
    assert!(echo.received.lock().unwrap().contains(&secret), "the service was sent it");
    assert!(said.contains("500") && said.contains("\"orders\""), "{said}");
    let status: serde_json::Value = serde_json::from_str(&home.run(&["status", "--json"])).unwrap();
    for file in ["cmdline", "environ", "status", "limits"] {
        let path = format!("/proc/{}/{file}", status["pid"]);
        hits.extend(found(&needles, &path, &std::fs::read(&path).unwrap()));
    }
    let mut count = 0;
    hits.extend(sweep(&needles, home.path(), &mut count));
    home.run(&["daemon", "stop"]);
    hits.extend(sweep(&needles, home.path(), &mut count));
    assert_eq!(hits, Vec::<String>::new());
    assert!(count > 10, "{count} files were swept");
}
