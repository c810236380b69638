//! What the benchmark programs share: big files, a CDN that costs next to nothing, callers, the watched children of
//! sessions, and the kernel's own account of what the product uses.
//!
//! Product, bucket or API server, and this program share the machine. So memory and CPU seconds are read per
//! process, and what depends on the machine's speed is told as a ratio within one run.

pub mod big_file;
pub mod caller;
pub mod children;
pub mod file_cdn;
pub mod load;
pub mod messages;
pub mod operator;
pub mod process;
pub mod report;
pub mod scene;
