//! One open feed: its newest view, and how it changes.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::series::Range;
use ccm_proto::model::{
    Bucket, Cell, Interval, Quality, Reading, SeriesKey, Timestamp, Track, View, ViewDelta,
    ViewStatus, WidgetSpec,
};

use super::event::{FeedId, FeedKey, Output, Publication};
use super::grid::Grid;
use super::lines::{LinePlan, Lines};
use super::past::Past;
use super::source::{Content, Source};
use super::trend::{self, Trend};
use crate::project::{self, Planes};

/// What has been projected of one reading: feeds of one widget that differ in their window alone
/// show the same fields and rows.
#[derive(Debug, Default)]
pub(super) struct Projected(Vec<(Arc<WidgetSpec>, Planes)>);

impl Projected {
    fn planes(&mut self, widget: &Arc<WidgetSpec>, reading: &Reading) -> Planes {
        if let Some((_, planes)) = self.0.iter().find(|(other, _)| Arc::ptr_eq(other, widget)) {
            return planes.clone();
        }
        let planes = project::planes(widget, &reading.value);
        self.0.push((Arc::clone(widget), planes.clone()));
        planes
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Feed {
    id: FeedId,
    pub key: FeedKey,
    widget: Option<Arc<WidgetSpec>>,
    lines: Option<Lines>,
    /// Something that is neither a track is there.
    present: bool,
    /// What the newest reading lacks, in words.
    missing: Vec<String>,
    version: u64,
    view: Arc<View>,
    /// What was published last, while newer views are held back.
    held: Option<Arc<View>>,
    /// The reading that was published last.
    updated_at: Option<Timestamp>,
    /// What its number is compared with.
    pub trend: Option<Trend>,
    /// The number that the newest one is compared with, as far as it is known.
    before: Option<f64>,
}

impl Feed {
    pub(super) fn new(id: FeedId, key: FeedKey) -> Self {
        Self {
            id,
            key,
            widget: None,
            lines: None,
            present: false,
            missing: Vec::new(),
            version: 0,
            view: Arc::default(),
            held: None,
            updated_at: None,
            trend: None,
            before: None,
        }
    }

    /// The widget it shows, when there is one.
    pub(super) fn widget(&self) -> Option<&Arc<WidgetSpec>> {
        self.widget.as_ref()
    }

    /// The lines, when it draws any.
    pub(super) fn lines(&self) -> Option<&Lines> {
        self.lines.as_ref()
    }

    /// Shows `widget`, which may have changed, from the newest reading there is. When its tracks
    /// begin anew, this says what history should be asked with the number `request`.
    pub(super) fn show(
        &mut self,
        widget: Option<Arc<WidgetSpec>>,
        source: Option<&Source>,
        request: u64,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Option<Range> {
        self.widget = widget;
        let plan = self.line_plan(source);
        let mut next = View::default();
        let mut question = None;
        if plan.as_ref() == self.lines.as_ref().map(Lines::plan) {
            next.tracks.clone_from(&self.view.tracks);
        } else {
            self.lines = plan.map(Lines::new);
            if let Some(lines) = &mut self.lines {
                if let Some(reading) = source.and_then(|source| source.reading.as_ref()) {
                    lines.push(reading, &mut next.tracks, &mut ViewDelta::default());
                }
                question = Some(lines.ask(request, now));
            }
        }
        self.project(next, source, out);
        question
    }

    fn line_plan(&self, source: Option<&Source>) -> Option<LinePlan> {
        let widget = self.widget.as_ref()?;
        let own = project::window(widget)?;
        let window = if self.key.window.is_zero() { own } else { self.key.window };
        let grid = Grid::new(window, self.key.max_points, source?.spec.effective_interval());
        Some(LinePlan { selections: project::selections(widget), grid })
    }

    /// Publishes `next`, whose tracks are drawn already, with everything else.
    fn project(&mut self, mut next: View, source: Option<&Source>, out: &mut Vec<Output>) {
        let reading = source.and_then(|source| source.reading.as_ref());
        let planes = match (&self.widget, reading) {
            (Some(widget), Some(reading)) => project::planes(widget, &reading.value),
            _ => Planes::default(),
        };
        self.take_planes(planes, &mut next);
        if self.lines.is_none() {
            next.tracks = reading.map(|reading| self.row_tracks(reading)).unwrap_or_default();
        }
        self.updated_at = reading.map(|reading| reading.at);
        next.status = self.status(source);
        let delta = self.view.delta_to(&next);
        self.publish(next, delta, out);
    }

    /// The tracks of a chart of rows, which come from its newest reading alone.
    fn row_tracks(&self, reading: &Reading) -> Vec<Track> {
        let Some((widget, chart)) =
            self.widget.as_ref().and_then(|it| Some((it, it.chart.as_ref()?)))
        else {
            return Vec::new();
        };
        let asked = self.key.window;
        let window = if asked.is_zero() { chart.window() } else { asked };
        project::row_tracks(widget, &reading.value, reading.at, window)
    }

    /// Whether the widget wants this reading later, together with the next ones. Sources are not
    /// read to the millisecond, so that a little less than the wanted time is not early.
    fn is_early(&self, reading: &Reading, interval: Interval) -> bool {
        let least = self.widget.as_ref().and_then(|widget| widget.refresh_interval);
        least.zip(self.updated_at).is_some_and(|(least, last)| {
            let slack = (interval.as_millis() / 2).min(least.as_millis() / 10);
            let slack = Interval::from_millis(slack);
            reading.at >= last && reading.at + slack < last + least
        })
    }

    /// Takes a new reading over without using the old view's memory again: where views are held
    /// back, or all tracks are new.
    fn read_whole(
        &mut self,
        reading: &Reading,
        planes: Planes,
        source: &Source,
        out: &mut Vec<Output>,
    ) {
        let mut next = View::default();
        self.take_planes(planes, &mut next);
        if let Some(lines) = &mut self.lines {
            next.tracks.clone_from(&self.view.tracks);
            lines.push(reading, &mut next.tracks, &mut ViewDelta::default());
        } else {
            next.tracks = self.row_tracks(reading);
        }
        next.status = self.status(Some(source));
        if self.is_early(reading, source.spec.effective_interval()) {
            let shown = std::mem::replace(&mut self.view, Arc::new(next));
            self.held.get_or_insert(shown);
            return;
        }
        self.updated_at = Some(reading.at);
        let delta = self.view.delta_to(&next);
        self.publish(next, delta, out);
    }

    /// Takes a new reading over.
    pub(super) fn read(
        &mut self,
        reading: &Reading,
        source: &Source,
        projected: &mut Projected,
        out: &mut Vec<Output>,
    ) {
        let Some(widget) = &self.widget else { return };
        let planes = projected.planes(widget, reading);
        let of_rows = widget.chart.as_ref().is_some_and(|chart| chart.rows_over_time().is_some());
        let whole = of_rows || widget.refresh_interval.is_some();
        if whole || self.held.is_some() {
            return self.read_whole(reading, planes, source, out);
        }
        let mut next = View::default();
        self.take_planes(planes, &mut next);
        let (mut before, mut tracks) = self.take_view();
        let mut changes = ViewDelta::default();
        if let Some(lines) = &mut self.lines {
            lines.push(reading, &mut tracks, &mut changes);
        }
        next.status = self.status(Some(source));
        let mut delta = before.planes_delta_to(&next);
        delta.tracks = changes.tracks;
        delta.removed_tracks = changes.removed_tracks;
        delta.track_order = changes.track_order;
        delta.window_start = changes.window_start;
        next.tracks = tracks;
        // The old view's memory is used again when nobody else holds it.
        if let Some(view) = Arc::get_mut(&mut before) {
            *view = next;
            self.publish_shared(before, delta, out);
        } else {
            self.publish(next, delta, out);
        }
    }

    /// Takes samples over that come apart from what fields and rows show.
    pub(super) fn draw(&mut self, reading: &Reading, source: &Source, out: &mut Vec<Output>) {
        let Some(lines) = &mut self.lines else { return };
        let mut view = std::mem::take(&mut self.view);
        let mut delta = ViewDelta::default();
        let own = Arc::make_mut(&mut view);
        lines.push(reading, &mut own.tracks, &mut delta);
        let status = self.status(Some(source));
        if own.status != status {
            delta.status = Some(status.clone());
            own.status = status;
        }
        self.publish_shared(view, delta, out);
    }

    /// Puts what history holds under the tracks.
    pub(super) fn backfill(
        &mut self,
        request: u64,
        series: &[(SeriesKey, Vec<Bucket>)],
        source: Option<&Source>,
        out: &mut Vec<Output>,
    ) {
        let Some(lines) = &mut self.lines else { return };
        let mut next = View::clone(&self.view);
        if !lines.backfill(request, series, &mut next.tracks) {
            return;
        }
        next.status = self.status(source);
        let delta = self.view.delta_to(&next);
        self.publish(next, delta, out);
    }

    /// Publishes a changed status.
    pub(super) fn refresh(&mut self, source: Option<&Source>, out: &mut Vec<Output>) {
        let status = self.status(source);
        if status == self.view.status {
            return;
        }
        let delta = ViewDelta { status: Some(status.clone()), ..ViewDelta::default() };
        let mut view = std::mem::take(&mut self.view);
        Arc::make_mut(&mut view).status = status;
        self.publish_shared(view, delta, out);
    }

    /// The newest view and its tracks, which are taken out of it unless someone else holds it.
    fn take_view(&mut self) -> (Arc<View>, Vec<Track>) {
        let mut view = std::mem::take(&mut self.view);
        let tracks = match Arc::get_mut(&mut view) {
            Some(own) => std::mem::take(&mut own.tracks),
            None if self.lines.is_some() => view.tracks.clone(),
            None => Vec::new(),
        };
        (view, tracks)
    }

    /// Keeps what the widget's number is compared with, and nothing that another widget's was.
    pub(super) fn follow(
        &mut self,
        widget: Option<&Arc<WidgetSpec>>,
        source: Option<&Source>,
        past: &mut Past,
    ) {
        let needs = widget.zip(source).and_then(|(widget, source)| trend::needs(widget, source));
        let own = self.trend.as_ref();
        if own.map(|own| (own.compare, &own.wish)) == needs.as_ref().map(|(c, wish, _)| (*c, wish))
        {
            return;
        }
        if let Some(own) = self.trend.take() {
            past.forget(own.track);
        }
        self.before = None;
        self.trend = needs.map(|(compare, wish, back)| Trend::begin(compare, wish, back, past));
    }

    /// Finds the number that a reading's is compared with.
    pub(super) fn recall(&mut self, past: &Past, at: Timestamp) {
        self.before = self.trend.as_ref().and_then(|trend| trend.before(past, at));
    }

    /// Publishes everything but the tracks anew.
    pub(super) fn review(&mut self, source: Option<&Source>, out: &mut Vec<Output>) {
        let tracks = self.view.tracks.clone();
        self.project(View { tracks, ..View::default() }, source, out);
    }

    fn take_planes(&mut self, planes: Planes, view: &mut View) {
        self.present = planes.present;
        self.missing = planes.missing;
        view.fields = planes.fields;
        // What the source itself says of a trend counts more.
        if let Some(trend) = &self.trend
            && !view.fields.contains_key("trend.direction")
        {
            let now = match view.fields.get("value") {
                Some(Cell::Number(number)) => Some(*number),
                Some(Cell::Integer(integer)) => Some(*integer as f64),
                _ => None,
            };
            let compared = project::compared(self.before, now, trend.compare);
            view.fields.extend(compared.map(|(name, cell)| (name.to_owned(), cell)));
        }
        view.rows = planes.rows;
        view.rows_total = planes.rows_total;
    }

    fn publish(&mut self, view: View, delta: ViewDelta, out: &mut Vec<Output>) {
        self.publish_shared(Arc::new(view), delta, out);
    }

    /// Publishes a view with what turns the newest one into it; what was held back comes along.
    fn publish_shared(&mut self, view: Arc<View>, delta: ViewDelta, out: &mut Vec<Output>) {
        let delta = self.held.take().map_or(delta, |shown| shown.delta_to(&view));
        self.view = view;
        if self.version > 0 && delta.is_empty() {
            return;
        }
        self.version += 1;
        out.push(Output::Publish(Publication {
            feed: self.id,
            version: self.version,
            delta: Arc::new(delta),
            view: Arc::clone(&self.view),
        }));
    }

    fn status(&self, source: Option<&Source>) -> ViewStatus {
        let Some(widget) = &self.widget else {
            let name = &self.key.widget;
            return missing(format!("there is no widget {name}; apply a document widget/{name}"));
        };
        let Some(source) = source else {
            let name = &widget.source;
            return missing(format!("there is no source {name}; apply a document source/{name}"));
        };
        let backfilling = self.lines.as_ref().is_some_and(Lines::is_waiting);
        ViewStatus { backfilling, ..source.status(&self.content(widget, source)) }
    }

    fn content(&self, widget: &WidgetSpec, source: &Source) -> Content {
        let drawn = self.lines.as_ref().is_some_and(|lines| !lines.is_empty());
        if self.present || drawn {
            return Content::Present;
        }
        if self.lines.as_ref().is_some_and(Lines::is_waiting) {
            return Content::Awaited;
        }
        let charted: Vec<String> = match &widget.chart {
            Some(chart) => chart.series.iter().map(|series| words(&series.metric)).collect(),
            None => Vec::new(),
        };
        let missing = if self.missing.is_empty() { &charted } else { &self.missing };
        if let Some(reason) = source.reason(missing) {
            return Content::Absent(reason);
        }
        Content::Absent(project::absence(source.spec.source_type, missing))
    }
}

fn missing(cause: String) -> ViewStatus {
    let cause = Some(SafeText::from(cause));
    ViewStatus { quality: Quality::Absent, cause, ..ViewStatus::default() }
}

/// A metric's name in words.
fn words(metric: &str) -> String {
    metric.replace(['.', '_'], " ")
}
