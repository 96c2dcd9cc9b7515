//! The way of a sample: from the moment in which the host is read to the bytes that change a cell,
//! with a real daemon, the layout `host`, and everything that the live client does but the write.
//!
//! To reach: p99 <= 50 ms. `CCM_BENCH_SECONDS` says how long to watch; one sample a widget and
//! second.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use ccm::autostart::Target;
use ccm::client::{self, Request};
use ccm::clock::Clock;
use ccm::effect::Effect;
use ccm::glyph::GlyphSet;
use ccm::input::keymap::Keymap;
use ccm::message::Message;
use ccm::model::memory::Memory;
use ccm::model::{Beginning, Model};
use ccm::pace::{Draw, News, Pace};
use ccm::term::Encoder;
use ccm::theme::ColorDepth;
use ccm::update::update;
use ccm::view;
use ccm::zone::Zone;
use ccm_proto::model::{Name, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SIZE: (u16, u16) = (160, 50);

/// Seconds that are left out: the first frames carry history.
const WARM_UP: Duration = Duration::from_secs(3);

/// A client without a terminal.
struct Client {
    model: Model,
    pace: Pace,
    clock: Clock,
    encoder: Encoder,
    shown: Buffer,
    /// The newest reading of each widget that was on the screen.
    seen: HashMap<Name, Timestamp>,
    ways_ms: Vec<u64>,
}

impl Client {
    fn new() -> Self {
        let beginning = Beginning {
            size: SIZE,
            layout: Name::new("host").unwrap(),
            page: 0,
            theme: None,
            default_theme: Name::new("dark").unwrap(),
            depth: ColorDepth::TrueColor,
            glyphs: GlyphSet::Braille,
            keymap: Keymap::default(),
            mouse: false,
            zone: Zone::utc(),
            memory: Memory::default(),
        };
        let clock = Clock::system();
        Self {
            model: Model::new(beginning, clock.now()),
            pace: Pace::default(),
            clock,
            encoder: Encoder::default(),
            shown: Buffer::empty(Rect::ZERO),
            seen: HashMap::new(),
            ways_ms: Vec::new(),
        }
    }

    fn draw(&mut self) {
        let began = self.clock.now();
        let area = Rect::new(0, 0, SIZE.0, SIZE.1);
        let mut frame = Buffer::empty(area);
        view::draw(&self.model, area, &mut frame);
        let bytes = self.encoder.encode(&self.shown, &frame);
        self.shown = frame;
        let now = self.clock.now();
        self.pace.drawn(began, now);
        let page = self.model.page().map(|page| page.widgets.clone()).unwrap_or_default();
        for placement in page {
            let feed = self.model.data.feed(&placement.name);
            let Some(at) = feed.and_then(|feed| feed.view.status.sampled_at) else { continue };
            let before = self.seen.insert(placement.name, at);
            if before.is_some_and(|before| before < at) && !bytes.is_empty() {
                self.ways_ms.push(now.since(at).as_millis());
            }
        }
    }
}

async fn watch(target: Target, lasts: Duration) -> Client {
    let mut client = Client::new();
    let mut link = client::spawn(target);
    let mut waiting = false;
    let mut draw = Box::pin(tokio::time::sleep(Duration::ZERO));
    let mut tick = Box::pin(tokio::time::sleep(Duration::ZERO));
    let end = tokio::time::sleep(WARM_UP + lasts);
    let warm = tokio::time::sleep(WARM_UP);
    tokio::pin!(end, warm);
    let mut is_warm = false;
    loop {
        let (message, news) = tokio::select! {
            message = link.messages.recv() => (message.unwrap(), News::Data),
            () = &mut tick => {
                let millis = client.clock.now().as_millis().rem_euclid(1_000) as u64;
                tick.set(tokio::time::sleep(Duration::from_millis(1_000 - millis)));
                (Message::Tick, News::Tick)
            }
            () = &mut draw, if waiting => {
                waiting = false;
                client.draw();
                continue;
            }
            () = &mut warm, if !is_warm => {
                is_warm = true;
                client.ways_ms.clear();
                continue;
            }
            () = &mut end => return client,
        };
        let now = client.clock.now();
        for effect in update(&mut client.model, message, now) {
            if let Effect::Watch(watch) = effect {
                link.requests.try_send(Request::Watch(watch)).unwrap();
            }
        }
        let complete = client.model.serial != 0 && client.model.answered == client.model.serial;
        match client.pace.after(news, complete, now) {
            Draw::Now => {
                waiting = false;
                client.draw();
            }
            Draw::In(wait) if !waiting => {
                draw.set(tokio::time::sleep(wait.as_duration()));
                waiting = true;
            }
            Draw::In(_) | Draw::WhenComplete => {}
        }
    }
}

fn main() {
    let seconds = std::env::var("CCM_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(60));
    let home = tempfile::tempdir().unwrap();
    let ccm = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ccm"));
        command.args(arguments).env_remove("CCM_SOCKET");
        for name in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env(name, home.path());
        }
        assert!(command.output().unwrap().status.success(), "ccm {arguments:?}");
    };
    ccm(&["daemon", "start"]);
    let target = Target { socket: home.path().join("ccm/ccmd.sock"), may_start: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut client = runtime.block_on(watch(target, lasts));
    ccm(&["daemon", "stop"]);
    let ways = &mut client.ways_ms;
    ways.sort_unstable();
    assert!(!ways.is_empty(), "no reading arrived");
    let part = |per_mille: usize| ways[(ways.len() - 1) * per_mille / 1_000];
    println!(
        "a sample's way to a changed cell: {} samples, p50 {} ms, p99 {} ms (to reach: 50), most {} ms",
        ways.len(),
        part(500),
        part(990),
        part(1_000)
    );
}
