//! Validated values: what the cores of both programs work with.
//!
//! Nothing here knows the wire, a socket or a clock. Values that come from outside are made by
//! constructors that check them, or by [`crate::convert`].

pub mod connector;
pub mod document;
pub mod egress;
pub mod id;
pub mod layout;
pub mod module;
pub mod notice;
pub mod offer;
pub mod reading;
pub mod scope;
pub mod series;
pub mod source;
pub mod theme;
pub mod time;
pub mod value;
pub mod view;
pub mod widget;

pub use connector::ConnectorSpec;
pub use document::{Document, DocumentId, Kind, Provenance, Version};
pub use egress::EgressSpec;
pub use id::{Name, NameError};
pub use layout::LayoutSpec;
pub use module::ModuleSpec;
pub use notice::{Notice, Severity};
pub use offer::Offer;
pub use reading::{Quality, Reading, Samples};
pub use scope::Scope;
pub use series::{Bucket, Labels, SeriesKey};
pub use source::SourceSpec;
pub use theme::ThemeSpec;
pub use time::{Interval, Timestamp};
pub use value::Value;
pub use view::{Cell, Field, Row, Track, View, ViewDelta, ViewStatus};
pub use widget::WidgetSpec;
