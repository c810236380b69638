//! From the command line to something that can be served: everything that can be wrong with a
//! configuration is found here, before a port answers.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use ipnet::IpNet;
use tokio::net::TcpListener;

use crate::{
    args::Serve,
    cdn::{self, Cdn},
    config::{ConfigError, Mode, Sessions, Sources, watch::Watch},
    net::{AddressPolicy, pod_addresses},
    serve,
};

/// Reads the configuration and opens the ports.
///
/// # Errors
///
/// [`ConfigError`], for exit code 64.
pub async fn prepare(args: Serve) -> Result<(serve::Config, Sessions), ConfigError> {
    let mode = if args.in_pod {
        Mode::InPod
    } else {
        Mode::Standalone
    };
    let watch = Watch::new(Sources {
        manifests: args.manifests,
        secrets: args.secrets,
        mode,
        data_dir: args.data_dir.clone(),
        plain_http: args.in_pod || !args.allow_cidr.is_empty(),
    });
    let sessions = watch.load()?;
    let policy = Arc::new(policy(args.allow_cidr, args.in_pod, &sessions));
    let origins = cdn::Config {
        origins: args.cdn_origin,
        ca: args.cdn_ca_file.as_deref().map(read).transpose()?,
        ..cdn::Config::default()
    };
    let config = serve::Config {
        watch,
        data_dir: args.data_dir,
        cdn: cdn_client(origins, policy.clone())?,
        policy,
        listener: bind("--listen", args.listen).await?,
        admin_listener: bind("--admin-listen", args.admin_listen).await?,
        inbound_max_bytes: args.inbound_max_bytes,
        linger: serve::linger(),
    };
    Ok((config, sessions))
}

/// In a pod, which serves one namespace, its Services are open to webhooks.
fn policy(allow: Vec<IpNet>, in_pod: bool, sessions: &Sessions) -> AddressPolicy {
    let policy = AddressPolicy::new(
        allow,
        in_pod,
        pod_addresses(|name| std::env::var(name).ok()),
    );
    let tenants: BTreeSet<&str> = sessions
        .values()
        .map(|config| config.key.tenant.as_str())
        .collect();
    match (in_pod, tenants.first()) {
        (true, Some(tenant)) if tenants.len() == 1 => policy.with_services_of(tenant),
        _ => policy,
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
