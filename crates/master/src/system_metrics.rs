//! The metrics of the machine, which are not the core's to know.

use std::fs;

/// Reads `system/*`. What cannot be read is left out.
pub(crate) fn system_metrics() -> Vec<(String, f64)> {
    let mut metrics = Vec::new();
    if let Ok(cpus) = std::thread::available_parallelism() {
        metrics
            .push(("system/cpus_total".to_owned(), f64::from(u32::try_from(cpus.get()).unwrap_or(u32::MAX))));
    }
    if let Ok(text) = fs::read_to_string("/proc/loadavg") {
        let loads = text.split_whitespace().map_while(|load| load.parse::<f64>().ok());
        for (name, load) in
            ["system/load_1min", "system/load_5min", "system/load_15min"].into_iter().zip(loads)
        {
            metrics.push((name.to_owned(), load));
        }
    }
    if let Ok(text) = fs::read_to_string("/proc/meminfo") {
        for (name, key) in [("system/mem_total_bytes", "MemTotal:"), ("system/mem_free_bytes", "MemFree:")] {
            if let Some(kilobytes) = meminfo(&text, key) {
                metrics.push((name.to_owned(), kilobytes * 1024.0));
            }
        }
    }
    metrics
}

fn meminfo(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilobytes_are_found_by_their_key() {
        assert_eq!(meminfo("MemTotal:       24684744 kB\nMemFree: 12 kB\n", "MemFree:"), Some(12.0));
        assert_eq!(meminfo("", "MemFree:"), None);
    }
}
