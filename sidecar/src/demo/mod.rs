//! `demo`: the whole path with nothing installed. An embedded bucket, a sample CDN, a sample
//! gateway and a sample application stand around the very program that `serve` runs.

mod cdn;
pub mod embedded_s3;
mod manifests;
mod report;
mod samples;
mod sink;
mod walk;

use std::net::SocketAddr;

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    args::{Demo, LogFormat, Resources, Serve},
    clock,
    config::ConfigError,
    launch, serve, telemetry,
    webhook::Secret,
};
use embedded_s3::EmbeddedS3;
use manifests::Stage;
use walk::Walk;

/// Why the demo did not do what it shows.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A loopback port or a file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An address of our own.
    #[error(transparent)]
    Url(#[from] url::ParseError),
    /// The embedded bucket.
    #[error("embedded bucket: {0}")]
    Bucket(#[from] embedded_s3::EmbeddedS3Error),
    /// The manifests of the demo.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The sidecar.
    #[error(transparent)]
    Serve(#[from] serve::ServeError),
    /// A request to the sidecar.
    #[error("request: {0}")]
    Request(String),
    /// Something that had to hold did not.
    #[error("{0}")]
    Failed(String),
}

/// Runs the demo; `Ok` only if all that it shows held.
///
/// # Errors
///
/// [`DemoError`], naming the first thing that did not hold.
pub async fn run(args: &Demo) -> Result<(), DemoError> {
    // The embedded bucket calls it an error that it refused a wrong body, which the check wants to see.
    telemetry::init_at(LogFormat::Text, "warn,s3s=off");
    println!("Titan Media demo: gateway webhook in, verified file in the bucket, webhook out.\n");
    let stage = Stage::new()?;
    let random = || rand::random();
    let samples = samples::all(random);
    let corrupted = samples::corrupted(random)
        .ok_or_else(|| DemoError::Failed("the sample picture is empty".into()))?;

    let bucket = EmbeddedS3::start(
        &stage.bucket_dir(),
        &[manifests::BUCKET],
        manifests::ACCESS_KEY_ID,
        &stage.secret_access_key,
    )
    .await?;
    step("embedded bucket", bucket.endpoint().as_str());
    let mut on_cdn = samples.clone();
    on_cdn.push(corrupted.clone());
    let cdn = cdn::start(&on_cdn).await?;
    step("sample CDN", cdn.as_str());
    let secret = Secret::parse(stage.hmac_key.as_bytes())
        .map_err(|error| DemoError::Failed(error.to_string()))?;
    let (hooks, deliveries) = sink::start(secret).await?;
    step("sample application", hooks.as_str());
    stage.write(&bucket.endpoint(), &hooks)?;

    let mut config = launch::prepare(sidecar_args(&stage, cdn)).await?;
    config.linger = std::time::Duration::ZERO;
    let api = origin(config.listener.local_addr()?)?;
    let shutdown = CancellationToken::new();
    step("sidecar", api.as_str());
    println!();

    let mut walk = Walk::new(api, stage.api_key.clone(), deliveries);
    let show = async {
        let shown = walk.through(&samples, &corrupted, clock::now()).await;
        if shown.is_ok() && args.stay {
            report::stay(&walk, &stage);
            tokio::signal::ctrl_c().await?;
        }
        shutdown.cancel();
        shown
    };
    let (served, shown) = tokio::join!(serve::run(config, shutdown.clone()), show);
    served?;
    shown
}

fn sidecar_args(stage: &Stage, cdn: Url) -> Serve {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    Serve {
        whatsapp_socket: None,
        whatsapp_program: None,
        resources: Resources {
            manifests: vec![stage.manifests()],
            secrets: None,
            config_maps: None,
            web_identity_token_file: None,
            role_arn: None,
            allow_cidr: vec![IpNet::new_assert(loopback.ip(), 8)],
            in_pod: false,
        },
        data_dir: stage.data_dir(),
        listen: loopback,
        admin_listen: loopback,
        cdn_origin: vec![cdn],
        cdn_ca_file: None,
        inbound_max_bytes: 8 * 1024 * 1024,
        log_format: LogFormat::Text,
    }
}

fn origin(address: SocketAddr) -> Result<Url, DemoError> {
    Ok(Url::parse(&format!("http://{address}/"))?)
}

fn step(what: &str, address: &str) {
    println!("  started  {what:<19} {address}");
}
