//! System calls of the product: what it wrote to files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Bytes of each buffer that are kept.
pub const PREFIX: usize = 192;

/// Which files the process wrote to, and how much.
#[derive(Debug, Default)]
pub struct FileWrites {
    /// Bytes written by path.
    pub by_path: HashMap<String, u64>,
    /// The first [`PREFIX`] bytes of every buffer written to a file.
    pub buffers: Vec<Vec<u8>>,
    /// Set when an `io_uring` was made: writes could hide in it.
    pub used_io_uring: bool,
}

// === impl FileWrites ===

impl FileWrites {
    /// Words that run a program under strace so that [`Self::read`] understands `output`: every
    /// call that puts bytes into a file, with the path of its descriptor and whole buffers in hex.
    #[must_use]
    pub fn tracer(strace: &Path, output: &Path) -> Vec<String> {
        // -D keeps the traced program our own child; -yy names files and sockets.
        let calls = "write,pwrite64,writev,pwritev,pwritev2,sendfile,splice,copy_file_range,\
                     io_uring_enter,io_uring_setup,mmap,ftruncate,fallocate";
        let words = [
            strace.to_string_lossy().into_owned(),
            "-D".into(),
            "-f".into(),
            "-yy".into(),
            "-qq".into(),
            "-xx".into(),
            "-s".into(),
            PREFIX.to_string(),
            "--seccomp-bpf".into(),
            "-e".into(),
            format!("trace={calls}"),
            "-o".into(),
            output.to_string_lossy().into_owned(),
        ];
        words.to_vec()
    }

    /// Reads strace's output: writes to regular files only.
    #[must_use]
    pub fn read(output: &Path) -> Self {
        let text = fs::read_to_string(output).unwrap();
        let mut writes = Self::default();
        for line in text.lines() {
            writes.take(line);
        }
        writes
    }

    /// All bytes written to files.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_path.values().sum()
    }

    fn take(&mut self, line: &str) {
        let Some((call, rest)) = line
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim()
            .split_once('(')
        else {
            return;
        };
        match call {
            "mmap" => return self.mapped(rest),
            "io_uring_setup" => {
                self.used_io_uring |= !rest.contains(" = -1 ");
                return;
            }
            _ => {}
        }
        let Some(path) = first_descriptor(rest) else {
            return;
        };
        let is_file =
            path.starts_with('/') && !path.starts_with("/dev/") && !path.starts_with("/proc/");
        let result = rest
            .rsplit_once(" = ")
            .and_then(|(_, value)| value.trim().parse::<u64>().ok());
        if is_file && let Some(count) = result {
            *self.by_path.entry(path).or_default() += count;
            // Strings stand in quotes at the odd places; names of descriptors do not.
            self.buffers
                .extend(rest.split('"').skip(1).step_by(2).map(decoded));
        }
    }

    /// A shared writable mapping of a file writes without a call: counted by its length.
    fn mapped(&mut self, rest: &str) {
        let fields: Vec<_> = rest.split(", ").collect();
        let shared = fields
            .get(3)
            .is_some_and(|flags| flags.contains("MAP_SHARED"));
        let writable = fields
            .get(2)
            .is_some_and(|protection| protection.contains("PROT_WRITE"));
        if shared
            && writable
            && let Some(path) = fields.get(4).and_then(|field| first_descriptor(field))
            && let Some(length) = fields.get(1).and_then(|length| length.parse::<u64>().ok())
        {
            *self.by_path.entry(path).or_default() += length;
        }
    }
}

/// The name in `3</path>` at the start of a call's arguments, decoded.
fn first_descriptor(arguments: &str) -> Option<String> {
    let digits = arguments.trim_start_matches(|c: char| c.is_ascii_digit());
    let name = digits.strip_prefix('<')?.split_once('>')?.0;
    if digits.len() == arguments.len() {
        return None;
    }
    Some(String::from_utf8_lossy(&decoded(name)).into_owned())
}

/// Undoes `\x2f` of strace's `-xx`.
fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(part.len().min(2));
        out.push(u8::from_str_radix(hex, 16).unwrap_or(b'?'));
        out.extend_from_slice(rest.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::Command;

    fn traced(lines: &str) -> FileWrites {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        FileWrites::read(file.path())
    }

    #[test]
    fn writes_to_files_count_and_others_do_not() {
        let writes = traced(
            "12 pwrite64(7</a/b.db>, \"\\x00\\xfe\", 4096, 0) = 4096\n\
             12 write(8<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\", 9) = 9\n\
             12 write(1</dev/null<char 1:3>>, \"\", 9) = 9\n\
             13 write(9</a/c>, \"x\", 5) = -1 EIO (Input/output error)\n\
             13 mmap(NULL, 32768, PROT_READ|PROT_WRITE, MAP_SHARED, 11</a/b.db-shm>, 0) = 0x7f\n\
             13 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f\n",
        );
        assert_eq!(writes.by_path["/a/b.db"], 4096);
        assert_eq!(writes.by_path["/a/b.db-shm"], 32768);
        assert_eq!(writes.total(), 36864);
        assert_eq!(writes.buffers, [vec![0, 0xfe]]);
        assert!(!writes.used_io_uring);
    }

    #[test]
    fn real_strace_sees_a_file_that_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (output, target) = (folder.path().join("trace"), folder.path().join("target"));
        let words = FileWrites::tracer(&crate::cache::installed("strace"), &output);
        let status = Command::new(&words[0])
            .args(&words[1..])
            .args(["dd", "if=/dev/zero", "bs=1000", "count=3", "status=none"])
            .arg(format!("of={}", target.display()))
            .status()
            .unwrap();
        assert!(status.success());
        // The tracer is detached: it may still be writing its last lines.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let path = target.to_string_lossy().into_owned();
        loop {
            let writes = FileWrites::read(&output);
            if writes.by_path.get(&path) == Some(&3000) {
                return;
            }
            assert!(std::time::Instant::now() < end, "{writes:?}");
            std::thread::yield_now();
        }
    }
}
