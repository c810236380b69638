//! What the platform decided: the flags of `run`, checked once.

use std::collections::BTreeMap;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::ResourceRequirements;
use serde_json::Value;
use url::Url;

use crate::{
    args::Run,
    image::{Image, ImageError, Images},
};

/// In the maps: every namespace that is not named.
const ANY: &str = "*";
/// Sessions that a fleet's upgrade may have down where nothing is said: at least so many.
const LEAST_UNAVAILABLE: usize = 5;
/// And one in so many.
const UNAVAILABLE_SHARE: usize = 50;

/// Requests and limits by namespace.
type Resources = BTreeMap<String, ResourceRequirements>;

/// What the platform decided.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Image of the sidecar.
    pub sidecar_image: Image,
    /// Image of linked devices; without one no session can have a device of its own.
    pub whatsapp_image: Option<Image>,
    /// Server that linked devices speak to instead of WhatsApp's own.
    pub whatsapp_endpoint: Option<Url>,
    /// Namespaces to look after; empty: all.
    pub watch_namespaces: Vec<String>,
    /// Objects of one kind that are worked on at once.
    pub concurrency: u16,
    /// Origins that sidecars fetch media from instead of WhatsApp's own.
    pub cdn_origins: Vec<Url>,
    /// Address ranges that webhooks and buckets may be in although they are not public.
    pub allow_cidrs: Vec<IpNet>,
    /// Sessions that an upgrade of the fleet may have down at once.
    pub max_unavailable_sessions: Option<u32>,
    /// Namespace of the operator itself.
    pub operator_namespace: String,
    /// Namespace of the monitoring.
    pub monitoring_namespace: Option<String>,
    /// Domain of the cluster's names.
    pub cluster_domain: String,
    /// Address ranges that sidecars may reach beyond the internet and their own namespace.
    pub egress_cidrs: Vec<IpNet>,
    /// The numeric user of pods is the platform's to choose.
    pub openshift: bool,
    resources: Resources,
    device_resources: Resources,
    allowed_hosts: BTreeMap<String, Vec<String>>,
}

/// Why flags can't be run with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no image to run.
    #[error("--sidecar-image (TITAN_SIDECAR_IMAGE) is required")]
    NoImage,
    /// An image is no good.
    #[error("{flag}: {source}")]
    Image {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        source: ImageError,
    },
    /// A value is not the JSON that it should be.
    #[error("{flag}: {source}")]
    Json {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A value is no name of a namespace.
    #[error("{flag}: \"{name}\" is no name of a namespace")]
    Namespace {
        /// The flag.
        flag: &'static str,
        /// The value.
        name: String,
    },
}

impl TryFrom<Run> for Settings {
    type Error = SettingsError;

    fn try_from(run: Run) -> Result<Self, Self::Error> {
        let sidecar_image = run.sidecar_image.ok_or(SettingsError::NoImage)?;
        let whatsapp_image = run.whatsapp_image.filter(|image| !image.is_empty());
        let watch = "--watch-namespace";
        let mut watch_namespaces = run.watch_namespace;
        watch_namespaces.retain(|name| !name.is_empty());
        watch_namespaces.sort();
        watch_namespaces.dedup();
        for name in &watch_namespaces {
            check_namespace(watch, name)?;
        }
        check_namespace("--operator-namespace", &run.operator_namespace)?;
        let monitoring_namespace = run.monitoring_namespace.filter(|name| !name.is_empty());
        if let Some(name) = &monitoring_namespace {
            check_namespace("--monitoring-namespace", name)?;
        }
        Ok(Self {
            sidecar_image: read_image("--sidecar-image", &sidecar_image)?,
            whatsapp_image: whatsapp_image
                .map(|image| read_image("--whatsapp-image", &image))
                .transpose()?,
            whatsapp_endpoint: run.whatsapp_endpoint,
            watch_namespaces,
            concurrency: run.concurrency,
            cdn_origins: run.sidecar_cdn_origin,
            allow_cidrs: run.sidecar_allow_cidr,
            max_unavailable_sessions: run.max_unavailable_sessions,
            operator_namespace: run.operator_namespace,
            monitoring_namespace,
            cluster_domain: run.cluster_domain,
            egress_cidrs: run.egress_cidr,
            openshift: run.openshift,
            resources: read_resources("--sidecar-resources", run.sidecar_resources.as_deref())?,
            device_resources: read_resources(
                "--whatsapp-resources",
                run.whatsapp_resources.as_deref(),
            )?,
            allowed_hosts: read(
                "--expose-allowed-hosts",
                run.expose_allowed_hosts.as_deref(),
            )?,
        })
    }
}

// === impl Settings ===

impl Settings {
    /// Images that sessions shall run.
    #[must_use]
    pub fn images(&self) -> Images {
        Images {
            sidecar: self.sidecar_image.to_string(),
            device: self.whatsapp_image.as_ref().map(Image::to_string),
        }
    }

    /// Requests and limits of pods of a namespace that name none themselves.
    #[must_use]
    pub fn resources(&self, namespace: &str) -> Option<&ResourceRequirements> {
        of_namespace(&self.resources, namespace)
    }

    /// Requests and limits of linked devices of a namespace that name none themselves.
    #[must_use]
    pub fn device_resources(&self, namespace: &str) -> Option<&ResourceRequirements> {
        of_namespace(&self.device_resources, namespace)
    }

    /// May sessions of a namespace be exposed under that host name?
    #[must_use]
    pub fn allows_host(&self, namespace: &str, host: &str) -> bool {
        [namespace, ANY]
            .into_iter()
            .filter_map(|key| self.allowed_hosts.get(key))
            .flatten()
            .any(|pattern| host_matches(pattern, host))
    }

    /// How many of so many sessions an upgrade of the fleet may have down at once.
    #[must_use]
    pub fn max_unavailable(&self, sessions: usize) -> usize {
        self.max_unavailable_sessions.map_or_else(
            || LEAST_UNAVAILABLE.max(sessions.div_ceil(UNAVAILABLE_SHARE)),
            |most| usize::try_from(most).unwrap_or(usize::MAX),
        )
    }
}

fn of_namespace<'a>(all: &'a Resources, namespace: &str) -> Option<&'a ResourceRequirements> {
    all.get(namespace).or_else(|| all.get(ANY))
}

/// `*.example.com` matches one label and more before the dot, as in a certificate no less than in an ingress.
fn host_matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => {
            suffix.starts_with('.') && host.len() > suffix.len() && host.ends_with(suffix)
        }
        None => pattern == host,
    }
}

fn check_namespace(flag: &'static str, name: &str) -> Result<(), SettingsError> {
    let good = !name.is_empty()
        && name.len() <= 63
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if good {
        return Ok(());
    }
    Err(SettingsError::Namespace {
        flag,
        name: name.to_owned(),
    })
}

fn read_image(flag: &'static str, text: &str) -> Result<Image, SettingsError> {
    text.parse()
        .map_err(|source| SettingsError::Image { flag, source })
}

fn read<T: serde::de::DeserializeOwned + Default>(
    flag: &'static str,
    text: Option<&str>,
) -> Result<T, SettingsError> {
    match text {
        None | Some("") => Ok(T::default()),
        Some(text) => {
            serde_json::from_str(text).map_err(|source| SettingsError::Json { flag, source })
        }
    }
}

/// Either the `resources` of a pod, for all, or a map from namespaces to such.
fn read_resources(flag: &'static str, text: Option<&str>) -> Result<Resources, SettingsError> {
    let value: BTreeMap<String, Value> = read(flag, text)?;
    let for_all = value
        .iter()
        .any(|(key, value)| matches!(key.as_str(), "requests" | "limits") && is_amounts(value));
    if for_all {
        return Ok(BTreeMap::from([(ANY.to_owned(), read(flag, text)?)]));
    }
    read(flag, text)
}

/// `{"cpu": "1"}` and not `{"limits": {"cpu": "1"}}`.
fn is_amounts(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|members| members.values().all(|member| !member.is_object()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;

    fn settings(flags: &[&str]) -> Result<Settings, SettingsError> {
        let all = ["titan-operator", "--sidecar-image", "sidecar:1"];
        let args = Args::try_parse_from(all.iter().chain(flags)).unwrap();
        Settings::try_from(args.run)
    }

    #[test]
    fn an_image_is_required() {
        let args = Args::try_parse_from(["titan-operator"]).unwrap();
        let error = Settings::try_from(args.run).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--sidecar-image (TITAN_SIDECAR_IMAGE) is required"
        );
    }

    #[test]
    fn resources_hold_for_all_or_by_namespace() {
        let flat = settings(&["--sidecar-resources", r#"{"limits":{"memory":"64Mi"}}"#]).unwrap();
        assert!(flat.resources("acme").unwrap().limits.is_some());
        let map = r#"{"limits":{"limits":{"cpu":"1"}},"*":{"requests":{"cpu":"2"}}}"#;
        let map = settings(&["--sidecar-resources", map]).unwrap();
        assert!(map.resources("limits").unwrap().limits.is_some());
        assert!(map.resources("acme").unwrap().requests.is_some());
        assert!(settings(&[]).unwrap().resources("acme").is_none());
    }

    #[test]
    fn linked_devices_have_an_image_and_resources_of_their_own() {
        let none = settings(&["--whatsapp-image", ""]).unwrap();
        assert!(none.whatsapp_image.is_none());
        let flags = [
            "--whatsapp-image=whatsapp:1",
            r#"--whatsapp-resources={"limits":{"memory":"64Mi"}}"#,
        ];
        let given = settings(&flags).unwrap();
        assert_eq!(given.whatsapp_image.unwrap().as_str(), "whatsapp:1");
        assert!(given.device_resources.contains_key("*") && given.resources.is_empty());
        let error = settings(&["--whatsapp-image", "whatsapp"]).unwrap_err();
        assert!(error.to_string().starts_with("--whatsapp-image: "));
    }

    #[test]
    fn hosts_are_allowed_by_namespace_and_pattern() {
        let flag = r#"{"acme":["*.acme.com"],"*":["media.example.com"]}"#;
        let settings = settings(&["--expose-allowed-hosts", flag]).unwrap();
        assert!(settings.allows_host("acme", "wa.acme.com"));
        assert!(settings.allows_host("acme", "Media.example.com"));
        assert!(!settings.allows_host("acme", "acme.com"));
        assert!(!settings.allows_host("acme", "wa.evilacme.com"));
        assert!(!settings.allows_host("other", "wa.acme.com"));
    }

    #[test]
    fn the_share_that_may_be_down_is_at_least_five() {
        let settings_ = settings(&[]).unwrap();
        assert_eq!(settings_.max_unavailable(20), 5);
        assert_eq!(settings_.max_unavailable(10_000), 200);
        let two = settings(&["--max-unavailable-sessions", "2"]).unwrap();
        assert_eq!(two.max_unavailable(10_000), 2);
    }

    #[test]
    fn a_bad_value_names_its_flag() {
        let error = settings(&["--expose-allowed-hosts", "[1"]).unwrap_err();
        assert!(error.to_string().starts_with("--expose-allowed-hosts: "));
        let error = settings(&["--watch-namespace", "a,B"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--watch-namespace: \"B\" is no name of a namespace"
        );
    }
}
