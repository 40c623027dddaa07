//! `GET_METRICS`.

use tepui_proto::v1::Metric;
use tepui_proto::v1::master::response::{GetMetrics, Type};
use tepui_types::WallTime;

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_METRICS`, with the metrics of the shell's own in `more`.
    pub fn get_metrics(&self, encoding: Encoding, now: WallTime, more: &[(String, f64)]) -> Vec<u8> {
        let metrics = self.metrics(now, more).into_iter();
        let metrics = metrics.map(|(name, value)| Metric { name, value: Some(value) }).collect();
        let mut answer = response(Type::GetMetrics);
        answer.get_metrics = Some(GetMetrics { metrics });
        encode(encoding, &answer)
    }
}
