//! `ccm snapshot`: draws a layout once, by the same update and view as the live client.

use std::process::ExitCode;
use std::time::Duration;

use ccm_proto::convert::FrameContents;
use ccm_proto::model::theme::{Role, Variant};
use ccm_proto::model::{Name, Quality, ViewStatus};
use ccm_proto::wire::stream_service_client::StreamServiceClient;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::cli::{ColorChoice, GlyphChoice, LinkArgs, SnapshotArgs, SnapshotFormat};
use crate::client::request;
use crate::clock::Clock;
use crate::command::{CommandError, Connection};
use crate::effect::Effect;
use crate::glyph::GlyphSet;
use crate::input::keymap::Keymap;
use crate::message::{LinkEvent, Message};
use crate::model::memory::Memory;
use crate::model::{Beginning, Model};
use crate::snapshot::{self, Format, Heading, Palette, Rgb, WidgetData};
use crate::theme::{self, ColorDepth};
use crate::update::update;
use crate::view;
use crate::zone::Zone;

/// Messages to the daemon that wait; there are three at most.
const OUTBOUND_MAX: usize = 8;

/// Runs the command.
pub async fn run(args: &SnapshotArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let format = format(args)?;
    let mut model = Model::new(beginning(args, format)?, Clock::system().now());
    let missing = fill(&mut model, args, link).await?;
    if let Some(at) = args.at {
        model.now = at;
        model.link.skew_ms = 0;
    }
    write(&render(&model, format)?, args)?;
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<&str> = missing.iter().map(Name::as_str).collect();
    Err(CommandError::Usage(format!(
        "not complete within {}: {}; the snapshot shows what had arrived",
        args.timeout,
        names.join(", ")
    )))
}

fn format(args: &SnapshotArgs) -> Result<Format, CommandError> {
    let named = args.format.map(|format| match format {
        SnapshotFormat::Text => Format::Text,
        SnapshotFormat::Ansi => Format::Ansi,
        SnapshotFormat::Json => Format::Json,
        SnapshotFormat::Svg => Format::Svg,
        SnapshotFormat::Png => Format::Png,
    });
    let by_file = args.output.as_deref().and_then(Format::of_file);
    let format = named.or(by_file).unwrap_or(Format::Text);
    let to_terminal = args.output.is_none() && std::io::IsTerminal::is_terminal(&std::io::stdout());
    if to_terminal && format == Format::Png {
        return Err(CommandError::Usage(
            "a png is not for a terminal; name a file by --output".to_owned(),
        ));
    }
    Ok(format)
}

fn beginning(args: &SnapshotArgs, format: Format) -> Result<Beginning, CommandError> {
    let depth = match (format, args.color) {
        (Format::Text | Format::Json, _) | (_, ColorChoice::Never) => ColorDepth::Mono,
        (Format::Svg | Format::Png, _) => ColorDepth::TrueColor,
        (_, ColorChoice::Ansi16) => ColorDepth::Ansi16,
        (_, ColorChoice::Ansi256) => ColorDepth::Ansi256,
        _ => ColorDepth::TrueColor,
    };
    let glyphs = match args.glyphs {
        GlyphChoice::Auto | GlyphChoice::Braille => GlyphSet::Braille,
        GlyphChoice::Block => GlyphSet::Block,
        GlyphChoice::Ascii => GlyphSet::Ascii,
    };
    let default_theme = Name::new(theme::DEFAULT)
        .map_err(|error| CommandError::Usage(format!("the default theme: {error}")))?;
    Ok(Beginning {
        size: args.size,
        layout: args.layout.clone(),
        page: args.page.saturating_sub(1),
        theme: args.theme.clone(),
        default_theme,
        depth,
        glyphs,
        keymap: Keymap::default(),
        mouse: false,
        zone: Zone::system(),
        memory: Memory::default(),
    })
}

/// Follows the daemon until every widget of the page has a reading; returns those that have none
/// when time is up.
async fn fill(
    model: &mut Model,
    args: &SnapshotArgs,
    link: &LinkArgs,
) -> Result<Vec<Name>, CommandError> {
    let clock = Clock::system();
    let connection = Connection::open(link).await?;
    let (requests, outbound) = mpsc::channel(OUTBOUND_MAX);
    let closed = |_| CommandError::Link("the stream is closed".to_owned());
    requests.send(request::hello(0)).await.map_err(closed)?;
    let mut client = StreamServiceClient::new(connection.channel());
    let mut frames = client.attach(ReceiverStream::new(outbound)).await?.into_inner();
    let mut effects = update(model, Message::Link(LinkEvent::Connected), clock.now());
    let deadline = tokio::time::sleep(Duration::from_millis(args.timeout.as_millis()));
    tokio::pin!(deadline);
    loop {
        for effect in effects.drain(..) {
            if let Effect::Watch(watch) = effect {
                requests.send(request::watch(&watch)).await.map_err(closed)?;
            }
        }
        let missing = missing(model, args)?;
        if missing.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        tokio::select! {
            () = &mut deadline => return missing.ok_or_else(|| {
                CommandError::Link(format!("{} did not arrive within {}", args.layout, args.timeout))
            }),
            frame = next(&mut frames) => {
                effects = update(model, Message::Frame(Box::new(frame?)), clock.now());
            }
        }
    }
}

async fn next(
    frames: &mut Streaming<ccm_proto::wire::Frame>,
) -> Result<FrameContents, CommandError> {
    let frame = frames.message().await?;
    let frame = frame.ok_or_else(|| CommandError::Link("the stream ended".to_owned()))?;
    FrameContents::try_from(frame).map_err(|error| {
        CommandError::Link(format!(
            "a frame cannot be understood: {error}; install the same version of ccm and ccmd"
        ))
    })
}

/// Whether there is all that the widget will show of the newest reading and the past.
fn is_whole(status: &ViewStatus) -> bool {
    status.quality != Quality::Loading && !status.backfilling
}

/// Widgets of the page without a reading, or without their past; none while the page itself is not
/// known.
fn missing(model: &Model, args: &SnapshotArgs) -> Result<Option<Vec<Name>>, CommandError> {
    if let Some(problem) = model.data.problems.get(&model.data.layout_id()) {
        return Err(CommandError::Usage(format!("{problem}; `ccm get layout` lists the layouts")));
    }
    let Some(layout) = model.data.layout() else { return Ok(None) };
    let pages = layout.pages.len();
    let Some(page) = layout.pages.get(args.page.saturating_sub(1)) else {
        return Err(CommandError::Usage(format!(
            "{} has {pages} pages, there is no page {}",
            args.layout, args.page
        )));
    };
    if model.answered != model.serial {
        return Ok(Some(page.widgets.iter().map(|placement| placement.name.clone()).collect()));
    }
    let loading = |name: &Name| {
        let feed = model.data.feed(name);
        let refused = feed.is_some_and(|feed| feed.refused.is_some());
        !refused && feed.is_none_or(|feed| !is_whole(&feed.view.status))
    };
    let names = page.widgets.iter().map(|placement| &placement.name);
    Ok(Some(names.filter(|name| loading(name)).cloned().collect()))
}

fn render(model: &Model, format: Format) -> Result<Vec<u8>, CommandError> {
    if format == Format::Json {
        return json(model);
    }
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = Buffer::empty(area);
    view::draw(model, area, &mut buffer);
    snapshot::render(&buffer, format, &palette(model))
        .map_err(|error| CommandError::Usage(error.to_string()))
}

/// The data of the page, not its picture.
fn json(model: &Model) -> Result<Vec<u8>, CommandError> {
    let page = model.page().map_or("", |page| page.title.as_str());
    let heading = Heading { layout: &model.data.layout_name, page, at: model.shown_now() };
    let names = model.page().map_or(&[][..], |page| &page.widgets[..]);
    let widgets = names.iter().map(|placement| {
        let context = view::context(model, &placement.name, false);
        WidgetData { name: &placement.name, spec: context.spec, view: context.view }
    });
    let value = snapshot::json(heading, widgets);
    let mut bytes = serde_json::to_vec_pretty(&value)
        .map_err(|error| CommandError::Usage(format!("the data has no form in JSON: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What "default" colours mean in a picture.
fn palette(model: &Model) -> Palette {
    let theme = &model.themes.theme;
    let dark = theme.variant == Variant::Dark;
    let rgb = |colour: Option<Color>, fallback: Rgb| match colour {
        Some(Color::Rgb(red, green, blue)) => Rgb(red, green, blue),
        _ => fallback,
    };
    let (text, ground) = if dark {
        (Rgb(216, 216, 216), Rgb(16, 18, 22))
    } else {
        (Rgb(32, 34, 38), Rgb(252, 252, 252))
    };
    let foreground = rgb(theme.style(Role::Text).fg, text);
    let background = rgb(theme.style(Role::Background).bg, ground);
    Palette::new(foreground, background)
}

fn write(bytes: &[u8], args: &SnapshotArgs) -> Result<(), CommandError> {
    let Some(path) = &args.output else {
        return crate::command::print_bytes(bytes);
    };
    std::fs::write(path, bytes)
        .map_err(|error| CommandError::io(format!("cannot write {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_widget_is_whole_once_it_has_a_reading_and_its_past() {
        let cases = [
            (Quality::Loading, false, false),
            (Quality::Live, true, false),
            (Quality::Live, false, true),
            (Quality::Stale, false, true),
            (Quality::Error, false, true),
            (Quality::Absent, false, true),
        ];
        for (quality, backfilling, whole) in cases {
            let status = ViewStatus { quality, backfilling, ..ViewStatus::default() };
            assert_eq!(is_whole(&status), whole, "{status:?}");
        }
    }
}
