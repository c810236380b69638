//! What the process takes: memory, processor time, files. Read from `/proc` at each scrape.

use std::{fs, io};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

/// Ticks in a second of `/proc/self/stat`: part of the kernel's interface on every platform that we build for.
const TICKS: f64 = 100.0;
/// Fields of `/proc/self/stat` after the program's name: time in user mode and in kernel mode.
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;

/// Reads `/proc` at each scrape. Where there is none, nothing is told.
#[derive(Debug)]
pub(crate) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        if let Ok(bytes) = resident_bytes() {
            let gauge = ConstGauge::new(bytes);
            let metric = encoder.encode_descriptor(
                "process_resident_memory",
                "Memory of the process",
                Some(&Unit::Bytes),
                gauge.metric_type(),
            )?;
            gauge.encode(metric)?;
        }
        if let Ok(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let metric = encoder.encode_descriptor(
                "process_cpu",
                "Processor time of the process",
                Some(&Unit::Seconds),
                counter.metric_type(),
            )?;
            counter.encode(metric)?;
        }
        if let Ok(files) = open_files() {
            let gauge = ConstGauge::new(files);
            let metric = encoder.encode_descriptor(
                "process_open_fds",
                "Open files and connections",
                None,
                gauge.metric_type(),
            )?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}

fn resident_bytes() -> io::Result<i64> {
    let status = fs::read_to_string("/proc/self/status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok())
        .map(|kibibytes| kibibytes * 1024)
        .ok_or_else(unreadable)
}

fn cpu_seconds() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name stands in parentheses and may have spaces and parentheses of its own.
    let (_, rest) = stat.rsplit_once(')').ok_or_else(unreadable)?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    match (ticks(USER_TIME), ticks(SYSTEM_TIME)) {
        (Some(user), Some(system)) => Ok((user + system) / TICKS),
        _ => Err(unreadable()),
    }
}

fn open_files() -> io::Result<i64> {
    let count = fs::read_dir("/proc/self/fd")?.count();
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

fn unreadable() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_understood() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(cpu_seconds().unwrap() >= 0.0);
        assert!(open_files().unwrap() >= 3);
    }
}
