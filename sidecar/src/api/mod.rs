//! (skeleton)

pub mod media_info;
