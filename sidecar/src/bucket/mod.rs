//! The tenant's own bucket: one verified streaming `PutObject` per file, ranged reads, and URLs
//! for the tenant's application.
//!
//! Nothing here lists, deletes, sets ACLs or creates buckets: `s3:PutObject` and `s3:GetObject`
//! are all the rights that the tenant's key needs.

pub mod address;
mod answer;
mod body;
mod check;
mod client;
pub mod config;
pub mod disposition;
pub mod error;
mod get;
pub mod key;
mod metadata;
mod mime;
mod patience;
mod provider;
mod put;
mod sign;
mod sts;
mod transport;
pub mod url;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use check::Effort;
pub use client::Bucket;
pub use config::{Access, Addressing, BucketConfig, Credentials, Encryption, Identity, UrlMode};
pub use error::BucketError;
pub use get::{Object, ObjectBody};
pub use key::KeyParts;
pub use put::{BoxError, NewObject, Put};
pub use url::ObjectUrl;
