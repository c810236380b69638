//! The two resources of Titan Media, `titan.media/v1alpha1`: types, schema, rules, conditions.
//!
//! The Rust types are the only source. The YAML beside them is generated from them, and the operator, the
//! sidecar and `kubectl` all read the same documents by the same rules.

// `KubeSchema` copies each struct, `pub` and all, into the body of a function.
#![allow(unreachable_pub)]
// The docs of a field are what `kubectl explain` prints: plain text, with the names of kinds as they are.
#![allow(clippy::doc_markdown)]

// The derives of kube name their crate `::kube`. The whole of it would bring a Kubernetes client into every program
// that reads the resources, so the two parts that they need stand here under its name.
extern crate self as kube;

pub mod condition;
#[doc(hidden)]
pub use kube_core as core;
mod duration;
pub mod media_session;
mod pod_template;
mod quantity;
mod reference;
pub mod report;
pub mod schema;
pub mod tenant_storage;
pub mod unsupported;

#[doc(hidden)]
pub use kube_derive::{CustomResource, KubeSchema};

pub use condition::{ConditionType, Reason};
pub use duration::{Duration, DurationError};
pub use media_session::{MediaSession, MediaSessionSpec, MediaSessionStatus};
pub use pod_template::PodTemplate;
pub use quantity::{Quantity, QuantityError};
pub use reference::{ConfigMapKeyRef, SecretKeyRef, SecretRef};
pub use tenant_storage::{TenantStorage, TenantStorageSpec, TenantStorageStatus};
