//! What a check needs: the document, and a Job that reads it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobSpec},
        core::v1::{ConfigMap, Container, PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::validate::{Check, ValidatedStorage};
use crate::{
    document,
    pod::{self, Mounts},
    settings::Settings,
};

/// Name of the container.
const CONTAINER: &str = "probe";
/// A check that takes longer has failed.
const DEADLINE_SECONDS: i64 = 60;
/// A Job that ended stays so long for a person to look at.
const TTL_SECONDS: i32 = 600;
/// The program ends at once when it is told to.
const GRACE_SECONDS: i64 = 2;
/// A second container of a service mesh would keep the pod from ending. The first two are asked for as labels too.
const NO_MESH: [(&str, &str); 3] = [
    ("sidecar.istio.io/inject", "false"),
    ("kuma.io/sidecar-injection", "disabled"),
    ("linkerd.io/inject", "disabled"),
];

/// What is to be there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resources {
    /// The document, while a check needs it.
    pub(super) config_map: Option<ConfigMap>,
    /// The check that is to begin.
    pub(super) job: Option<Job>,
}

pub(super) fn build(storage: &ValidatedStorage, settings: &Settings) -> Resources {
    match &storage.check {
        Check::Start { name } => Resources {
            config_map: Some(config_map(storage)),
            job: Some(job(storage, settings, name)),
        },
        Check::Running { .. } => Resources {
            config_map: Some(config_map(storage)),
            job: None,
        },
        Check::Ended { .. } | Check::Wait(_) | Check::Unneeded(_) => Resources {
            config_map: None,
            job: None,
        },
    }
}

fn config_map(storage: &ValidatedStorage) -> ConfigMap {
    ConfigMap {
        metadata: metadata(storage, storage.facts.owner.child_name()),
        data: Some(BTreeMap::from([(
            document::STORAGE.to_owned(),
            storage.document.clone(),
        )])),
        ..ConfigMap::default()
    }
}

fn job(storage: &ValidatedStorage, settings: &Settings, name: &str) -> Job {
    Job {
        metadata: metadata(storage, name.to_owned()),
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: Some(DEADLINE_SECONDS),
            ttl_seconds_after_finished: Some(TTL_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(pod_metadata(storage)),
                spec: Some(pod_spec(storage, settings)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn metadata(storage: &ValidatedStorage, name: String) -> ObjectMeta {
    let owner = &storage.facts.owner;
    ObjectMeta {
        name: Some(name),
        namespace: Some(owner.namespace.clone()),
        labels: Some(owner.labels()),
        owner_references: Some(vec![owner.reference()]),
        ..ObjectMeta::default()
    }
}

fn pod_metadata(storage: &ValidatedStorage) -> ObjectMeta {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut labels = storage.facts.owner.labels();
    labels.extend(NO_MESH.iter().take(2).map(owned));
    let annotations = NO_MESH.iter().map(owned).collect();
    ObjectMeta {
        labels: pod::overlaid(storage.template.labels.clone(), labels),
        annotations: pod::overlaid(storage.template.annotations.clone(), annotations),
        ..ObjectMeta::default()
    }
}

fn pod_spec(storage: &ValidatedStorage, settings: &Settings) -> PodSpec {
    let owner = &storage.facts.owner;
    let identity = storage.identity.as_ref();
    let Mounts { volumes, mounts } = Mounts::default()
        .manifests(&owner.child_name())
        .secrets(&storage.secrets)
        .config_maps(&storage.config_maps)
        .identity(identity);
    let mut environment = pod::environment(settings, identity);
    let name = format!("{}/{}", owner.namespace, owner.name);
    environment.push(pod::variable("TITAN_STORAGE", &name));
    let resources = storage.template.resources.clone();
    PodSpec {
        containers: vec![Container {
            name: CONTAINER.to_owned(),
            image: Some(settings.sidecar_image.to_string()),
            args: Some(vec!["probe".to_owned()]),
            env: Some(environment),
            resources: resources.or_else(|| settings.resources(&owner.namespace).cloned()),
            security_context: Some(pod::container_security()),
            // Where no verdict was written, the last lines of the log say why.
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(mounts),
            ..Container::default()
        }],
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        volumes: Some(volumes),
        ..pod::spec(settings, identity, storage.template.clone())
    }
}
