//! The schema of each resource, as Kubernetes gets it.

mod shape;

pub(crate) use shape::shape;
