//! From the command line to something that can be served or checked: everything that can be wrong
//! with a configuration is found here, before a port answers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::TcpListener;

use crate::{
    args::{Resources, Serve},
    cdn::{self, Cdn},
    config::{ConfigError, Mode, Sources, WorkloadIdentity, watch::Watch},
    device::Place,
    net::{AddressPolicy, pod_addresses},
    serve,
};

/// Reads the configuration and opens the ports. In a pod, resources that can't be read keep nothing
/// from starting: the operator mends them, and reads on the admin port what is wrong.
///
/// # Errors
///
/// [`ConfigError`], for exit code 64.
pub async fn prepare(args: Serve) -> Result<serve::Config, ConfigError> {
    let policy = Arc::new(policy(&args.resources));
    let device_place = Place::find(args.whatsapp_socket, args.whatsapp_program);
    let sources = Sources {
        device_place: device_place.clone(),
        ..sources(args.resources, args.data_dir.clone())
    };
    let mut watch = Watch::new(sources);
    let sessions = match (watch.load(), watch.mode()) {
        (Err(error), Mode::Standalone) => return Err(error),
        (sessions, _) => sessions,
    };
    let origins = cdn::Config {
        origins: args.cdn_origin,
        ca: args.cdn_ca_file.as_deref().map(read).transpose()?,
        ..cdn::Config::default()
    };
    Ok(serve::Config {
        sessions,
        watch,
        data_dir: args.data_dir,
        cdn: cdn_client(origins, policy.clone())?,
        policy,
        listener: bind("--listen", args.listen).await?,
        admin_listener: bind("--admin-listen", args.admin_listen).await?,
        inbound_max_bytes: args.inbound_max_bytes,
        device_place,
        linger: serve::linger(),
    })
}

/// Which addresses may be dialled.
#[must_use]
pub(crate) fn policy(resources: &Resources) -> AddressPolicy {
    AddressPolicy::new(
        resources.allow_cidr.clone(),
        resources.in_pod,
        pod_addresses(|name| std::env::var(name).ok()),
    )
}

/// Where the resources are read.
#[must_use]
pub(crate) fn sources(resources: Resources, data_dir: PathBuf) -> Sources {
    Sources {
        manifests: resources.manifests,
        secrets: resources.secrets,
        config_maps: resources.config_maps,
        identity: WorkloadIdentity {
            token_file: resources.web_identity_token_file,
            role_arn: resources.role_arn,
        },
        mode: if resources.in_pod {
            Mode::InPod
        } else {
            Mode::Standalone
        },
        data_dir,
        device_place: None,
        plain_http: resources.in_pod || !resources.allow_cidr.is_empty(),
    }
}

fn cdn_client(config: cdn::Config, policy: Arc<AddressPolicy>) -> Result<Cdn, ConfigError> {
    Cdn::new(config, policy).map_err(|error| {
        let flag = match error {
            cdn::ConfigError::Origin => "--cdn-origin",
            cdn::ConfigError::Tls(_) => "--cdn-ca-file",
        };
        ConfigError::Whole(format!("{flag}: {error}"))
    })
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

async fn bind(flag: &str, address: std::net::SocketAddr) -> Result<TcpListener, ConfigError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ConfigError::Whole(format!("{flag} {address}: {error}")))
}
