//! One number with companions.

use ccm_proto::model::widget::StatConfig;

use super::{Reader, trend};

pub(super) fn project(config: &StatConfig, reader: &mut Reader<'_>) {
    reader.field("value", &config.primary.value);
    for (index, metric) in config.secondary.iter().enumerate() {
        reader.field(format!("secondary.{index}"), &metric.value);
    }
    if let Some(trend) = config.trend() {
        trend::project(trend, reader);
    }
}
