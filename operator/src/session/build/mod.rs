//! What shall be there for a session: every child, whole, from what was validated. Pure and total.
//!
//! One file per child. The same input gives the same objects, byte by byte: maps are sorted, and nothing here knows
//! the time.

mod api_key;
mod config_map;
mod deployment;
mod device;
mod disruption_budget;
mod http_route;
mod ingress;
mod network_policy;
mod pod;
mod quantity;
mod service;
mod volume_claim;

#[cfg(test)]
pub(super) mod tests;

use std::{collections::BTreeSet, marker::PhantomData};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PersistentVolumeClaim, Service},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use kube::core::ObjectMeta;

pub use api_key::api_key;
pub use deployment::inputs;
pub use http_route::HttpRoute;
pub use network_policy::internet_ports;
pub use service::url;

use super::validate::{Exposure, ValidatedSession};
use crate::{image::Images, names::Owner, settings::Settings};

/// Port of the API, in the pod and at the Service.
pub const API_PORT: i32 = 8080;
/// Port of `/livez`, `/readyz`, `/metrics` and `/status`.
pub const ADMIN_PORT: i32 = 9090;

/// Children as they shall be.
#[derive(Clone, Copy, Debug)]
pub struct Prepared;

/// Children as the API server says they are.
#[derive(Clone, Copy, Debug)]
pub struct Applied;

/// Every child of a session but its API-key Secret, which is created and never applied.
#[derive(Clone, Debug)]
pub struct Resources<S> {
    /// The documents that the pod reads.
    pub config_map: ConfigMap,
    /// The volume, unless records are elsewhere.
    pub volume_claim: Option<PersistentVolumeClaim>,
    /// Where the API is.
    pub service: Service,
    /// What the pods may send and receive, unless the tenant wants none.
    pub network_policy: Option<NetworkPolicy>,
    /// The way in through a Gateway.
    pub http_route: Option<HttpRoute>,
    /// The way in through an Ingress.
    pub ingress: Option<Ingress>,
    /// Keeps all but one of several replicas up.
    pub disruption_budget: Option<PodDisruptionBudget>,
    /// The pods.
    pub deployment: Deployment,
    pub(super) state: PhantomData<S>,
}

/// What is there already and shapes what shall be.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The volume, perhaps of a former session of the same name. Its class can't change, and it can't shrink.
    pub volume: Option<FoundVolume>,
    /// The images that the pods keep until the fleet's upgrade reaches them.
    pub images: Option<Images>,
    /// Ports that stay open although the storage that asked for them is gone.
    pub ports: BTreeSet<u16>,
}

/// A volume that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundVolume {
    /// Bytes asked for.
    pub size: u64,
    /// Storage class.
    pub class: Option<String>,
}

/// Every child of a session.
#[must_use]
pub fn build(
    session: &ValidatedSession,
    settings: &Settings,
    found: &Found,
) -> Resources<Prepared> {
    Resources {
        config_map: config_map::build(session),
        volume_claim: volume_claim::build(session, found.volume.as_ref()),
        service: service::build(session),
        network_policy: session
            .network
            .as_ref()
            .map(|network| network_policy::build(session, network, settings, &found.ports)),
        http_route: match &session.exposure {
            Exposure::HttpRoute(route) => Some(http_route::build(session, route)),
            _ => None,
        },
        ingress: match &session.exposure {
            Exposure::Ingress(ingress) => Some(ingress::build(session, ingress)),
            _ => None,
        },
        disruption_budget: disruption_budget::build(session),
        deployment: deployment::build(session, settings, found.images.as_ref()),
        state: PhantomData,
    }
}

impl Resources<Prepared> {
    /// The same children, once the API server has every one of them.
    pub(super) fn into_applied(self) -> Resources<Applied> {
        let Self {
            config_map,
            volume_claim,
            service,
            network_policy,
            http_route,
            ingress,
            disruption_budget,
            deployment,
            state: PhantomData,
        } = self;
        Resources {
            config_map,
            volume_claim,
            service,
            network_policy,
            http_route,
            ingress,
            disruption_budget,
            deployment,
            state: PhantomData,
        }
    }
}

/// Metadata of a child that goes with its session.
fn metadata(session: &ValidatedSession) -> ObjectMeta {
    ObjectMeta {
        owner_references: Some(vec![session.owner.reference()]),
        ..unowned(&session.owner, session.child.as_str())
    }
}

/// Metadata of a child that stays.
fn unowned(owner: &Owner, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(owner.namespace.clone()),
        labels: Some(owner.labels()),
        ..ObjectMeta::default()
    }
}
