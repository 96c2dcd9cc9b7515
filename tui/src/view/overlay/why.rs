//! Where a widget's data comes from: source, quality, age, layers.

use ccm_proto::SafeText;
use ccm_proto::model::source::Param;
use ccm_proto::model::theme::Role;
use ccm_proto::model::{DocumentId, Kind, Name, WidgetSpec};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Line, lines};
use crate::format;
use crate::model::Model;
use crate::view::context;
use crate::widget::{self, Condition};

pub(super) fn draw(model: &Model, name: &Name, scroll: usize, area: Rect, buffer: &mut Buffer) {
    let theme = &model.themes.theme;
    let facts = facts(model, name);
    let widest = facts.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    // Two columns between label and value, four for the frame.
    let room = usize::from(area.width).saturating_sub(widest + 6);
    let mut text = Vec::new();
    for (label, value) in facts {
        for (index, part) in wrapped(&value, room).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let text_line = format!("{label:widest$}  {part}");
            text.push(Line { text: text_line, style: theme.style(Role::Text) });
        }
    }
    lines(model, &format!("why {name}"), &text, scroll, area, buffer);
}

/// A sentence as lines of at most so many columns, broken between words; a longer word is cut by
/// the frame.
fn wrapped(sentence: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        if let Some(line) = lines.last_mut() {
            let gap = usize::from(!line.is_empty());
            if line.is_empty() || format::width(line) + gap + format::width(word) <= columns {
                line.extend((gap > 0).then_some(' '));
                line.push_str(word);
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

fn facts(model: &Model, name: &Name) -> Vec<(&'static str, String)> {
    let data = model.shown();
    let context = context(model, name, false);
    let mut facts = Vec::new();
    facts.push(("shows", widget::summary(&context).text.to_string()));
    facts.extend(condition(&context.condition));
    let status = &context.view.status;
    if let Some(spec) = context.spec {
        if let Some(description) = &spec.description {
            facts.push(("is", SafeText::new(description).to_string()));
        }
        let style = spec.chart.as_ref().map(|chart| format!(", {}", chart.style.as_str()));
        let kind = spec.widget_type.as_str();
        facts.push(("type", format!("{kind}{}", style.unwrap_or_default())));
        let source = data.source(&spec.source).map(|source| source.source_type.as_str());
        facts.push(("source", format!("{} ({})", spec.source, source.unwrap_or("unknown"))));
    }
    if let Some(spec) = context.spec {
        facts.extend(surroundings(spec));
    }
    if !status.interval.is_zero() {
        facts.push(("read every", status.interval.to_string()));
    }
    if let Some(next) = status.next_at {
        facts.push(("next in", format::age(next.since(model.shown_now()))));
    }
    if let Some(feed) = data.feed(name) {
        let skipped = if feed.skipped > 0 {
            format!(", {} passed over", feed.skipped)
        } else {
            String::new()
        };
        facts.push(("version", format!("{}{skipped}", feed.version)));
    }
    facts.extend(layers(model, &DocumentId::new(Kind::Widget, name.clone()), "widget"));
    if let Some(spec) = context.spec {
        facts.extend(layers(
            model,
            &DocumentId::new(Kind::Source, spec.source.clone()),
            "its source",
        ));
    }
    facts
}

/// What a definition says of the widget beside what is drawn.
fn surroundings(spec: &WidgetSpec) -> Vec<(&'static str, String)> {
    let listed = |words: &[String]| (!words.is_empty()).then(|| words.join(", "));
    let param = |(name, value): (&String, &Param)| match value {
        Param::List(_) | Param::Table(_) => {
            format!("{name} = {}", serde_json::to_string(value).unwrap_or_default())
        }
        plain => format!("{name} = {plain}"),
    };
    let params: Vec<String> = spec.params.iter().map(param).collect();
    let edition = match (&spec.author, &spec.version) {
        (Some(author), Some(version)) => Some(format!("{author}, version {version}")),
        (author, version) => {
            author.clone().or_else(|| Some(format!("version {}", version.as_ref()?)))
        }
    };
    let facts = [
        ("with", listed(&params)),
        ("at most every", spec.refresh_interval.map(|interval| interval.to_string())),
        ("needs", listed(&spec.permissions)),
        ("for", listed(&spec.roles)),
        ("made by", edition),
    ];
    let safe = |text: String| SafeText::from(text).to_string();
    facts.into_iter().filter_map(|(label, text)| Some((label, safe(text?)))).collect()
}

fn condition(condition: &Condition) -> Vec<(&'static str, String)> {
    match condition {
        Condition::Loading => vec![("quality", "loading: nothing has been read yet".to_owned())],
        Condition::Live { age } => vec![("quality", "live".to_owned()), ("age", format::age(*age))],
        Condition::Stale { age } => {
            vec![("quality", "stale".to_owned()), ("age", format::age(*age))]
        }
        Condition::Error { cause, age, next_in } => {
            let mut facts = vec![("quality", "error".to_owned()), ("cause", cause.to_string())];
            facts.extend(age.map(|age| ("last good", format!("{} ago", format::age(age)))));
            facts.extend(next_in.map(|next| ("again in", format::age(next))));
            facts
        }
        Condition::Absent { cause } => {
            let cause = cause
                .as_ref()
                .map_or_else(|| "there is no such thing here".to_owned(), ToString::to_string);
            vec![("quality", "absent".to_owned()), ("cause", cause)]
        }
    }
}

/// Which layers configured a document, and who wrote them.
fn layers(model: &Model, id: &DocumentId, label: &'static str) -> Vec<(&'static str, String)> {
    let Some(document) = model.shown().documents.get(id) else { return Vec::new() };
    let line = |layer: &ccm_proto::model::document::LayerRef| {
        let provenance = &layer.provenance;
        let text = if provenance.manager == "builtin" {
            format!("{id}, shipped")
        } else {
            format!(
                "{id}, {} layer, revision {}, by {} through {}: {}",
                layer.scope,
                layer.revision,
                provenance.actor,
                provenance.manager,
                provenance.reason
            )
        };
        (label, SafeText::new(&text).to_string())
    };
    document.layers.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable x", 3), ["unbreakable", "x"]);
        assert_eq!(wrapped("", 0), [""]);
    }
}
