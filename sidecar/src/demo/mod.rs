//! What `titan-sidecar demo` needs and a cluster has of its own.

pub mod embedded_s3;
