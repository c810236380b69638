//! The command line. Every flag is an environment variable too: `TITAN_` and its name.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum, error::ErrorKind};
use ipnet::IpNet;
use url::Url;

/// Media plane for WhatsApp: a gateway's webhook in, a verified file in the tenant's bucket, a
/// signed webhook out.
#[derive(Debug, Parser)]
#[command(name = "titan-sidecar", version, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Exit code of a configuration that can't be run (`sysexits.h`).
pub const EX_USAGE: u8 = 64;

impl Args {
    /// What the program was called with. Where that is nothing to run, says so, or prints the help that was asked
    /// for; `Err` is the exit code.
    pub fn from_command_line() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // Nothing is left to do when the message itself can't be written.
            let _unwritable = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(EX_USAGE),
            }
        })
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the sessions that manifests name.
    Serve(Box<Serve>),
    /// Check one bucket and print a verdict as JSON.
    Probe(Box<Probe>),
    /// Copy the records of a session while they are in use, sealed as they are.
    Backup(Box<Backup>),
    /// Show the whole of it with an embedded bucket and sample messages; needs nothing.
    Demo(Demo),
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Print the version.
    Version,
}

/// Where the resources stand, and what surrounds the process that reads them.
#[derive(Debug, Clone, clap::Args)]
pub struct Resources {
    /// Files and folders of YAML with TenantStorage, MediaSession, Secret and ConfigMap documents,
    /// the same that `kubectl apply` takes. Changes are picked up without a restart.
    #[arg(long, env = "TITAN_MANIFESTS", value_name = "PATH", required = true, num_args = 1.., value_delimiter = ',')]
    pub manifests: Vec<PathBuf>,

    /// Folder of Secrets: DIR/<name>/<key>, or DIR/<namespace>/<name>/<key>, which is required once
    /// the manifests name two namespaces.
    #[arg(long, env = "TITAN_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,

    /// Folder of what ConfigMap objects hold (private CAs), in the layout of --secrets.
    #[arg(long, env = "TITAN_CONFIG_MAPS", value_name = "DIR")]
    pub config_maps: Option<PathBuf>,

    /// File of the token that speaks for a storage's `credentials.identity`. In a pod, the operator or the
    /// platform's own webhook (IRSA) sets the variable.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", value_name = "PATH")]
    pub web_identity_token_file: Option<PathBuf>,

    /// Role that the token assumes where the storage names none.
    #[arg(long, env = "AWS_ROLE_ARN", value_name = "ARN")]
    pub role_arn: Option<String>,

    /// Address ranges that webhooks (then over http too) and buckets may be in although they are
    /// not public. Without it, webhooks need https and a public address, and buckets may be neither
    /// on loopback nor link-local.
    #[arg(
        long,
        env = "TITAN_ALLOW_CIDR",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub allow_cidr: Vec<IpNet>,

    /// Set by the operator: unknown fields are ignored, a missing Secret is reported and not fatal,
    /// no key is generated, and loopback, the pod itself, metadata services and the Kubernetes API
    /// are refused whatever --allow-cidr says.
    #[arg(long, env = "TITAN_IN_POD")]
    pub in_pod: bool,
}

/// `serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct Serve {
    /// Where the resources stand.
    #[command(flatten)]
    pub resources: Resources,

    /// Folder of the records: one database per session. One process at a time uses it.
    #[arg(
        long,
        env = "TITAN_DATA_DIR",
        value_name = "DIR",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,

    /// Address of the API.
    #[arg(
        long,
        env = "TITAN_LISTEN",
        value_name = "ADDR",
        default_value = "0.0.0.0:8080"
    )]
    pub listen: SocketAddr,

    /// Address of /livez, /readyz, /metrics and /status.
    #[arg(
        long,
        env = "TITAN_ADMIN_LISTEN",
        value_name = "ADDR",
        default_value = "0.0.0.0:9090"
    )]
    pub admin_listen: SocketAddr,

    /// Fetch media from these origins instead of WhatsApp's own (https hosts under whatsapp.net),
    /// whatever host a message names. The only way to an http:// origin.
    #[arg(
        long,
        env = "TITAN_CDN_ORIGIN",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub cdn_origin: Vec<Url>,

    /// PEM file of CAs to trust for the CDN, beside the public ones.
    #[arg(long, env = "TITAN_CDN_CA_FILE", value_name = "PEM")]
    pub cdn_ca_file: Option<PathBuf>,

    /// Folder of the Unix sockets of titan-whatsapp, which somebody else runs: whatsapp.sock is called
    /// there, sidecar.sock served. It holds the device of one session.
    #[arg(long, env = "TITAN_WHATSAPP_SOCKET", value_name = "DIR")]
    pub whatsapp_socket: Option<PathBuf>,

    /// The program titan-whatsapp, which is started for each session with source.whatsapp. Default: the
    /// one beside this program, or on the PATH.
    #[arg(
        long,
        env = "TITAN_WHATSAPP_PROGRAM",
        value_name = "PATH",
        conflicts_with = "whatsapp_socket"
    )]
    pub whatsapp_program: Option<PathBuf>,

    /// Largest body of an inbound request, in bytes.
    #[arg(long, env = "TITAN_INBOUND_MAX_BYTES", value_name = "N", default_value_t = 8 * 1024 * 1024)]
    pub inbound_max_bytes: usize,

    /// Shape of the log on standard error. `RUST_LOG` sets its level.
    #[arg(
        long,
        env = "TITAN_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,
}

/// `probe`.
#[derive(Debug, Clone, clap::Args)]
pub struct Probe {
    /// Where the resources stand.
    #[command(flatten)]
    pub resources: Resources,

    /// The TenantStorage whose bucket is checked.
    #[arg(long, env = "TITAN_STORAGE", value_name = "NAMESPACE/NAME", value_parser = storage_name)]
    pub storage: StorageName,

    /// File that gets the verdict too, at most 4096 bytes. Default with --in-pod:
    /// /dev/termination-log, where it exists.
    #[arg(long, env = "TITAN_TERMINATION_LOG", value_name = "PATH")]
    pub termination_log: Option<PathBuf>,

    /// Shape of the log on standard error. `RUST_LOG` sets its level.
    #[arg(
        long,
        env = "TITAN_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,
}

/// Namespace and name of a TenantStorage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageName {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

fn storage_name(text: &str) -> Result<StorageName, String> {
    match text.split_once('/') {
        Some((namespace, name))
            if !namespace.is_empty() && !name.is_empty() && !name.contains('/') =>
        {
            Ok(StorageName {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        }
        _ => Err("expected NAMESPACE/NAME".to_owned()),
    }
}

/// `backup`.
#[derive(Debug, Clone, clap::Args)]
pub struct Backup {
    /// The new file to write, or `-` for standard output: a SQLite database, to be put back as
    /// `titan.db`. Never overwritten.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Session to copy, by its API name; may be left out where the manifests have only one.
    #[arg(long, env = "TITAN_SESSION", value_name = "NAME")]
    pub session: Option<String>,

    /// Where the resources stand.
    #[command(flatten)]
    pub resources: Resources,

    /// The data directory of `serve`.
    #[arg(
        long,
        env = "TITAN_DATA_DIR",
        value_name = "DIR",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
}

/// `demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct Demo {
    /// Keep everything up afterwards and print curl lines to try.
    #[arg(long)]
    pub stay: bool,
}

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}
