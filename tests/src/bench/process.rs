//! What a process uses, as Linux counts it.

use std::fs;
use std::time::Duration;

/// Length of a tick of `/proc/<pid>/stat`: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// A running process.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

// === impl Process ===

impl Process {
    /// The process of this id.
    #[must_use]
    pub const fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This very process.
    #[must_use]
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// Resident memory now, in bytes.
    #[must_use]
    pub fn rss(self) -> u64 {
        self.status("VmRSS:")
    }

    /// Resident memory that is not backed by a file, in bytes: heap and stacks.
    #[must_use]
    pub fn anonymous(self) -> u64 {
        self.status("RssAnon:")
    }

    /// The most resident memory since [`Self::reset_peak`], in bytes.
    #[must_use]
    pub fn peak(self) -> u64 {
        self.status("VmHWM:")
    }

    /// Lets the peak begin at what is resident now.
    pub fn reset_peak(self) {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").unwrap();
    }

    /// CPU time so far, of all threads, in user and in kernel mode; exact to 10 ms.
    #[must_use]
    pub fn cpu(self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The name of the program, in brackets, may hold anything.
        let fields = text.rsplit_once(')').unwrap().1;
        let ticks = |index| fields.split_whitespace().nth(index).unwrap().parse::<u32>();
        TICK * (ticks(11).unwrap() + ticks(12).unwrap())
    }

    fn status(self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
        kibibytes.parse::<u64>().unwrap() * 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_memory_and_time_of_this_process() {
        let own = Process::own();
        assert!(own.rss() > 0 && own.anonymous() <= own.rss());
        own.reset_peak();
        assert!(own.peak() > 0);
        assert!(own.cpu() < Duration::from_hours(1));
    }
}
