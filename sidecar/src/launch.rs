//! From the command line to something that can be served: everything that can be wrong with a
//! configuration is found here, before a port answers.

use std::path::Path;

use tokio::net::TcpListener;

use crate::{
    args::Serve,
    cdn,
    config::{ConfigError, Mode, Sessions, Sources},
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
    let sources = Sources {
        manifests: args.manifests,
        secrets: args.secrets,
        mode,
        data_dir: args.data_dir,
    };
    let sessions = sources.load()?;
    for (name, config) in &sessions {
        announce_generated_key(&sources, name, &config.key);
    }
    let config = serve::Config {
        cdn: cdn::Config {
            origins: args.cdn_origin,
            ca: args.cdn_ca_file.as_deref().map(read).transpose()?,
            ..cdn::Config::default()
        },
        policy: AddressPolicy::new(
            args.allow_cidr,
            args.in_pod,
            pod_addresses(|name| std::env::var(name).ok()),
        ),
        listener: bind("--listen", args.listen).await?,
        admin_listener: bind("--admin-listen", args.admin_listen).await?,
        inbound_max_bytes: args.inbound_max_bytes,
        linger: serve::linger(),
        sources,
    };
    Ok((config, sessions))
}

fn announce_generated_key(sources: &Sources, name: &str, key: &crate::message::SessionKey) {
    let path = crate::config::generated_key::path(&sources.data_dir, key);
    if sources.mode == Mode::Standalone && path.is_file() {
        tracing::info!(session = name, path = %path.display(), "API key of the session");
    }
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
